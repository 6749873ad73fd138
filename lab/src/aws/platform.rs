//! What stands in for the pods of an EKS cluster: nothing runs pods here, so operators and controllers run as processes of this machine against the
//! cluster's API, with the definitions they need. They start before the cluster turns ACTIVE, go on when the stand-in for EKS is away, and end with the cluster.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::Options;
use crate::cluster_api::managers;
use crate::custom_resources::{Crd, Family};
use crate::process::{self, Handle};
use crate::servers::{self, Extras, Ingredients, Layout};
use crate::state::{Ports, Running, Server, State};
use crate::{cluster_api, kubernetes, ports, record, strimzi_api};

const RECORD: &str = "platform.json";
/// How long the operators may take to end by themselves: they stop Kafka nodes.
const GRACE: Duration = Duration::from_secs(15);

/// What runs in clusters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Platform {
    /// Nothing, as in a new cluster of EKS
    #[default]
    None,
    /// The Strimzi stand-in, for tenants in namespaces
    Soft,
    /// Cluster API, the process provider with its class and the Flux stand-in besides, for tenants with clusters of their own
    Full,
}

impl Platform {
    /// Builds and generates what is missing, which takes minutes when nothing is in the cache.
    ///
    /// # Errors
    /// When something cannot be built.
    pub fn gather(self) -> Result<()> {
        self.crds()?;
        if self == Self::Full {
            managers::Programs::gather()?;
        }
        Ok(())
    }

    fn crds(self) -> Result<Vec<Crd>> {
        let mut crds = if self == Self::None { Vec::new() } else { strimzi_api::crds()? };
        if self == Self::Full {
            crds.extend(cluster_api::crds()?);
            crds.extend(Family::CertManager.crds()?);
            crds.extend(Family::PrometheusOperator.crds()?);
        }
        Ok(crds)
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Record {
    platform: Platform,
    /// Ports and processes, as of a lab of its own whose servers are the cluster's.
    state: State,
    /// The definitions are applied.
    defined: bool,
    /// Everything answered once, and the classes are there.
    complete: bool,
}

/// What stands in for the pods of one cluster.
struct Standing {
    layout: Layout,
    record: Record,
}

/// Keeps what runs in the cluster of `folder` running. `wanted`: what a cluster that is new gets.
///
/// # Errors
/// When something cannot be started or is not well yet, with the reason.
pub fn keep(options: &Options, folder: &Path, wanted: Option<Platform>) -> Result<()> {
    match Standing::open(options, folder, wanted.unwrap_or_default())? {
        Some(mut standing) => standing.keep(),
        None => Ok(()),
    }
}

/// Ends what runs in the cluster of `folder`, before its API server goes.
///
/// # Errors
/// When a process does not end.
pub fn end(folder: &Path) -> Result<()> {
    let Some(record) = record::read::<Record>(&folder.join(RECORD))? else { return Ok(()) };
    let handles: Vec<Handle> = record.state.running.iter().map(|running| running.handle).collect();
    process::stop(&handles, GRACE).context("stop what runs in the cluster")
}

impl Standing {
    fn open(options: &Options, folder: &Path, wanted: Platform) -> Result<Option<Self>> {
        let layout = Layout(folder.to_owned());
        if let Some(record) = record::read(&folder.join(RECORD))? {
            return Ok(Some(Self { layout, record }));
        }
        if wanted == Platform::None {
            return Ok(None);
        }
        let own = Ports { etcd: options.etcd, etcd_peer: 0, apiserver: 0, controllers: 0 };
        let state = State {
            name: folder.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            ports: own,
            pretend_ready: options.pretend_ready,
            cluster_api: if wanted == Platform::Full { Some(managers::dealt(ports::free()?)) } else { None },
            aws: None,
            dns: None,
            owner: None,
            running: Vec::new(),
        };
        let standing = Self { layout, record: Record { platform: wanted, state, defined: false, complete: false } };
        servers::make_folders(&standing.layout, &standing.record.state)?;
        standing.write()?;
        Ok(Some(standing))
    }

    fn keep(&mut self) -> Result<()> {
        if !self.record.defined {
            kubernetes::apply_crds(&self.layout.kubeconfig(), &self.record.platform.crds()?)?;
            self.record.defined = true;
            self.write()?;
        }
        self.start()?;
        if self.record.complete {
            return Ok(());
        }
        for server in self.servers() {
            servers::health(server, &self.layout, &self.record.state).with_context(|| format!("wait for {}", server.name()))?;
        }
        if let Some(ports) = self.record.state.cluster_api {
            cluster_api::install(&self.layout, ports)?;
        }
        self.record.complete = true;
        self.write()
    }

    /// Those that are not the cluster's own, in the order they are started.
    fn servers(&self) -> Vec<Server> {
        self.record.state.servers().filter(|server| *server > Server::Controllers).collect()
    }

    /// Starts what does not run.
    fn start(&mut self) -> Result<()> {
        let runs = |server| self.record.state.running.iter().any(|running| running.server == server && running.handle.alive());
        let missing: Vec<Server> = self.servers().into_iter().filter(|server| !runs(*server)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let has_cluster_api = self.record.state.cluster_api.is_some();
        if has_cluster_api {
            managers::prepare(&self.layout)?;
        }
        let ingredients = Ingredients::gather(None, Extras { cluster_api: has_cluster_api, ..Extras::default() })?;
        for server in missing {
            tracing::info!("starting {} in {}", server.name(), self.layout.0.display());
            let recipe = ingredients.recipe(server, &self.layout, &self.record.state)?;
            let handle = recipe.start(&self.layout.data(server))?;
            self.record.state.running.retain(|running| running.server != server);
            self.record.state.running.push(Running { server, handle, recipe });
            self.write()?;
        }
        Ok(())
    }

    fn write(&self) -> Result<()> {
        record::write(&self.layout.0.join(RECORD), &self.record)
    }
}
