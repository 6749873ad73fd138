//! What other hands do in the cluster: changing, deleting and adding objects without Terraform.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use kaas::domain::object::{Kind, ObjectRef};
use kaas_lab::{Lab, TemporaryLab, block_on, client};
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

/// How long a cluster may take for what it does by itself.
const PATIENCE: Duration = Duration::from_secs(60);

/// A Kubernetes that others have their hands in.
pub trait At: Sync {
    fn kubeconfig(&self) -> PathBuf;
}

impl At for Lab {
    fn kubeconfig(&self) -> PathBuf {
        Self::kubeconfig(self)
    }
}

impl At for TemporaryLab {
    fn kubeconfig(&self) -> PathBuf {
        Lab::kubeconfig(self)
    }
}

async fn api(lab: &impl At, object: &ObjectRef) -> anyhow::Result<Api<DynamicObject>> {
    let kind = object.kind.api();
    let resource = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(kind.group, kind.version, kind.kind), kind.plural);
    let client = client(&lab.kubeconfig()).await?;
    Ok(match &object.namespace {
        Some(namespace) => Api::namespaced_with(client, namespace, &resource),
        None => Api::all_with(client, &resource),
    })
}

/// The object as it is, with what it is told apart by.
pub fn get(lab: &impl At, object: &ObjectRef) -> Option<Value> {
    block_on(async { Ok(api(lab, object).await?.get_opt(&object.name).await?) }).unwrap().map(|found| serde_json::to_value(found).unwrap())
}

/// Replaces what is at `pointer` by `value`, as an editor would.
pub fn replace(lab: &impl At, object: &ObjectRef, pointer: &str, value: &Value) {
    let done = block_on(async {
        let api = api(lab, object).await?;
        loop {
            let mut whole = serde_json::to_value(api.get(&object.name).await?)?;
            *whole.pointer_mut(pointer).ok_or_else(|| anyhow::anyhow!("nothing at {pointer}"))? = value.clone();
            match api.replace(&object.name, &PostParams::default(), &serde_json::from_value(whole)?).await {
                Err(kube::Error::Api(status)) if status.code == 409 => continue,
                other => return Ok(other.map(drop)?),
            }
        }
    });
    done.unwrap_or_else(|error| panic!("change {object}: {error:#}"));
}

/// JSON merge patch (RFC 7386).
pub fn merge(lab: &impl At, object: &ObjectRef, patch: &Value) {
    let patch = Patch::Merge(patch);
    let done = block_on(async { Ok(api(lab, object).await?.patch(&object.name, &PatchParams::default(), &patch).await.map(drop)?) });
    done.unwrap_or_else(|error| panic!("change {object}: {error:#}"));
}

/// Makes an object, or changes it, as a manager of its own.
pub fn apply(lab: &impl At, object: &ObjectRef, body: &Value) {
    let params = PatchParams::apply("colleague").force();
    let done = block_on(async { Ok(api(lab, object).await?.patch(&object.name, &params, &Patch::Apply(body)).await.map(drop)?) });
    done.unwrap_or_else(|error| panic!("make {object}: {error:#}"));
}

/// Deletes the object and waits until it is gone.
pub fn delete(lab: &impl At, object: &ObjectRef) {
    block_on(async { Ok(api(lab, object).await?.delete(&object.name, &DeleteParams::default()).await.map(drop)?) }).unwrap();
    wait(&format!("{object} to go"), || get(lab, object).is_none());
}

/// Deletes a volume, which no controller protects here.
pub fn delete_volume(lab: &impl At, volume: &ObjectRef) {
    merge(lab, volume, &json!({"metadata": {"finalizers": null}}));
    delete(lab, volume);
}

/// Waits until something has come.
pub fn wait(what: &str, mut come: impl FnMut() -> bool) {
    let started = Instant::now();
    while !come() {
        assert!(started.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

pub fn namespace(tenant: &str) -> ObjectRef {
    ObjectRef::global(Kind::Namespace, format!("kaas-{tenant}"))
}

/// An object in a tenant's namespace.
pub fn of(tenant: &str, kind: Kind, name: &str) -> ObjectRef {
    ObjectRef::namespaced(kind, format!("kaas-{tenant}"), name)
}

pub fn kafka(tenant: &str) -> ObjectRef {
    of(tenant, Kind::Kafka, tenant)
}

/// A topic that its operator's finalizer holds.
pub fn held_topic(tenant: &str, name: &str) -> Value {
    json!({
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "KafkaTopic",
        "metadata": {"name": name, "namespace": format!("kaas-{tenant}"), "labels": {"strimzi.io/cluster": tenant}, "finalizers": ["strimzi.io/topic-operator"]},
        "spec": {"partitions": 1, "replicas": 3},
    })
}

/// Asks cert-manager to issue a Certificate anew, as its own tool does.
pub fn renew(lab: &impl At, certificate: &ObjectRef) {
    let done = block_on(async {
        let api = api(lab, certificate).await?;
        let mut whole = serde_json::to_value(api.get(&certificate.name).await?)?;
        let issuing = json!({"type": "Issuing", "status": "True", "reason": "ManuallyTriggered", "message": "asked for by hand"});
        whole["status"]["conditions"].as_array_mut().ok_or_else(|| anyhow::anyhow!("no conditions"))?.push(issuing);
        Ok(api.replace_status(&certificate.name, &PostParams::default(), &serde_json::from_value(whole)?).await.map(drop)?)
    });
    done.unwrap_or_else(|error| panic!("renew {certificate}: {error:#}"));
}
