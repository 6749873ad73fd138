//! Where each chart comes from and the values it gets: only what a tenant needs other than the chart's own default.

use serde_json::{Value, json};

use super::{Component, Wanted};
use crate::domain::cluster::{ClusterSpec, Placed, placement};
use crate::domain::tenant::TenantSpec;

#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    pub source: Source,
    /// Of the chart in its repository.
    pub name: &'static str,
    pub version: String,
    pub values: Value,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// An OCI artifact, which is one chart.
    Oci(String),
    /// A repository of charts.
    Http(String),
}

/// The DNS records that external-dns writes for a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalDns {
    /// Of Route53.
    pub zone_ids: Vec<String>,
    /// Records are written at and below these names only.
    pub domains: Vec<String>,
    /// By which it knows the records that it has written.
    pub owner: String,
    /// A role that its service account takes by the cluster's OIDC provider. None: EKS Pod Identity, or the node's.
    pub role_arn: Option<String>,
    /// The region its client of AWS is set to.
    pub region: Option<String>,
}

/// Service accounts that act on AWS, as Pod Identity associations and trust policies name them. The EBS driver's is that of the EKS add-on, too.
pub const EXTERNAL_DNS_SERVICE_ACCOUNT: &str = "external-dns";
pub const EBS_SERVICE_ACCOUNT: &str = "ebs-csi-controller-sa";

/// Where its project publishes a chart.
pub fn source(component: Component) -> Source {
    let http = |url: &str| Source::Http(url.to_owned());
    let oci = |url: &str| Source::Oci(url.to_owned());
    match component {
        Component::CloudController => http("https://kubernetes.github.io/cloud-provider-aws"),
        Component::Network => oci("oci://quay.io/cilium/charts/cilium"),
        Component::EbsCsi => http("https://kubernetes-sigs.github.io/aws-ebs-csi-driver"),
        Component::CertManager => oci("oci://quay.io/jetstack/charts/cert-manager"),
        Component::Monitoring => oci("oci://ghcr.io/prometheus-community/charts/kube-prometheus-stack"),
        Component::ExternalDns => http("https://kubernetes-sigs.github.io/external-dns/"),
        Component::Strimzi => oci("oci://quay.io/strimzi-helm/strimzi-kafka-operator"),
        Component::DrainCleaner => oci("oci://quay.io/strimzi-helm/strimzi-drain-cleaner"),
    }
}

pub fn chart(spec: &TenantSpec, cluster: &ClusterSpec, wanted: &Wanted, component: Component) -> Chart {
    let values = match component {
        Component::CloudController => cloud_controller(),
        Component::Network => network(),
        Component::EbsCsi => ebs_csi(),
        Component::CertManager => json!({ "crds": { "enabled": true } }),
        Component::Monitoring => monitoring(spec),
        Component::ExternalDns => wanted.external_dns.as_ref().map_or(Value::Null, external_dns),
        Component::Strimzi => strimzi(cluster),
        Component::DrainCleaner => drain_cleaner(cluster),
    };
    Chart { source: source(component), name: component.name(), version: wanted.versions.of(component).to_owned(), values }
}

const CONTROL_PLANE: &str = "node-role.kubernetes.io/control-plane";

/// On the control plane, whose machines may ask EC2; and before any other pod can run.
fn cloud_controller() -> Value {
    json!({
        "args": ["--v=2", "--cloud-provider=aws", "--configure-cloud-routes=false"],
        "hostNetworking": true,
        "nodeSelector": { CONTROL_PLANE: "" },
        "tolerations": [
            { "key": "node.cloudprovider.kubernetes.io/uninitialized", "value": "true", "effect": "NoSchedule" },
            { "key": CONTROL_PLANE, "effect": "NoSchedule" },
            { "key": "node.kubernetes.io/not-ready", "effect": "NoSchedule" },
        ],
    })
}

/// Pod addresses are those kubeadm gives each node; between nodes they go through VXLAN, for which the class opens the port.
fn network() -> Value {
    json!({ "ipam": { "mode": "kubernetes" }, "routingMode": "tunnel", "tunnelProtocol": "vxlan" })
}

/// The controller on the control plane, whose machines may make volumes.
fn ebs_csi() -> Value {
    let toleration = json!({ "key": CONTROL_PLANE, "operator": "Exists", "effect": "NoSchedule" });
    json!({
        "controller": {
            "nodeSelector": { CONTROL_PLANE: "" },
            "tolerations": [toleration],
            "serviceAccount": { "name": EBS_SERVICE_ACCOUNT },
        },
    })
}

/// Sees the monitors and rules of every namespace, not only those of its own chart.
fn monitoring(spec: &TenantSpec) -> Value {
    json!({
        "prometheus": { "prometheusSpec": {
            "podMonitorSelectorNilUsesHelmValues": false,
            "serviceMonitorSelectorNilUsesHelmValues": false,
            "ruleSelectorNilUsesHelmValues": false,
            "externalLabels": { "tenant": spec.name.as_str() },
        } },
        "grafana": { "sidecar": { "dashboards": { "enabled": true, "searchNamespace": "ALL" } } },
    })
}

/// The zones it looks into. Without the second argument it passes over zones whose name is above its domains, as that of a tenant's always is.
pub fn external_dns_arguments(zone_ids: &[String]) -> Vec<String> {
    let zones = zone_ids.iter().map(|id| format!("--zone-id-filter={id}"));
    zones.chain(std::iter::once("--aws-zone-match-parent".to_owned())).collect()
}

/// It takes its records away again, and only those it wrote itself, which it knows by an owner that no other cluster has.
fn external_dns(dns: &ExternalDns) -> Value {
    let mut values = json!({
        "provider": { "name": "aws" },
        "sources": ["service"],
        "policy": "sync",
        "registry": "txt",
        "txtOwnerId": dns.owner,
        "domainFilters": dns.domains,
        "extraArgs": external_dns_arguments(&dns.zone_ids),
        "serviceAccount": { "name": EXTERNAL_DNS_SERVICE_ACCOUNT },
    });
    if let Some(role) = &dns.role_arn {
        values["serviceAccount"]["annotations"] = json!({ "eks.amazonaws.com/role-arn": role });
    }
    if let Some(region) = &dns.region {
        values["env"] = json!([{ "name": "AWS_DEFAULT_REGION", "value": region }]);
    }
    values
}

/// One operator for the whole cluster, on the nodes that are not the brokers'.
fn strimzi(cluster: &ClusterSpec) -> Value {
    on_system_nodes(cluster, json!({ "watchAnyNamespace": true }))
}

/// It refuses the eviction of a pod of Kafka and has Strimzi restart that pod, which waits until no partition would be left with too few replicas in sync. Two, of
/// which one stays: where it does not answer, evictions go by the disruption budget alone. Source: Strimzi Drain Cleaner 1.6, `ValidatingWebhook` and its chart.
fn drain_cleaner(cluster: &ClusterSpec) -> Value {
    let values = json!({
        "replicaCount": 2,
        "podDisruptionBudget": { "create": true },
        // cert-manager writes the authority into the webhook; the chart's own would be put back by Flux again and again.
        "certManager": { "create": true },
        "secret": { "ca_bundle": "" },
        "namespace": { "create": false, "name": Component::DrainCleaner.namespace() },
    });
    on_system_nodes(cluster, values)
}

fn on_system_nodes(cluster: &ClusterSpec, mut values: Value) -> Value {
    if let Some(placement) = placement(cluster, Placed::System) {
        values["affinity"] = placement["affinity"].clone();
    }
    values
}
