//! What a lab remembers of itself: `lab.json` in its folder, written before and after every step so that nothing it started is forgotten.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::cache;
use crate::process::{Handle, Recipe};

/// The file that makes a folder a lab's. Only a folder with it is ever removed.
pub const FILE: &str = "lab.json";

/// The ports of a lab, all on 127.0.0.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ports {
    /// etcd for its clients.
    pub etcd: u16,
    /// etcd for its peers, of which it has none.
    pub etcd_peer: u16,
    /// The Kubernetes API.
    pub apiserver: u16,
    /// Health of the controllers.
    pub controllers: u16,
}

/// The ports of one of Cluster API's controllers, all on 127.0.0.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManagerPorts {
    /// Its webhooks.
    pub webhook: u16,
    /// Its health.
    pub health: u16,
    /// Its metrics.
    pub diagnostics: u16,
}

/// The ports of Cluster API's controllers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterApiPorts {
    /// Core.
    pub core: ManagerPorts,
    /// The kubeadm bootstrap provider.
    pub bootstrap: ManagerPorts,
    /// The kubeadm control-plane provider.
    pub control_plane: ManagerPorts,
    /// The provider for AWS.
    pub aws: ManagerPorts,
}

/// The ports of a lab's AWS, all on 127.0.0.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwsPorts {
    /// All services.
    pub door: u16,
    /// moto, behind the door.
    pub moto: u16,
}

/// The ports of a lab's names and certificates, all on 127.0.0.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsPorts {
    /// DNS for everybody.
    pub dns: u16,
    /// DNS for the ACME server.
    pub validation: u16,
    /// Health and orders of the DNS server.
    pub control: u16,
    /// The door of the ACME server.
    pub acme: u16,
    /// The ACME server, behind the door.
    pub pebble: u16,
    /// What the ACME server tells of itself: its root.
    pub pebble_management: u16,
}

/// The servers of a lab in the order they are started; they are stopped in the opposite one (an API server that loses its etcd hangs).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Server {
    /// etcd.
    Etcd,
    /// kube-apiserver.
    Apiserver,
    /// kube-controller-manager.
    Controllers,
    /// moto: the services of AWS but EKS.
    Moto,
    /// The stand-in for EKS, which is also the door to moto; it runs the Kubernetes of EKS clusters.
    AwsEks,
    /// The DNS server, which is also the door to pebble; it keeps cert-manager and external-dns running.
    Dns,
    /// The ACME server.
    Pebble,
    /// Cluster API's core controllers.
    ClusterApi,
    /// Cluster API's kubeadm bootstrap provider.
    KubeadmBootstrap,
    /// Cluster API's kubeadm control-plane provider.
    KubeadmControlPlane,
    /// Cluster API's provider for AWS; without AWS a judge of manifests only.
    ClusterApiAws,
    /// The stand-in for an infrastructure provider; it runs the Kubernetes of tenants.
    ProcessProvider,
    /// The stand-in for load balancers.
    LoadBalancerStandIn,
    /// The stand-in for Strimzi's operator; it runs the Kafka nodes.
    StrimziStandIn,
    /// The stand-in for Flux; it runs the operators of tenants' clusters and their Kafka nodes.
    FluxStandIn,
}

impl Server {
    /// All, in the order they are started.
    pub const ALL: [Self; 15] = [
        Self::Etcd,
        Self::Apiserver,
        Self::Controllers,
        Self::Moto,
        Self::AwsEks,
        Self::Dns,
        Self::Pebble,
        Self::ClusterApi,
        Self::KubeadmBootstrap,
        Self::KubeadmControlPlane,
        Self::ClusterApiAws,
        Self::ProcessProvider,
        Self::LoadBalancerStandIn,
        Self::StrimziStandIn,
        Self::FluxStandIn,
    ];

    /// Whether only labs with Cluster API have it.
    pub fn of_cluster_api(self) -> bool {
        match self {
            Self::ClusterApi | Self::KubeadmBootstrap | Self::KubeadmControlPlane => true,
            Self::ClusterApiAws | Self::ProcessProvider | Self::FluxStandIn => true,
            Self::Etcd | Self::Apiserver | Self::Controllers | Self::Moto | Self::AwsEks => false,
            Self::Dns | Self::Pebble | Self::LoadBalancerStandIn | Self::StrimziStandIn => false,
        }
    }

    /// Whether only labs with AWS have it.
    pub fn of_aws(self) -> bool {
        matches!(self, Self::Moto | Self::AwsEks)
    }

    /// Whether only labs with DNS have it.
    pub fn of_dns(self) -> bool {
        matches!(self, Self::Dns | Self::Pebble)
    }

