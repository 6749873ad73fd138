//! The ClusterClasses that come with the provider: `kaas-eks` (EKS runs the control plane) and `kaas-aws` (kubeadm on EC2).
//!
//! Templates come before the class, which would otherwise be looked at again only much later. A template may not be changed once made, so its name
//! carries a hash of what is in it: a newer provider makes new templates and points the class at them, and the old ones may go when no cluster is
//! being moved any more. Source of the fields: the CRDs and webhooks of Cluster API 1.13.6 and of the AWS provider 2.13.0.

mod addons;
mod aws;
mod eks;
mod machines;
mod patches;
#[cfg(test)]
mod tests;
mod usage;
mod variables;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::cluster::{AWS_CLASS, EKS_CLASS};
use super::names::{MANAGED_BY, MANAGED_BY_LABEL, SYSTEM_NAMESPACE};
use super::object::{Kind, Manifest, ObjectRef};

pub use addons::pinned as pinned_addons;
pub use usage::{User, pending, users};
pub use variables::own as own_variables;

/// Names of the classes that come with the provider.
pub const SHIPPED: [&str; 2] = [EKS_CLASS, AWS_CLASS];

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
    let mut manifests = vec![namespace()];
    manifests.extend(SHIPPED.iter().flat_map(|class| of(class)));
    manifests
}

/// The namespace that all of them are in.
pub fn namespace() -> Manifest {
    named(Kind::Namespace, SYSTEM_NAMESPACE.to_owned(), json!({}))
}

/// The templates of a shipped class, then the class. None of another name.
pub fn of(class: &str) -> Vec<Manifest> {
    match class {
        EKS_CLASS => eks::build(),
        AWS_CLASS => aws::build(),
        _ => Vec::new(),
    }
}

/// The class itself.
pub fn class_ref(class: &str) -> ObjectRef {
    ObjectRef::namespaced(Kind::ClusterClass, SYSTEM_NAMESPACE, class)
}

/// The kinds that a cluster has to serve for a shipped class: those it is made of, and the Clusters that are made from it.
pub fn kinds(class: &str) -> BTreeSet<Kind> {
    of(class).iter().map(|manifest| manifest.object.kind).chain([Kind::Cluster]).collect()
}

/// What brings a kind of the shipped classes into a cluster, as the names under which Cluster API's documentation has it.
pub const fn installed_by(kind: Kind) -> &'static str {
    match kind {
        Kind::Cluster | Kind::ClusterClass => "Cluster API's core provider (cluster-api), 1.11 or later",
        Kind::KubeadmConfigTemplate => "Cluster API's bootstrap provider for kubeadm (kubeadm), 1.11 or later",
        Kind::KubeadmControlPlaneTemplate => "Cluster API's control plane provider for kubeadm (kubeadm), 1.11 or later",
        _ => "Cluster API's provider for AWS (aws) with EKS, 2.13 or later",
    }
}

/// Those of the existing templates of these classes that none of the `kept` ones names any more. Templates of other classes are theirs who keep them. To be
/// deleted only when every Cluster says `TopologyReconciled`.
pub fn outdated(existing: &[ObjectRef], classes: &BTreeSet<String>, kept: &BTreeSet<String>) -> Vec<ObjectRef> {
    let current: Vec<ObjectRef> = kept.iter().flat_map(|class| of(class)).map(|manifest| manifest.object).collect();
    let is_theirs = |name: &str| classes.iter().any(|class| is_template_of(class, name));
    let is_ours = |object: &&ObjectRef| {
        TEMPLATE_KINDS.contains(&object.kind) && object.namespace.as_deref() == Some(SYSTEM_NAMESPACE) && is_theirs(&object.name)
    };
    existing.iter().filter(is_ours).filter(|object| !current.contains(object)).cloned().collect()
}

/// Whether a template of this name was made for the class.
pub fn is_template_of(class: &str, name: &str) -> bool {
    name.strip_prefix(class).is_some_and(|rest| rest.starts_with('-'))
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
