//! What each chart makes besides its CRDs.

use serde_json::{Value, json};

use super::{Place, STRIMZI_DEPLOYMENT};

pub fn strimzi(place: &Place) -> Vec<Value> {
    let replicas = place.value("/replicas").and_then(Value::as_i64).unwrap_or(1);
    vec![workload(place, "Deployment", STRIMZI_DEPLOYMENT, &format!("quay.io/strimzi/operator:{}", place.version), replicas)]
}

pub fn cert_manager(place: &Place) -> Vec<Value> {
    let name = place.full_name("cert-manager", 63);
    let of = |suffix: &str, image: &str| {
        let image = format!("quay.io/jetstack/cert-manager-{image}:v{}", place.version.trim_start_matches('v'));
        workload(place, "Deployment", &format!("{name}{suffix}"), &image, 1)
    };
    let mut made = vec![of("", "controller")];
    if place.is("/cainjector/enabled", true) {
        made.push(of("-cainjector", "cainjector"));
    }
    made.push(of("-webhook", "webhook"));
    made
}

pub fn external_dns(place: &Place) -> Vec<Value> {
    let name = place.full_name("external-dns", 63);
    vec![workload(place, "Deployment", &name, "registry.k8s.io/external-dns/external-dns:lab", 1)]
}

pub fn prometheus(place: &Place) -> Vec<Value> {
    // The chart's own full name is cut to 26 characters; its parts add theirs.
    let full = place.full_name("kube-prometheus-stack", 26);
    let mut made = Vec::new();
    if place.is("/prometheusOperator/enabled", true) {
        made.push(workload(place, "Deployment", &format!("{full}-operator"), "quay.io/prometheus-operator/prometheus-operator:lab", 1));
    }
    if place.is("/grafana/enabled", true) {
        made.push(workload(place, "Deployment", &format!("{}-grafana", place.release), "docker.io/grafana/grafana:lab", 1));
    }
    if place.is("/kubeStateMetrics/enabled", true) {
        let name = format!("{}-kube-state-metrics", place.release);
        made.push(workload(place, "Deployment", &name, "registry.k8s.io/kube-state-metrics/kube-state-metrics:lab", 1));
    }
    if place.is("/nodeExporter/enabled", true) {
        let name = format!("{}-prometheus-node-exporter", place.release);
        made.push(workload(place, "DaemonSet", &name, "quay.io/prometheus/node-exporter:lab", 1));
    }
    made
}

pub fn ebs(place: &Place) -> Vec<Value> {
    let image = "public.ecr.aws/ebs-csi-driver/aws-ebs-csi-driver:lab";
    vec![
        workload(place, "Deployment", "ebs-csi-controller", image, 2),
        workload(place, "DaemonSet", "ebs-csi-node", image, 1),
        json!({
            "apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "metadata": {"name": "ebs.csi.aws.com"},
            "spec": {"attachRequired": true, "podInfoOnMount": false, "fsGroupPolicy": "File"},
        }),
    ]
}

fn workload(place: &Place, kind: &str, name: &str, image: &str, replicas: i64) -> Value {
    let labels = json!({"app.kubernetes.io/name": name, "app.kubernetes.io/instance": place.release});
    let mut object = json!({
        "apiVersion": "apps/v1", "kind": kind,
        "metadata": {"name": name, "namespace": place.namespace, "labels": {"app.kubernetes.io/version": place.version}},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": name, "image": image}]}},
        },
    });
    if kind == "Deployment" {
        object["spec"]["replicas"] = json!(replicas);
    }
    object
}
