//! A stand-in for an infrastructure and control-plane provider of Cluster API: it keeps the contract v1beta2, and the Kubernetes of each of its clusters is a
//! real kube-apiserver with its controllers, both processes of this machine, on the lab's etcd below a prefix of their own. Behind its machines stand Nodes
//! that say they are Ready, and nothing else.

mod control_plane;
mod infrastructure;
mod machine;
mod node;
mod objects;
mod status;
mod tenant;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use futures::StreamExt;
use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use kube::api::{Api, DynamicObject};
use kube::runtime::controller::{Action, Config, Controller};
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher;

pub use objects::STOPPED;

/// What the stand-in is started with.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// The kubeconfig of the management cluster
    #[arg(long)]
    pub kubeconfig: PathBuf,
    /// Where keys and logs of the tenants' servers lie
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
}

/// How often a running cluster is looked at when nothing happens: a server that died is started again this soon.
const RESYNC: Duration = Duration::from_secs(2);
/// How soon something is looked at again that waits for another.
const SOON: Duration = Duration::from_millis(250);
/// How soon a reconcile that failed is repeated.
const RETRY: Duration = Duration::from_secs(1);

/// All reconciles share this.
struct Operator {
    client: Client,
    options: Options,
}

/// Errors of a reconcile, as the controller wants them.
#[derive(Debug, thiserror::Error)]
#[error("{0:#}")]
struct Failure(anyhow::Error);

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self(error)
    }
}

/// Runs until SIGTERM or SIGINT. The tenants' servers go on, as clusters do when the controllers that made them are away; the next stand-in finds them.
///
/// # Errors
/// The kubeconfig cannot be used, or the data folder cannot be made.
pub fn run(options: &Options) -> Result<()> {
    std::fs::create_dir_all(&options.data_dir).with_context(|| format!("make {}", options.data_dir.display()))?;
    crate::stand_in::run("info,kube=warn", serve(options))
}

async fn serve(options: &Options) -> Result<()> {
    let client = crate::kubernetes::client(&options.kubeconfig).await?;
    let operator = Arc::new(Operator { client, options: options.clone() });
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tracing::info!("the process provider watches for clusters");
    tokio::select! {
        () = watch(operator) => {}
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    tracing::info!("stopping; the tenants' servers go on");
    Ok(())
}

async fn watch(operator: Arc<Operator>) {
    let any = || watcher::Config::default().any_semantic();
    let config = || Config::default().concurrency(16);
    let api = |kind: &kube::api::ApiResource| Api::<DynamicObject>::all_with(operator.client.clone(), kind);
    let (control_plane, infrastructure) = (objects::control_plane(), objects::infrastructure());
    let control_planes = Controller::new_with(api(&control_plane), any(), control_plane)
        .owns(Api::<Secret>::all(operator.client.clone()), any())
        .with_config(config())
        .run(control_plane::reconcile, |_, error, _| retry(error), operator.clone())
        .for_each(log);
    let infrastructures = Controller::new_with(api(&infrastructure), any(), infrastructure)
        .with_config(config())
        .run(infrastructure::reconcile, |_, error, _| retry(error), operator.clone())
        .for_each(log);
    let machine = objects::process_machine();
    let machines = Controller::new_with(api(&machine), any(), machine)
        .with_config(config())
        .run(machine::reconcile, |_, error, _| retry(error), operator.clone())
        .for_each(log);
    tokio::join!(control_planes, infrastructures, machines);
}

fn retry(error: &Failure) -> Action {
    tracing::warn!("{error}");
    Action::requeue(RETRY)
}

async fn log<E: std::fmt::Display>(outcome: Result<(ObjectRef<DynamicObject>, Action), E>) {
    if let Err(error) = outcome {
        tracing::debug!("{error}");
    }
}