    /// What people and log files call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::Apiserver => "kube-apiserver",
            Self::Controllers => "kube-controller-manager",
            Self::Moto => "moto",
            Self::AwsEks => crate::aws::NAME,
            Self::Dns => crate::dns::NAME,
            Self::Pebble => "pebble",
            Self::ClusterApi => "cluster-api",
            Self::KubeadmBootstrap => "cluster-api-kubeadm-bootstrap",
            Self::KubeadmControlPlane => "cluster-api-kubeadm-control-plane",
            Self::ClusterApiAws => "cluster-api-provider-aws",
            Self::ProcessProvider => "process-provider-stand-in",
            Self::LoadBalancerStandIn => crate::load_balancer::NAME,
            Self::StrimziStandIn => "strimzi-operator-stand-in",
            Self::FluxStandIn => crate::flux::NAME,
        }
    }
}

/// A server that was started.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Running {
    /// Which.
    pub server: Server,
    /// Its process.
    pub handle: Handle,
    /// How to start it again.
    pub recipe: Recipe,
}

/// All a lab remembers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    /// The lab's name, also its context's in the kubeconfig.
    pub name: String,
    /// Its ports.
    pub ports: Ports,
    /// Whether the Strimzi stand-in reports Ready without running Kafka.
    pub pretend_ready: bool,
    /// The ports of Cluster API's controllers; none in a lab without them.
    #[serde(default)]
    pub cluster_api: Option<ClusterApiPorts>,
    /// The ports of AWS; none in a lab without it.
    #[serde(default)]
    pub aws: Option<AwsPorts>,
    /// The ports of names and certificates; none in a lab without them.
    #[serde(default)]
    pub dns: Option<DnsPorts>,
    /// The process without which the lab has no purpose (a test). Labs of dead owners are taken down by the next one.
    pub owner: Option<Handle>,
    /// Its servers.
    pub running: Vec<Running>,
}

impl State {
    /// The servers this lab has, in the order they are started.
    pub fn servers(&self) -> impl Iterator<Item = Server> {
        let (cluster_api, aws, dns) = (self.cluster_api.is_some(), self.aws.is_some(), self.dns.is_some());
        let has =
            move |server: &Server| (cluster_api || !server.of_cluster_api()) && (aws || !server.of_aws()) && (dns || !server.of_dns());
        Server::ALL.into_iter().filter(has)
    }

    /// The port `server` is reached by, if it has one.
    pub fn port(&self, server: Server) -> Option<u16> {
        match server {
            Server::Etcd => Some(self.ports.etcd),
            Server::Apiserver => Some(self.ports.apiserver),
            Server::Controllers => Some(self.ports.controllers),
            Server::Moto => self.aws.map(|ports| ports.moto),
            Server::AwsEks => self.aws.map(|ports| ports.door),
            Server::Dns => self.dns.map(|ports| ports.dns),
            Server::Pebble => self.dns.map(|ports| ports.pebble),
            Server::ClusterApi => self.cluster_api.map(|ports| ports.core.webhook),
            Server::KubeadmBootstrap => self.cluster_api.map(|ports| ports.bootstrap.webhook),
            Server::KubeadmControlPlane => self.cluster_api.map(|ports| ports.control_plane.webhook),
            Server::ClusterApiAws => self.cluster_api.map(|ports| ports.aws.webhook),
            Server::ProcessProvider | Server::LoadBalancerStandIn | Server::StrimziStandIn | Server::FluxStandIn => None,
        }
    }

    /// Reads the state of the lab in `folder`; none if there is no lab.
    ///
    /// # Errors
    /// When the file cannot be read or understood.
    pub fn read(folder: &Path) -> Result<Option<Self>> {
        let file = folder.join(FILE);
        match std::fs::read(&file) {
            Ok(text) => Ok(Some(serde_json::from_slice(&text).with_context(|| format!("understand {}", file.display()))?)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("read {}", file.display())),
        }
    }

    /// Writes the state, whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let beside = folder.join(".lab.json.part");
        std::fs::write(&beside, serde_json::to_vec_pretty(self)?).with_context(|| format!("write {}", beside.display()))?;
        std::fs::rename(&beside, folder.join(FILE)).context("put the state of the lab in place")
    }
}

/// Where labs live unless told otherwise: `kaas-lab` in `$XDG_STATE_HOME` or `~/.local/state`.
///
/// # Errors
/// When there is no home.
pub fn root() -> Result<PathBuf> {
    Ok(cache::base("XDG_STATE_HOME", ".local/state")?.join("kaas-lab"))
}

/// The folders of all labs in [`root`].
///
/// # Errors
/// When there is no home.
pub fn folders() -> Result<Vec<PathBuf>> {
    let Ok(entries) = std::fs::read_dir(root()?) else { return Ok(Vec::new()) };
    let mut found: Vec<PathBuf> = entries.flatten().map(|e| e.path()).filter(|p| p.join(FILE).is_file()).collect();
    found.sort();
    Ok(found)
}
