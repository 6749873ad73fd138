//! Published Go modules by name and version: each stands in a small module of the lab's own whose `go.mod` and `go.sum` pin it and all it needs.

use std::hash::{DefaultHasher, Hash, Hasher};

use anyhow::{Context, Result};
use tempfile::TempDir;

/// A published Go module and the lab's module that requires it.
pub struct GoModule {
    /// As the cache and the user see it; the folder below `lab/programs/`.
    pub name: &'static str,
    /// The published module whose version counts.
    pub path: &'static str,
    /// `go.mod`, `go.sum` and `programs.go`.
    pub texts: [&'static str; 3],
}

/// The module in the folder of that name below `lab/programs/`.
macro_rules! go_module {
    ($name:literal, $path:literal) => {
        $crate::go_module::GoModule {
            name: $name,
            path: $path,
            texts: [
                include_str!(concat!("../programs/", $name, "/go.mod")),
                include_str!(concat!("../programs/", $name, "/go.sum")),
                include_str!(concat!("../programs/", $name, "/programs.go")),
            ],
        }
    };
}
pub(crate) use go_module;

impl GoModule {
    /// The pinned version: `v1.36.3`.
    ///
    /// # Errors
    /// When its `go.mod` does not require the module.
    pub fn version(&self) -> Result<&'static str> {
        let lines = self.texts[0].lines().map(|line| line.trim_start_matches("require").trim());
        let mut required = lines.filter_map(|line| line.strip_prefix(self.path)?.strip_prefix(' '));
        required.next().and_then(|rest| rest.split_whitespace().next()).with_context(|| format!("find {} in its go.mod", self.path))
    }

    /// The oldest Go that builds it: `1.26.6`.
    pub fn go_needed(&self) -> &'static str {
        self.texts[0].lines().find_map(|line| line.strip_prefix("go ")).unwrap_or_default()
    }

    /// A folder with the lab's module, to run Go in. It goes when dropped.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn laid_out(&self) -> Result<TempDir> {
        let folder = tempfile::tempdir().context("make a folder for a Go module")?;
        for (name, text) in ["go.mod", "go.sum", "programs.go"].into_iter().zip(self.texts) {
            std::fs::write(folder.path().join(name), text)?;
        }
        Ok(folder)
    }

    /// Changes with any pinned version of what the module needs.
    pub fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.texts.hash(&mut hasher);
        hasher.finish()
    }
}
