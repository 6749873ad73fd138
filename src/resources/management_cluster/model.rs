//! What a management cluster is in a configuration and in the state.

use std::collections::BTreeSet;

use crate::{
    domain::components::Component,
    framework::{attr::Attr, model::Model, timeouts::Timeouts},
    resources::management_cluster::{
        eks::model::{Eks, NodeGroupReport, StatusReport},
        install::{Install, Mirror},
    },
};

/// The Kubernetes cluster that tenants live on. `eks {}` makes an EKS cluster, `existing {}` adopts a cluster that is there; exactly one of them is written.
///
/// The cluster is checked: it must answer, be a version Strimzi runs on, and let this provider's user do what tenants need.
/// Where Cluster API is installed, the ClusterClasses of tenants with clusters of their own are kept in the namespace `kaas-system`. With an `install` block
/// what tenants stand on is installed as well.
///
/// A cluster that `eks {}` made is deleted when this resource is destroyed, unless tenants live on it or `deletion_protection` is on. Of an adopted cluster
/// the classes that no tenant uses and what was installed are removed, and it is left as it is.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct ManagementCluster {
    /// Makes an EKS cluster.
    #[tf(block)]
    pub eks: Attr<Eks>,
    /// Adopts a cluster: the EKS cluster that is named, else the one that the provider's `kubernetes {}` block, or the environment, points to.
    #[tf(block)]
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
    /// Deadlines of waiting. Where they are not given: with `eks {}` 1 hour to create, 3 hours to update and 1 hour to delete, else 10 minutes each, and 30 with
    /// `install {}`.
    #[tf(block)]
    pub timeouts: Attr<Timeouts>,
    /// Where the cluster is: `eks/<region>/<name>`, `context/<context>` or `host/<host:port>`. Tenants refer to it, also while it is still unknown.
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
    /// ARN of the EKS cluster. This and what follows of EKS is null for a cluster that is reached by the provider's `kubernetes {}` block.
    #[tf(computed, stable)]
    pub arn: Attr<String>,
    /// URL of the EKS cluster's OIDC issuer, for IAM roles of service accounts.
    #[tf(computed, stable)]
    pub oidc_issuer: Attr<String>,
    /// VPC of the EKS cluster.
    #[tf(computed, stable)]
    pub vpc_id: Attr<String>,
    /// Security group that EKS made for the cluster and its nodes.
    #[tf(computed, stable)]
    pub cluster_security_group_id: Attr<String>,
    /// Platform version of EKS, such as `eks.9`.
    #[tf(computed)]
    pub platform_version: Attr<String>,
    /// The node groups that `eks {}` made, by name.
    #[tf(computed)]
    pub node_groups: Attr<Vec<NodeGroupReport>>,
    /// How the EKS cluster is.
    #[tf(computed)]
    pub status: Attr<StatusReport>,
    /// What is installed.
    #[tf(computed)]
    pub components: Attr<Components>,
    /// What is not as this provider makes it, one line each: of the ClusterClasses and their templates, of what was installed, and of what `eks {}` makes and
    /// has no attribute for. The next apply mends it.
    #[tf(computed)]
    pub drift: Attr<Vec<String>>,
    /// What the planned apply does to the EKS cluster, one line for each change: `live` (nothing restarts), `rolling` (nodes are replaced, one after the other)
    /// or `one way` (it cannot be taken back). Afterwards, what the last change did.
    #[tf(computed)]
    pub changes: Attr<Vec<String>>,
}

/// Adopts a cluster.
#[derive(Clone, Debug, Default, PartialEq, Model)]
pub struct Existing {
    /// Name of an EKS cluster, which is reached with the credentials for AWS.
    #[tf(optional)]
    pub eks_name: Attr<String>,
    /// Its region. Unset, it is that of the provider's `aws` block or of the environment.
    #[tf(optional)]
    pub region: Attr<String>,
}

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

/// A cluster of which everything is still to be seen.
pub fn blank() -> ManagementCluster {
    ManagementCluster {
        cluster_classes: Attr::Unknown,
        id: Attr::Unknown,
        endpoint: Attr::Unknown,
        ca_certificate: Attr::Unknown,
        kubernetes_version: Attr::Unknown,
        components: Attr::Unknown,
        arn: Attr::Unknown,
        oidc_issuer: Attr::Unknown,
        vpc_id: Attr::Unknown,
        cluster_security_group_id: Attr::Unknown,
        platform_version: Attr::Unknown,
        drift: Attr::Unknown,
        ..nothing()
    }
}

/// Nothing at all.
pub const fn nothing() -> ManagementCluster {
    ManagementCluster {
        eks: Attr::Null,
        existing: Attr::Null,
        cluster_classes: Attr::Null,
        install: Attr::Null,
        mirror: Attr::Null,
        timeouts: Attr::Null,
        id: Attr::Null,
        endpoint: Attr::Null,
        ca_certificate: Attr::Null,
        kubernetes_version: Attr::Null,
        components: Attr::Null,
        arn: Attr::Null,
        oidc_issuer: Attr::Null,
        vpc_id: Attr::Null,
        cluster_security_group_id: Attr::Null,
        platform_version: Attr::Null,
        node_groups: Attr::Null,
        status: Attr::Null,
        drift: Attr::Null,
        changes: Attr::Null,
    }
}
