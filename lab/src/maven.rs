//! Jars from Maven: a pom with pinned versions, resolved once into the cache.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::{cache, command, toolchain};

/// A pom of `lab/maven/`. Its property `version.pinned` is the version the cache knows it by.
#[derive(Clone, Copy, Debug)]
pub struct Pom {
    /// What the jars are, as the cache and the user see it: `strimzi-api`, `kafka`.
    pub name: &'static str,
    /// The text of the `pom.xml`.
    pub text: &'static str,
    /// What a user without a Maven cache has to wait for: `about 10 s, 44 MB`.
    pub expected: &'static str,
}

impl Pom {
    /// The pinned version.
    ///
    /// # Errors
    /// When the pom has no property `version.pinned`.
    pub fn version(&self) -> Result<&'static str> {
        let rest = self.text.split_once("<version.pinned>").map(|(_, rest)| rest);
        rest.and_then(|rest| rest.split_once("</version.pinned>")).map(|(version, _)| version).context("find version.pinned in the pom")
    }

    /// The name of the cache's folder: `kafka-4.3.1`.
    ///
    /// # Errors
    /// As [`Pom::version`].
    pub fn slot(&self) -> Result<String> {
        Ok(format!("{}-{}", self.name, self.version()?))
    }

    /// All jars, fetched if the cache lacks them, in a stable order.
    ///
    /// # Errors
    /// When Maven is missing or fails.
    pub fn jars(&self) -> Result<Vec<PathBuf>> {
        let folder = cache::ensure(&self.slot()?, |folder| self.fetch(folder))?;
        let entries = std::fs::read_dir(&folder).with_context(|| format!("read {}", folder.display()))?;
        let mut jars: Vec<PathBuf> = entries.flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "jar")).collect();
        jars.sort();
        Ok(jars)
    }

    fn fetch(&self, folder: &Path) -> Result<()> {
        let (mvn, _) = toolchain::mvn()?;
        let pom = folder.join("pom.xml");
        std::fs::write(&pom, self.text).with_context(|| format!("write {}", pom.display()))?;
        let mut fetch = Command::new(mvn);
        fetch.current_dir(folder).args(["-q", "-B", "-f", "pom.xml", "dependency:copy-dependencies", "-DincludeScope=runtime"]);
        fetch.arg(format!("-DoutputDirectory={}", folder.display()));
        command::run_shown(&mut fetch, &format!("fetching {} {} from Maven", self.name, self.version()?), self.expected)
    }
}

/// The class path of `jars`.
///
/// # Errors
/// When a path holds the separator.
pub fn class_path<'a>(jars: impl IntoIterator<Item = &'a PathBuf>) -> Result<std::ffi::OsString> {
    std::env::join_paths(jars).context("join a class path")
}
