//! What the provider does on a management cluster, as the rights that its user needs there, in every namespace.

use serde_json::{Value, json};

use super::manifests::viewer_rules;
use super::object::Kind;

/// A kind and what is done with its objects. Making one by server-side apply takes `create` and `patch`; waiting takes `list` and `watch`.
pub type Right = (Kind, &'static [&'static str]);

const GET: &[&str] = &["get"];
const SEEN: &[&str] = &["get", "list"];
const FOLLOWED: &[&str] = &["get", "list", "watch"];
const REMOVED: &[&str] = &["get", "list", "watch", "delete"];
const KEPT: &[&str] = &["get", "list", "create", "patch"];
/// What a shipped class consists of.
pub const SHIPPED: &[&str] = &["get", "list", "create", "patch", "delete"];
const OWN: &[&str] = &["get", "list", "watch", "create", "patch", "delete"];

/// Of every tenant, and of looking at the cluster.
const ALL: [Right; 3] = [(Kind::Namespace, OWN), (Kind::CustomResourceDefinition, SEEN), (Kind::Deployment, SEEN)];

/// Of tenants in namespaces.
const SOFT: [Right; 18] = [
    (Kind::ResourceQuota, KEPT),
    (Kind::LimitRange, KEPT),
    (Kind::NetworkPolicy, KEPT),
    (Kind::Role, KEPT),
    (Kind::RoleBinding, SHIPPED),
    (Kind::StorageClass, OWN),
    (Kind::VolumeAttributesClass, OWN),
    (Kind::CsiDriver, GET),
    (Kind::Kafka, OWN),
    (Kind::KafkaNodePool, OWN),
    (Kind::KafkaUser, OWN),
    (Kind::KafkaTopic, OWN),
    (Kind::KafkaRebalance, OWN),
    (Kind::StrimziPodSet, REMOVED),
    (Kind::Pod, REMOVED),
    (Kind::PersistentVolumeClaim, REMOVED),
    (Kind::PersistentVolume, FOLLOWED),
    (Kind::Secret, GET),
];

/// Of tenants with clusters of their own, where Cluster API is installed.
const CLUSTERS: [Right; 5] =
    [(Kind::Cluster, OWN), (Kind::ClusterClass, SEEN), (Kind::MachineDeployment, SEEN), (Kind::MachineSet, SEEN), (Kind::Secret, REMOVED)];

/// The same, where Flux is installed.
const RELEASES: [Right; 3] = [(Kind::HelmRelease, OWN), (Kind::HelmRepository, OWN), (Kind::OciRepository, OWN)];

/// Of tenants that are watched (`monitoring = true`). Who makes none of them needs none of these.
const MONITORED: [Right; 3] = [(Kind::PodMonitor, OWN), (Kind::PrometheusRule, OWN), (Kind::ConfigMap, OWN)];

/// Which tenants the cluster is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct For {
    pub namespaces: bool,
    pub clusters: bool,
    /// Flux is there, which tenants with clusters of their own need.
    pub releases: bool,
    /// Tenants in namespaces may be watched.
    pub monitoring: bool,
}

/// All rights that tenants need.
pub fn needed(tenants: For) -> Vec<Right> {
    let mut all = ALL.to_vec();
    if tenants.namespaces {
        all.extend(SOFT);
    }
    if tenants.clusters {
        all.extend(CLUSTERS);
    }
    if tenants.clusters && tenants.releases {
        all.extend(RELEASES);
    }
    if tenants.namespaces && tenants.monitoring {
        all.extend(MONITORED);
    }
    all
}

/// A ClusterRole that gives these rights, and those that the tenants' own Role passes on: Kubernetes lets nobody give more than he has.
pub fn cluster_role(name: &str, tenants: For) -> Value {
    let mut rules: Vec<Value> = needed(tenants).into_iter().map(rule).collect();
    if tenants.namespaces {
        rules.extend(viewer_rules());
    }
    json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": { "name": name }, "rules": rules })
}

fn rule((kind, verbs): Right) -> Value {
    let api = kind.api();
    json!({ "apiGroups": [api.group], "resources": [api.plural], "verbs": verbs })
}
