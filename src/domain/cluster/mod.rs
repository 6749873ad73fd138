//! A tenant's own Kubernetes cluster as a Cluster API topology: what the user says about it, checked, and the Cluster object made from it.
//!
//! Pure, as all of `domain`. The ClusterClasses that the provider ships are in [`super::cluster_class`]; a class of the user's own gets only the
//! variables and the workers he names, as nothing else can be known of it.

mod check;
pub mod eks;
mod kubelet;
pub mod leaving;
pub mod machines;
pub mod order;
pub mod status;
#[cfg(test)]
mod tests;
pub mod version;
mod workers;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::manifests::manifest;
use super::names::SYSTEM_NAMESPACE;
use super::object::{Kind, Manifest};
use super::sizing::Sizing;
use super::tenant::TenantSpec;

pub use check::{ClusterError, Setting, check};
pub use kubelet::{only_spelled_otherwise, upgrade_is_held_back};
pub use version::KubernetesVersion;
pub use workers::{Placed, broker_counts, broker_nodes, has_workers, placement, system_machine_type};

/// The shipped classes: a managed control plane, and kubeadm on EC2.
pub const EKS_CLASS: &str = "kaas-eks";
pub const AWS_CLASS: &str = "kaas-aws";

/// An odd number survives the loss of one: three is what etcd wants.
const CONTROL_PLANE_REPLICAS: u32 = 3;
/// Apart from what VPCs commonly use, and from Kubernetes' services at 10.96.0.0/12.
const POD_CIDR: &str = "192.168.0.0/16";

/// What the user says about the cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClusterSpec {
    /// The ClusterClass: a shipped one, or the user's own.
    pub class: String,
    /// Where the user's own class is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_namespace: Option<String>,
    /// None: [`KubernetesVersion::DEFAULT`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubernetes_version: Option<KubernetesVersion>,
    /// Of AWS; needed by the shipped classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssh_key_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control_plane_machine_type: Option<String>,
    /// Of the brokers' nodes. None: what the sizing says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_machine_type: Option<String>,
    /// Of the nodes for Kafka's controllers and the operators. None: from the sizing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_machine_type: Option<String>,
    /// Encrypts the nodes' volumes and, with a managed control plane, the Secrets. None: the account's default key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key_arn: Option<String>,
    /// The failure domains over which brokers' nodes and those of controllers are spread. Empty: the infrastructure chooses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub zones: Vec<String>,
    /// Further variables of the class.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, Value>,
    /// The user's own class: the names of its worker classes for brokers and for everything else, and the size of its control plane where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broker_worker_class: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_worker_class: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control_plane_replicas: Option<u32>,
    /// The addresses of pods. None: what the class says (`kaas-aws`: 192.168.0.0/16; `kaas-eks`: the VPC's).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_cidr: Option<String>,
}

impl Default for ClusterSpec {
    fn default() -> Self {
        Self {
            class: EKS_CLASS.to_owned(),
            class_namespace: None,
            kubernetes_version: None,
            region: None,
            ssh_key_name: None,
            control_plane_machine_type: None,
            node_machine_type: None,
            system_machine_type: None,
            kms_key_arn: None,
            zones: Vec::new(),
            variables: BTreeMap::new(),
            broker_worker_class: None,
            system_worker_class: None,
            control_plane_replicas: None,
            pod_cidr: None,
        }
    }
}

/// Whose class it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Eks,
    Aws,
    Own,
}

impl ClusterSpec {
    pub fn class(&self) -> Class {
        match self.class.as_str() {
            _ if self.class_namespace() != SYSTEM_NAMESPACE => Class::Own,
            EKS_CLASS => Class::Eks,
            AWS_CLASS => Class::Aws,
            _ => Class::Own,
        }
    }

    /// Where the class is.
    pub fn class_namespace(&self) -> &str {
        self.class_namespace.as_deref().unwrap_or(SYSTEM_NAMESPACE)
    }

    pub fn version(&self) -> KubernetesVersion {
        self.kubernetes_version.unwrap_or_default()
    }

    /// Whether a cluster of a class for AWS stands in a network that was there; empty, the variable says that one is made.
    pub fn has_own_network(&self) -> bool {
        self.variables.get("vpcId").and_then(Value::as_str).is_some_and(|id| !id.is_empty())
    }
}

/// The Cluster of a tenant, in his namespace of the management cluster. For a cluster that passed [`check`].
pub fn build(spec: &TenantSpec, cluster: &ClusterSpec, sizing: &Sizing) -> Manifest {
    let mut topology = json!({
        "classRef": { "name": cluster.class, "namespace": cluster.class_namespace() },
        "version": cluster.version().tag(),
    });
    let variables = variables(cluster, sizing);
    if !variables.is_empty() {
        topology["variables"] = variables.into_iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
    }
    let machine_deployments = workers::machine_deployments(cluster, sizing);
    if !machine_deployments.is_empty() {
        topology["workers"] = json!({ "machineDeployments": machine_deployments });
    }
    let replicas = match cluster.class() {
        Class::Eks => None,
        Class::Aws => Some(cluster.control_plane_replicas.unwrap_or(CONTROL_PLANE_REPLICAS)),
        Class::Own => cluster.control_plane_replicas,
    };
    if let Some(replicas) = replicas {
        topology["controlPlane"] = json!({ "replicas": replicas });
    }
    let mut fields = Map::from_iter([("topology".to_owned(), topology)]);
    let pods = cluster.pod_cidr.as_deref().or((cluster.class() == Class::Aws).then_some(POD_CIDR));
    if let Some(cidr) = pods {
        fields.insert("clusterNetwork".to_owned(), json!({ "pods": { "cidrBlocks": [cidr] } }));
    }
    manifest(spec, Kind::Cluster, spec.name.cluster(), json!({ "spec": fields }))
}

/// By name, so that the same cluster gives the same object.
fn variables(cluster: &ClusterSpec, sizing: &Sizing) -> BTreeMap<String, Value> {
    let mut variables = cluster.variables.clone();
    if cluster.class() == Class::Own {
        return variables;
    }
    let mut set = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            variables.insert(name.to_owned(), json!(value));
        }
    };
    set("region", cluster.region.as_deref());
    set("sshKeyName", cluster.ssh_key_name.as_deref());
    set("kmsKeyArn", cluster.kms_key_arn.as_deref());
    set("nodeMachineType", Some(workers::broker_machine_type(cluster, sizing)));
    set("systemMachineType", Some(&system_machine_type(cluster, sizing)));
    if cluster.class() == Class::Aws {
        set("controlPlaneMachineType", Some(&workers::control_plane_machine_type(cluster, sizing)));
    } else if !variables.contains_key("addons")
        && let Some(addons) = super::cluster_class::pinned_addons(cluster.version())
    {
        variables.insert("addons".to_owned(), addons);
    }
    variables
}
