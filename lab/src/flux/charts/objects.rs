//! What each chart makes besides its CRDs.

use serde_json::{Value, json};

use super::{Place, STRIMZI_DEPLOYMENT};

pub fn strimzi(place: &Place) -> Vec<Value> {
    let replicas = place.value("/replicas").and_then(Value::as_i64).unwrap_or(1);
    vec![workload(place, "Deployment", STRIMZI_DEPLOYMENT, &format!("quay.io/strimzi/operator:{}", place.version), replicas)]
}

/// In the namespace that its values name, else in one of a fixed name.
pub fn drain_cleaner(place: &Place) -> Vec<Value> {
    const NAME: &str = "strimzi-drain-cleaner";
    let namespace = place.value("/namespace/name").map_or(Some(NAME), Value::as_str).filter(|given| !given.is_empty());
    let replicas = place.value("/replicaCount").and_then(Value::as_i64).unwrap_or(1);
    let inside = Place { namespace: namespace.unwrap_or(place.namespace), ..*place };
    vec![workload(&inside, "Deployment", NAME, &format!("quay.io/strimzi/drain-cleaner:{}", place.version), replicas)]
}

pub fn cert_manager(place: &Place) -> Vec<Value> {
    let name = place.full_name("cert-manager", 63);
    let of = |suffix: &str, image: &str| {
        let image = format!("quay.io/jetstack/cert-manager-{image}:v{}", place.version.trim_start_matches('v'));
        workload(place, "Deployment", &format!("{name}{suffix}"), &image, 1)
    };
    let mut controller = of("", "controller");
    let secrets = place.value("/clusterResourceNamespace").and_then(Value::as_str).filter(|given| !given.is_empty());
    controller["spec"]["template"]["spec"]["containers"][0]["args"] =
        json!([format!("--cluster-resource-namespace={}", secrets.unwrap_or(place.namespace))]);
    let mut made = vec![controller];
    if place.is("/cainjector/enabled", true) {
        made.push(of("-cainjector", "cainjector"));
    }
    made.push(of("-webhook", "webhook"));
    made
}

pub fn external_dns(place: &Place) -> Vec<Value> {
    let name = place.full_name("external-dns", 63);
    let mut made = workload(place, "Deployment", &name, "registry.k8s.io/external-dns/external-dns:lab", 1);
    made["spec"]["template"]["spec"]["containers"][0]["args"] = json!(external_dns_args(place));
    vec![made]
}

/// The flags of external-dns by the values of its chart; without a value the chart's own, not the program's.
fn external_dns_args(place: &Place) -> Vec<String> {
    let texts = |path: &str| place.value(path).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let mut args: Vec<String> = match place.value("/sources") {
        Some(_) => texts("/sources").map(|source| format!("--source={source}")).collect(),
        None => ["service", "ingress"].map(|source| format!("--source={source}")).into(),
    };
    let one = [
        ("/policy", "policy", Some("upsert-only")),
        ("/registry", "registry", Some("txt")),
        ("/txtOwnerId", "txt-owner-id", None),
        ("/txtPrefix", "txt-prefix", None),
        ("/txtSuffix", "txt-suffix", None),
        ("/annotationPrefix", "annotation-prefix", None),
    ];
    for (path, flag, default) in one {
        if let Some(value) = place.value(path).and_then(Value::as_str).filter(|given| !given.is_empty()).or(default) {
            args.push(format!("--{flag}={value}"));
        }
    }
    args.extend(texts("/domainFilters").map(|domain| format!("--domain-filter={domain}")));
    args.extend(texts("/excludeDomains").map(|domain| format!("--exclude-domains={domain}")));
    args.extend(texts("/managedRecordTypes").map(|kind| format!("--managed-record-types={kind}")));
    if place.is("/namespaced", false) {
        args.push(format!("--namespace={}", place.namespace));
    }
    args.extend(texts("/extraArgs").map(str::to_owned));
    args
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
