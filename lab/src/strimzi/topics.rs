//! KafkaTopics: made, changed and deleted in Kafka, held by the topic operator's finalizer.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result};
use kube::ResourceExt;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::runtime::controller::Action;
use serde_json::{Value, json};

use super::api::{CLUSTER_LABEL, KafkaSpec, Refusal, TopicSpec, config_text, kind, spec};
use super::cluster::connect;
use super::operator::{Operator, RESYNC, SOON, paused};
use super::status::{self, Condition};
use crate::kafka::{AlterOp, Client, ResourceKind, TopicInfo};

const FINALIZER: &str = "strimzi.io/topic-operator";

/// Makes the topic what its object says.
pub async fn reconcile(topic: Arc<DynamicObject>, operator: Arc<Operator>) -> Result<Action> {
    let Some(cluster) = topic.labels().get(CLUSTER_LABEL).cloned() else { return Ok(Action::await_change()) };
    let ar = kind("KafkaTopic", "kafkatopics");
    let namespace = topic.namespace().unwrap_or_default();
    let unmanaged = topic.annotations().get("strimzi.io/managed").is_some_and(|v| v == "false");
    if paused(&topic) || unmanaged {
        let condition = if unmanaged { Condition { kind: "Unmanaged", reason: None, message: None } } else { Condition::paused() };
        let body = json!({"observedGeneration": topic.metadata.generation});
        status::write(&operator.client, &ar, &topic, body, &[condition]).await?;
        return Ok(Action::requeue(RESYNC));
    }
    if let Some(pretend) = &operator.pretend {
        return pretend.topic(&operator.client, &topic).await;
    }
    let api: Api<DynamicObject> = Api::namespaced_with(operator.client.clone(), &namespace, &kind("Kafka", "kafkas"));
    // Without its Kafka there is no topic operator: the finalizer stays, as it would.
    let Some(kafka) = api.get_opt(&cluster).await.context("read the topic's Kafka")? else { return Ok(Action::requeue(SOON)) };
    let kafka: KafkaSpec = spec(&kafka)?;
    if kafka.entity_operator.is_none_or(|e| e.topic_operator.is_none()) {
        return Ok(Action::requeue(RESYNC));
    }
    if !operator.serves(&namespace, &cluster) {
        return Ok(Action::requeue(SOON));
    }
    let parsed: TopicSpec = spec(&topic)?;
    let name = parsed.topic_name.clone().unwrap_or_else(|| topic.name_any());
    let run = async {
        let mut admin = connect(&operator, &namespace, &cluster).await?;
        if topic.metadata.deletion_timestamp.is_some() {
            delete(&mut admin, &name).await?;
            finalizer(&operator, &topic, &namespace, false).await?;
            return Ok(None);
        }
        finalizer(&operator, &topic, &namespace, true).await?;
        make(&mut admin, &name, &parsed).await.map(Some)
    };
    let mut body = json!({"observedGeneration": topic.metadata.generation, "topicName": name});
    match run.await {
        Ok(None) => Ok(Action::await_change()),
        Ok(Some(id)) => {
            body["topicId"] = json!(id);
            status::write(&operator.client, &ar, &topic, body, &[Condition::ready()]).await?;
            Ok(Action::requeue(RESYNC))
        }
        // Brokers that restart come back; the object's state has not changed.
        Err(error) if error.downcast_ref::<crate::kafka::Error>().is_some_and(crate::kafka::Error::passing) => Err(error),
        Err(error) => {
            let refusal = error.downcast_ref::<Refusal>().map(|r| r.reason);
            let reason = refusal.unwrap_or(if error.is::<crate::kafka::Error>() { "KafkaError" } else { "InternalError" });
            let condition = Condition::not_ready(reason, format!("{error:#}"));
            status::write(&operator.client, &ar, &topic, body, &[condition]).await?;
            Err(error)
        }
    }
}

async fn finalizer(operator: &Operator, topic: &DynamicObject, namespace: &str, wanted: bool) -> Result<()> {
    let mut finalizers = topic.finalizers().to_vec();
    let there = finalizers.iter().any(|f| f == FINALIZER);
    if there == wanted {
        return Ok(());
    }
    finalizers.retain(|f| f != FINALIZER);
    if wanted {
        finalizers.push(FINALIZER.to_owned());
    }
    let api: Api<DynamicObject> = Api::namespaced_with(operator.client.clone(), namespace, &kind("KafkaTopic", "kafkatopics"));
    let patch = json!({"metadata": {"finalizers": finalizers, "resourceVersion": topic.resource_version()}});
    match api.patch(&topic.name_any(), &PatchParams::default(), &Patch::Merge(&patch)).await {
        Err(kube::Error::Api(e)) if e.code == 404 => Ok(()),
        other => other.map(|_| ()).context("change the finalizer of the topic"),
    }
}

async fn delete(admin: &mut Client, name: &str) -> Result<()> {
    match admin.delete_topic(name).await {
        // 3: there is none.
        Err(error) if error.code() != Some(3) => Err(error.into()),
        _ => Ok(()),
    }
}

async fn find(admin: &mut Client, name: &str) -> Result<Option<TopicInfo>> {
    Ok(admin.topics(Some(&[name])).await?.into_iter().find(|t| t.name == name))
}

/// Returns Kafka's id of the topic.
async fn make(admin: &mut Client, name: &str, spec: &TopicSpec) -> Result<String> {
    let config: BTreeMap<String, String> =
        spec.config.iter().filter(|(_, v)| **v != Value::Null).map(|(k, v)| (k.clone(), config_text(v))).collect();
    let Some(found) = find(admin, name).await? else {
        admin.create_topic(name, spec.partitions.unwrap_or(-1), spec.replicas.unwrap_or(-1), &config).await?;
        for _ in 0..50 {
            if let Some(made) = find(admin, name).await? {
                return Ok(made.id);
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        anyhow::bail!("see the topic {name} after its creation");
    };
    let have = i32::try_from(found.partitions.len()).unwrap_or(i32::MAX);
    match spec.partitions {
        Some(wanted) if wanted > have => admin.create_partitions(name, wanted).await?,
        Some(wanted) if wanted < have => return Err(unsupported("Decreasing partitions not supported")),
        _ => {}
    }
    let factor = found.partitions.first().map_or(0, |p| p.replicas.len());
    if spec.replicas.is_some_and(|r| usize::try_from(r).is_ok_and(|r| r != factor)) {
        return Err(unsupported("Replication factor change not supported, but required for partitions"));
    }
    let current = admin.own_configs(ResourceKind::Topic, name).await?;
    let set = config.iter().filter(|(k, v)| current.get(*k) != Some(v)).map(|(k, v)| (k.clone(), AlterOp::Set(v.clone())));
    let gone = current.keys().filter(|k| !config.contains_key(*k)).map(|k| (k.clone(), AlterOp::Delete));
    let ops: BTreeMap<String, AlterOp> = set.chain(gone).collect();
    if !ops.is_empty() {
        admin.alter_configs(ResourceKind::Topic, name, &ops).await?;
    }
    Ok(found.id)
}

fn unsupported(message: &str) -> anyhow::Error {
    Refusal { reason: "NotSupported", message: message.to_owned() }.into()
}
