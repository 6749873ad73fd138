//! Waiting for an object by watching it, until a probe is content, a deadline passes or the user stops.

use std::pin::pin;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use futures::StreamExt;
use kube::api::DynamicObject;
use kube::core::{ApiResource, GroupVersionKind};
use kube::runtime::watcher::watch_object;
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Cluster;
use super::call::object_path;
use super::error::Result;
use super::read::complete;
use crate::domain::object::ObjectRef;

/// Between what was seen of an object and why it cannot be looked at any more.
const AWAY: &str = "; now it cannot be looked at: ";

/// What a probe makes of an object's present state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe<T> {
    /// What was waited for is there.
    Done(T),
    /// Not yet: in a few words, what was seen.
    Pending(String),
}

/// How a wait ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Waited<T> {
    Done(T),
    DeadlinePassed { last_seen: String },
    Stopped { last_seen: String },
}

impl Cluster {
    /// Watches one object and asks the probe at each change (None: it does not exist) until the probe is done.
    ///
    /// Connections that are cut, servers that restart and watches that expire are survived: the object is read anew, with growing pauses.
    /// Fails only where waiting cannot help: no access, no such kind, no credentials.
    pub async fn wait<T>(
        &self,
        object: &ObjectRef,
        deadline: Instant,
        stop: &CancellationToken,
        mut probe: impl FnMut(Option<&Value>) -> Probe<T>,
    ) -> Result<Waited<T>> {
        let mut last_seen = "nothing yet".to_owned();
        let ended = {
            let watching = pin!(self.watch(object, &mut probe, &mut last_seen));
            tokio::select! {
                biased;
                () = stop.cancelled() => Ended::Stopped,
                outcome = watching => Ended::Done(outcome?),
                () = tokio::time::sleep_until(deadline) => Ended::DeadlinePassed,
            }
        };
        Ok(match ended {
            Ended::Done(value) => Waited::Done(value),
            Ended::Stopped => Waited::Stopped { last_seen },
            Ended::DeadlinePassed => Waited::DeadlinePassed { last_seen },
        })
    }

    /// Waits until the object does not exist. What it was last seen with names the finalizers that hold it.
    pub async fn wait_gone(&self, object: &ObjectRef, deadline: Instant, stop: &CancellationToken) -> Result<Waited<()>> {
        let outcome = self
            .wait(object, deadline, stop, |found| match found {
                None => Probe::Done(()),
                Some(found) => Probe::Pending(what_holds(found)),
            })
            .await;
        match outcome {
            // A kind that is not served has no objects.
            Err(super::Error::KindMissing { .. }) => Ok(Waited::Done(())),
            other => other,
        }
    }

    async fn watch<T>(&self, object: &ObjectRef, probe: &mut impl FnMut(Option<&Value>) -> Probe<T>, last_seen: &mut String) -> Result<T> {
        object_path(object)?;
        let pauses = || {
            let pauses = ExponentialBuilder::default().with_min_delay(self.inner.first_pause).with_max_delay(Duration::from_secs(5));
            pauses.without_max_times().with_jitter().build()
        };
        let mut delays = pauses();
        let mut look = |found: Option<Value>, last_seen: &mut String| match probe(found.as_ref()) {
            Probe::Done(value) => Some(value),
            Probe::Pending(seen) => {
                *last_seen = seen;
                None
            }
        };
        loop {
            // The client's own watch resumes where it was; whatever it reports as failed is looked at by an ordinary read, which
            // tells what is the matter, loads credentials anew and answers the probe meanwhile. Where too many watch, the read alone does it.
            if let Ok(_turn) = self.inner.watches.try_acquire() {
                let (_, client) = self.client().await?;
                self.inner.counts.add(&format!("watch {}", object.kind.api().plural));
                let mut changes = pin!(watch_object(api(client, object), &object.name));
                while let Some(change) = changes.next().await {
                    match change {
                        Ok(found) => {
                            delays = pauses();
                            let found = found.and_then(|found| serde_json::to_value(found).ok()).map(|found| complete(object.kind, found));
                            if let Some(value) = look(found, last_seen) {
                                return Ok(value);
                            }
                        }
                        Err(error) => {
                            tracing::debug!(%object, %error, "watch failed");
                            break;
                        }
                    }
                }
            }
            // This loop is patient itself, and says meanwhile what it last saw.
            match (Self { deadline: None, ..self.clone() }).get(object).await {
                Ok(found) => {
                    if let Some(value) = look(found, last_seen) {
                        return Ok(value);
                    }
                }
                Err(error) if error.is_retryable() => {
                    let error = error.report();
                    tracing::debug!(%object, error, "read failed while waiting");
                    last_seen.truncate(last_seen.find(AWAY).unwrap_or(last_seen.len()));
                    last_seen.extend([AWAY, &error]);
                }
                Err(error) => return Err(error),
            }
            tokio::time::sleep(delays.next().unwrap_or(Duration::from_secs(5))).await;
        }
    }
}

