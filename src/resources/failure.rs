//! How a driver's error becomes a diagnostic: the act as title, the cause and the way out as detail.

use crate::{
    drivers::{aws, kubernetes::Error},
    framework::{diagnostic::Diagnostics, path::Path},
    resources::wishes::capitalised,
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

/// An error of AWS as the failure of a call.
pub fn failed_aws(summary: &str, error: &aws::Error) -> Diagnostics {
    let report = error.report();
    let report = report.trim_end_matches('.');
    let detail = match error.hint() {
        Some(hint) => format!("{report}. {hint}"),
        None => format!("{report}."),
    };
    Diagnostics::of_error(summary, capitalised(&detail))
}

fn detail(error: &Error) -> String {
    match error.hint() {
        Some(hint) => format!("{}. {hint}", error.report()),
        None => format!("{}.", error.report()),
    }
}
