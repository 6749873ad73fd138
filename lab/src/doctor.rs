//! `doctor`: says which tools of the machine the lab found, and what to install for those it did not.

use anyhow::Result;

use crate::aws::moto;
use crate::custom_resources::Family;
use crate::programs::{self, Origin, Program};
use crate::{cache, strimzi_api, toolchain};

/// One thing the lab needs.
#[derive(Clone, Debug)]
pub struct Finding {
    /// `Go`, `JDK 21 or later`.
    pub what: String,
    /// What was found and where, or why it does not do.
    pub found: Result<String, String>,
    /// What to install when it is missing.
    pub remedy: String,
}

/// Looks for every tool the lab builds and runs with.
pub fn examine() -> Vec<Finding> {
    [needed(), for_aws()].concat()
}

/// Looks for what the lab's AWS runs with, and so its zones and public names.
pub fn for_aws() -> Vec<Finding> {
    vec![finding(
        "Python 3.10 or later, for the lab's AWS".to_owned(),
        toolchain::python().map(show),
        "install it with venv (apt install python3-venv, dnf install python3, brew install python); without it the demo goes without public names"
            .to_owned(),
    )]
}

/// Looks for the tools without which there is no lab.
pub fn needed() -> Vec<Finding> {
    let needed = programs::go_needed();
    let go = toolchain::go().and_then(|(path, version)| {
        anyhow::ensure!(programs::numbers(&version) >= programs::numbers(needed), "Go {version} in {} is too old", path.display());
        Ok(format!("{version} in {}", path.display()))
    });
    let jdk = |at_least| toolchain::jdk(at_least).map(|jdk| format!("{} in {}", jdk.version, jdk.home.display()));
    vec![
        finding(format!("Go {needed} or later"), go, "install it from https://go.dev/dl and put it on PATH".to_owned()),
        finding(
            format!("JDK {} or later, for Strimzi's CRDs", toolchain::STRIMZI_JAVA),
            jdk(toolchain::STRIMZI_JAVA),
            install_jdk(toolchain::STRIMZI_JAVA),
        ),
        finding(
            format!("JDK {} or later, for Kafka", toolchain::KAFKA_JAVA),
            jdk(toolchain::KAFKA_JAVA),
            install_jdk(toolchain::KAFKA_JAVA),
        ),
        finding(
            "Maven".to_owned(),
            toolchain::mvn().map(show),
            "install it: apt install maven, dnf install maven, brew install maven".to_owned(),
        ),
        finding(
            "C compiler".to_owned(),
            toolchain::cc().map(show),
            "install it: apt install gcc, dnf install gcc, xcode-select --install".to_owned(),
        ),
    ]
}

/// What of it is missing and what to do about it; none if all is there.
pub fn complaints(findings: Vec<Finding>) -> Option<String> {
    let missing =
        findings.into_iter().filter_map(|finding| Some(format!("{}: {}; {}", finding.what, finding.found.err()?, finding.remedy)));
    let missing: Vec<String> = missing.collect();
    (!missing.is_empty()).then(|| format!("tools are missing:\n{}", missing.join("\n")))
}

/// What the cache holds and what is still to be built, one line each.
///
/// # Errors
/// When the cache has no place.
pub fn inventory() -> Result<Vec<String>> {
    let mut lines = vec![format!("cache  {}", cache::root()?.display())];
    for program in Program::ALL {
        let state = match program.origin()? {
            Origin::Machine(path) => format!("the machine's own, {}", path.display()),
            Origin::Cache(_) => format!("{}, built", program.version()?),
            Origin::Missing(expected) => format!("{}, will be built: {expected}", program.version()?),
        };
        lines.push(format!("  {:<34} {state}", program.name()));
    }
    let version = strimzi_api::version()?;
    let state = if cache::held(&format!("strimzi-crds-{version}"))?.is_some() { "generated" } else { "will be generated: some seconds" };
    lines.push(format!("  {:<34} v{version}, {state}", "Strimzi's CRDs"));
    let state = if moto::held()? { "installed" } else { "will be installed: about 1 min" };
    lines.push(format!("  {:<34} v{}, {state}", "moto", moto::version()));
    for family in Family::ALL {
        let state = if family.held()? { "generated" } else { "will be generated: some seconds" };
        lines.push(format!("  {:<34} {}, {state}", format!("{}'s CRDs", family.name()), family.version()?));
    }
    Ok(lines)
}

fn show((path, version): (std::path::PathBuf, String)) -> String {
    format!("{version} in {}", path.display())
}

fn finding(what: String, found: Result<String>, remedy: String) -> Finding {
    Finding { what, found: found.map_err(|error| format!("{error:#}")), remedy }
}

fn install_jdk(version: u32) -> String {
    format!(
        "install one (apt install openjdk-{version}-jdk, dnf install java-{version}-openjdk-devel, brew install openjdk@{version}, or https://adoptium.net) \
         or set JAVA_HOME to one"
    )
}