enum Ended<T> {
    Done(T),
    Stopped,
    DeadlinePassed,
}

fn api(client: kube::Client, object: &ObjectRef) -> kube::Api<DynamicObject> {
    let api = object.kind.api();
    let resource = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(api.group, api.version, api.kind), api.plural);
    match &object.namespace {
        Some(namespace) if api.namespaced => kube::Api::namespaced_with(client, namespace, &resource),
        _ => kube::Api::all_with(client, &resource),
    }
}

/// Why an object still exists.
fn what_holds(object: &Value) -> String {
    let metadata = &object["metadata"];
    let names: Vec<&str> = metadata["finalizers"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let held = match (metadata["deletionTimestamp"].as_str(), names.is_empty()) {
        (None, _) => "it is not being deleted".to_owned(),
        (Some(since), true) => format!("it is being deleted since {since}"),
        (Some(since), false) => format!("it is being deleted since {since}, held by the finalizers {}", names.join(", ")),
    };
    match remaining(object) {
        Some(remaining) => format!("{held}: {remaining}"),
        None => held,
    }
}

/// What is said of an object that stays: by the namespace controller, which objects remain, which finalizers hold them and which APIs do not answer; by
/// the volume controller, how far the volume is and why its disk cannot be deleted.
fn remaining(object: &Value) -> Option<String> {
    if object["kind"] == "PersistentVolume" {
        let (phase, message) = (object["status"]["phase"].as_str()?, object["status"]["message"].as_str().unwrap_or_default());
        return Some(format!("it is {phase}{}{message}", if message.is_empty() { "" } else { ": " }));
    }
    let conditions = object["status"]["conditions"].as_array().filter(|_| object["kind"] == "Namespace")?;
    let told: Vec<&str> =
        conditions.iter().filter(|condition| condition["status"] == "True").filter_map(|condition| condition["message"].as_str()).collect();
    (!told.is_empty()).then(|| told.join("; "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_stays_tells_what_is_said_of_it() {
        let condition = |status: &str, message: &str| json!({ "type": "x", "status": status, "message": message });
        let namespace = json!({ "kind": "Namespace", "metadata": { "deletionTimestamp": "T" }, "status": { "conditions": [
            condition("False", "All resources successfully discovered"),
            condition("True", "Some resources are remaining: kafkatopics.kafka.strimzi.io has 1 resource instances"),
        ] } });
        let volume = json!({ "kind": "PersistentVolume", "metadata": {}, "status": { "phase": "Failed", "message": "no driver" } });
        assert_eq!(what_holds(&volume), "it is not being deleted: it is Failed: no driver");
        assert_eq!(
            what_holds(&namespace),
            "it is being deleted since T: Some resources are remaining: kafkatopics.kafka.strimzi.io has 1 resource instances"
        );
    }
}
