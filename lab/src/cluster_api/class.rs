//! The ClusterClass `process`: tenants' clusters as processes of this machine, with workers for those who ask for them.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use kaas::domain::names::{BROKER_WORKERS, SYSTEM_WORKERS, WORKERS_LABEL};
use kube::api::{Api, ApiResource, DynamicObject};
use kube::core::GroupVersionKind;
use serde_json::{Value, json};

use super::kinds::{CONTROL_PLANE, INFRASTRUCTURE, VERSION};
use crate::{interrupt, kubernetes};

/// Its name.
pub const CLASS: &str = "process";
/// Its namespace.
pub const NAMESPACE: &str = "kaas-system";
/// The variable that every cluster has, a text that ends in `spec.region` of the ProcessCluster: an example of what classes of real infrastructures have.
pub const VARIABLE: &str = "region";
/// Its worker classes and, for each, the variable that says which machines it has. Unset, they are as the template says.
pub const WORKERS: [(&str, &str); 2] = [(SYSTEM_WORKERS, "systemMachineType"), (BROKER_WORKERS, "nodeMachineType")];
/// The machines of workers of which nothing is said.
const MACHINE: &str = "m7g.large";
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
    let (infrastructure, control_plane) = (format!("{INFRASTRUCTURE}/{VERSION}"), format!("{CONTROL_PLANE}/{VERSION}"));
    let mut all = vec![
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}),
        template(&infrastructure, "ProcessClusterTemplate", CLASS, &json!({"region": "here"})),
        template(&infrastructure, "ProcessMachineTemplate", CLASS, &json!({"instanceType": MACHINE})),
        template(&control_plane, "ProcessControlPlaneTemplate", CLASS, &json!({})),
    ];
    all.extend(WORKERS.map(|(workers, _)| template(BOOTSTRAP, "KubeadmConfigTemplate", &bootstrap_name(workers), &registration(workers))));
    let text = |default: Option<&str>| {
        let mut schema = json!({"type": "string", "maxLength": 63});
        if let Some(default) = default {
            schema["default"] = json!(default);
        }
        json!({"openAPIV3Schema": schema})
    };
    let mut variables = vec![json!({"name": VARIABLE, "required": false, "schema": text(Some("here"))})];
    variables.extend(WORKERS.map(|(_, variable)| json!({"name": variable, "required": false, "schema": text(None)})));
    let region = json!({"apiVersion": infrastructure, "kind": "ProcessClusterTemplate", "matchResources": {"infrastructureCluster": true}});
    let mut patches = vec![patch(VARIABLE, &region, "region")];
    patches.extend(WORKERS.map(|(workers, variable)| {
        let machines = json!({"apiVersion": infrastructure, "kind": "ProcessMachineTemplate",
            "matchResources": {"machineDeploymentClass": {"names": [workers]}}});
        let mut patch = patch(variable, &machines, "instanceType");
        patch["enabledIf"] = json!(format!("{{{{ if .{variable} }}}}true{{{{ end }}}}"));
        patch
    }));
    let reference =
        |api_version: &str, kind: &str, name: &str| json!({"templateRef": {"apiVersion": api_version, "kind": kind, "name": name}});
    let worker = |(workers, _): (&str, &str)| {
        json!({"class": workers, "infrastructure": reference(&infrastructure, "ProcessMachineTemplate", CLASS),
            "bootstrap": reference(BOOTSTRAP, "KubeadmConfigTemplate", &bootstrap_name(workers))})
    };
    all.push(json!({"apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "ClusterClass", "metadata": {"name": CLASS, "namespace": NAMESPACE}, "spec": {
        "infrastructure": reference(&infrastructure, "ProcessClusterTemplate", CLASS),
        "controlPlane": reference(&control_plane, "ProcessControlPlaneTemplate", CLASS),
        "workers": {"machineDeployments": WORKERS.map(worker)},
        "variables": variables,
        "patches": patches,
    }}));
    all
}

/// What machines join their cluster by: the real controller of Cluster API makes of it what kubeadm would be given.
const BOOTSTRAP: &str = "bootstrap.cluster.x-k8s.io/v1beta2";

fn bootstrap_name(workers: &str) -> String {
    format!("{CLASS}-{workers}")
}

fn template(api_version: &str, kind: &str, name: &str, spec: &Value) -> Value {
    json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": NAMESPACE}, "spec": {"template": {"spec": spec}}})
}

/// Labels and taints as in the classes that come with the provider: only brokers run on brokers' nodes.
fn registration(workers: &str) -> Value {
    let labels = json!({"name": "node-labels", "value": format!("{WORKERS_LABEL}={workers}")});
    let mut registration = json!({"kubeletExtraArgs": [labels]});
    if workers == BROKER_WORKERS {
        registration["taints"] = json!([{"key": WORKERS_LABEL, "value": workers, "effect": "NoSchedule"}]);
    }
    json!({"joinConfiguration": {"nodeRegistration": registration}})
}

/// A variable that ends in a field of what is made from the selected templates.
fn patch(variable: &str, selector: &Value, field: &str) -> Value {
    let change = json!({"op": "replace", "path": format!("/spec/template/spec/{field}"), "valueFrom": {"variable": variable}});
    json!({"name": variable, "definitions": [{"selector": selector, "jsonPatches": [change]}]})
}
