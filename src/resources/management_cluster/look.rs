//! Looking at a management cluster, and checking that tenants can live on it.

use std::collections::{BTreeMap, BTreeSet};

use futures::{FutureExt, StreamExt, TryStreamExt, future, stream};

use crate::{
    domain::{cluster_class, components, object::Kind, rights},
    drivers::kubernetes::{Cluster, Error},
    framework::{attr::Attr, diagnostic::Diagnostics, path::Path},
    resources::{
        failure::failed,
        management_cluster::model::{Components, ManagementCluster},
    },
};

/// The oldest Kubernetes that Strimzi 1.x runs on. Source: Strimzi's changelog, 0.51.
const KUBERNETES_MIN: (u32, u32) = (1, 30);

/// Questions asked at the same time.
const AT_ONCE: usize = 8;

/// What was seen of a cluster.
pub struct Seen {
    kubernetes_version: String,
    components: Components,
    /// `kafkas.kafka.strimzi.io`.
    crds: BTreeSet<String>,
}

impl Seen {
    /// Looks at the cluster.
    pub async fn of(cluster: &Cluster) -> Result<Self, Diagnostics> {
        let looked = |error: Error| failed("Cannot look at the management cluster", &error);
        // By itself: of a server that is not there one request is told, and the others find a connection.
        let kubernetes_version = cluster.version().await.map_err(looked)?;
        // Definitions are large, and their names say enough.
        let crds = cluster.list_metadata(Kind::CustomResourceDefinition, None, None);
        let (crds, kafka_served, deployments) =
            tokio::try_join!(crds, cluster.server_serves(Kind::Kafka), cluster.list(Kind::Deployment, None, None)).map_err(looked)?;
        Ok(Self {
            kubernetes_version,
            components: Components::of(&components::components(&crds, &deployments, kafka_served)),
            crds: crds.iter().filter_map(|crd| crd["metadata"]["name"].as_str()).map(str::to_owned).collect(),
        })
    }

    /// Fills in what is reported of the cluster. What the plan has promised stays: it is told by the next look.
    pub fn fill(&self, cluster: &Cluster, state: &mut ManagementCluster) {
        fn set<T>(place: &mut Attr<T>, value: impl Into<Attr<T>>) {
            if place.is_unknown() {
                *place = value.into();
            }
        }
        set(&mut state.id, cluster.id().to_owned());
        set(&mut state.endpoint, cluster.endpoint().to_owned());
        set(&mut state.ca_certificate, cluster.ca_certificate().map(str::to_owned));
        set(&mut state.kubernetes_version, self.kubernetes_version.clone());
        set(&mut state.components, self.components.clone());
    }

    /// Those of the kinds that a shipped class needs which the cluster does not serve in the version this provider speaks.
    pub async fn missing(&self, cluster: &Cluster, class: &str) -> Result<Vec<Kind>, Error> {
        let mut missing = Vec::new();
        for kind in cluster_class::kinds(class) {
            let api = kind.api();
            // Most clusters lack most kinds, and are not asked for each of them.
            if !self.crds.contains(&format!("{}.{}", api.plural, api.group)) || !cluster.server_serves(kind).await? {
                missing.push(kind);
            }
        }
        Ok(missing)
    }

    /// Checks that tenants can live here; everything that is missing is told at once. `classes`: those that will be kept.
    pub async fn check(
        &self,
        cluster: &Cluster,
        config: &ManagementCluster,
        classes: &BTreeSet<String>,
        warnings: &mut Diagnostics,
    ) -> Result<(), Diagnostics> {
        let mut found = too_old(&self.kubernetes_version, config);
        let place = place(config);
        let hard = self.has_hard_tenants(config);
        let looked = |error: Error| failed("Cannot ask what is allowed", &error);
        let missing = if cluster.may_all().await.map_err(looked)? {
            Vec::new()
        } else {
            let needed = self.needed(hard, classes);
            let each = needed.iter().flat_map(|(resource, verbs)| verbs.iter().map(move |verb| (resource, verb)));
            let asked: Vec<_> = each.map(|(resource, verb)| lacking(cluster, resource, verb).boxed()).collect();
            let missing: Vec<_> = stream::iter(asked).buffered(AT_ONCE).try_filter_map(future::ok).try_collect().await.map_err(looked)?;
            told(missing)
        };
        if !missing.is_empty() {
            let soft_only =
                if hard { " Where no tenant is to have a cluster of its own, set cluster_classes = [], and less is needed." } else { "" };
            found.error_at(
                place.clone(),
                "Not allowed what tenants need",
                format!(
                    "The user that the provider is in {} may not, in every namespace: {}. Bind it to a ClusterRole that allows this; the guide to rights has one.{soft_only}",
                    cluster.id(),
                    missing.join(", ")
                ),
            );
        }
        self.warn(cluster, hard, warnings);
        if found.has_errors() { Err(found) } else { Ok(()) }
    }

