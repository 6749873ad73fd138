//! What a tenant is in a configuration and in the state.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    framework::{attr::Attr, model::Model, timeouts::Timeouts},
    resources::{
        tenant::{
            outside::{CertificateReport, Dns, External, Tls},
            own_cluster::{ClusterSettings, OperatorVersions},
        },
        wishes::{Override, Retention, SizingReport, Throughput},
    },
};

/// One tenant: a Kafka of its own, sized from throughput and retention, with everything under it.
///
/// Destroying a tenant deletes its data. `deletion_protection` is on unless it is switched off, and is checked when the plan is made.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct Tenant {
    /// Name of the tenant, unique on its management cluster: lower-case letters, digits and hyphens, at most 40, beginning with a letter.
    #[tf(required, replace)]
    pub name: Attr<String>,
    /// `id` of the `kaas_management_cluster` the tenant lives on. May be unknown while planning.
    #[tf(required, replace)]
    pub management_cluster: Attr<String>,
    /// What the tenant has to itself. `cluster`: a Kubernetes cluster, made by Cluster API. `namespace`: a namespace on the management cluster.
    #[tf(optional, default = "cluster")]
    pub isolation: Attr<String>,
    /// Whether a plan that destroys the tenant is refused.
    #[tf(optional, default = true)]
    pub deletion_protection: Attr<bool>,
    /// Partitions the tenant needs, before replication. The sizing makes room for them.
    #[tf(optional)]
    pub partitions: Attr<u32>,
    /// How much data flows, at peak.
    #[tf(block, required)]
    pub throughput: Attr<Throughput>,
    /// How long data stays.
    #[tf(block, required)]
    pub retention: Attr<Retention>,
    /// Settings of Kafka itself: version, authentication and broker settings.
    #[tf(block)]
    pub kafka: Attr<KafkaSettings>,
    /// Figures to use in place of the computed ones.
    #[tf(block)]
    pub sizing_override: Attr<Override>,
    /// Where the data lie: StorageClass and encryption key.
    #[tf(block)]
    pub storage: Attr<Storage>,
    /// Who may see and reach the tenant.
    #[tf(block)]
    pub access: Attr<Access>,
    /// Names of the tenant in DNS, by which clients outside of the cluster begin and find its brokers.
    #[tf(block)]
    pub dns: Attr<Dns>,
    /// Whose certificate clients outside of the cluster are shown.
    #[tf(block)]
    pub tls: Attr<Tls>,
    /// How clients outside of the cluster come in. Without this block and `dns` they do not.
    #[tf(block)]
    pub external: Attr<External>,
    /// The tenant's own Kubernetes cluster, with `isolation = "cluster"`.
    #[tf(block)]
    pub cluster: Attr<ClusterSettings>,
    /// Versions of what runs in the tenant's own cluster beside Kafka.
    #[tf(block)]
    pub operators: Attr<OperatorVersions>,
    /// Whether the tenant is watched: metrics, alerts and a Grafana dashboard. With `isolation = "cluster"` the Prometheus stack is installed in the tenant's
    /// cluster; with `namespace` the management cluster needs the Prometheus operator. One that `install {}` did not bring has to ask Strimzi's operator
    /// and cert-manager for their metrics itself; without them no alert tells of a certificate that is not renewed.
    #[tf(optional, default = false)]
    pub monitoring: Attr<bool>,
    /// Deadlines of waiting: 1 hour to create, 2 hours to update and 1 hour to delete where they are not given.
    #[tf(block)]
    pub timeouts: Attr<Timeouts>,
    /// `<management cluster>/<name>`, which is also what `import` takes.
    #[tf(computed, stable)]
    pub id: Attr<String>,
    /// What throughput and retention come to, with the reason for each figure. Known when the plan is made.
    #[tf(computed)]
    pub sizing: Attr<SizingReport>,
    /// Kafka version that is wanted: the configured one, else the version the tenant was made with.
    #[tf(computed)]
    pub kafka_version: Attr<String>,
    /// Kubernetes version that is wanted of the tenant's own cluster: the configured one, else the version it was made with.
    #[tf(computed)]
    pub kubernetes_version: Attr<String>,
    /// What clients take as `bootstrap.servers`: `host:port`, several separated by commas. With a `dns` block and load balancers it is the tenant's name, known
    /// when the plan is made and the same whatever becomes of brokers; with node ports, those; else the address inside of the cluster.
    #[tf(computed)]
    pub bootstrap_servers: Attr<String>,
    /// Certificate, in PEM, of the authority that signs the brokers' certificates; null where `tls` names another issuer, whose authority clients trust by
    /// their own means.
    #[tf(computed)]
    pub ca_certificate: Attr<String>,
    /// The certificate that clients outside of the cluster are shown; null where it is that of the Kafka's own CA.
    #[tf(computed)]
    pub certificate: Attr<CertificateReport>,
    /// Kafka's own id of the cluster.
    #[tf(computed, stable)]
    pub cluster_id: Attr<String>,
    /// Where the tenant is in Kubernetes.
    #[tf(computed, stable)]
    pub kubernetes: Attr<Location>,
    /// How the tenant is.
    #[tf(computed)]
    pub status: Attr<StatusReport>,
    /// What in the cluster differs from what this provider wants, one line for each field. The next apply mends it. Of a tenant with a Kubernetes cluster of its
    /// own, lines about what is in there begin with `in its own cluster`; the others are about the management cluster.
    #[tf(computed)]
    pub drift: Attr<Vec<String>>,
    /// What the planned apply does to the running Kafka, one line for each change with its class: `live` (nothing restarts), `rolling restart` (one broker after
    /// the other restarts) or `data movement` (brokers come or go). Afterwards, what the last change did. What needs a new tenant is marked as a replacement, what
    /// cannot be done is refused.
    #[tf(computed)]
    pub changes: Attr<Vec<String>>,
}

