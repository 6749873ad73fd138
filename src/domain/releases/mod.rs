//! What runs in a tenant's own cluster beside Kafka, as Flux sources and HelmReleases on the management cluster.
//!
//! Each release reaches the tenant's cluster by the Secret that Cluster API keeps its kubeconfig in, and keeps its own state there. It may be made
//! before that cluster is ready: Flux tries again until it is.

mod charts;
pub mod mirror;
pub mod status;
#[cfg(test)]
mod tests;
mod versions;

use serde_json::{Value, json};

use super::cluster::{Class, ClusterSpec};
use super::manifests::manifest;
use super::object::{Kind, Manifest};
use super::tenant::TenantSpec;

pub use charts::{
    Chart, EBS_SERVICE_ACCOUNT, EXTERNAL_DNS_SERVICE_ACCOUNT, ExternalDns, Source, external_dns_arguments, source as chart_source,
};
pub use versions::{ComponentVersions, VersionFormatError};

/// Where Strimzi's operator runs in a tenant's cluster; monitoring looks for it there.
pub const STRIMZI_NAMESPACE: &str = "strimzi";
/// The chart puts itself into a namespace that its values name.
const DRAIN_CLEANER_NAMESPACE: &str = "strimzi-drain-cleaner";

/// A program installed by a chart of its own. The order is that of installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Component {
    /// Gives a node of EC2 its zone and address, without which it takes no pods.
    CloudController,
    /// Pods' network.
    Network,
    EbsCsi,
    CertManager,
    Monitoring,
    ExternalDns,
    Strimzi,
    /// Has Strimzi move the brokers of a node that is drained.
    DrainCleaner,
}

impl Component {
    pub const ALL: [Self; 8] = [
        Self::CloudController,
        Self::Network,
        Self::EbsCsi,
        Self::CertManager,
        Self::Monitoring,
        Self::ExternalDns,
        Self::Strimzi,
        Self::DrainCleaner,
    ];

    /// The name of its source, its HelmRelease and its Helm release.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CloudController => "aws-cloud-controller-manager",
            Self::Network => "cilium",
            Self::EbsCsi => "aws-ebs-csi-driver",
            Self::CertManager => "cert-manager",
            Self::Monitoring => "kube-prometheus-stack",
            Self::ExternalDns => "external-dns",
            Self::Strimzi => "strimzi-kafka-operator",
            Self::DrainCleaner => "strimzi-drain-cleaner",
        }
    }

    /// Where it runs in the tenant's cluster.
    pub const fn namespace(self) -> &'static str {
        match self {
            Self::CloudController | Self::Network | Self::EbsCsi => "kube-system",
            Self::CertManager => "cert-manager",
            Self::Monitoring => "monitoring",
            Self::ExternalDns => "external-dns",
            Self::Strimzi => STRIMZI_NAMESPACE,
            Self::DrainCleaner => DRAIN_CLEANER_NAMESPACE,
        }
    }

    /// The component that a release is of.
    pub fn of_release(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|component| component.name() == name)
    }

    /// Whether Kafka does without it, for a while or for good: nothing waits for it, and a tenant is well without it.
    pub const fn is_dispensable(self) -> bool {
        matches!(self, Self::DrainCleaner)
    }

    /// Those that have to be there first.
    const fn needs(self) -> &'static [Self] {
        match self {
            Self::CloudController | Self::Network => &[],
            Self::EbsCsi | Self::CertManager => &[Self::CloudController, Self::Network],
            Self::Monitoring | Self::ExternalDns | Self::Strimzi => &[Self::CertManager, Self::EbsCsi],
            Self::DrainCleaner => &[Self::CertManager],
        }
    }
}

/// What a tenant's cluster is to have.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted {
    pub versions: ComponentVersions,
    /// None: nothing writes DNS records.
    pub external_dns: Option<ExternalDns>,
    /// Prometheus and what belongs to it.
    pub monitoring: bool,
}

/// The components of a cluster of this class: EKS brings its network and its storage driver with it, and of a class of the user's own it is taken
/// that it does, too.
pub fn components(cluster: &ClusterSpec, wanted: &Wanted) -> Vec<Component> {
    let is_wanted = |component: &Component| match component {
        Component::CloudController | Component::Network | Component::EbsCsi => cluster.class() == Class::Aws,
        Component::Monitoring => wanted.monitoring,
        Component::ExternalDns => wanted.external_dns.is_some(),
        Component::CertManager | Component::Strimzi | Component::DrainCleaner => true,
    };
    Component::ALL.into_iter().filter(is_wanted).collect()
}

