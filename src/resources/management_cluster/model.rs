//! What a management cluster is in a configuration and in the state.

use std::collections::BTreeSet;

use crate::{
    domain::components::Component,
    framework::{attr::Attr, model::Model, timeouts::Timeouts},
    resources::management_cluster::install::{Install, Mirror},
};

/// The Kubernetes cluster that tenants live on. `existing {}` adopts the cluster the provider's `kubernetes {}` points to.
///
/// The cluster is checked when it is adopted: it must answer, be a version Strimzi runs on, and let this provider's user do what tenants need.
/// Where Cluster API is installed, the ClusterClasses of tenants with clusters of their own are kept in the namespace `kaas-system`. With an `install` block
/// what tenants stand on is installed as well; nothing else is changed. Destroying this resource removes the classes that no tenant uses and what it
/// installed, forgets the cluster and leaves it as it is.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct ManagementCluster {
    /// Adopts the cluster that the provider's `kubernetes {}` block, or the environment, points to.
    #[tf(block, required)]
    pub existing: Attr<Existing>,
    /// The ClusterClasses that are kept in `kaas-system`: `kaas-eks` (managed control plane on AWS) and `kaas-aws` (kubeadm on EC2). Unset, a new resource keeps
    /// those that the installed providers of Cluster API can make, and later the same. An empty set: none. Classes of your own are not listed here.
    #[tf(optional, computed)]
    pub cluster_classes: Attr<BTreeSet<String>>,
    /// Installs what tenants stand on. Without this block nothing is installed.
    #[tf(block)]
    pub install: Attr<Install>,
    /// Where `install` gets its files and images, for sites without internet.
    #[tf(block)]
    pub mirror: Attr<Mirror>,
    /// Deadlines of waiting for Cluster API: 10 minutes each where they are not given.
    #[tf(block)]
    pub timeouts: Attr<Timeouts>,
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
    /// What of the ClusterClasses, their templates and what was installed is not as this provider makes it, one line each. The next apply mends it.
    #[tf(computed)]
    pub drift: Attr<Vec<String>>,
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

impl Components {
    pub fn of(installed: &[Component]) -> Self {
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
