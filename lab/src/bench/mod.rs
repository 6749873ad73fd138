//! `bench`: the provider beside what does nothing, in one run on one machine: the CLI's own `terraform_data`, and a do-nothing resource of the same
//! framework. What bounds a plan is the CLI's core, so ratios are what counts; runs of the subjects alternate, so that a busy moment hits all.

mod figures;
mod life;
mod machine;
mod memory;
mod report;
mod requests;
mod start;
mod subject;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::environment::{Options, TemporaryLab};
use crate::output::{note, say};
use crate::own_binary;
use crate::terraform::Engine;

use life::Measured;
use report::Findings;
use subject::Subject;

/// What to measure.
#[derive(Clone, Debug)]
pub struct Choices {
    /// How often each apply and destroy is repeated; plans five times as often.
    pub repeats: u32,
    /// How often the provider is started to measure the handshake.
    pub starts: u32,
    /// The numbers of tenants.
    pub tenants: Vec<u32>,
    /// How many tenants with a cluster of their own; 0: none are measured.
    pub own_clusters: u32,
    /// Another provider, by its executable (`terraform-provider-NAME`, source address `kaas/NAME`), and a configuration for it that makes `var.n` resources.
    pub other: Option<(PathBuf, PathBuf)>,
    /// Write the tables into `docs/benchmarks.md` too.
    pub write: bool,
}

/// Measures, and prints Markdown.
///
/// # Errors
/// When something cannot be built or started, or a run of the CLI fails: a plan with changes counts as failed.
pub fn run(choices: &Choices) -> Result<()> {
    let provider = own_binary::released("kaas", "terraform-provider-kaas")?;
    let nothing = own_binary::released("nothing", "terraform-provider-nothing")?;
    Engine::OpenTofu.executable()?;
    let begun = machine::Moment::now()?;
    let place = tempfile::tempdir().context("make a folder for the plugins' sockets")?;
    let starts = start::measure(&[&provider, &nothing], choices.starts, place.path())?;
    note("bringing a lab up that pretends: no Kafka runs");
    let lab = TemporaryLab::with(&Options { pretend_ready: true, ..Options::named(&format!("bench-{}", std::process::id())) })?;
    let mut sizes = Vec::new();
    for &tenants in &choices.tenants {
        sizes.push(measure_size(choices, tenants, &lab, &provider, &nothing)?);
    }
    lab.down()?;
    let own_clusters = match choices.own_clusters {
        0 => None,
        tenants => Some(measure_own_clusters(choices, tenants, &provider, &nothing)?),
    };
    let findings = Findings { begun, ended: machine::Moment::now()?, starts, sizes, own_clusters, command: command(choices) };
    let text = findings.markdown()?;
    say(&text);
    if choices.write {
        report::write(&text)?;
    }
    Ok(())
}

/// Tenants with a Kubernetes cluster of their own, in a lab with Cluster API.
fn measure_own_clusters(choices: &Choices, tenants: u32, provider: &Path, nothing: &Path) -> Result<Measured> {
    note("bringing a lab with Cluster API up that pretends: no Kafka runs");
    let name = format!("bench-clusters-{}", std::process::id());
    let lab = TemporaryLab::with(&Options { pretend_ready: true, cluster_api: true, ..Options::named(&name) })?;
    let place = lab.folder().join("bench").join(tenants.to_string());
    let subjects = [
        Subject::own_clusters(&place, provider, tenants, &lab)?,
        Subject::terraform_data(&place, provider, tenants)?,
        Subject::nothing(&place, nothing, tenants)?,
        Subject::nothing_tenant(&place, nothing, tenants, &lab, true)?,
    ];
    let measured = life::measure(&subjects, tenants, choices.repeats, &lab.kubeconfig())?;
    lab.down()?;
    Ok(measured)
}

fn measure_size(choices: &Choices, tenants: u32, lab: &TemporaryLab, provider: &Path, nothing: &Path) -> Result<Measured> {
    let place = lab.folder().join("bench").join(tenants.to_string());
    let mut subjects = vec![Subject::kaas(&place, provider, tenants, lab)?, Subject::terraform_data(&place, provider, tenants)?];
    subjects.push(Subject::nothing(&place, nothing, tenants)?);
    subjects.push(Subject::nothing_tenant(&place, nothing, tenants, lab, false)?);
    if let Some((executable, configuration)) = &choices.other {
        subjects.push(Subject::other(&place, executable, tenants, configuration)?);
    }
    life::measure(&subjects, tenants, choices.repeats, &lab.kubeconfig())
}

fn command(choices: &Choices) -> String {
    let tenants: Vec<String> = choices.tenants.iter().map(u32::to_string).collect();
    format!("cargo lab bench --repeats {} --tenants {} --own-clusters {}", choices.repeats, tenants.join(","), choices.own_clusters)
}
