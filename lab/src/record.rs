//! What a program of the lab writes down to find it again after a restart: a value in a file of JSON.

use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::pki;

/// What the file says; None if there is none.
///
/// # Errors
/// When it cannot be read, or says something else.
pub fn read<T: DeserializeOwned>(file: &Path) -> Result<Option<T>> {
    match std::fs::read(file) {
        Ok(text) => Ok(Some(serde_json::from_slice(&text).with_context(|| format!("understand {}", file.display()))?)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("read {}", file.display())),
    }
}

/// Writes the file for its owner only, whole or not at all.
///
/// # Errors
/// When it cannot be written.
pub fn write<T: Serialize>(file: &Path, value: &T) -> Result<()> {
    let beside = file.with_extension("part");
    pki::write_private(&beside, &serde_json::to_string_pretty(value)?)?;
    std::fs::rename(&beside, file).with_context(|| format!("put {} in place", file.display()))
}
