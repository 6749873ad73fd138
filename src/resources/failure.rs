//! How a driver's error becomes a diagnostic: the act as title, the cause and the way out as detail.

use crate::{
    drivers::kubernetes::Error,
    framework::{diagnostic::Diagnostics, path::Path},
};

/// The error as the failure of a call.
pub fn failed(summary: &str, error: &Error) -> Diagnostics {
    Diagnostics::of_error(summary, detail(error))
}

/// The error at a place in the configuration.
pub fn failed_at(path: impl Into<Path>, summary: &str, error: &Error) -> Diagnostics {
    let mut found = Diagnostics::none();
    found.error_at(path, summary, detail(error));
    found
}

fn detail(error: &Error) -> String {
    match error.hint() {
        Some(hint) => format!("{}. {hint}", error.report()),
        None => format!("{}.", error.report()),
    }
}
