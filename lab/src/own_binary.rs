//! Executables made from this workspace: the lab's own command (which holds the stand-in) and the provider.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::output::note;

/// The lab's command: `$KAAS_LAB_BIN`, else this executable if it is the command, else built by cargo (a test is another executable).
///
/// # Errors
/// When cargo fails.
pub fn lab() -> Result<PathBuf> {
    if let Some(given) = std::env::var_os("KAAS_LAB_BIN") {
        return Ok(PathBuf::from(given));
    }
    let own = std::env::current_exe().context("find the own executable")?;
    if own.file_stem().is_some_and(|name| name == "kaas-lab") {
        return Ok(own);
    }
    cargo_build("kaas-lab", "kaas-lab", !cfg!(debug_assertions))
}

/// The provider: `$KAAS_PROVIDER_BIN`, else built by cargo.
///
/// # Errors
/// When cargo fails.
pub fn provider() -> Result<PathBuf> {
    match std::env::var_os("KAAS_PROVIDER_BIN") {
        Some(given) => Ok(PathBuf::from(given)),
        None => cargo_build("kaas", "terraform-provider-kaas", !cfg!(debug_assertions)),
    }
}

/// The do-nothing provider in the profile of this executable.
///
/// # Errors
/// When cargo fails.
pub fn nothing() -> Result<PathBuf> {
    cargo_build("nothing", "terraform-provider-nothing", !cfg!(debug_assertions))
}

/// The binary `name` of `package` as it is released, for measurements; whatever the environment says.
///
/// # Errors
/// When cargo fails.
pub fn released(package: &str, name: &str) -> Result<PathBuf> {
    cargo_build(package, name, true)
}

/// Builds the binary `name` of `package` and says where it is. Cargo's own messages go to stderr.
fn cargo_build(package: &str, name: &str, release: bool) -> Result<PathBuf> {
    note(format!("building {name} (cargo; some minutes when nothing is built yet) …"));
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    build.args(["build", "--bin", name, "--message-format=json-render-diagnostics"]);
    if release {
        build.args(["--release", "--package", package]);
    } else {
        // The features of the dependencies follow from the packages that are named: others than those of the tests and of `cargo lab` itself would
        // compile all of them once more.
        build.arg("--workspace");
    }
    let out = build.stderr(std::process::Stdio::inherit()).output().context("start cargo")?;
    anyhow::ensure!(out.status.success(), "cargo could not build {name}");
    executable(&String::from_utf8_lossy(&out.stdout), name).with_context(|| format!("find {name} in cargo's messages"))
}

fn executable(messages: &str, name: &str) -> Option<PathBuf> {
    let artifacts = messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let mut ours = artifacts.filter(|message| message["target"]["name"] == name && message["target"]["kind"][0] == "bin");
    ours.find_map(|message| message["executable"].as_str().map(PathBuf::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_executable_is_read_from_cargos_messages() {
        let messages = concat!(
            r#"{"reason":"compiler-artifact","target":{"name":"x","kind":["lib"]},"executable":null}"#,
            "\n",
            r#"{"reason":"compiler-artifact","target":{"name":"x","kind":["bin"]},"executable":"/t/x"}"#,
        );
        assert_eq!(executable(messages, "x"), Some(PathBuf::from("/t/x")));
        assert_eq!(executable(messages, "y"), None);
    }
}