/// Settings of Kafka itself.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct KafkaSettings {
    /// Kafka version, such as `4.3.1`. Unset, a new tenant gets the newest and keeps it. It is raised in place, one broker after the other; a step back is
    /// refused unless the metadata version allows it.
    #[tf(optional)]
    pub version: Attr<String>,
    /// Metadata version, such as `4.3-IV0`. Unset, it follows the Kafka version once all brokers run it. It never goes back.
    #[tf(optional)]
    pub metadata_version: Attr<String>,
    /// How clients prove who they are: `tls` by certificate, `scram-sha-512` by password. Connections are encrypted either way.
    #[tf(optional, default = "tls")]
    pub authentication: Attr<String>,
    /// Broker settings by Kafka's own names. Settings that the operator or the sizing govern are refused.
    #[tf(optional)]
    pub config: Attr<BTreeMap<String, String>>,
}

/// Where the data lie.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct Storage {
    /// StorageClass of the volumes. Unset, clusters on AWS get an encrypted gp3 class of the tenant's own, others use their default class.
    #[tf(optional, replace)]
    pub class: Attr<String>,
    /// ARN of the KMS key that encrypts the volumes on AWS. Unset, it is the account's default key.
    #[tf(optional, replace)]
    pub kms_key_arn: Attr<String>,
}

/// Who may see and reach the tenant.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct Access {
    /// Kubernetes groups that may read the tenant's Kafka objects, pods and events. They see no secret.
    #[tf(optional)]
    pub groups: Attr<BTreeSet<String>>,
    /// Namespaces whose pods may reach the client listeners. Unset, all may.
    #[tf(optional)]
    pub client_namespaces: Attr<BTreeSet<String>>,
}

/// Where the tenant is in Kubernetes.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct Location {
    /// Namespace of the tenant: on the management cluster and, of the same name, in its own cluster.
    #[tf(computed)]
    pub namespace: Attr<String>,
    /// Name of the Cluster object, in that namespace of the management cluster; null for a tenant that has no cluster of its own.
    #[tf(computed)]
    pub cluster: Attr<String>,
    /// Name of the Secret, in that namespace of the management cluster, with the kubeconfig of the tenant's own cluster. Its contents are never in state or
    /// plan.
    #[tf(computed)]
    pub kubeconfig_secret: Attr<String>,
    /// Name of the Kafka object.
    #[tf(computed)]
    pub kafka: Attr<String>,
    /// Name of the KafkaUser that administers this Kafka: all of its topics, groups and transactions, and the rights of its users.
    #[tf(computed)]
    pub admin_user: Attr<String>,
    /// Name of the Secret with that user's credentials. Its contents are never in state or plan.
    #[tf(computed)]
    pub admin_secret: Attr<String>,
}

/// How the tenant is.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct StatusReport {
    /// `Pending`, `Creating`, `Updating`, `Ready`, `NotReady`, `Paused`, `Failed`, `Deleting`, or `Missing` when somebody deleted the Kafka object.
    /// Anything but `Ready` makes the next apply wait on.
    #[tf(computed)]
    pub phase: Attr<String>,
    /// One word from the operator.
    #[tf(computed)]
    pub reason: Attr<String>,
    /// What is missing or wrong, in sentences.
    #[tf(computed)]
    pub message: Attr<String>,
    /// Kafka version that runs.
    #[tf(computed)]
    pub kafka_version: Attr<String>,
    /// Metadata version that is in force.
    #[tf(computed)]
    pub metadata_version: Attr<String>,
}

/// What names a tenant for ever.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct TenantIdentity {
    /// `id` of the management cluster.
    #[tf(required)]
    pub management_cluster: Attr<String>,
    /// Name of the tenant.
    #[tf(required)]
    pub name: Attr<String>,
}
