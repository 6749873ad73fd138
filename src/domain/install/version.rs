//! Versions of components: how one is written, which steps between two are supported.

use std::fmt;

use thiserror::Error;

use super::Part;

/// "1.21.2" without a "v"; what follows a "-" or "+" does not order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    pub major: u64,
    pub minor: u64,
    pub patch: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{found:?} is no version: write the full version, such as {example:?}")]
pub struct VersionError {
    pub found: String,
    pub example: &'static str,
}

impl Version {
    /// # Errors
    /// When it is not three numbers, with or without a "v" and a suffix.
    pub fn parse(text: &str, example: &'static str) -> Result<Self, VersionError> {
        let wrong = || VersionError { found: text.to_owned(), example };
        let plain = text.strip_prefix('v').unwrap_or(text);
        let (core, suffix) = plain.find(['-', '+']).map_or((plain, ""), |at| plain.split_at(at));
        if suffix.len() == 1 || !suffix.bytes().all(|b| b.is_ascii_alphanumeric() || b"-+.".contains(&b)) {
            return Err(wrong());
        }
        let numbers: Vec<u64> = core.split('.').map(str::parse).collect::<Result<_, _>>().map_err(|_| wrong())?;
        match numbers[..] {
            [major, minor, patch] => Ok(Self { major, minor, patch }),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// A step that is not supported.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{part} cannot go from {from} to {to}: {why}")]
pub struct StepError {
    pub part: Part,
    pub from: String,
    pub to: String,
    pub why: String,
}

/// Whether a part may go from one version to another. Versions that cannot be read are let through: what is installed may be a build of its own.
///
/// # Errors
/// The reason and the way out. Sources: cert-manager, "Upgrading" (one minor version at a time); Cluster API, "Supported upgrades" (from at most three minor
/// versions before); Flux, "Upgrade" (any minor version of one major); operators in general do not go back over a minor version.
pub fn check_step(part: &Part, from: &str, to: &str) -> Result<(), StepError> {
    let (Ok(old), Ok(new)) = (Version::parse(from, ""), Version::parse(to, "")) else { return Ok(()) };
    let refused = |why: String| Err(StepError { part: part.clone(), from: from.to_owned(), to: to.to_owned(), why });
    let (was, will) = ((old.major, old.minor), (new.major, new.minor));
    if will < was {
        let way_out = format!("ask for {from} or a later version, or remove the component and install it anew");
        return refused(format!("its definitions and stored objects do not go back to an earlier minor version; {way_out}"));
    }
    let minors = part.minors_at_once();
    if new.major != old.major && minors.is_some() {
        return refused(
            "another major version needs steps by hand that its release notes tell; remove the component and install it anew".into(),
        );
    }
    match minors {
        Some(most) if new.minor > old.minor.saturating_add(most) => {
            let (major, next) = (old.major, old.minor.saturating_add(most));
            let steps = if most == 1 { "one minor version".to_owned() } else { format!("{most} minor versions") };
            refused(format!("{steps} at a time is supported; apply a {major}.{next} version first"))
        }
        _ => Ok(()),
    }
}
