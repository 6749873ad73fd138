//! What a plan says of a tenant's own cluster: its version, whether it can be made so, and whether its versions go together. No I/O.

use crate::{
    domain::{
        cluster::{Class, KubernetesVersion},
        kafka::version::Versions,
        releases::Component,
        sizing::Sizing,
        skew::{self, Combination, SkewError, StrimziVersion},
        tenant::{Isolation, OwnCluster},
    },
    framework::{attr::Attr, diagnostic::Diagnostics, path::Path},
    resources::{
        tenant::{
            model::{KafkaSettings, Location, Tenant},
            own_cluster::{self, ClusterSettings, OperatorVersions},
            parse, versions,
        },
        wishes::capitalised,
    },
};

/// Where the tenant will be.
pub fn location(planned: &Tenant) -> Attr<Location> {
    let name = planned.name.known().and_then(|name| name.parse().ok());
    match (name, planned.isolation.known()) {
        (Some(name), Some(isolation)) => parse::location(&name, isolation == parse::CLUSTER).into(),
        _ => Attr::Unknown,
    }
}

/// The configured version, else the one the cluster has, else the provider's default: a new provider never upgrades a cluster by itself.
pub fn version(planned: &Tenant, prior: Option<&Tenant>) -> Attr<String> {
    match planned.isolation.known().map(String::as_str) {
        Some(parse::CLUSTER) => {}
        Some(_) => return Attr::Null,
        None => return Attr::Unknown,
    }
    let configured = match &planned.cluster {
        Attr::Unknown => return Attr::Unknown,
        Attr::Null => Attr::Null,
        Attr::Known(cluster) => cluster.kubernetes_version.clone(),
    };
    match configured {
        Attr::Unknown => Attr::Unknown,
        // With or without a "v", it is one version.
        Attr::Known(text) => text.parse::<KubernetesVersion>().map_or(text, |version| version.to_string()).into(),
        Attr::Null => {
            let existing = prior.and_then(|prior| prior.kubernetes_version.known()).cloned();
            existing.unwrap_or_else(|| KubernetesVersion::DEFAULT.to_string()).into()
        }
    }
}

/// Everything wrong with the cluster for a tenant of this size (None: not known), alone and as a change of the prior one, of which the second is the version
/// of Strimzi that runs. Where that is not known, as in a plan, it is the one that was asked for.
pub fn check(planned: &Tenant, (prior, runs): (Option<&Tenant>, Option<&str>), sizing: Option<&Sizing>, found: &mut Diagnostics) {
    // What is wrong with each value is told by validation.
    let mut told = Diagnostics::none();
    let Some(Isolation::Cluster(own)) = parse::isolation(planned, &mut told) else { return };
    if let Some(sizing) = sizing {
        own_cluster::check(&own.cluster, sizing, found);
    }
    let Some(wanted) = combination(planned, &own, found) else { return };
    let prior = prior.and_then(|prior| match parse::isolation(prior, &mut told) {
        Some(Isolation::Cluster(own)) => combination(prior, &own, &mut told),
        _ => None,
    });
    // Charts from OCI carry their digest behind a "+".
    let runs = runs.and_then(|version| version.split('+').next()?.trim_start_matches('v').parse::<StrimziVersion>().ok());
    let prior = prior.map(|prior| Combination { strimzi: runs.unwrap_or(prior.strimzi), ..prior });
    let refused = match prior {
        // What runs may go on, also where it could not be made any more.
        Some(prior) if prior == wanted => Ok(()),
        Some(prior) => skew::check_change(&prior, &wanted),
        None => skew::check(&wanted),
    };
    for error in refused.err().unwrap_or_default() {
        if let Some(at) = place(&error) {
            found.error_at(at, "Versions do not go together", format!("{}.", capitalised(&error.to_string())));
        }
    }
}

/// Of a new tenant whose nodes would all be in one zone. It is told once: a tenant does not come to other zones later.
pub fn warn_of_one_zone(planned: &Tenant, found: &mut Diagnostics) {
    let Some(Isolation::Cluster(own)) = parse::isolation(planned, &mut Diagnostics::none()) else { return };
    if own.cluster.class() == Class::Own || !own.cluster.zones.is_empty() {
        return;
    }
    found.warning_at(
        Tenant::CLUSTER.then(ClusterSettings::ZONES),
        "All nodes in one zone",
        "No zones are set, and Cluster API's AWS provider then makes all nodes of a machine deployment in the first private subnet: the loss of one zone would be the \
         loss of this Kafka. Name three of the region, such as zones = [\"eu-central-1a\", \"eu-central-1b\", \"eu-central-1c\"]. It cannot be changed later without a new \
         Kafka. Name one zone if it is meant so.",
    );
}

/// An upgrade that Cluster API would refuse for a reason that never ends.
pub fn refuse_held_back(found: &mut Diagnostics) {
    found.error_at(
        Tenant::CLUSTER.then(ClusterSettings::KUBERNETES_VERSION),
        "Cluster API refuses this upgrade",
        "The nodes of this cluster spell their version otherwise than Kubernetes does, as EKS' do (v1.36.2-eks-1a2b3c4), and the Cluster API of the management \
         cluster, 1.14.0 to 1.14.2, takes them to be upgrading for ever (https://github.com/kubernetes-sigs/cluster-api/issues/14086). Nothing was changed. Keep the version of Kubernetes as it is until the management \
         cluster has a later Cluster API, which compares versions by their numbers; it does not go back to 1.13, which does not look at them.",
    );
}

fn combination(tenant: &Tenant, own: &OwnCluster, found: &mut Diagnostics) -> Option<Combination> {
    let kafka: Versions = versions::versions(tenant)?;
    let strimzi = own.versions.of(Component::Strimzi).parse::<StrimziVersion>();
    let strimzi =
        strimzi.map_err(|error| found.error_at(strimzi_path(), "Not a version", format!("{}.", capitalised(&error.to_string())))).ok()?;
    Some(Combination { strimzi, kafka, kubernetes: own.cluster.version() })
}

fn strimzi_path() -> Path {
    Tenant::OPERATORS.then(OperatorVersions::STRIMZI)
}

/// None for what is told of every tenant's Kafka anyway.
fn place(error: &SkewError) -> Option<Path> {
    match error {
        SkewError::Format { .. }
        | SkewError::UnknownStrimzi { .. }
        | SkewError::OperatorFirst { .. }
        | SkewError::StrimziDowngrade { .. } => Some(strimzi_path()),
        SkewError::Kafka { .. } => Some(Tenant::KAFKA.then(KafkaSettings::VERSION)),
        SkewError::KubernetesTooOld { .. } | SkewError::Kubernetes(_) => Some(Tenant::CLUSTER.then(ClusterSettings::KUBERNETES_VERSION)),
        SkewError::KafkaChange(_) => None,
    }
}
