//! `kaas_management_cluster`: the Kubernetes cluster that tenants live on, or are managed from.
//!
//! `existing {}` adopts a cluster: it is looked at and never written to, and destroying the resource only forgets it.

use crate::{
    domain::{
        components::{self, Component},
        object::Kind,
    },
    drivers::kubernetes::Error,
    framework::{
        attr::Attr,
        diagnostic::Diagnostics,
        model::Model,
        parts::{Call, Failed, ImportTarget, Resource},
    },
    resources::{connection::Connection, failure::failed},
};

/// The Kubernetes cluster that tenants live on. `existing {}` adopts the cluster the provider's `kubernetes {}` points to.
///
/// The cluster is checked when it is adopted: it must answer, be a version Strimzi runs on, and let this provider's user do what tenants need.
/// Nothing in it is changed; destroying this resource forgets the cluster and leaves it as it is.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct ManagementCluster {
    /// Adopts the cluster that the provider's `kubernetes {}` block, or the environment, points to.
    #[tf(block, required)]
    pub existing: Attr<Existing>,
    /// Where the cluster is: `context/<context>` or `host/<host:port>`. Tenants refer to it, also while it is still unknown.
    #[tf(computed, stable)]
    pub id: Attr<String>,
    /// URL of the Kubernetes API.
    #[tf(computed)]
    pub endpoint: Attr<String>,
    /// Certificate, in PEM, of the authority that signs the API server's certificate. Null when the system's authorities are trusted.
    #[tf(computed)]
    pub ca_certificate: Attr<String>,
    /// Kubernetes version.
    #[tf(computed)]
    pub kubernetes_version: Attr<String>,
    /// What is installed.
    #[tf(computed)]
    pub components: Attr<Components>,
}

/// Adopts a cluster.
#[derive(Clone, Debug, Default, PartialEq, Model)]
pub struct Existing {}

/// Versions of what is installed; null where it is not installed, `unknown` where it does not tell its version.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct Components {
    /// Strimzi, which runs Kafka.
    #[tf(computed)]
    pub strimzi: Attr<String>,
    /// Cluster API, which makes the clusters of tenants with `isolation = "cluster"`.
    #[tf(computed)]
    pub cluster_api: Attr<String>,
    /// Flux, which keeps operators up to date.
    #[tf(computed)]
    pub flux: Attr<String>,
    /// cert-manager, which gets certificates.
    #[tf(computed)]
    pub cert_manager: Attr<String>,
    /// external-dns, which writes DNS records.
    #[tf(computed)]
    pub external_dns: Attr<String>,
}

/// What names a management cluster for ever.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct ManagementClusterIdentity {
    /// `id` of the management cluster.
    #[tf(required)]
    pub id: Attr<String>,
}

/// Handler of `kaas_management_cluster`.
pub struct ManagementClusterResource {
    connection: Connection,
}

/// What tenants need to do, and where: a sample that a user who may do it all passes.
const NEEDED: [(&str, Kind); 9] = [
    ("create", Kind::Namespace),
    ("delete", Kind::Namespace),
    ("list", Kind::Namespace),
    ("patch", Kind::ResourceQuota),
    ("patch", Kind::NetworkPolicy),
    ("patch", Kind::Role),
    ("patch", Kind::Kafka),
    ("watch", Kind::Kafka),
    ("list", Kind::KafkaNodePool),
];

/// The oldest Kubernetes that Strimzi 1.x runs on. Source: Strimzi's changelog, 0.51.
const KUBERNETES_MIN: (u32, u32) = (1, 30);

impl ManagementClusterResource {
    pub const fn new(connection: Connection) -> Self {
        Self { connection }
    }

    /// Looks at the cluster and fills in what is reported of it.
    async fn look(&self, state: &mut ManagementCluster, call: &Call) -> Result<(), Diagnostics> {
        let cluster = self.connection.cluster()?.stopped_by(call.stop.clone());
        let looked = |error: Error| failed("Cannot look at the management cluster", &error);
        let version = cluster.version().await.map_err(looked)?;
        // Definitions are large, and their names say enough.
        let crds = cluster.list_metadata(Kind::CustomResourceDefinition, None, None).await.map_err(looked)?;
        let kafka_served = cluster.server_serves(Kind::Kafka).await.map_err(looked)?;
        let deployments = cluster.list(Kind::Deployment, None, None).await.map_err(looked)?;
        state.id = cluster.id().to_owned().into();
        state.endpoint = cluster.endpoint().to_owned().into();
        state.ca_certificate = cluster.ca_certificate().map(str::to_owned).into();
        state.kubernetes_version = version.into();
        state.components = Attr::Known(Components::of(&components::components(&crds, &deployments, kafka_served)));
        Ok(())
    }

