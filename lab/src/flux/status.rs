//! Conditions as Flux sets them, and writing a status only when it differs from what is there.

use anyhow::{Context, Result};
use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};

use super::api::Condition;

/// The field manager of Flux's helm-controller.
pub const MANAGER: &str = "helm-controller";
/// The field manager of Flux's source-controller.
pub const SOURCE_MANAGER: &str = "source-controller";

/// The conditions of one object.
pub struct Conditions<'a> {
    pub all: &'a mut Vec<Condition>,
    pub generation: i64,
}

impl Conditions<'_> {
    /// Sets a condition; its time moves only when its status does.
    pub fn set(&mut self, kind: &str, status: &str, reason: &str, message: &str) {
        let before = self.all.iter().find(|c| c.kind == kind && c.status == status);
        let since = before.map_or_else(now, |c| c.last_transition_time.clone());
        self.remove(kind);
        self.all.push(Condition {
            kind: kind.to_owned(),
            status: status.to_owned(),
            reason: reason.to_owned(),
            message: message.to_owned(),
            observed_generation: self.generation,
            last_transition_time: since,
        });
        self.all.sort_by_key(|c| rank(&c.kind));
    }

    pub fn remove(&mut self, kind: &str) {
        self.all.retain(|c| c.kind != kind);
    }

    pub fn get(&self, kind: &str) -> Option<&Condition> {
        self.all.iter().find(|c| c.kind == kind)
    }

    /// Under way, with nothing wrong for good.
    pub fn reconciling(&mut self, reason: &str, message: &str) {
        self.remove("Stalled");
        self.set("Reconciling", "True", reason, message);
    }

    /// Failed until something changes.
    pub fn stalled(&mut self, reason: &str, message: &str) {
        self.remove("Reconciling");
        self.set("Stalled", "True", reason, message);
    }
}

/// Flux shows what is wrong first.
fn rank(kind: &str) -> usize {
    ["Stalled", "Reconciling", "Ready", "Remediated", "Released"].iter().position(|k| *k == kind).unwrap_or(9)
}

/// The time as Kubernetes writes it.
pub fn now() -> String {
    let t = time::OffsetDateTime::now_utc();
    format!("{}-{:02}-{:02}T{:02}:{:02}:{:02}Z", t.year(), u8::from(t.month()), t.day(), t.hour(), t.minute(), t.second())
}

/// Writes the status of `object`, unless it is there; gone objects are no error.
pub async fn write(client: &Client, kind: &ApiResource, object: &DynamicObject, manager: &str, status: &Value) -> Result<()> {
    if object.data.get("status") == Some(status) {
        return Ok(());
    }
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), &namespace, kind);
    let patch = json!({"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": name}, "status": status});
    match api.patch_status(&name, &PatchParams::apply(manager).force(), &Patch::Apply(&patch)).await {
        Err(kube::Error::Api(e)) if e.code == 404 => Ok(()),
        other => other.map(|_| ()).with_context(|| format!("write the status of {} {namespace}/{name}", kind.kind)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_keeps_its_time_until_its_status_changes() {
        let old = Condition { kind: "Ready".into(), status: "False".into(), last_transition_time: "then".into(), ..Condition::default() };
        let mut all = vec![old];
        let mut conditions = Conditions { all: &mut all, generation: 2 };
        conditions.set("Ready", "False", "InstallFailed", "again");
        assert_eq!(conditions.get("Ready").map(|c| c.last_transition_time.as_str()), Some("then"));
        conditions.set("Ready", "True", "InstallSucceeded", "done");
        assert_ne!(conditions.get("Ready").map(|c| c.last_transition_time.as_str()), Some("then"));
        assert_eq!(conditions.all.len(), 1);
    }

    #[test]
    fn reconciling_and_stalled_exclude_each_other() {
        let mut all = Vec::new();
        let mut conditions = Conditions { all: &mut all, generation: 1 };
        conditions.reconciling("Progressing", "m");
        conditions.stalled("RetriesExceeded", "m");
        assert_eq!(conditions.all.iter().map(|c| c.kind.as_str()).collect::<Vec<_>>(), ["Stalled"]);
    }
}
