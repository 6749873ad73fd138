//! Who may reach the tenant's pods: the tenant itself, Strimzi's operator, clients on the client port, and those outside on theirs.

use serde_json::{Value, json};

use super::{CLIENT_PORT, manifest};
use crate::domain::external::PORT;
use crate::domain::object::{Kind, Manifest};
use crate::domain::tenant::TenantSpec;

/// The label that every namespace carries with its own name.
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

pub fn build(spec: &TenantSpec) -> Manifest {
    // The operator is known by its label in whatever namespace it runs, as in the policies Strimzi makes itself.
    let operator = json!({ "podSelector": { "matchLabels": { "strimzi.io/kind": "cluster-operator" } }, "namespaceSelector": {} });
    let mut clients = json!({ "ports": [{ "protocol": "TCP", "port": CLIENT_PORT }] });
    if let Some(peers) = client_peers(spec) {
        clients["from"] = peers;
    }
    let mut rules = vec![json!({ "from": [{ "podSelector": {} }] }), json!({ "from": [operator] }), clients];
    if spec.outside().is_some() {
        // Behind a load balancer or a node nobody is seen to come from where he does; source ranges are held there.
        rules.push(json!({ "ports": [{ "protocol": "TCP", "port": PORT }] }));
    }
    let policy = json!({ "spec": { "podSelector": {}, "policyTypes": ["Ingress"], "ingress": rules } });
    manifest(spec, Kind::NetworkPolicy, "kaas", policy)
}

/// The namespaces that clients may come from; None when all may. The tenant's own is always among them. Strimzi opens its listener to the same
/// peers: policies add up, so a narrower one here would change nothing.
pub fn client_peers(spec: &TenantSpec) -> Option<Value> {
    if spec.allowed_namespaces.is_empty() {
        return None;
    }
    let mut names = spec.allowed_namespaces.clone();
    names.push(spec.name.namespace());
    names.sort();
    names.dedup();
    let peer = |name: &String| json!({ "namespaceSelector": { "matchLabels": { NAMESPACE_NAME: name } } });
    Some(names.iter().map(peer).collect())
}
