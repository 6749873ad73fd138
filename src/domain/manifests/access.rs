//! What the tenant's people may see: Kafka's objects, pods, logs and events; never a Secret.

use serde_json::{Value, json};

use super::manifest;
use crate::domain::object::{Kind, Manifest};
use crate::domain::tenant::TenantSpec;

const ROLE: &str = "kaas-viewer";

pub fn role(spec: &TenantSpec) -> Manifest {
    manifest(spec, Kind::Role, ROLE, json!({ "rules": viewer_rules() }))
}

/// What the tenant's people may do.
pub fn viewer_rules() -> Vec<Value> {
    let rule = |group: &str, resources: &[&str]| json!({ "apiGroups": [group], "resources": resources, "verbs": ["get", "list", "watch"] });
    vec![
        rule("kafka.strimzi.io", &["kafkas", "kafkanodepools", "kafkatopics", "kafkausers", "kafkarebalances"]),
        rule("", &["pods", "pods/log", "services", "persistentvolumeclaims", "events"]),
        rule("events.k8s.io", &["events"]),
    ]
}

/// Only where there is somebody to bind.
pub fn binding(spec: &TenantSpec) -> Option<Manifest> {
    const RBAC: &str = "rbac.authorization.k8s.io";
    if spec.access_groups.is_empty() {
        return None;
    }
    let subjects: Vec<Value> = spec.access_groups.iter().map(|group| json!({ "apiGroup": RBAC, "kind": "Group", "name": group })).collect();
    let fields = json!({ "roleRef": { "apiGroup": RBAC, "kind": "Role", "name": ROLE }, "subjects": subjects });
    Some(manifest(spec, Kind::RoleBinding, ROLE, fields))
}
