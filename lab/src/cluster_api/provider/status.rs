//! Status and conditions of the stand-in's objects, written only when they differ from what is there.

use anyhow::{Context, Result};
use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};

use super::objects::MANAGER;

/// A condition as Kubernetes knows it.
#[derive(Debug, Clone)]
pub struct Condition {
    pub kind: &'static str,
    pub holds: bool,
    pub reason: &'static str,
    pub message: String,
}

impl Condition {
    pub fn yes(kind: &'static str, reason: &'static str) -> Self {
        Self { kind, holds: true, reason, message: String::new() }
    }

    pub fn no(kind: &'static str, reason: &'static str, message: impl Into<String>) -> Self {
        Self { kind, holds: false, reason, message: message.into() }
    }
}

/// Writes `status` with `conditions` unless it is there.
pub async fn write(client: &Client, kind: &ApiResource, object: &DynamicObject, mut status: Value, conditions: &[Condition]) -> Result<()> {
    let current = object.data.get("status");
    status["conditions"] = json!(dated(conditions, current, object.metadata.generation, &now()));
    if current == Some(&status) {
        return Ok(());
    }
    patch(client, kind, object, json!({"status": status}), true).await
}

/// Writes `part` of the spec.
pub async fn write_spec(client: &Client, kind: &ApiResource, object: &DynamicObject, part: Value) -> Result<()> {
    patch(client, kind, object, json!({"spec": part}), false).await
}

async fn patch(client: &Client, kind: &ApiResource, object: &DynamicObject, mut manifest: Value, status: bool) -> Result<()> {
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    manifest["apiVersion"] = json!(kind.api_version);
    manifest["kind"] = json!(kind.kind);
    // Of this very object: one that is gone is not made anew.
    manifest["metadata"] = json!({"name": name, "uid": object.metadata.uid});
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), &namespace, kind);
    let params = PatchParams::apply(MANAGER).force();
    let manifest = Patch::Apply(&manifest);
    let written = if status { api.patch_status(&name, &params, &manifest).await } else { api.patch(&name, &params, &manifest).await };
    match written {
        Err(kube::Error::Api(error)) if error.code == 404 || error.code == 409 => Ok(()),
        other => other.map(|_| ()).with_context(|| format!("write {} {namespace}/{name}", kind.kind)),
    }
}

/// Whether the object has the condition `kind` with status True, and since when (`2026-01-31T12:00:00Z`).
pub fn since(object: &DynamicObject, kind: &str) -> Option<String> {
    let all = object.data.pointer("/status/conditions").and_then(Value::as_array)?;
    let holding = all.iter().find(|condition| condition["type"] == kind && condition["status"] == "True")?;
    holding["lastTransitionTime"].as_str().map(str::to_owned)
}

/// Conditions as the API holds them; one whose status stays keeps its time.
fn dated(wanted: &[Condition], current: Option<&Value>, generation: Option<i64>, now: &str) -> Vec<Value> {
    let before = current.and_then(|status| status["conditions"].as_array()).cloned().unwrap_or_default();
    let one = |condition: &Condition| {
        let status = if condition.holds { "True" } else { "False" };
        let same = before.iter().find(|b| b["type"] == condition.kind && b["status"] == status);
        let time = same.and_then(|b| b["lastTransitionTime"].as_str()).unwrap_or(now);
        let mut value = json!({"type": condition.kind, "status": status, "reason": condition.reason, "lastTransitionTime": time});
        if !condition.message.is_empty() {
            value["message"] = json!(condition.message);
        }
        if let Some(generation) = generation {
            value["observedGeneration"] = json!(generation);
        }
        value
    };
    wanted.iter().map(one).collect()
}

/// The time as Kubernetes writes it.
pub fn now() -> String {
    let t = time::OffsetDateTime::now_utc();
    format!("{}-{:02}-{:02}T{:02}:{:02}:{:02}Z", t.year(), u8::from(t.month()), t.day(), t.hour(), t.minute(), t.second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_keeps_its_time_until_its_status_changes() {
        let before = json!({"conditions": [{"type": "Available", "status": "True", "lastTransitionTime": "then"}]});
        let time = |condition: Condition| dated(&[condition], Some(&before), Some(3), "now")[0]["lastTransitionTime"].clone();
        assert_eq!(time(Condition::yes("Available", "Other")), "then");
        assert_eq!(time(Condition::no("Available", "Died", "why")), "now");
    }
}
