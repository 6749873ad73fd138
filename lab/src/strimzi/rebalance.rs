//! Auto-rebalancing, as the real operator does it by Cruise Control: data is moved off brokers before they go, and onto those that came. The state is kept in
//! the Kafka's status, so that another stand-in goes on with it.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use kube::api::{Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};

use super::api::{CLUSTER_LABEL, kind};
use super::cluster::Pass;
use super::status::{self, Condition};
use super::{apply, moves, rollout};

const DOWN: &str = "remove-brokers";
const UP: &str = "add-brokers";
const IDLE: &str = "Idle";
/// Kept by a KafkaRebalance until its move has ended.
const FINALIZER: &str = "strimzi.io/auto-rebalancing";

/// Brokers that wait for data to be moved.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Scaling {
    /// They shall go and hold replicas.
    blocked: BTreeSet<i32>,
    /// They came and hold nothing.
    added: BTreeSet<i32>,
}

/// Whether the Kafka's status tells of a move that has not ended.
pub fn is_moving(status: &Value) -> bool {
    status["autoRebalance"]["state"].as_str().is_some_and(|state| state != IDLE)
}

/// Begins or follows a move; answers what `status.autoRebalance` is now. `blocked` brokers shall go and hold replicas, `joined` ones are new.
pub async fn step(pass: &Pass<'_>, kafka: &DynamicObject, blocked: &BTreeSet<i32>, joined: &BTreeSet<i32>) -> Result<Value> {
    let before = kafka.data.pointer("/status/autoRebalance").cloned().unwrap_or_else(|| json!({"state": IDLE}));
    let brokers: BTreeSet<i32> = pass.model.nodes.iter().filter(|n| n.broker).map(|n| n.id).collect();
    let scaling = scaling(&before, &brokers, blocked, joined, |mode| pass.spec.rebalances(mode));
    let state_before = before["state"].as_str().unwrap_or(IDLE).to_owned();
    let state = follow(pass, &brokers, &scaling, &state_before).await?;
    let after = report(&before, state, &scaling);
    let (client, namespace, cluster) = (&pass.operator.client, kafka.namespace().unwrap_or_default(), kafka.name_any());
    // Not by the state before: this Kafka may be an older one than was last written.
    let standing = standing(client, &namespace, &cluster).await?;
    for (mode, name, ids) in [(DOWN, "RebalanceOnScaleDown", &scaling.blocked), (UP, "RebalanceOnScaleUp", &scaling.added)] {
        if state == name {
            note(client, &namespace, &cluster, mode, ids).await?;
        } else if standing.contains(&self::name(&cluster, mode)) {
            forget(client, &namespace, &cluster, mode).await?;
        }
    }
    Ok(after)
}

fn scaling(
    before: &Value,
    brokers: &BTreeSet<i32>,
    blocked: &BTreeSet<i32>,
    joined: &BTreeSet<i32>,
    configured: impl Fn(&str) -> bool,
) -> Scaling {
    let queued = before["modes"].as_array().into_iter().flatten().find(|m| m["mode"] == UP);
    let queued = queued.and_then(|m| m["brokers"].as_array()).into_iter().flatten();
    let queued = queued.filter_map(|id| i32::try_from(id.as_i64()?).ok());
    let added = queued.chain(joined.iter().copied()).filter(|id| brokers.contains(id) && !blocked.contains(id));
    Scaling {
        blocked: if configured(DOWN) { blocked.clone() } else { BTreeSet::new() },
        added: if configured(UP) { added.collect() } else { BTreeSet::new() },
    }
}

