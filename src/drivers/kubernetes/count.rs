//! How many requests went to an API server, by verb and kind: for tests, for the benchmark and for the log.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::PoisonError;

/// Counts since the connection was made. Every try counts; a wait counts as one watch, however often it is resumed.
#[derive(Debug, Default)]
pub(super) struct Counts(Mutex<BTreeMap<String, u64>>);

impl Counts {
    pub fn add(&self, what: &str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(what.to_owned()).or_default() += 1;
    }

    pub fn snapshot(&self) -> BTreeMap<String, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
