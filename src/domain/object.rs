//! The Kubernetes objects this provider deals with: which kinds there are, and how one object is named.

use std::fmt;

use serde_json::Value;

/// Every kind of object the provider makes, reads or deletes. The one place that knows their API groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Namespace,
    ResourceQuota,
    LimitRange,
    NetworkPolicy,
    Role,
    RoleBinding,
    StorageClass,
    VolumeAttributesClass,
    Kafka,
    KafkaNodePool,
    KafkaUser,
    KafkaTopic,
    KafkaRebalance,
    StrimziPodSet,
    Secret,
    ConfigMap,
    PersistentVolumeClaim,
    PersistentVolume,
    Pod,
    CsiDriver,
    Deployment,
    CustomResourceDefinition,
    Service,
    Cluster,
    ClusterClass,
    MachineDeployment,
    MachineSet,
    Machine,
    AwsClusterTemplate,
    AwsMachineTemplate,
    AwsManagedClusterTemplate,
    AwsManagedControlPlane,
    AwsManagedControlPlaneTemplate,
    KubeadmConfigTemplate,
    KubeadmControlPlaneTemplate,
    NodeadmConfigTemplate,
    HelmRelease,
    HelmRepository,
    OciRepository,
    PodMonitor,
    PrometheusRule,
    Certificate,
    CertificateRequest,
    ClusterIssuer,
    Order,
    Challenge,
    Event,
}

/// Groups of Cluster API and its providers. The AWS provider's "v1beta2" is its own and no relation of the core's.
const CLUSTER_API: &str = "cluster.x-k8s.io";
const INFRASTRUCTURE: &str = "infrastructure.cluster.x-k8s.io";
const CONTROL_PLANE: &str = "controlplane.cluster.x-k8s.io";
const BOOTSTRAP: &str = "bootstrap.cluster.x-k8s.io";

