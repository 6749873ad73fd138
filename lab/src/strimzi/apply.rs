//! Writing the objects beside a Kafka: server-side apply, Secrets made once, claims grown but never shrunk.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Secret};
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};

use super::api::Storage;
use super::objects;
use super::status::{Condition, MANAGER};

/// Applies any namespaced manifest.
pub async fn apply(client: &Client, namespace: &str, manifest: &Value) -> Result<()> {
    let text = |path: &str| manifest.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (api_version, kind, name) = (text("/apiVersion"), text("/kind"), text("/metadata/name"));
    let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
    let mut resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, &kind));
    if kind == "NetworkPolicy" {
        "networkpolicies".clone_into(&mut resource.plural);
    }
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource);
    let params = PatchParams::apply(MANAGER).force();
    api.patch(&name, &params, &Patch::Apply(manifest)).await.with_context(|| format!("write {kind} {namespace}/{name}"))?;
    Ok(())
}

/// Text values of a Secret, if it exists.
pub async fn secret(client: &Client, namespace: &str, name: &str) -> Result<Option<Secret>> {
    let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
    api.get_opt(name).await.with_context(|| format!("read Secret {namespace}/{name}"))
}

/// The values of a Secret that are text.
pub fn values(secret: &Secret) -> BTreeMap<String, String> {
    let data = secret.data.iter().flatten();
    data.filter_map(|(k, ByteString(v))| Some((k.clone(), String::from_utf8(v.clone()).ok()?))).collect()
}

/// Writes a Secret; `head` is its manifest without data.
pub async fn write_secret(client: &Client, namespace: &str, mut head: Value, data: &BTreeMap<String, String>) -> Result<()> {
    let encode = |v: &String| base64::Engine::encode(&base64::engine::general_purpose::STANDARD, v);
    head["type"] = json!("Opaque");
    head["data"] = json!(data.iter().map(|(k, v)| (k.clone(), encode(v))).collect::<BTreeMap<_, _>>());
    apply(client, namespace, &head).await
}

/// Makes a claim, grows it, or refuses to shrink it. There is no volume controller in the lab, so the stand-in reports it bound.
pub async fn claim(client: &Client, namespace: &str, name: &str, storage: &Storage, manifest: Value) -> Result<Option<Condition>> {
    let api: Api<PersistentVolumeClaim> = Api::namespaced(client.clone(), namespace);
    let current = api.get_opt(name).await.with_context(|| format!("read PersistentVolumeClaim {namespace}/{name}"))?;
    let wanted = storage.size.clone().unwrap_or_default();
    let Some(current) = current else {
        apply(client, namespace, &manifest).await?;
        bind(&api, name, &wanted).await?;
        return Ok(None);
    };
    let requests = current.spec.as_ref().and_then(|s| s.resources.as_ref()).and_then(|r| r.requests.as_ref());
    let have = requests.and_then(|r| r.get("storage")).map(|q| q.0.clone()).unwrap_or_default();
    match (objects::bytes(&wanted), objects::bytes(&have)) {
        (Some(wanted), Some(have)) if wanted == have => {}
        (Some(new), Some(old)) if new > old => {
            let patch = json!({"spec": {"resources": {"requests": {"storage": wanted}}}});
            if let Err(error) = api.patch(name, &PatchParams::default(), &Patch::Merge(&patch)).await {
                let message = format!("PersistentVolumeClaim {name} cannot be resized from {have} to {wanted}: {error}");
                return Ok(Some(Condition::warning("PvcResizingWarning", message)));
            }
            bind(&api, name, &wanted).await?;
        }
        _ => {
            let message = format!(
                "The desired Kafka storage configuration contains changes which are not allowed: the size of {name} cannot be reduced from \
                 {have} to {wanted}. As a result, all storage changes of this volume will be ignored."
            );
            return Ok(Some(Condition::warning("KafkaStorage", message)));
        }
    }
    // Only who owns the claim may change besides its size.
    let patch = json!({"metadata": {"ownerReferences": manifest["metadata"]["ownerReferences"], "labels": manifest["metadata"]["labels"],
        "annotations": manifest["metadata"]["annotations"]}});
    let owned = current.metadata.owner_references.as_ref().is_some_and(|o| !o.is_empty());
    if owned != storage.delete_claim {
        api.patch(name, &PatchParams::default(), &Patch::Merge(&patch)).await.with_context(|| format!("change the owner of {name}"))?;
    }
    Ok(None)
}

/// Takes away what stands for a node that is gone: its configuration, its certificate, and its claims where they shall be deleted.
pub async fn remove_node(client: &Client, namespace: &str, pod: &str) -> Result<()> {
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(client.clone(), namespace);
    let wanted = |claim: &PersistentVolumeClaim| claim.annotations().get("strimzi.io/delete-claim").is_some_and(|delete| delete == "true");
    let all = claims.list(&Default::default()).await.with_context(|| format!("list the claims of {pod}"))?;
    for claim in all.iter().filter(|claim| claim.name_any().ends_with(&format!("-{pod}")) && wanted(claim)) {
        gone(claims.delete(&claim.name_any(), &DeleteParams::background()).await, pod)?;
    }
    gone(Api::<Secret>::namespaced(client.clone(), namespace).delete(pod, &DeleteParams::background()).await, pod)?;
    gone(Api::<ConfigMap>::namespaced(client.clone(), namespace).delete(pod, &DeleteParams::background()).await, pod)
}

fn gone<T>(deleted: kube::Result<T>, pod: &str) -> Result<()> {
    match deleted {
        Err(kube::Error::Api(error)) if error.code == 404 => Ok(()),
        other => other.map(|_| ()).with_context(|| format!("delete what belongs to {pod}")),
    }
}

async fn bind(api: &Api<PersistentVolumeClaim>, name: &str, size: &str) -> Result<()> {
    let status = json!({"status": {"phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": {"storage": size}}});
    api.patch_status(name, &PatchParams::default(), &Patch::Merge(&status)).await.with_context(|| format!("report {name} bound"))?;
    Ok(())
}
