//! Who is asked for metrics: the pods of Kafka, of its entity operator and, where the tenant has one of his own, of Strimzi's operator.
//!
//! Source of labels and ports: Strimzi 1.2, `packaging/examples/metrics/prometheus-install/pod-monitors`.

use serde_json::{Value, json};

use crate::domain::manifests::manifest;
use crate::domain::names::STRIMZI_CLUSTER_LABEL;
use crate::domain::object::{Kind, Manifest};
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

pub fn cluster_operator(spec: &TenantSpec, namespace: &str) -> Manifest {
    let labels = json!({ "strimzi.io/kind": "cluster-operator" });
    let endpoint = json!({ "path": "/metrics", "port": "http" });
    monitor(spec, format!("{}-cluster-operator", spec.name), &labels, Some(namespace), &json!([endpoint]))
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
