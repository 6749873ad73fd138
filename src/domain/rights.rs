//! What the provider does on a management cluster, as the rights that its user needs there, in every namespace.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::manifests::viewer_rules;
use super::object::Kind;

/// A kind and what is done with its objects. Making one by server-side apply takes `create` and `patch`; waiting takes `list` and `watch`.
type Right = (Kind, &'static [&'static str]);

const GET: &[&str] = &["get"];
const SEEN: &[&str] = &["get", "list"];
const FOLLOWED: &[&str] = &["get", "list", "watch"];
const REMOVED: &[&str] = &["get", "list", "watch", "delete"];
const LET_GO: &[&str] = &["get", "list", "watch", "patch", "delete"];
const MADE: &[&str] = &["create", "patch"];
const KEPT: &[&str] = &["get", "list", "create", "patch"];
const TAKEN_BACK: &[&str] = &["get", "list", "create", "patch", "delete"];
const OWN: &[&str] = &["get", "list", "watch", "create", "patch", "delete"];

/// Of every tenant, and of looking at the cluster.
const ALL: [Right; 3] = [(Kind::Namespace, OWN), (Kind::CustomResourceDefinition, SEEN), (Kind::Deployment, SEEN)];

/// Of tenants in namespaces.
const SOFT: [Right; 16] = [
    (Kind::ResourceQuota, KEPT),
    (Kind::LimitRange, KEPT),
    (Kind::NetworkPolicy, KEPT),
    (Kind::Role, KEPT),
    (Kind::RoleBinding, TAKEN_BACK),
    (Kind::StorageClass, REMOVED),
    (Kind::VolumeAttributesClass, REMOVED),
    (Kind::CsiDriver, GET),
    (Kind::Kafka, OWN),
    (Kind::KafkaNodePool, OWN),
    (Kind::KafkaUser, OWN),
    (Kind::KafkaTopic, REMOVED),
    (Kind::KafkaRebalance, LET_GO),
    (Kind::StrimziPodSet, REMOVED),
    (Kind::Pod, REMOVED),
    (Kind::PersistentVolumeClaim, REMOVED),
];

/// Of tenants in namespaces, where there is something to do with it: classes of storage with the EBS driver, volumes to be seen going, tenants that are
/// watched (`monitoring = true`). Who has none of these needs none of them, so nobody is asked for them.
const SOMETIMES: [Right; 6] = [
    (Kind::StorageClass, MADE),
    (Kind::VolumeAttributesClass, MADE),
    (Kind::PersistentVolume, FOLLOWED),
    (Kind::PodMonitor, OWN),
    (Kind::PrometheusRule, OWN),
    (Kind::ConfigMap, OWN),
];

/// Of tenants with clusters of their own, where Cluster API is installed.
const CLUSTERS: [Right; 6] = [
    (Kind::Cluster, OWN),
    (Kind::ClusterClass, SEEN),
    (Kind::MachineDeployment, SEEN),
    (Kind::MachineSet, SEEN),
    (Kind::Secret, REMOVED),
    (Kind::ConfigMap, GET),
];

/// The same, where Flux is installed.
const RELEASES: [Right; 3] = [(Kind::HelmRelease, OWN), (Kind::HelmRepository, OWN), (Kind::OciRepository, OWN)];

/// Which tenants the cluster is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct For {
    pub namespaces: bool,
    pub clusters: bool,
    /// Flux is there, which tenants with clusters of their own need.
    pub releases: bool,
}

/// An API group and a resource in it ("pods", "pods/log").
pub type Resource = (String, String);
/// Resources and the verbs that are needed of each.
pub type Rights = BTreeMap<Resource, BTreeSet<String>>;

/// The rights that all tenants need, and those of these kinds that a shipped class consists of.
pub fn needed(tenants: For, of_classes: &BTreeSet<Kind>) -> Rights {
    let mut all = Rights::new();
    let classes = of_classes.iter().map(|kind| (*kind, TAKEN_BACK));
    rights(tenants).into_iter().chain(classes).for_each(|right| add(&mut all, right));
    if tenants.namespaces {
        passed_on(&mut all);
    }
    all
}

fn add(all: &mut Rights, (kind, verbs): Right) {
    let api = kind.api();
    all.entry((api.group.to_owned(), api.plural.to_owned())).or_default().extend(verbs.iter().map(|verb| (*verb).to_owned()));
}

/// What the tenants' own Role gives: Kubernetes lets nobody give more than he has.
fn passed_on(all: &mut Rights) {
    let texts =
        |value: &Value| -> Vec<String> { value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect() };
    for rule in viewer_rules() {
        for group in texts(&rule["apiGroups"]) {
            for resource in texts(&rule["resources"]) {
                all.entry((group.clone(), resource)).or_default().extend(texts(&rule["verbs"]));
            }
        }
    }
}

fn rights(tenants: For) -> Vec<Right> {
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
    all
}

/// A ClusterRole that gives these rights, and those that some tenants need.
pub fn cluster_role(name: &str, tenants: For) -> Value {
    let mut all = needed(tenants, &BTreeSet::new());
    if tenants.namespaces {
        SOMETIMES.into_iter().for_each(|right| add(&mut all, right));
    }
    let rule = |((group, resource), verbs): (&Resource, &BTreeSet<String>)| json!({ "apiGroups": [group], "resources": [resource], "verbs": verbs });
    let rules: Vec<Value> = all.iter().map(rule).collect();
    json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": { "name": name }, "rules": rules })
}
