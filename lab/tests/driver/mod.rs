//! The provider's Kubernetes driver against a real API server.

mod access;
mod connections;
mod reads;
mod waits;
mod writes;

use kaas::domain::object::{Kind, Manifest, ObjectRef};
use kaas::drivers::kubernetes::{Cluster, KubernetesConfig};
use kaas_lab::Lab;
use serde_json::{Value, json};

/// A new connection as the lab's administrator.
fn connect(lab: &Lab) -> Cluster {
    let config_path = Some(lab.kubeconfig().display().to_string());
    Cluster::connect(&KubernetesConfig { config_path, ..KubernetesConfig::default() }).unwrap()
}

/// A ConfigMap of the namespace `default`.
fn config_map(name: &str, data: Value) -> Manifest {
    let object = ObjectRef::namespaced(Kind::ConfigMap, "default", name);
    let body = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name, "namespace": "default" }, "data": data });
    Manifest { object, body }
}
