//! The kinds of the `process` provider: an infrastructure, machines and a control plane that keep Cluster API's contract v1beta2, and their templates.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::cache;
use crate::custom_resources::Crd;

/// Group of the infrastructure's kinds.
pub const INFRASTRUCTURE: &str = "infrastructure.cluster.x-k8s.io";
/// Group of the control plane's kinds.
pub const CONTROL_PLANE: &str = "controlplane.cluster.x-k8s.io";
/// Version of all of them.
pub const VERSION: &str = "v1alpha1";
/// Raised when a definition changes.
const REVISION: u32 = 2;

/// The definitions, written once into the cache.
pub fn crds() -> Result<Vec<Crd>> {
    let definitions = definitions();
    let folder = cache::ensure(&format!("process-provider-crds-{}-{REVISION}", VERSION), |folder| {
        for (kind, definition) in &definitions {
            let file = folder.join(format!("{kind}.json"));
            std::fs::write(&file, serde_json::to_vec(definition)?).with_context(|| format!("write {}", file.display()))?;
        }
        Ok(())
    })?;
    let one = |(kind, definition): (String, Value)| Crd {
        name: definition["metadata"]["name"].as_str().unwrap_or_default().to_owned(),
        file: folder.join(format!("{kind}.json")),
        kind,
    };
    Ok(definitions.into_iter().map(one).collect())
}

fn definitions() -> Vec<(String, Value)> {
    let endpoint = json!({"type": "object", "required": ["host", "port"],
        "properties": {"host": {"type": "string"}, "port": {"type": "integer", "format": "int32", "minimum": 1, "maximum": 65535}}});
    let cluster =
        json!({"type": "object", "properties": {"controlPlaneEndpoint": endpoint, "region": {"type": "string", "maxLength": 63}}});
    let control_plane = json!({"type": "object", "required": ["version"],
        "properties": {"controlPlaneEndpoint": endpoint, "version": {"type": "string", "pattern": r"^v\d+\.\d+\.\d+"}}});
    let machine =
        json!({"type": "object", "properties": {"providerID": {"type": "string"}, "instanceType": {"type": "string", "maxLength": 63}}});
    let cluster_status = status(&json!({"initialization": {"type": "object", "properties": {"provisioned": {"type": "boolean"}}}}));
    let control_plane_status = status(&json!({
        "initialization": {"type": "object", "properties": {"controlPlaneInitialized": {"type": "boolean"}}},
        "externalManagedControlPlane": {"type": "boolean"},
        "version": {"type": "string"},
    }));
    let machine_status = status(&json!({
        "initialization": {"type": "object", "properties": {"provisioned": {"type": "boolean"}}},
        "failureDomain": {"type": "string"},
    }));
    vec![
        definition(INFRASTRUCTURE, "ProcessCluster", &cluster, Some(&cluster_status)),
        definition(INFRASTRUCTURE, "ProcessClusterTemplate", &template(&cluster, &["region"]), None),
        definition(INFRASTRUCTURE, "ProcessMachine", &machine, Some(&machine_status)),
        definition(INFRASTRUCTURE, "ProcessMachineTemplate", &template(&machine, &["instanceType"]), None),
        definition(CONTROL_PLANE, "ProcessControlPlane", &control_plane, Some(&control_plane_status)),
        // The version comes from the Cluster.
        definition(CONTROL_PLANE, "ProcessControlPlaneTemplate", &template(&control_plane, &[]), None),
    ]
}

fn status(properties: &Value) -> Value {
    let mut properties = properties.clone();
    let text = json!({"type": "string"});
    properties["conditions"] = json!({"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"], "items": {
    "type": "object", "required": ["type", "status", "reason", "lastTransitionTime"], "properties": {
        "type": text, "status": {"type": "string", "enum": ["True", "False", "Unknown"]}, "reason": text, "message": text,
        "lastTransitionTime": {"type": "string", "format": "date-time"}, "observedGeneration": {"type": "integer", "format": "int64"},
    }}});
    json!({"type": "object", "properties": properties})
}

/// What a template's `spec` is: the fields of `of` that are named, below `template.spec`.
fn template(of: &Value, fields: &[&str]) -> Value {
    let labels = json!({"type": "object", "additionalProperties": {"type": "string"}});
    let kept: serde_json::Map<String, Value> = fields.iter().map(|&field| (field.to_owned(), of["properties"][field].clone())).collect();
    json!({"type": "object", "required": ["template"], "properties": {"template": {"type": "object", "required": ["spec"], "properties": {
        "metadata": {"type": "object", "properties": {"labels": labels, "annotations": labels}},
        "spec": {"type": "object", "properties": kept},
    }}}})
}

fn definition(group: &str, kind: &str, spec: &Value, status: Option<&Value>) -> (String, Value) {
    let singular = kind.to_lowercase();
    let mut properties =
        json!({"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"}, "spec": spec});
    let mut version = json!({"name": VERSION, "served": true, "storage": true});
    if let Some(status) = status {
        properties["status"] = status.clone();
        version["subresources"] = json!({"status": {}});
    }
    version["schema"] = json!({"openAPIV3Schema": {"type": "object", "properties": properties}});
    let manifest = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        // By this label Cluster API finds which version keeps which contract.
        "metadata": {"name": format!("{singular}s.{group}"), "labels": {"cluster.x-k8s.io/v1beta2": VERSION}},
        "spec": {"group": group, "scope": "Namespaced", "versions": [version],
            "names": {"kind": kind, "listKind": format!("{kind}List"), "singular": singular, "plural": format!("{singular}s"), "categories": ["cluster-api"]}},
    });
    (kind.to_owned(), manifest)
}
