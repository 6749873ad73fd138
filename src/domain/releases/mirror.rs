//! A site's own registry in the place of the projects': it holds charts, as OCI artifacts, and images under the paths they have where they are published.
//! Which one it is, the management cluster keeps for all tenants with clusters of their own.

use serde_json::{Value, json};

use super::Component;
use super::charts::{self, Chart, Source};
use crate::domain::install::images::rewritten;
use crate::domain::names::{MANAGED_BY, MANAGED_BY_LABEL, SYSTEM_NAMESPACE};
use crate::domain::object::{Kind, Manifest, ObjectRef};

const REGISTRY: &str = "imageRegistry";

/// Where the management cluster keeps it.
pub fn record() -> ObjectRef {
    ObjectRef::namespaced(Kind::ConfigMap, SYSTEM_NAMESPACE, "kaas-mirror")
}

/// The record of a registry.
pub fn manifest(registry: &str) -> Manifest {
    let object = record();
    let body = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": object.name, "namespace": object.namespace, "labels": { MANAGED_BY_LABEL: MANAGED_BY } },
        "data": { REGISTRY: registry },
    });
    Manifest { object, body }
}

/// The registry that a record names.
pub fn registry(record: &Value) -> Option<String> {
    record["data"][REGISTRY].as_str().filter(|registry| !registry.is_empty()).map(str::to_owned)
}

/// Where that registry holds a chart.
pub fn source(component: Component, registry: &str) -> Source {
    let published = match charts::source(component) {
        Source::Oci(url) => url.trim_start_matches("oci://").to_owned(),
        Source::Http(_) => format!("registry.invalid/charts/{}", component.name()),
    };
    Source::Oci(format!("oci://{}", rewritten(&published, registry)))
}

/// The chart from that registry, with all its images from there.
pub fn mirrored(mut chart: Chart, component: Component, registry: &str) -> Chart {
    chart.source = source(component, registry);
    merge(&mut chart.values, images(component, registry));
    chart
}

/// The values by which a chart takes its images from there. Sources: `values.yaml`, schema and templates of the charts: cloud controller, Cilium, cert-manager and
/// external-dns in the version that is pinned, the EBS driver's in 2.62.0, Strimzi's in 1.1.0, its Drain Cleaner's in versions about 1.6.1; those of kube-prometheus-stack in versions of different age.
fn images(component: Component, registry: &str) -> Value {
    let image = |published: &str| json!({ "image": { "repository": rewritten(published, registry) } });
    match component {
        Component::CloudController => image("registry.k8s.io/provider-aws/cloud-controller-manager"),
        Component::Network => {
            let mut values = image("quay.io/cilium/cilium");
            // The chart appends to the operator's what it is for: "-generic".
            values["operator"] = image("quay.io/cilium/operator");
            values["envoy"] = image("quay.io/cilium/cilium-envoy");
            values
        }
        Component::EbsCsi => {
            let mut values = image("public.ecr.aws/ebs-csi-driver/aws-ebs-csi-driver");
            for (sidecar, name) in SIDECARS {
                values["sidecars"][sidecar] = image(&format!("public.ecr.aws/{name}"));
            }
            values
        }
        Component::CertManager => {
            let of = |name: &str| image(&format!("quay.io/jetstack/cert-manager-{name}"));
            let mut values = of("controller");
            for part in ["webhook", "cainjector", "acmesolver", "startupapicheck"] {
                values[part] = of(part);
            }
            values
        }
        // The operator has a registry of its own for servers that others have it make.
        Component::Monitoring => json!({
            "global": { "imageRegistry": registry },
            "prometheusOperator": {
                "prometheusDefaultBaseImage": "prometheus/prometheus",
                "alertmanagerDefaultBaseImage": "prometheus/alertmanager",
            },
        }),
        Component::ExternalDns => image("registry.k8s.io/external-dns/external-dns"),
        // Kafka's own images, too, are of this registry: the operator names them.
        Component::Strimzi => json!({ "defaultImageRegistry": registry }),
        Component::DrainCleaner => json!({ "image": { "registry": registry } }),
    }
}

const SIDECARS: [(&str, &str); 7] = [
    ("provisioner", "csi-components/csi-provisioner"),
    ("attacher", "csi-components/csi-attacher"),
    ("snapshotter", "csi-components/csi-snapshotter"),
    ("livenessProbe", "csi-components/livenessprobe"),
    ("resizer", "csi-components/csi-resizer"),
    ("nodeDriverRegistrar", "csi-components/csi-node-driver-registrar"),
    ("volumemodifier", "ebs-csi-driver/volume-modifier-for-k8s"),
];

fn merge(into: &mut Value, more: Value) {
    match (into, more) {
        (Value::Object(fields), Value::Object(more)) => {
            for (key, value) in more {
                merge(fields.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, more) => *into = more,
    }
}