    /// Checks that tenants can live here; everything that is missing is told at once.
    async fn check(&self, state: &ManagementCluster, call: &mut Call) -> Result<(), Diagnostics> {
        let cluster = self.connection.cluster()?.stopped_by(call.stop.clone());
        let mut found = Diagnostics::none();
        let version = state.kubernetes_version.known().map_or("", String::as_str);
        if minor_version(version).is_some_and(|version| version < KUBERNETES_MIN) {
            let (major, minor) = KUBERNETES_MIN;
            found.error_at(
                ManagementCluster::EXISTING,
                "Kubernetes is too old",
                format!("The cluster runs Kubernetes {version}; Strimzi needs {major}.{minor} or later. Upgrade the cluster first."),
            );
        }
        let mut missing = Vec::new();
        for (verb, kind) in NEEDED {
            if !cluster.can(verb, kind, None).await.map_err(|error| failed("Cannot ask what is allowed", &error))? {
                missing.push(format!("{verb} {}", kind.api().plural));
            }
        }
        if !missing.is_empty() {
            found.error_at(
                ManagementCluster::EXISTING,
                "Not allowed what tenants need",
                format!(
                    "The user that the provider is in {} may not, in every namespace: {}. Bind it to a ClusterRole that allows this.",
                    cluster.id(),
                    missing.join(", ")
                ),
            );
        }
        if state.components.known().is_some_and(|components| components.strimzi.is_null()) {
            call.found.warning(
                "Strimzi is not installed",
                format!(
                    "Tenants with isolation = \"namespace\" need the Strimzi operator 1.0 or later on {}, watching all namespaces.",
                    cluster.id()
                ),
            );
        }
        if found.has_errors() { Err(found) } else { Ok(()) }
    }
}

impl Resource for ManagementClusterResource {
    const NAME: &'static str = "kaas_management_cluster";
    type Model = ManagementCluster;
    type Identity = ManagementClusterIdentity;

    async fn create(&self, mut planned: ManagementCluster, call: &mut Call) -> Result<ManagementCluster, Failed<ManagementCluster>> {
        self.look(&mut planned, call).await?;
        self.check(&planned, call).await?;
        Ok(planned)
    }

    async fn update(
        &self,
        _prior: ManagementCluster,
        mut planned: ManagementCluster,
        call: &mut Call,
    ) -> Result<ManagementCluster, Failed<ManagementCluster>> {
        self.look(&mut planned, call).await?;
        self.check(&planned, call).await?;
        Ok(planned)
    }

    async fn read(&self, mut state: ManagementCluster, call: &mut Call) -> Result<Option<ManagementCluster>, Diagnostics> {
        if !self.connection.is_known() {
            call.found.warning(
                "Management cluster not refreshed",
                "The provider's kubernetes block is not known yet, so the cluster was not looked at; its last known state is used.",
            );
            return Ok(Some(state));
        }
        let cluster = self.connection.cluster()?;
        if let Some(id) = state.id.known()
            && id != cluster.id()
        {
            return Err(Diagnostics::of_error(
                "Another management cluster",
                format!(
                    "The state is of {id:?}, but the provider's kubernetes block (or the environment) leads to {:?}. Use the provider configuration of that \
                     cluster, or remove the resource from the state.",
                    cluster.id()
                ),
            ));
        }
        self.look(&mut state, call).await?;
        Ok(Some(state))
    }

    async fn delete(&self, _prior: ManagementCluster, _call: &mut Call) -> Result<(), Failed<ManagementCluster>> {
        // Adopted, not made: it is only forgotten.
        Ok(())
    }

    async fn import(&self, target: ImportTarget<ManagementClusterIdentity>, _call: &mut Call) -> Result<ManagementCluster, Diagnostics> {
        let id = match target {
            ImportTarget::Id(id) => Attr::Known(id),
            ImportTarget::Identity(identity) => identity.id,
        };
        Ok(ManagementCluster {
            existing: Attr::Known(Existing {}),
            id,
            endpoint: Attr::Null,
            ca_certificate: Attr::Null,
            kubernetes_version: Attr::Null,
            components: Attr::Null,
        })
    }

    fn identity(&self, state: &ManagementCluster) -> Option<ManagementClusterIdentity> {
        state.id.known()?;
        Some(ManagementClusterIdentity { id: state.id.clone() })
    }
}

impl Components {
    fn of(installed: &[Component]) -> Self {
        let version = |name: &str| -> Attr<String> {
            let component = installed.iter().find(|component| component.name == name && component.installed);
            component.map(|component| component.version.clone().unwrap_or_else(|| "unknown".to_owned())).into()
        };
        Self {
            strimzi: version("strimzi"),
            cluster_api: version("cluster-api"),
            flux: version("flux"),
            cert_manager: version("cert-manager"),
            external_dns: version("external-dns"),
        }
    }
}

/// Major and minor of "v1.36.3" or "v1.33.1-eks-1234567".
fn minor_version(text: &str) -> Option<(u32, u32)> {
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