    /// Whether tenants may have clusters of their own here: Cluster API is installed, and the user has not said that there are no classes.
    fn has_hard_tenants(&self, config: &ManagementCluster) -> bool {
        let is_none = config.cluster_classes.known().is_some_and(BTreeSet::is_empty);
        !self.components.cluster_api.is_null() && !is_none
    }

    fn needed(&self, hard: bool, classes: &BTreeSet<String>) -> rights::Rights {
        let tenants = rights::For {
            namespaces: !self.components.strimzi.is_null() || self.components.cluster_api.is_null(),
            clusters: hard,
            releases: !self.components.flux.is_null(),
        };
        let kinds = classes.iter().flat_map(|class| cluster_class::kinds(class)).filter(|kind| *kind != Kind::Cluster);
        rights::needed(tenants, &kinds.collect())
    }

    fn warn(&self, cluster: &Cluster, hard: bool, warnings: &mut Diagnostics) {
        if self.components.strimzi.is_null() {
            let detail = "Tenants with isolation = \"namespace\" need the Strimzi operator 1.0 or later on";
            warnings.warning("Strimzi is not installed", format!("{detail} {}, watching all namespaces.", cluster.id()));
        }
        if hard && self.components.flux.is_null() {
            let detail = "Tenants with isolation = \"cluster\" need Flux (its source and helm controllers) on";
            warnings
                .warning("Flux is not installed", format!("{detail} {}, which installs the operators in their clusters.", cluster.id()));
        }
    }
}

/// None: this user may.
async fn lacking(cluster: &Cluster, resource: &rights::Resource, verb: &str) -> Result<Option<(rights::Resource, String)>, Error> {
    let may = cluster.may(verb, &resource.0, &resource.1).await?;
    Ok((!may).then(|| (resource.clone(), verb.to_owned())))
}

/// "kafkas.kafka.strimzi.io (create, patch)", in the order of their names.
fn told(missing: Vec<(rights::Resource, String)>) -> Vec<String> {
    let mut by_name: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for ((group, resource), verb) in missing {
        let name = if group.is_empty() { resource } else { format!("{resource}.{group}") };
        by_name.entry(name).or_default().push(verb);
    }
    by_name.into_iter().map(|(name, verbs)| format!("{name} ({})", verbs.join(", "))).collect()
}

/// Checks what can be checked before anything is installed: that tenants can live on this Kubernetes.
pub async fn check_version(cluster: &Cluster, config: &ManagementCluster) -> Result<(), Diagnostics> {
    let version = cluster.version().await.map_err(|error| failed("Cannot look at the management cluster", &error))?;
    let found = too_old(&version, config);
    if found.has_errors() { Err(found) } else { Ok(()) }
}

/// That tenants cannot live on this Kubernetes.
fn too_old(version: &str, config: &ManagementCluster) -> Diagnostics {
    let mut found = Diagnostics::none();
    if minor_version(version).is_some_and(|version| version < KUBERNETES_MIN) {
        let (major, minor) = KUBERNETES_MIN;
        found.error_at(
            place(config),
            "Kubernetes is too old",
            format!("The cluster runs Kubernetes {version}; Strimzi needs {major}.{minor} or later. Upgrade the cluster first."),
        );
    }
    found
}

/// The block that says which cluster it is.
fn place(config: &ManagementCluster) -> Path {
    if config.eks.is_null() { ManagementCluster::EXISTING } else { ManagementCluster::EKS }.into()
}

/// Major and minor of "v1.36.3" or "v1.33.1-eks-1234567".
pub fn minor_version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.trim_start_matches('v').split('.');
    let minor: String = parts.clone().nth(1)?.chars().take_while(char::is_ascii_digit).collect();
    Some((parts.next()?.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_vendors_are_read() {
        assert_eq!(minor_version("v1.36.3"), Some((1, 36)));
        assert_eq!(minor_version("v1.29.1-eks-1234567"), Some((1, 29)));
        assert_eq!(minor_version("v1.30+"), Some((1, 30)));
        assert_eq!(minor_version("master"), None);
    }
}
