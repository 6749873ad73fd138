//! The Kubernetes objects of a tenant: one file per kind, each with only the fields the provider owns.
//!
//! No status, no default spelled out for nothing: what is not written here belongs to the server, to Strimzi or to whoever sets it.

mod access;
mod certificate;
mod external;
mod kafka;
mod limits;
pub mod monitoring;
mod namespace;
mod network;
mod pools;
mod rebalance;
mod storage;
#[cfg(test)]
mod tests;
mod user;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::cluster;
use super::dns::{DnsSpec, ManagedBy};
use super::names::{MANAGED_BY, MANAGED_BY_LABEL, Phase, STRIMZI_CLUSTER_LABEL, TENANT_LABEL};
use super::object::{Kind, Manifest, ObjectRef};
use super::releases::{self, Component, ExternalDns, Wanted};
use super::sizing::Sizing;
use super::tenant::{Facts, OwnCluster, TenantSpec};

pub use access::viewer_rules;
pub use certificate::external_account;
pub use limits::{quota, roomier};
pub use namespace::build as namespace;
pub use pools::{asked_brokers, broker_ids, live_floor, remove_brokers};
pub use storage::EBS_DRIVER;

/// The port of the listener that clients use, and its name in the Kafka object's status.
pub const CLIENT_PORT: u16 = 9093;
pub const CLIENT_LISTENER: &str = "tls";

/// The kinds of object that every tenant has.
pub const KINDS: [Kind; 8] = [
    Kind::Namespace,
    Kind::KafkaNodePool,
    Kind::Kafka,
    Kind::KafkaUser,
    Kind::ResourceQuota,
    Kind::LimitRange,
    Kind::NetworkPolicy,
    Kind::Role,
];

/// The kinds that a tenant with a certificate of its own has besides.
pub const CERTIFICATE_KINDS: [Kind; 2] = [Kind::ClusterIssuer, Kind::Certificate];

/// What a tenant with a cluster of its own has on the management cluster, beside its namespace: the Cluster first, then what runs in it. Empty for one
/// that lives in a namespace.
pub fn home(spec: &TenantSpec, sizing: &Sizing) -> Vec<Manifest> {
    let Some(own) = spec.own_cluster() else { return Vec::new() };
    let mut manifests = vec![cluster::build(spec, &own.cluster, sizing)];
    manifests.extend(releases::build(spec, &own.cluster, &components(spec, own)));
    manifests
}

/// The kinds that every tenant with a cluster of its own has on the management cluster.
pub const HOME_KINDS: [Kind; 4] = [Kind::Namespace, Kind::Cluster, Kind::HelmRelease, Kind::OciRepository];

/// The kinds that a look at a tenant on the management cluster begins with.
pub const fn kinds_at_home(has_own_cluster: bool) -> &'static [Kind] {
    if has_own_cluster { &HOME_KINDS } else { &KINDS }
}

/// The chart's version that a HelmRelease of [`home`] should come to.
pub fn chart_version(spec: &TenantSpec, release: &ObjectRef) -> Option<String> {
    let own = spec.own_cluster()?;
    Some(own.versions.of(Component::of_release(&release.name)?).to_owned())
}

/// What runs in the tenant's own cluster beside Kafka.
pub(in crate::domain) fn components(spec: &TenantSpec, own: &OwnCluster) -> Wanted {
    Wanted { versions: own.versions.clone(), external_dns: external_dns(spec, own), monitoring: spec.monitoring }
}

/// For the names that are wanted and for those that are given up, whose records it takes away. None: it has none to write.
fn external_dns(spec: &TenantSpec, own: &OwnCluster) -> Option<ExternalDns> {
    let kept: Vec<&DnsSpec> =
        spec.dns.iter().chain(&spec.leaving).filter(|dns| dns.managed_by == ManagedBy::ExternalDns && dns.zone().is_some()).collect();
    let first = kept.first()?;
    let once = |texts: Vec<String>| {
        texts.into_iter().fold(Vec::new(), |mut all, text| {
            if !all.contains(&text) {
                all.push(text);
            }
            all
        })
    };
    Some(ExternalDns {
        zone_ids: once(kept.iter().filter_map(|dns| dns.zone().map(str::to_owned)).collect()),
        domains: once(kept.iter().map(|dns| dns.names(&spec.name).domain().to_owned()).collect()),
        owner: first.found.as_ref().map_or_else(|| spec.name.namespace(), |zone| zone.owner.clone()),
        role_arn: first.role_arn.clone(),
        region: own.cluster.region.clone().or_else(|| first.region().map(str::to_owned)),
    })
}

