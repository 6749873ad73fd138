//! The ClusterClasses that come with the provider: `kaas-eks` (EKS runs the control plane) and `kaas-aws` (kubeadm on EC2).
//!
//! Templates come before the class, which would otherwise be looked at again only much later. A template may not be changed once made, so its name
//! carries a hash of what is in it: a newer provider makes new templates and points the class at them, and the old ones may go when no cluster is
//! being moved any more. Source of the fields: the CRDs and webhooks of Cluster API 1.14.2 and of the AWS provider 2.13.0.

mod addons;
mod aws;
mod eks;
mod machines;
mod patches;
#[cfg(test)]
mod tests;
mod variables;

use serde_json::{Value, json};

use super::names::{MANAGED_BY, MANAGED_BY_LABEL, SYSTEM_NAMESPACE};
use super::object::{Kind, Manifest, ObjectRef};

pub use addons::pinned as pinned_addons;
pub use variables::own as own_variables;

/// The kinds of all templates, of which old ones may be left.
pub const TEMPLATE_KINDS: [Kind; 7] = [
    Kind::AwsManagedClusterTemplate,
    Kind::AwsManagedControlPlaneTemplate,
    Kind::NodeadmConfigTemplate,
    Kind::AwsMachineTemplate,
    Kind::AwsClusterTemplate,
    Kind::KubeadmControlPlaneTemplate,
    Kind::KubeadmConfigTemplate,
];

/// Namespace, templates and classes in the order in which they are applied.
pub fn build() -> Vec<Manifest> {
    let mut manifests = vec![named(Kind::Namespace, SYSTEM_NAMESPACE.to_owned(), json!({}))];
    manifests.extend(eks::build());
    manifests.extend(aws::build());
    manifests
}

/// Those of the existing templates that no class names any more. To be deleted only when every Cluster says `TopologyReconciled`.
pub fn outdated(existing: &[ObjectRef]) -> Vec<ObjectRef> {
    let current = build();
    let is_ours = |object: &&ObjectRef| TEMPLATE_KINDS.contains(&object.kind) && object.namespace.as_deref() == Some(SYSTEM_NAMESPACE);
    existing.iter().filter(is_ours).filter(|object| current.iter().all(|manifest| manifest.object != **object)).cloned().collect()
}

/// A template named after its class, its part and what is in it. `fields` is what a made object's `spec` shall be.
fn template(class: &str, part: &str, kind: Kind, spec: Value) -> Manifest {
    let fields = json!({ "spec": { "template": { "spec": spec } } });
    let hash = hash(&fields.to_string());
    named(kind, format!("{class}-{part}-{hash}"), fields)
}

/// The reference to a template, as a ClusterClass has it: with `apiVersion`, unlike those in a Cluster.
fn reference(template: &Manifest) -> Value {
    let api = template.object.kind.api();
    json!({ "templateRef": { "apiVersion": api.api_version(), "kind": api.kind, "name": template.object.name } })
}

fn named(kind: Kind, name: String, fields: Value) -> Manifest {
    let api = kind.api();
    let mut body = fields;
    body["apiVersion"] = json!(api.api_version());
    body["kind"] = json!(api.kind);
    body["metadata"] = json!({ "name": name, "labels": { MANAGED_BY_LABEL: MANAGED_BY } });
    let object = if api.namespaced {
        body["metadata"]["namespace"] = json!(SYSTEM_NAMESPACE);
        ObjectRef::namespaced(kind, SYSTEM_NAMESPACE, name)
    } else {
        ObjectRef::global(kind, name)
    };
    Manifest { object, body }
}

/// FNV-1a of 32 bits in hexadecimal digits: tells two revisions of a template apart, and is the same on every machine and in every build.
fn hash(text: &str) -> String {
    let fold = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    format!("{:08x}", text.bytes().fold(0x811c_9dc5, fold))
}