/// Asks Kafka for what is still to be moved, and answers the state.
async fn follow(pass: &Pass<'_>, brokers: &BTreeSet<i32>, scaling: &Scaling, before: &str) -> Result<&'static str> {
    if *scaling == Scaling::default() {
        return Ok(IDLE);
    }
    let mut admin = rollout::admin(pass).await?;
    let moving = admin.reassigning().await?;
    let mut topics = admin.topics(None).await?;
    if !scaling.blocked.is_empty() {
        for topic in &mut topics {
            topic.partitions.retain(|p| !moving.contains(&(topic.name.clone(), p.index)));
        }
        let staying = brokers - &scaling.blocked;
        return match moves::off(&topics, &scaling.blocked, &staying) {
            Ok(moves) => admin.reassign(&moves).await.map(|()| "RebalanceOnScaleDown").context("move data off leaving brokers"),
            // As when the proposal of Cruise Control fails: Idle, and tried again later.
            Err(why) => {
                tracing::warn!("cannot move data off {:?}: {why}", scaling.blocked);
                Ok(IDLE)
            }
        };
    }
    if before == "RebalanceOnScaleUp" {
        return Ok(if moving.is_empty() { IDLE } else { "RebalanceOnScaleUp" });
    }
    let moves = moves::onto(&topics, &scaling.added, brokers);
    admin.reassign(&moves).await.context("move data onto new brokers")?;
    Ok(if moves.is_empty() { IDLE } else { "RebalanceOnScaleUp" })
}

/// The status as the real operator writes it.
fn report(before: &Value, state: &str, scaling: &Scaling) -> Value {
    let mut after = json!({"state": state});
    if state != IDLE {
        let all = [(DOWN, &scaling.blocked), (UP, &scaling.added)];
        after["modes"] = all.iter().filter(|(_, ids)| !ids.is_empty()).map(|(mode, ids)| json!({"mode": mode, "brokers": ids})).collect();
    }
    let same = ["state", "modes"].iter().all(|key| before.get(*key) == after.get(*key));
    let since = if same { before.get("lastTransitionTime").cloned() } else { Some(json!(status::now())) };
    if let Some(since) = since {
        after["lastTransitionTime"] = since;
    }
    after
}

fn name(cluster: &str, mode: &str) -> String {
    format!("{cluster}-auto-rebalancing-{mode}")
}

fn rebalances(client: &Client, namespace: &str) -> Api<DynamicObject> {
    Api::namespaced_with(client.clone(), namespace, &kind("KafkaRebalance", "kafkarebalances"))
}

/// Names of the KafkaRebalances of a cluster.
async fn standing(client: &Client, namespace: &str, cluster: &str) -> Result<BTreeSet<String>> {
    let of_cluster = ListParams::default().labels(&format!("{CLUSTER_LABEL}={cluster}"));
    let listed = rebalances(client, namespace).list(&of_cluster).await.context("list the KafkaRebalances")?;
    Ok(listed.iter().map(ResourceExt::name_any).collect())
}

/// Leaves the KafkaRebalance that the real operator gives to Cruise Control.
async fn note(client: &Client, namespace: &str, cluster: &str, mode: &str, brokers: &BTreeSet<i32>) -> Result<()> {
    let name = name(cluster, mode);
    let manifest = json!({"apiVersion": "kafka.strimzi.io/v1", "kind": "KafkaRebalance",
        "metadata": {"name": name, "labels": {CLUSTER_LABEL: cluster}, "finalizers": [FINALIZER],
            "annotations": {"strimzi.io/rebalance-auto-approval": "true"}},
        "spec": {"mode": mode, "brokers": brokers}});
    apply::apply(client, namespace, &manifest).await?;
    let Some(object) = rebalances(client, namespace).get_opt(&name).await? else { return Ok(()) };
    let rebalancing = Condition { kind: "Rebalancing", reason: None, message: None };
    let body = json!({"observedGeneration": object.metadata.generation});
    status::write(client, &kind("KafkaRebalance", "kafkarebalances"), &object, body, &[rebalancing]).await
}

/// Takes it away with its finalizer.
async fn forget(client: &Client, namespace: &str, cluster: &str, mode: &str) -> Result<()> {
    let (api, name) = (rebalances(client, namespace), name(cluster, mode));
    let unheld = json!({"metadata": {"finalizers": null}});
    for result in [
        api.patch(&name, &PatchParams::default(), &Patch::Merge(&unheld)).await.map(|_| ()),
        api.delete(&name, &DeleteParams::background()).await.map(|_| ()),
    ] {
        match result {
            Err(kube::Error::Api(error)) if error.code == 404 => {}
            other => other.with_context(|| format!("delete KafkaRebalance {namespace}/{name}"))?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brokers_that_came_are_remembered_until_they_go_again_and_modes_that_are_not_configured_do_nothing() {
        let before = json!({"state": "RebalanceOnScaleDown", "modes": [{"mode": UP, "brokers": [6, 7]}]});
        let brokers = [0, 1, 2, 6, 7].into();
        let found = scaling(&before, &brokers, &[7].into(), &BTreeSet::new(), |_| true);
        assert_eq!(found, Scaling { blocked: [7].into(), added: [6].into() });
        assert_eq!(scaling(&before, &brokers, &[7].into(), &[8].into(), |_| false), Scaling::default());
    }

    #[test]
    fn the_time_of_a_state_is_that_of_its_last_change() {
        let scaling = Scaling { blocked: [3].into(), added: BTreeSet::new() };
        let mut before = report(&json!({"state": IDLE}), "RebalanceOnScaleDown", &scaling);
        assert_eq!(before["modes"], json!([{"mode": DOWN, "brokers": [3]}]));
        before["lastTransitionTime"] = json!("then");
        assert_eq!(report(&before, "RebalanceOnScaleDown", &scaling), before);
        assert_ne!(report(&before, IDLE, &Scaling::default())["lastTransitionTime"], "then");
        assert_eq!(report(&json!({"state": IDLE}), IDLE, &Scaling::default()), json!({"state": IDLE}));
    }
}
