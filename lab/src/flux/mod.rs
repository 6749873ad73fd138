//! A stand-in for Flux's helm-controller 1.x and the part of its source-controller it needs, which no registry serves as programs. It reads
//! real HelmReleases and sources on the cluster it watches, and installs, upgrades and uninstalls in the cluster each names, with Flux's
//! conditions and Helm's records. It has no charts: it knows a few by name and makes of them the CRDs and the Deployments, made available;
//! of Strimzi's it runs the Strimzi stand-in. What it does not do stands in `docs/lab.md`.

mod api;
mod attempts;
mod charts;
mod controller;
mod controllers;
mod deletion;
mod digest;
mod helm;
mod history;
mod operators;
mod place;
mod prerequisites;
mod process;
mod release;
mod remediation;
mod sources;
mod status;
mod storage;
mod target;
pub(crate) mod workloads;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Args;

pub use process::{NAME, StandIn, arguments};

/// What the stand-in is started with.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// The kubeconfig of the cluster whose HelmReleases it reads
    #[arg(long)]
    pub kubeconfig: PathBuf,
    /// Where the Kafkas of the Strimzis it runs lie, and the files that order failures: `fail/NAMESPACE.NAME` with a number of attempts
    #[arg(long)]
    pub data_dir: PathBuf,
    /// The Strimzis it runs report everything Ready without running Kafka
    #[arg(long)]
    pub pretend_ready: bool,
    /// Another process is the Strimzi of the cluster whose HelmReleases it reads: a release there starts no second
    #[arg(long)]
    pub strimzi_runs_here: bool,
    /// The settings of the lab's DNS; without them no cert-manager and no external-dns runs
    #[arg(long)]
    pub dns: Option<PathBuf>,
}

/// How soon something is looked at again that waits for another object.
const SOON: Duration = Duration::from_secs(1);
/// How soon a failure is tried again; the real one backs off to minutes.
const RETRY: Duration = Duration::from_secs(2);
/// How often a release is looked at when nothing happens, whatever its interval.
const RESYNC: Duration = Duration::from_secs(60);

/// Runs until SIGTERM or SIGINT, then stops every Kafka node it runs.
///
/// # Errors
/// The kubeconfig or what an earlier process left cannot be read.
pub fn run(options: &Options) -> Result<()> {
    // A target that does not answer is reported once, by who asked it.
    crate::stand_in::run("info,kube=warn,kube_client=off", controller::run(options))
}
