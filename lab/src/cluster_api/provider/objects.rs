//! The objects the stand-in reads, and what they say of themselves.

use anyhow::{Context, Result};
use kube::api::{Api, ApiResource, DynamicObject};
use kube::core::GroupVersionKind;
use kube::{Client, ResourceExt};
use serde_json::Value;

use crate::cluster_api::kinds::{CONTROL_PLANE, INFRASTRUCTURE, VERSION};

/// As whom the stand-in writes.
pub const MANAGER: &str = "process-provider-stand-in";
/// An annotation of a ProcessControlPlane: with the value `true` its servers are stopped and stay so, as of a cluster that is lost.
pub const STOPPED: &str = "process.lab.kaas/stopped";
/// Cluster API's label with the name of an object's cluster.
const CLUSTER_NAME: &str = "cluster.x-k8s.io/cluster-name";
/// Cluster API's annotation of an object to be left alone.
const PAUSED: &str = "cluster.x-k8s.io/paused";

/// ProcessControlPlane.
pub fn control_plane() -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk(CONTROL_PLANE, VERSION, "ProcessControlPlane"))
}

/// ProcessCluster.
pub fn infrastructure() -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk(INFRASTRUCTURE, VERSION, "ProcessCluster"))
}

/// ProcessMachine.
pub fn process_machine() -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk(INFRASTRUCTURE, VERSION, "ProcessMachine"))
}

/// Cluster API's own Machine.
pub fn machine() -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk("cluster.x-k8s.io", "v1beta2", "Machine"))
}

/// What machines of the class join their cluster by.
pub fn bootstrap() -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk("bootstrap.cluster.x-k8s.io", "v1beta2", "KubeadmConfig"))
}

fn cluster() -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk("cluster.x-k8s.io", "v1beta2", "Cluster"))
}

/// The Cluster an object belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    pub namespace: String,
    pub name: String,
    pub uid: String,
}

impl Owner {
    /// The folder of its servers below the data folder.
    pub fn folder(&self) -> String {
        format!("{}.{}", self.namespace, self.name)
    }

    /// What its keys in etcd begin with. A cluster of the same name that comes after it has another.
    pub fn etcd_prefix(&self) -> String {
        format!("/clusters/{}", self.uid)
    }
}

/// The Cluster `object` belongs to: Cluster API writes it some time after the object.
pub fn owner(object: &DynamicObject) -> Option<Owner> {
    let reference = object.owner_references().iter().find(|r| r.kind == "Cluster" && r.api_version.starts_with("cluster.x-k8s.io/"))?;
    Some(Owner { namespace: object.namespace()?, name: reference.name.clone(), uid: reference.uid.clone() })
}

/// Namespace and name of the Cluster that a machine's object is of, by its label.
pub fn labelled(object: &DynamicObject) -> Option<(String, String)> {
    Some((object.namespace()?, object.labels().get(CLUSTER_NAME)?.clone()))
}

/// The name of the Machine that `object` is the infrastructure of: Cluster API writes it some time after the object.
pub fn machine_of(object: &DynamicObject) -> Option<String> {
    let reference = object.owner_references().iter().find(|r| r.kind == "Machine" && r.api_version.starts_with("cluster.x-k8s.io/"))?;
    Some(reference.name.clone())
}

/// Whether `object` or its whole cluster is to be left alone.
pub async fn paused(client: &Client, object: &DynamicObject, namespace: &str, name: &str) -> Result<bool> {
    if object.annotations().contains_key(PAUSED) {
        return Ok(true);
    }
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &cluster());
    let found = api.get_opt(name).await.with_context(|| format!("read the Cluster {namespace}/{name}"))?;
    Ok(found.is_some_and(|cluster| cluster.data.pointer("/spec/paused") == Some(&Value::Bool(true))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_owner_is_the_cluster_and_not_the_secret_beside_it() {
        let object: DynamicObject = serde_json::from_value(json!({
            "apiVersion": "x/v1", "kind": "ProcessCluster",
            "metadata": {"name": "a-1", "namespace": "ns", "ownerReferences": [
                {"apiVersion": "v1", "kind": "Secret", "name": "a-shim", "uid": "1"},
                {"apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Cluster", "name": "a", "uid": "2"}]}}))
        .unwrap();
        let owner = owner(&object).unwrap();
        assert_eq!((owner.folder().as_str(), owner.etcd_prefix().as_str()), ("ns.a", "/clusters/2"));
    }
}
