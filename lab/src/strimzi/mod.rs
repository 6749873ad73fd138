//! A stand-in for the Strimzi operator 1.2.0, which is not published as a program: it watches the same objects, leaves the same
//! objects and status, and runs a real Kafka for every Kafka object, each node a process of this machine. What it does otherwise
//! than the real one stands in `docs/lab.md`.

mod acl;
mod addresses;
mod api;
mod apply;
mod authorities;
mod cluster;
mod distribution;
mod format;
mod instance;
mod listener;
mod moves;
mod node_ids;
mod nodes;
mod objects;
mod operator;
mod pki;
mod pools;
mod pretend;
mod properties;
mod rebalance;
mod rollout;
mod services;
mod status;
#[cfg(test)]
mod tests;
mod topics;
mod users;

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

pub use instance::Instance;

/// What the stand-in is started with.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// The kubeconfig of the cluster whose Kafkas it runs
    #[arg(long)]
    pub kubeconfig: PathBuf,
    /// Where keys, data and logs of the Kafka nodes lie
    #[arg(long)]
    pub data_dir: PathBuf,
    /// Report everything Ready without running Kafka
    #[arg(long)]
    pub pretend_ready: bool,
    /// The version it reports for the operator's own
    #[arg(long, default_value = VERSION)]
    pub operator_version: String,
}

/// The version whose behaviour it shows.
pub const VERSION: &str = "1.2.0";

/// Runs until SIGTERM or SIGINT, then stops every Kafka node.
///
/// # Errors
/// The kubeconfig cannot be read, or a node cannot be stopped.
pub fn run(options: &Options) -> Result<()> {
    crate::stand_in::run("info,kube=warn", operator::run(options))
}
