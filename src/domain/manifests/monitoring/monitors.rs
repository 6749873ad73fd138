//! Who is asked for metrics: the pods of Kafka and of its entity operator and, where the tenant has them to itself, those of Strimzi's operator and of cert-manager.
//!
//! Source of labels and ports: Strimzi 1.2, `packaging/examples/metrics/prometheus-install/pod-monitors`; cert-manager 1.21, `deploy/charts/cert-manager`.

use serde_json::{Value, json};

use crate::domain::manifests::manifest;
use crate::domain::names::STRIMZI_CLUSTER_LABEL;
use crate::domain::object::{Kind, Manifest};
use crate::domain::releases;
use crate::domain::tenant::TenantSpec;

pub fn kafka(spec: &TenantSpec) -> Manifest {
    let labels = json!({ STRIMZI_CLUSTER_LABEL: spec.name.kafka(), "strimzi.io/kind": "Kafka", "strimzi.io/component-type": "kafka" });
    let endpoint = json!({ "path": "/metrics", "port": "tcp-prometheus", "relabelings": relabelings() });
    monitor(spec, format!("{}-kafka", spec.name), &labels, None, &json!([endpoint]))
}

pub fn entity_operator(spec: &TenantSpec) -> Manifest {
    let labels = json!({ STRIMZI_CLUSTER_LABEL: spec.name.kafka(), "app.kubernetes.io/name": "entity-operator" });
    let endpoint = |port: &str| json!({ "path": "/metrics", "port": port });
    monitor(spec, format!("{}-entity-operator", spec.name), &labels, None, &json!([endpoint("healthcheck-to"), endpoint("healthcheck-uo")]))
}

/// A program that tenants may share, whose metrics tell of the certificates of each.
pub struct Operator {
    pub name: &'static str,
    /// Where a tenant with a cluster of its own has it.
    namespace: &'static str,
    labels: &'static [(&'static str, &'static str)],
    port: &'static str,
}

/// Strimzi's operator and cert-manager's controller.
pub const OPERATORS: [Operator; 2] = [
    Operator {
        name: "cluster-operator",
        namespace: releases::Component::Strimzi.namespace(),
        labels: &[("strimzi.io/kind", "cluster-operator")],
        port: "http",
    },
    Operator {
        name: "cert-manager",
        namespace: releases::Component::CertManager.namespace(),
        labels: &[("app.kubernetes.io/name", "cert-manager"), ("app.kubernetes.io/component", "controller")],
        port: "http-metrics",
    },
];

impl Operator {
    fn labels(&self) -> Value {
        self.labels.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect::<serde_json::Map<_, _>>().into()
    }

    /// The namespaces that their series are about stay: the pod's own is of no interest.
    fn endpoints(&self) -> Value {
        json!([{ "path": "/metrics", "port": self.port, "honorLabels": true }])
    }

    /// As the chart of kube-prometheus-stack takes a PodMonitor, for one in whatever namespace.
    pub fn chart_value(&self) -> Value {
        json!({
            "name": self.name,
            "selector": { "matchLabels": self.labels() },
            "namespaceSelector": { "any": true },
            "podMetricsEndpoints": self.endpoints(),
        })
    }
}

pub fn operator(spec: &TenantSpec, operator: &Operator) -> Manifest {
    monitor(spec, format!("{}-{}", spec.name, operator.name), &operator.labels(), Some(operator.namespace), &operator.endpoints())
}

fn monitor(spec: &TenantSpec, name: String, labels: &Value, namespace: Option<&str>, endpoints: &Value) -> Manifest {
    let namespace = namespace.map_or_else(|| spec.name.namespace(), str::to_owned);
    let fields = json!({
        "selector": { "matchLabels": labels },
        "namespaceSelector": { "matchNames": [namespace] },
        "podMetricsEndpoints": endpoints,
    });
    manifest(spec, Kind::PodMonitor, name, json!({ "spec": fields }))
}

/// Strimzi's labels (cluster, pool) and the pod's name on every series, as rules and dashboards name them.
fn relabelings() -> Value {
    let copy = |from: &str, to: &str| json!({ "action": "replace", "sourceLabels": [from], "targetLabel": to });
    json!([
        { "action": "labelmap", "regex": "__meta_kubernetes_pod_label_(strimzi_io_.+)", "replacement": "$1" },
        copy("__meta_kubernetes_namespace", "namespace"),
        copy("__meta_kubernetes_pod_name", "kubernetes_pod_name"),
        copy("__meta_kubernetes_pod_node_name", "node_name"),
    ])
}
