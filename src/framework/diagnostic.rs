//! What is told to the user: errors and warnings, each with a title, a way out and the place in the configuration it is about.

use super::path::Path;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Error,
    Warning,
}

/// One message to the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub severity: Severity,
    /// A title, without a full stop.
    pub summary: String,
    /// The cause and the way out, in sentences.
    pub detail: String,
    /// None when the message is about the whole object.
    pub path: Option<Path>,
}

/// The messages of one call, in the order they were found; the same one is kept once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// An error about one place.
    pub fn error_at(&mut self, path: impl Into<Path>, summary: impl Into<String>, detail: impl Into<String>) {
        self.push(Diagnostic { severity: Severity::Error, summary: summary.into(), detail: detail.into(), path: Some(path.into()) });
    }

    /// An error about the whole object.
    pub fn error(&mut self, summary: impl Into<String>, detail: impl Into<String>) {
        self.push(Diagnostic { severity: Severity::Error, summary: summary.into(), detail: detail.into(), path: None });
    }

    pub fn warning_at(&mut self, path: impl Into<Path>, summary: impl Into<String>, detail: impl Into<String>) {
        self.push(Diagnostic { severity: Severity::Warning, summary: summary.into(), detail: detail.into(), path: Some(path.into()) });
    }

    pub fn warning(&mut self, summary: impl Into<String>, detail: impl Into<String>) {
        self.push(Diagnostic { severity: Severity::Warning, summary: summary.into(), detail: detail.into(), path: None });
    }

    pub fn push(&mut self, diagnostic: Diagnostic) {
        if !self.0.contains(&diagnostic) {
            self.0.push(diagnostic);
        }
    }

    pub fn extend(&mut self, others: Self) {
        for diagnostic in others.0 {
            self.push(diagnostic);
        }
    }

    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.0.iter()
    }

    /// One error, as the failure of a call.
    pub fn of_error(summary: impl Into<String>, detail: impl Into<String>) -> Self {
        let mut found = Self::none();
        found.error(summary, detail);
        found
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_message_is_kept_once_and_a_warning_is_no_error() {
        let mut found = Diagnostics::none();
        found.warning("Slow", "It takes long.");
        found.warning("Slow", "It takes long.");
        assert_eq!(found.iter().count(), 1);
        assert!(!found.has_errors());
        found.error_at("name", "Bad name", "Use letters.");
        assert!(found.has_errors());
    }
}
