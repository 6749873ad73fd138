//! Writing a chart's objects into the target, as Helm does: marked as the release's, never over somebody else's, Deployments made available.

use anyhow::{Context, Result, bail};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};

use super::status::MANAGER;

pub use super::status::now;

pub const OF_RELEASE: &str = "meta.helm.sh/release-name";
const OF_NAMESPACE: &str = "meta.helm.sh/release-namespace";

/// Marks an object as one of a release, and of the HelmRelease it comes from.
pub fn mark(object: &mut Value, release: &str, namespace: &str, helm_release: (&str, &str)) {
    let metadata = &mut object["metadata"];
    metadata["annotations"][OF_RELEASE] = json!(release);
    metadata["annotations"][OF_NAMESPACE] = json!(namespace);
    metadata["labels"]["app.kubernetes.io/managed-by"] = json!("Helm");
    metadata["labels"]["helm.toolkit.fluxcd.io/namespace"] = json!(helm_release.0);
    metadata["labels"]["helm.toolkit.fluxcd.io/name"] = json!(helm_release.1);
}

/// Applies one marked object.
///
/// # Errors
/// When another release, or nobody's, is there already.
pub async fn apply(client: &Client, object: &Value) -> Result<()> {
    let (api, kind, name) = api(client, object)?;
    let wanted = |key: &str| object["metadata"]["annotations"][key].as_str().unwrap_or_default().to_owned();
    if let Some(there) = api.get_opt(&name).await.with_context(|| format!("read {kind} {name}"))? {
        let owned = [OF_RELEASE, OF_NAMESPACE].iter().all(|key| there.annotations().get(*key).is_some_and(|value| *value == wanted(key)));
        if !owned {
            bail!(
                "{kind} \"{name}\" in namespace \"{}\" exists and cannot be imported into the current release: invalid ownership metadata; \
                 annotation validation error: key \"{OF_RELEASE}\" must equal \"{}\"",
                there.namespace().unwrap_or_default(),
                wanted(OF_RELEASE)
            );
        }
    }
    let applied = api.patch(&name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(object)).await;
    let applied = applied.with_context(|| format!("apply {kind} {name}"))?;
    if kind == "Deployment" { available(client, &applied, true).await } else { Ok(()) }
}

/// Deletes one object; one that is gone is no error.
pub async fn delete(client: &Client, object: &Value) -> Result<()> {
    let (api, kind, name) = api(client, object)?;
    match api.delete(&name, &DeleteParams::background()).await {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        other => other.map(|_| ()).with_context(|| format!("delete {kind} {name}")),
    }
}

/// Whether two manifests mean the same object.
pub fn same(a: &Value, b: &Value) -> bool {
    ["/kind", "/metadata/namespace", "/metadata/name"].iter().all(|path| a.pointer(path) == b.pointer(path))
}

/// Reports a Deployment as its controller would when all its Pods run, or none.
pub async fn available(client: &Client, deployment: &DynamicObject, running: bool) -> Result<()> {
    let replicas = deployment.data.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(1);
    let before = deployment.data.get("status");
    let up = running && replicas > 0;
    let count = if running { replicas } else { 0 };
    let condition = |kind: &str, good: bool, reason: &str, message: &str| {
        let status = if good { "True" } else { "False" };
        let known = before.and_then(|s| s["conditions"].as_array()).into_iter().flatten();
        let same = known.into_iter().find(|c| c["type"] == kind && c["status"] == status);
        let since = same.and_then(|c| c["lastTransitionTime"].as_str()).map_or_else(now, str::to_owned);
        json!({"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": since, "lastUpdateTime": since})
    };
    let fine = up || replicas == 0;
    let available = if fine {
        ("MinimumReplicasAvailable", "Deployment has minimum availability.")
    } else {
        ("MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    };
    let name = deployment.name_any();
    let mut status = json!({
        "observedGeneration": deployment.metadata.generation,
        "conditions": [
            condition("Available", fine, available.0, available.1),
            condition("Progressing", true, "NewReplicaSetAvailable", &format!("ReplicaSet \"{name}\" has successfully progressed.")),
        ],
    });
    if count > 0 {
        for key in ["replicas", "readyReplicas", "availableReplicas", "updatedReplicas"] {
            status[key] = json!(count);
        }
    }
    if before == Some(&status) {
        return Ok(());
    }
    let namespace = deployment.namespace().unwrap_or_default();
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("apps", "v1", "Deployment"));
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), &namespace, &kind);
    let patch = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "status": status});
    match api.patch_status(&name, &PatchParams::apply("kube-controller-manager").force(), &Patch::Apply(&patch)).await {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        other => other.map(|_| ()).with_context(|| format!("report the Deployment {namespace}/{name}")),
    }
}

/// Makes a namespace as Helm does, if it is not there.
pub async fn namespace(client: &Client, name: &str) -> Result<()> {
    let api: Api<Namespace> = Api::all(client.clone());
    let wanted = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"name": name}}});
    match api.create(&Default::default(), &serde_json::from_value(wanted)?).await {
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
        other => other.map(|_| ()).with_context(|| format!("create the namespace {name}")),
    }
}

fn api(client: &Client, object: &Value) -> Result<(Api<DynamicObject>, String, String)> {
    let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (version, kind, name) = (text("/apiVersion"), text("/kind"), text("/metadata/name"));
    let (group, version) = version.split_once('/').context("read the group of a chart's object")?;
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, &kind));
    let namespace = text("/metadata/namespace");
    let api = if namespace.is_empty() {
        Api::all_with(client.clone(), &resource)
    } else {
        Api::namespaced_with(client.clone(), &namespace, &resource)
    };
    Ok((api, kind, name))
}
