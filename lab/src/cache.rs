//! The cache of what the lab built or fetched, one folder per name and version, outside `target` so that `cargo clean` keeps it.
//!
//! A folder appears under its name only when it is complete: it is filled beside it and renamed, under a lock.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::lock::FileLock;

/// Two labs that need the same program wait for each other at most this long: longer than the longest build.
const PATIENCE: Duration = Duration::from_secs(3600);

/// `$KAAS_LAB_CACHE`, else `kaas-lab` in `$XDG_CACHE_HOME` or `~/.cache`.
///
/// # Errors
/// When none of the variables and no HOME is set.
pub fn root() -> Result<PathBuf> {
    if let Some(own) = std::env::var_os("KAAS_LAB_CACHE").filter(|v| !v.is_empty()) {
        return Ok(PathBuf::from(own));
    }
    Ok(base("XDG_CACHE_HOME", ".cache")?.join("kaas-lab"))
}

/// The folder an XDG variable names, else `below_home` in the user's home.
pub(crate) fn base(variable: &str, below_home: &str) -> Result<PathBuf> {
    if let Some(set) = std::env::var_os(variable).map(PathBuf::from).filter(|p| p.is_absolute()) {
        return Ok(set);
    }
    let home = std::env::home_dir().with_context(|| format!("find a home: neither {variable} nor HOME is set"))?;
    Ok(home.join(below_home))
}

/// The folder `name` if the cache holds it.
///
/// # Errors
/// When the cache has no place.
pub fn held(name: &str) -> Result<Option<PathBuf>> {
    let folder = root()?.join(name);
    Ok(folder.is_dir().then_some(folder))
}

/// The folder `name` of the cache. If it is not there, `fill` is called with an empty folder that then takes the name.
///
/// # Errors
/// Those of `fill`, and of the file system.
pub fn ensure(name: &str, fill: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let root = root()?;
    let folder = root.join(name);
    if folder.is_dir() {
        return Ok(folder);
    }
    let _lock = FileLock::acquire(&root.join(format!(".{name}.lock")), PATIENCE)?;
    if folder.is_dir() {
        return Ok(folder);
    }
    let beside = Beside(root.join(format!(".{name}.part")));
    beside.clear()?;
    std::fs::create_dir_all(&beside.0).with_context(|| format!("make {}", beside.0.display()))?;
    fill(&beside.0)?;
    std::fs::rename(&beside.0, &folder).with_context(|| format!("put {} in place", folder.display()))?;
    Ok(folder)
}

/// A folder being filled; what is left of it goes when the filling fails.
struct Beside(PathBuf);

impl Beside {
    fn clear(&self) -> Result<()> {
        if self.0.exists() {
            std::fs::remove_dir_all(&self.0).with_context(|| format!("remove {}", self.0.display()))?;
        }
        Ok(())
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // The next filling clears it as well.
        let _ = self.clear();
    }
}
