//! The lab's AWS: moto for its services, and before it **a stand-in for EKS** that makes of each cluster a real kube-apiserver. It answers in EKS's own JSON,
//! checks the signature of each request and of each token by the keys this AWS issued, and can be told to fail.

mod actions;
pub mod client;
pub mod cluster_api;
pub mod command;
mod eks;
mod facts;
mod faults;
mod front;
mod images;
mod keeper;
pub(crate) mod keys;
mod machines;
pub mod moto;
mod nodes;
mod platform;
mod requests;
mod rights;
mod route53;
mod servers;
mod settings;
mod signature;
mod system;
mod token;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Args;

pub use client::{Aws, Credentials, Prepared};
pub use faults::Fault;
pub use platform::Platform;
pub(crate) use servers::clusters;
pub use settings::Change;

/// What people and log files call the stand-in.
pub const NAME: &str = "aws-eks-stand-in";
/// The region the lab's own things are in.
pub const REGION: &str = "eu-central-1";

/// What the stand-in is started with.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// The port on 127.0.0.1 that is AWS
    #[arg(long)]
    pub port: u16,
    /// The port of moto on 127.0.0.1
    #[arg(long)]
    pub moto: u16,
    /// Where state, keys and logs of the clusters' servers lie
    #[arg(long)]
    pub data_dir: PathBuf,
    /// The port of etcd on 127.0.0.1
    #[arg(long)]
    pub etcd: u16,
    /// The executable of kube-apiserver
    #[arg(long)]
    pub apiserver: PathBuf,
    /// The executable of kube-controller-manager
    #[arg(long)]
    pub controllers: PathBuf,
    /// Strimzi in clusters reports everything Ready without running Kafka
    #[arg(long)]
    pub pretend_ready: bool,
}

/// Runs until SIGTERM or SIGINT. The clusters' servers go on; the next stand-in finds them.
///
/// # Errors
/// What an earlier one left cannot be read, or the port is taken.
pub fn run(options: &Options) -> Result<()> {
    std::fs::create_dir_all(&options.data_dir).with_context(|| format!("make {}", options.data_dir.display()))?;
    crate::stand_in::run("info,kube=warn", serve(options.clone()))
}

async fn serve(options: Options) -> Result<()> {
    let front = Arc::new(front::Front::open(options)?);
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tracing::info!("the lab's AWS listens on port {}", front.options.port);
    tokio::select! {
        failed = front::serve(front.clone()) => failed?,
        () = keeper::keep(front) => {}
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    tracing::info!("stopping; the clusters' servers go on");
    Ok(())
}
