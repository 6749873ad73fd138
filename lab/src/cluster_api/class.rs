//! The ClusterClass `process`: tenants' clusters as processes of this machine.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use kube::api::{Api, ApiResource, DynamicObject};
use kube::core::GroupVersionKind;
use serde_json::{Value, json};

use super::kinds::{CONTROL_PLANE, INFRASTRUCTURE, VERSION};
use crate::{interrupt, kubernetes};

/// Its name.
pub const CLASS: &str = "process";
/// Its namespace.
pub const NAMESPACE: &str = "kaas-system";
/// Its one variable, a text that ends in `spec.region` of the ProcessCluster: an example of what classes of real infrastructures have.
pub const VARIABLE: &str = "region";
/// How long Cluster API may take to accept it.
const ACCEPTED: Duration = Duration::from_secs(60);

/// Applies the class with its templates and waits until Cluster API has accepted it.
///
/// # Errors
/// When it is refused or not accepted in time.
pub fn install(kubeconfig: &Path) -> Result<()> {
    // The templates first: a class that comes before them is looked at again only after a while.
    kubernetes::apply(kubeconfig, &manifests())?;
    kubernetes::block_on(async {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("cluster.x-k8s.io", "v1beta2", "ClusterClass"));
        let api: Api<DynamicObject> = Api::namespaced_with(kubernetes::client(kubeconfig).await?, NAMESPACE, &resource);
        let started = Instant::now();
        loop {
            let class = api.get(CLASS).await.with_context(|| format!("read the ClusterClass {NAMESPACE}/{CLASS}"))?;
            if accepted(&class) {
                return Ok(());
            }
            interrupt::check()?;
            if started.elapsed() > ACCEPTED {
                let status = class.data.get("status").map(Value::to_string).unwrap_or_default();
                bail!("Cluster API has not accepted the ClusterClass {NAMESPACE}/{CLASS} after {} s: {status}", ACCEPTED.as_secs());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
}

fn accepted(class: &DynamicObject) -> bool {
    let conditions = class.data.pointer("/status/conditions").and_then(Value::as_array);
    ["RefVersionsUpToDate", "VariablesReady"].iter().all(|&wanted| {
        conditions.into_iter().flatten().any(|condition| {
            condition["type"] == wanted
                && condition["status"] == "True"
                && condition["observedGeneration"].as_i64() == class.metadata.generation
        })
    })
}

fn manifests() -> Vec<Value> {
    let head = |name: &str| json!({"name": name, "namespace": NAMESPACE});
    let (infrastructure, control_plane) = (format!("{INFRASTRUCTURE}/{VERSION}"), format!("{CONTROL_PLANE}/{VERSION}"));
    vec![
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}),
        json!({"apiVersion": infrastructure, "kind": "ProcessClusterTemplate", "metadata": head(CLASS),
            "spec": {"template": {"spec": {"region": "here"}}}}),
        json!({"apiVersion": control_plane, "kind": "ProcessControlPlaneTemplate", "metadata": head(CLASS), "spec": {"template": {"spec": {}}}}),
        json!({"apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "ClusterClass", "metadata": head(CLASS), "spec": {
            "infrastructure": {"templateRef": {"apiVersion": infrastructure, "kind": "ProcessClusterTemplate", "name": CLASS}},
            "controlPlane": {"templateRef": {"apiVersion": control_plane, "kind": "ProcessControlPlaneTemplate", "name": CLASS}},
            "variables": [{"name": VARIABLE, "required": false, "schema": {"openAPIV3Schema": {"type": "string", "default": "here", "maxLength": 63}}}],
            "patches": [{"name": VARIABLE, "definitions": [{
                "selector": {"apiVersion": infrastructure, "kind": "ProcessClusterTemplate", "matchResources": {"infrastructureCluster": true}},
                "jsonPatches": [{"op": "replace", "path": "/spec/template/spec/region", "valueFrom": {"variable": VARIABLE}}],
            }]}],
        }}),
    ]
}