/// All objects of a tenant where its Kafka runs, in the order in which they are applied. The first is the Namespace in the phase it has when all is done: make it with
/// [`namespace`] and [`Phase::Creating`] first, and apply the one from here last.
pub fn build(spec: &TenantSpec, sizing: &Sizing, facts: &Facts) -> Vec<Manifest> {
    let mut manifests = vec![
        namespace(spec, Phase::Created),
        quota(spec, sizing, sizing.brokers),
        limits::range(spec),
        network::build(spec),
        access::role(spec),
    ];
    manifests.extend(access::binding(spec));
    let volumes = storage::plan(spec, sizing, facts);
    manifests.extend(storage::build(spec, sizing, &volumes));
    if spec.monitoring {
        manifests.extend(monitoring::build(spec, sizing));
    }
    manifests.extend(certificate::build(spec));
    // The operator refuses a Kafka that it sees before its pools.
    manifests.extend([
        pools::controllers(spec, sizing, &volumes),
        pools::brokers(spec, sizing, &volumes),
        kafka::build(spec, sizing, facts),
    ]);
    manifests.push(user::admin(spec));
    manifests
}

/// A manifest with our labels; `fields` is the object without `apiVersion`, `kind` and `metadata`.
pub(in crate::domain) fn manifest(spec: &TenantSpec, kind: Kind, name: impl Into<String>, fields: Value) -> Manifest {
    labelled(spec, kind, name.into(), &[], fields)
}

/// As [`manifest`], with the label that ties an object to its Kafka.
fn strimzi_manifest(spec: &TenantSpec, kind: Kind, name: impl Into<String>, fields: Value) -> Manifest {
    labelled(spec, kind, name.into(), &[(STRIMZI_CLUSTER_LABEL, spec.name.kafka())], fields)
}

fn labelled(spec: &TenantSpec, kind: Kind, name: String, more: &[(&str, &str)], fields: Value) -> Manifest {
    let api = kind.api();
    let mut metadata = Map::from_iter([("name".to_owned(), json!(name)), ("labels".to_owned(), json!(labels(spec, more)))]);
    let object = if api.namespaced {
        metadata.insert("namespace".to_owned(), json!(spec.name.namespace()));
        ObjectRef::namespaced(kind, spec.name.namespace(), name)
    } else {
        ObjectRef::global(kind, name)
    };
    let mut body = Map::from_iter([
        ("apiVersion".to_owned(), json!(api.api_version())),
        ("kind".to_owned(), json!(api.kind)),
        ("metadata".to_owned(), Value::Object(metadata)),
    ]);
    if let Value::Object(fields) = fields {
        body.extend(fields);
    }
    Manifest { object, body: Value::Object(body) }
}

fn labels<'a>(spec: &'a TenantSpec, more: &[(&'a str, &'a str)]) -> BTreeMap<&'a str, &'a str> {
    let mut labels: BTreeMap<&str, &str> = spec.labels.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    labels.extend([(MANAGED_BY_LABEL, MANAGED_BY), (TENANT_LABEL, spec.name.as_str())]);
    labels.extend(more.iter().copied());
    labels
}

/// "500m".
fn millis(cpu: u64) -> String {
    format!("{cpu}m")
}

/// "2048Mi".
fn mebibytes(mib: u64) -> String {
    format!("{mib}Mi")
}

/// "20Gi".
fn gibibytes(gib: u64) -> String {
    format!("{gib}Gi")
}

/// Memory is never promised twice; CPU may be borrowed, as a limit would throttle a broker that catches up.
fn resources(cpu_millis: u64, memory_mib: u64) -> Value {
    json!({
        "requests": { "cpu": millis(cpu_millis), "memory": mebibytes(memory_mib) },
        "limits": { "memory": mebibytes(memory_mib) },
    })
}