impl Kind {
    /// API group ("" for the core group), version, kind as written in manifests, plural as written in URLs, and whether objects live in a namespace.
    pub const fn api(self) -> Api {
        match self {
            Self::Namespace => Api::new("", "v1", "Namespace", "namespaces", false),
            Self::ResourceQuota => Api::new("", "v1", "ResourceQuota", "resourcequotas", true),
            Self::LimitRange => Api::new("", "v1", "LimitRange", "limitranges", true),
            Self::NetworkPolicy => Api::new("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", true),
            Self::Role => Api::new("rbac.authorization.k8s.io", "v1", "Role", "roles", true),
            Self::RoleBinding => Api::new("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings", true),
            Self::StorageClass => Api::new("storage.k8s.io", "v1", "StorageClass", "storageclasses", false),
            Self::VolumeAttributesClass => Api::new("storage.k8s.io", "v1", "VolumeAttributesClass", "volumeattributesclasses", false),
            Self::Kafka => Api::new("kafka.strimzi.io", "v1", "Kafka", "kafkas", true),
            Self::KafkaNodePool => Api::new("kafka.strimzi.io", "v1", "KafkaNodePool", "kafkanodepools", true),
            Self::KafkaUser => Api::new("kafka.strimzi.io", "v1", "KafkaUser", "kafkausers", true),
            Self::KafkaTopic => Api::new("kafka.strimzi.io", "v1", "KafkaTopic", "kafkatopics", true),
            Self::KafkaRebalance => Api::new("kafka.strimzi.io", "v1", "KafkaRebalance", "kafkarebalances", true),
            Self::StrimziPodSet => Api::new("core.strimzi.io", "v1", "StrimziPodSet", "strimzipodsets", true),
            Self::Secret => Api::new("", "v1", "Secret", "secrets", true),
            Self::ConfigMap => Api::new("", "v1", "ConfigMap", "configmaps", true),
            Self::PersistentVolumeClaim => Api::new("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", true),
            Self::PersistentVolume => Api::new("", "v1", "PersistentVolume", "persistentvolumes", false),
            Self::Pod => Api::new("", "v1", "Pod", "pods", true),
            Self::CsiDriver => Api::new("storage.k8s.io", "v1", "CSIDriver", "csidrivers", false),
            Self::Deployment => Api::new("apps", "v1", "Deployment", "deployments", true),
            Self::CustomResourceDefinition => {
                Api::new("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", false)
            }
            Self::Service => Api::new("", "v1", "Service", "services", true),
            Self::Cluster => Api::new(CLUSTER_API, "v1beta2", "Cluster", "clusters", true),
            Self::ClusterClass => Api::new(CLUSTER_API, "v1beta2", "ClusterClass", "clusterclasses", true),
            Self::MachineDeployment => Api::new(CLUSTER_API, "v1beta2", "MachineDeployment", "machinedeployments", true),
            Self::MachineSet => Api::new(CLUSTER_API, "v1beta2", "MachineSet", "machinesets", true),
            Self::Machine => Api::new(CLUSTER_API, "v1beta2", "Machine", "machines", true),
            Self::AwsClusterTemplate => Api::new(INFRASTRUCTURE, "v1beta2", "AWSClusterTemplate", "awsclustertemplates", true),
            Self::AwsMachineTemplate => Api::new(INFRASTRUCTURE, "v1beta2", "AWSMachineTemplate", "awsmachinetemplates", true),
            Self::AwsManagedClusterTemplate => {
                Api::new(INFRASTRUCTURE, "v1beta2", "AWSManagedClusterTemplate", "awsmanagedclustertemplates", true)
            }
            Self::AwsManagedControlPlane => Api::new(CONTROL_PLANE, "v1beta2", "AWSManagedControlPlane", "awsmanagedcontrolplanes", true),
            Self::AwsManagedControlPlaneTemplate => {
                Api::new(CONTROL_PLANE, "v1beta2", "AWSManagedControlPlaneTemplate", "awsmanagedcontrolplanetemplates", true)
            }
            Self::KubeadmConfigTemplate => Api::new(BOOTSTRAP, "v1beta2", "KubeadmConfigTemplate", "kubeadmconfigtemplates", true),
            Self::KubeadmControlPlaneTemplate => {
                Api::new(CONTROL_PLANE, "v1beta2", "KubeadmControlPlaneTemplate", "kubeadmcontrolplanetemplates", true)
            }
            Self::NodeadmConfigTemplate => Api::new(BOOTSTRAP, "v1beta2", "NodeadmConfigTemplate", "nodeadmconfigtemplates", true),
            Self::HelmRelease => Api::new("helm.toolkit.fluxcd.io", "v2", "HelmRelease", "helmreleases", true),
            Self::HelmRepository => Api::new("source.toolkit.fluxcd.io", "v1", "HelmRepository", "helmrepositories", true),
            Self::OciRepository => Api::new("source.toolkit.fluxcd.io", "v1", "OCIRepository", "ocirepositories", true),
            Self::PodMonitor => Api::new("monitoring.coreos.com", "v1", "PodMonitor", "podmonitors", true),
            Self::PrometheusRule => Api::new("monitoring.coreos.com", "v1", "PrometheusRule", "prometheusrules", true),
            Self::Certificate => Api::new("cert-manager.io", "v1", "Certificate", "certificates", true),
            Self::CertificateRequest => Api::new("cert-manager.io", "v1", "CertificateRequest", "certificaterequests", true),
            Self::ClusterIssuer => Api::new("cert-manager.io", "v1", "ClusterIssuer", "clusterissuers", false),
            Self::Order => Api::new("acme.cert-manager.io", "v1", "Order", "orders", true),
            Self::Challenge => Api::new("acme.cert-manager.io", "v1", "Challenge", "challenges", true),
            Self::Event => Api::new("", "v1", "Event", "events", true),
        }
    }
}

/// How a kind is addressed in the Kubernetes API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Api {
    pub group: &'static str,
    pub version: &'static str,
    pub kind: &'static str,
    pub plural: &'static str,
    pub namespaced: bool,
}

impl Api {
    const fn new(group: &'static str, version: &'static str, kind: &'static str, plural: &'static str, namespaced: bool) -> Self {
        Self { group, version, kind, plural, namespaced }
    }

    /// `apiVersion` as written in a manifest: "v1" or "group/version".
    pub fn api_version(self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }
}

/// The address of one object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectRef {
    pub kind: Kind,
    /// None for kinds without a namespace.
    pub namespace: Option<String>,
    pub name: String,
}

impl ObjectRef {
    pub fn namespaced(kind: Kind, namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { kind, namespace: Some(namespace.into()), name: name.into() }
    }

    /// The address of an object as the API server gave it.
    pub fn of(kind: Kind, object: &Value) -> Self {
        let text = |name: &str| object["metadata"][name].as_str().map(str::to_owned);
        Self { kind, namespace: text("namespace"), name: text("name").unwrap_or_default() }
    }

    pub fn global(kind: Kind, name: impl Into<String>) -> Self {
        Self { kind, namespace: None, name: name.into() }
    }
}

/// "Kafka kaas-payments/payments", as it stands in messages.
impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind.api().kind;
        match &self.namespace {
            Some(namespace) => write!(f, "{kind} {namespace}/{}", self.name),
            None => write!(f, "{kind} {}", self.name),
        }
    }
}

/// One object as the provider wants it: only the fields it owns.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    pub object: ObjectRef,
    /// The whole object with `apiVersion`, `kind` and `metadata`, ready for server-side apply.
    pub body: Value,
}