/// The sources and HelmReleases in the order in which they are applied; all in the tenant's namespace of the management cluster.
pub fn build(spec: &TenantSpec, cluster: &ClusterSpec, wanted: &Wanted) -> Vec<Manifest> {
    let components = components(cluster, wanted);
    let of = |component: &Component| {
        let chart = charts::chart(spec, cluster, wanted, *component);
        let chart = match &spec.mirror {
            Some(registry) => mirror::mirrored(chart, *component, registry),
            None => chart,
        };
        [source(spec, *component, &chart), release(spec, *component, &chart, &components)]
    };
    components.iter().flat_map(of).collect()
}

/// Looked at rarely: versions are pinned, so a source never changes by itself.
const SOURCE_INTERVAL: &str = "1h";
const RELEASE_INTERVAL: &str = "10m";
/// Images are pulled on nodes that may still be starting.
const TIMEOUT: &str = "10m";
const RETRY_INTERVAL: &str = "30s";

fn source(spec: &TenantSpec, component: Component, chart: &Chart) -> Manifest {
    let (kind, fields) = source_fields(chart);
    manifest(spec, kind, component.name(), json!({ "spec": fields }))
}

/// The kind of a chart's source and its `spec`.
pub fn source_fields(chart: &Chart) -> (Kind, Value) {
    match &chart.source {
        Source::Oci(url) => {
            let layer = json!({ "mediaType": "application/vnd.cncf.helm.chart.content.v1.tar+gzip", "operation": "copy" });
            let reference = json!({ "tag": chart.version });
            (Kind::OciRepository, json!({ "interval": SOURCE_INTERVAL, "url": url, "ref": reference, "layerSelector": layer }))
        }
        Source::Http(url) => (Kind::HelmRepository, json!({ "interval": SOURCE_INTERVAL, "url": url })),
    }
}

fn release(spec: &TenantSpec, component: Component, chart: &Chart, installed: &[Component]) -> Manifest {
    let mut fields = release_fields(component, chart);
    fields["kubeConfig"] = json!({ "secretRef": { "name": spec.name.kubeconfig_secret() } });
    let needs: Vec<Value> =
        component.needs().iter().filter(|needed| installed.contains(needed)).map(|needed| json!({ "name": needed.name() })).collect();
    if !needs.is_empty() {
        fields["dependsOn"] = json!(needs);
    }
    manifest(spec, Kind::HelmRelease, component.name(), json!({ "spec": fields }))
}

/// The `spec` of a component's HelmRelease, to be installed in the cluster it is in.
pub fn release_fields(component: Component, chart: &Chart) -> Value {
    let name = component.name();
    let mut fields = json!({
        "interval": RELEASE_INTERVAL,
        "timeout": TIMEOUT,
        "releaseName": name,
        "targetNamespace": component.namespace(),
        // The release's own Secrets are in the cluster it is installed in, in a namespace that exists there.
        "storageNamespace": component.namespace(),
        "install": { "createNamespace": true, "crds": "Create", "strategy": retry(), "remediation": { "retries": -1 } },
        // Helm never touches CRDs again by itself.
        "upgrade": { "crds": "CreateReplace", "strategy": retry(), "remediation": { "retries": -1 } },
        "driftDetection": { "mode": "enabled" },
        "values": chart.values,
    });
    match chart.source {
        Source::Oci(_) => fields["chartRef"] = json!({ "kind": Kind::OciRepository.api().kind, "name": name }),
        Source::Http(_) => {
            let source = json!({ "kind": Kind::HelmRepository.api().kind, "name": name });
            fields["chart"] = json!({ "spec": { "chart": chart.name, "version": chart.version, "sourceRef": source } });
        }
    }
    fields
}

/// A failed step is done again as it is: taking a half-made release away first would take CRDs, and with them Kafka, away.
fn retry() -> Value {
    json!({ "name": "RetryOnFailure", "retryInterval": RETRY_INTERVAL })
}
