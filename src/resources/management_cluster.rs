//! `kaas_management_cluster`: the Kubernetes cluster that tenants live on, or are managed from.
//!
//! `existing {}` adopts a cluster: it is looked at and never written to, and destroying the resource only forgets it.

use crate::{
    domain::components::{self, Component},
    drivers::kubernetes::Cluster,
    framework::{
        attr::Attr,
        diagnostic::Diagnostics,
        model::Model,
        parts::{Call, Change, Failed, ImportTarget, Resource, Verdict},
    },
    resources::connection::Connection,
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
