//! `test`: everything the tests need, then all of them.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::aws::moto;
use crate::custom_resources::Family;
use crate::output::note;
use crate::programs::Program;
use crate::{doctor, interrupt, own_binary, strimzi_api};

/// Builds what is missing and runs every test of the workspace, or those that `filter` (arguments of `cargo test`) names.
///
/// # Errors
/// When a tool is missing, a build or a test fails.
pub fn run(filter: &[String]) -> Result<()> {
    if let Some(missing) = doctor::complaints(doctor::examine()) {
        anyhow::bail!(missing);
    }
    for program in Program::ALL {
        interrupt::check()?;
        program.executable()?;
    }
    moto::python()?;
    strimzi_api::crds()?;
    for family in Family::ALL {
        family.crds()?;
    }
    let provider = own_binary::provider()?;
    note("running the tests (some take minutes: they run real servers and real Kafka) …");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut test = Command::new(cargo);
    test.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).args(["test", "--workspace"]).args(filter);
    // The provider was just built: no test has to ask cargo for it.
    test.env("KAAS_PROVIDER_BIN", provider);
    let status = test.status().context("start cargo")?;
    ensure!(status.success(), "tests failed");
    Ok(())
}
