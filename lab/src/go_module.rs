//! Published Go modules by name and version: each stands in a small module of the lab's own whose `go.mod` and `go.sum` pin it and all it needs.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::command;

/// A published Go module and the lab's module that requires it.
pub struct GoModule {
    /// As the cache and the user see it; the folder below `lab/programs/`.
    pub name: &'static str,
    /// The published module whose version counts.
    pub path: &'static str,
    /// `go.mod`, `go.sum` and `programs.go`.
    pub texts: [&'static str; 3],
}

/// A text of a published source that is another here.
pub struct Change {
    /// Below the module's root.
    pub file: &'static str,
    pub from: &'static str,
    pub to: &'static str,
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

    /// Lets the laid out module in `folder` be built from a copy of the published source in which one text is another.
    ///
    /// # Errors
    /// When Go cannot fetch the source, or the text is not in it exactly once.
    pub fn change(&self, go: &Path, folder: &Path, change: &Change) -> Result<()> {
        let named = format!("{}@{}", self.path, self.version()?);
        let mut fetch = Command::new(go);
        fetch.current_dir(folder).args(["mod", "download", "-json", &named]);
        let fetched = fetch.output().with_context(|| format!("fetch {named}"))?;
        ensure!(fetched.status.success(), "fetch {named}: {}", String::from_utf8_lossy(&fetched.stdout));
        let fetched: Value = serde_json::from_slice(&fetched.stdout).with_context(|| format!("understand what Go says of {named}"))?;
        let published = fetched["Dir"].as_str().with_context(|| format!("find the source of {named}"))?;
        copy(Path::new(published), &folder.join("source"))?;
        let file = folder.join("source").join(change.file);
        let text = std::fs::read_to_string(&file).with_context(|| format!("read {} of {named}", change.file))?;
        ensure!(text.matches(change.from).count() == 1, "find {:?} once in {} of {named}", change.from, change.file);
        std::fs::write(&file, text.replace(change.from, change.to)).with_context(|| format!("write {}", file.display()))?;
        let mut replace = Command::new(go);
        replace.current_dir(folder).args(["mod", "edit", "-replace", &format!("{}=./source", self.path)]);
        command::run(&mut replace, &format!("taking the changed source of {named}"), || {})
    }

    /// Changes with any pinned version of what the module needs.
    pub fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.texts.hash(&mut hasher);
        hasher.finish()
    }
}

/// Copies a folder; Go's own is read-only, the copy is not.
fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to).with_context(|| format!("make {}", to.display()))?;
    for entry in std::fs::read_dir(from).with_context(|| format!("look into {}", from.display()))? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy(&source, &target)?;
        } else {
            std::fs::write(&target, std::fs::read(&source)?).with_context(|| format!("copy {}", source.display()))?;
        }
    }
    Ok(())
}
