//! The nodes of a tenant's cluster: some for Kafka's controllers and the operators, and one for each broker, both spread over the zones the user names.

use serde_json::{Value, json};

use super::{Class, ClusterSpec};
use crate::domain::names::{BROKER_WORKERS, SYSTEM_WORKERS, WORKERS_LABEL};
use crate::domain::sizing::Sizing;

/// One for each controller of Kafka, so that the loss of a node is the loss of one; and so that of a zone, where three zones are named.
const SYSTEM_NODES: u32 = 3;
/// A broker that hands over its partitions before it stops takes its time; a node that never lets go must not hold up the cluster for good.
const DRAIN_TIMEOUT_S: u32 = 3_600;
const DETACH_TIMEOUT_S: u32 = 900;

/// What runs on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placed {
    Brokers,
    /// Kafka's controllers and the operators.
    System,
}

impl Placed {
    const fn value(self) -> &'static str {
        match self {
            Self::Brokers => BROKER_WORKERS,
            Self::System => SYSTEM_WORKERS,
        }
    }
}

/// What goes into a pod's template (`affinity`, `tolerations`) so that it runs on nodes of its own; None where the class makes no such nodes.
pub fn placement(cluster: &ClusterSpec, pods: Placed) -> Option<Value> {
    class_of(cluster, pods)?;
    let expression = json!({ "key": WORKERS_LABEL, "operator": "In", "values": [pods.value()] });
    let terms = json!([{ "matchExpressions": [expression] }]);
    let affinity = json!({ "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": { "nodeSelectorTerms": terms } } });
    let toleration = json!({ "key": WORKERS_LABEL, "operator": "Equal", "value": BROKER_WORKERS, "effect": "NoSchedule" });
    Some(match pods {
        Placed::Brokers => json!({ "affinity": affinity, "tolerations": [toleration] }),
        Placed::System => json!({ "affinity": affinity }),
    })
}

/// The machine of the brokers' nodes.
pub fn broker_machine_type<'a>(cluster: &'a ClusterSpec, sizing: &'a Sizing) -> &'a str {
    cluster.node_machine_type.as_deref().unwrap_or(&sizing.instance_type)
}

/// The machine of the other nodes: the smallest of the brokers' family that holds a controller and its share of the operators.
pub fn system_machine_type(cluster: &ClusterSpec, sizing: &Sizing) -> String {
    if let Some(own) = &cluster.system_machine_type {
        return own.clone();
    }
    // A controller of a small Kafka asks for half a CPU and 2 GiB, one of a large for twice that; a "large" has 2 vCPUs and 8 GiB or more.
    let size = if sizing.controller_memory_mib > 2048 { "xlarge" } else { "large" };
    format!("{}.{size}", family(cluster, sizing))
}

/// The machine of a control plane that runs on machines: of the brokers' family, so that one image fits them all.
pub fn control_plane_machine_type(cluster: &ClusterSpec, sizing: &Sizing) -> String {
    cluster.control_plane_machine_type.clone().unwrap_or_else(|| format!("{}.large", family(cluster, sizing)))
}

fn family<'a>(cluster: &'a ClusterSpec, sizing: &'a Sizing) -> &'a str {
    broker_machine_type(cluster, sizing).split_once('.').map_or("m7g", |(family, _)| family)
}

/// Whether a machine type has an Arm processor, which AWS names by a "g" behind the generation ("m7g", "c7gn").
pub fn is_arm(machine_type: &str) -> bool {
    let family = machine_type.split('.').next().unwrap_or_default();
    family.trim_start_matches(|c: char| !c.is_ascii_digit()).trim_start_matches(|c: char| c.is_ascii_digit()).starts_with('g')
}

/// The machine deployments of the brokers' nodes and their nodes.
pub fn broker_counts(cluster: &ClusterSpec, sizing: &Sizing) -> Vec<(String, u32)> {
    spread(cluster, Placed::Brokers, sizing.brokers).into_iter().map(|share| (share.name, share.nodes)).collect()
}

/// One machine deployment.
pub(super) struct Share<'a> {
    name: String,
    pub(super) zone: Option<&'a str>,
    pub(super) nodes: u32,
}

/// Nodes over the zones: a machine deployment for each, shared as evenly as can be, the first zones having one more. Zones that would have none are left out.
pub(super) fn spread(cluster: &ClusterSpec, pods: Placed, nodes: u32) -> Vec<Share<'_>> {
    if class_of(cluster, pods).is_none() {
        return Vec::new();
    }
    let zones = u32::try_from(cluster.zones.len()).unwrap_or(u32::MAX);
    if zones == 0 {
        return vec![Share { name: pods.value().to_owned(), zone: None, nodes }];
    }
    let (each, more) = (nodes / zones, nodes % zones);
    let shares = (0..).zip(&cluster.zones).map(|(at, zone)| (each + u32::from(at < more), zone.as_str()));
    shares
        .filter(|(nodes, _)| *nodes > 0)
        .map(|(nodes, zone)| Share { name: format!("{}-{zone}", pods.value()), zone: Some(zone), nodes })
        .collect()
}

/// How many nodes for brokers a Cluster asks for as it stands on the management cluster; None where it says nothing of such.
pub fn broker_nodes(live: &Value) -> Option<u32> {
    let all = live.pointer("/spec/topology/workers/machineDeployments")?.as_array()?;
    let counts = all.iter().filter(|one| one["metadata"]["labels"][WORKERS_LABEL] == Placed::Brokers.value());
    let counts: Vec<u32> = counts.filter_map(|one| u32::try_from(one["replicas"].as_u64()?).ok()).collect();
    (!counts.is_empty()).then(|| counts.iter().sum())
}

/// Whether the cluster is asked for any nodes; else its class brings its own, or has none.
pub fn has_workers(cluster: &ClusterSpec) -> bool {
    [Placed::Brokers, Placed::System].into_iter().any(|pods| class_of(cluster, pods).is_some())
}

pub fn machine_deployments(cluster: &ClusterSpec, sizing: &Sizing) -> Vec<Value> {
    let mut all = Vec::new();
    for (pods, nodes) in [(Placed::System, SYSTEM_NODES), (Placed::Brokers, sizing.brokers)] {
        let Some(class) = class_of(cluster, pods) else { continue };
        all.extend(spread(cluster, pods, nodes).iter().map(|share| machine_deployment(class, share, pods)));
    }
    all
}

/// The newest machine goes first: it is the one made for the brokers that were added last, which are the first to be taken away.
fn machine_deployment(class: &str, share: &Share<'_>, workers: Placed) -> Value {
    let mut deployment = json!({
        "class": class,
        "name": share.name,
        "replicas": share.nodes,
        "metadata": { "labels": { WORKERS_LABEL: workers.value() } },
        "deletion": {
            "order": "Newest",
            "nodeDrainTimeoutSeconds": DRAIN_TIMEOUT_S,
            "nodeVolumeDetachTimeoutSeconds": DETACH_TIMEOUT_S,
        },
    });
    if let Some(zone) = share.zone {
        deployment["failureDomain"] = json!(zone);
    }
    deployment
}

/// The worker class of the ClusterClass; None where it has none that is known.
fn class_of(cluster: &ClusterSpec, pods: Placed) -> Option<&str> {
    match (cluster.class(), pods) {
        (Class::Own, Placed::Brokers) => cluster.broker_worker_class.as_deref(),
        (Class::Own, Placed::System) => cluster.system_worker_class.as_deref(),
        (Class::Eks | Class::Aws, _) => Some(pods.value()),
    }
}
