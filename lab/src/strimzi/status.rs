//! Conditions and status, written by server-side apply, and only when they differ from what is there.

use anyhow::{Context, Result};
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};

/// The field manager of all the stand-in writes.
pub const MANAGER: &str = "strimzi-operator-stand-in";

/// A condition to be reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    pub kind: &'static str,
    pub reason: Option<String>,
    pub message: Option<String>,
}

impl Condition {
    pub fn ready() -> Self {
        Self { kind: "Ready", reason: None, message: None }
    }

    /// Ready, and a message that says what about it is not real.
    pub fn pretended() -> Self {
        let message = "The lab's stand-in pretends: no broker was started (--pretend-ready)";
        Self { kind: "Ready", reason: Some("Pretended".to_owned()), message: Some(message.to_owned()) }
    }

    pub fn not_ready(reason: &str, message: impl Into<String>) -> Self {
        Self { kind: "NotReady", reason: Some(reason.to_owned()), message: Some(message.into()) }
    }

    pub fn warning(reason: &str, message: impl Into<String>) -> Self {
        Self { kind: "Warning", reason: Some(reason.to_owned()), message: Some(message.into()) }
    }

    pub fn paused() -> Self {
        Self { kind: "ReconciliationPaused", reason: None, message: None }
    }
}

/// Conditions as the API holds them; one that is there already keeps its time.
pub fn conditions(wanted: &[Condition], current: Option<&Value>, now: &str) -> Vec<Value> {
    let before = current.and_then(|s| s.pointer("/conditions")).and_then(Value::as_array).cloned().unwrap_or_default();
    let one = |condition: &Condition| {
        let mut value = json!({"type": condition.kind, "status": "True"});
        if let Some(reason) = &condition.reason {
            value["reason"] = json!(reason);
        }
        if let Some(message) = &condition.message {
            value["message"] = json!(message);
        }
        let same = before.iter().find(|b| ["type", "status", "reason", "message"].iter().all(|k| b.get(*k) == value.get(*k)));
        value["lastTransitionTime"] = same.and_then(|b| b.get("lastTransitionTime")).cloned().unwrap_or_else(|| json!(now));
        value
    };
    wanted.iter().map(one).collect()
}

/// The time as Strimzi writes it.
pub fn now() -> String {
    let t = time::OffsetDateTime::now_utc();
    let (month, nanos) = (u8::from(t.month()), t.nanosecond());
    format!("{}-{month:02}-{:02}T{:02}:{:02}:{:02}.{nanos:09}Z", t.year(), t.day(), t.hour(), t.minute(), t.second())
}

/// Writes the status of `object`, unless it is there.
pub async fn write(client: &Client, kind: &ApiResource, object: &DynamicObject, mut status: Value, conds: &[Condition]) -> Result<()> {
    let current = object.data.get("status");
    status["conditions"] = json!(conditions(conds, current, &now()));
    if current == Some(&status) {
        return Ok(());
    }
    let name = object.metadata.name.clone().unwrap_or_default();
    let namespace = object.metadata.namespace.clone().unwrap_or_default();
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), &namespace, kind);
    let patch = json!({"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": name}, "status": status});
    let written = api.patch_status(&name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(&patch)).await;
    match written {
        // It was deleted meanwhile.
        Err(kube::Error::Api(e)) if e.code == 404 => Ok(()),
        other => other.map(|_| ()).with_context(|| format!("write the status of {} {namespace}/{name}", kind.kind)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unchanged_condition_keeps_its_time() {
        let before = json!({"conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "then"}]});
        let wanted = [Condition::ready(), Condition::warning("R", "m")];
        let after = conditions(&wanted, Some(&before), "now");
        assert_eq!(after[0]["lastTransitionTime"], "then");
        assert_eq!(after[1]["lastTransitionTime"], "now");
    }
}
