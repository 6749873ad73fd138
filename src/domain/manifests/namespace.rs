//! The Namespace: made first and removed last, it says whose the tenant is and how far it came.

use serde_json::{Value, json};

use crate::domain::names::{OWNER_ANNOTATION, PHASE_ANNOTATION, Phase, WISH_ANNOTATION};
use crate::domain::object::{Kind, Manifest};
use crate::domain::tenant::TenantSpec;

/// Pod Security level that Strimzi's pods satisfy as its default pod security provider makes them.
const POD_SECURITY: (&str, &str) = ("pod-security.kubernetes.io/enforce", "baseline");

pub fn build(spec: &TenantSpec, phase: Phase) -> Manifest {
    let mut manifest = super::labelled(spec, Kind::Namespace, spec.name.namespace(), &[POD_SECURITY], json!({}));
    let wish = spec.to_wish_json().unwrap_or_default();
    if let Some(Value::Object(metadata)) = manifest.body.get_mut("metadata") {
        let annotations = json!({ OWNER_ANNOTATION: spec.owner, PHASE_ANNOTATION: phase.as_str(), WISH_ANNOTATION: wish });
        metadata.insert("annotations".to_owned(), annotations);
    }
    manifest
}
