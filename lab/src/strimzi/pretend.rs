//! `--pretend-ready`: objects become Ready and nothing runs. For benchmarks of the provider, which would else measure Kafka's start.
//! Only status is written, and its condition says that it is pretended.

use anyhow::Result;
use kube::api::DynamicObject;
use kube::runtime::controller::Action;
use kube::{Client, ResourceExt};
use serde_json::json;

use super::api::{KafkaSpec, TopicSpec, UserSpec, kind, spec};
use super::distribution::{DEFAULT_VERSION, metadata_version};
use super::status::{self, Condition};
use super::{pki, pools, users};

/// What all pretended Kafkas share.
pub struct Pretend {
    authority: String,
    operator_version: String,
}

/// The id every pretended Kafka has.
const CLUSTER_ID: &str = "UHJldGVuZGVkS2Fma2EwMA";

impl Pretend {
    /// Makes the one authority.
    pub fn new(operator_version: &str) -> Result<Self> {
        Ok(Self { authority: pki::authority("cluster-ca", 365)?.certificate, operator_version: operator_version.to_owned() })
    }

    pub async fn kafka(&self, client: &Client, kafka: &DynamicObject) -> Result<Action> {
        let (namespace, name) = (kafka.namespace().unwrap_or_default(), kafka.name_any());
        let parsed: KafkaSpec = spec(kafka)?;
        let found = pools::read(client, &namespace, &name).await?;
        if found.is_empty() {
            return Ok(Action::await_change());
        }
        for pool in &found {
            pools::write_status(client, &name, CLUSTER_ID, pool, &[]).await?;
        }
        let listener = |l: &super::api::Listener| {
            let mut value = json!({"name": l.name, "bootstrapServers": format!("127.0.0.1:{}", l.port),
                "addresses": [{"host": "127.0.0.1", "port": l.port}]});
            if l.tls {
                value["certificates"] = json!([self.authority]);
            }
            value
        };
        let version = parsed.kafka.version.as_deref().unwrap_or(DEFAULT_VERSION);
        let metadata = parsed.kafka.metadata_version.as_deref().or(metadata_version(version)).unwrap_or_default();
        let body = json!({
            "observedGeneration": kafka.metadata.generation, "clusterId": CLUSTER_ID, "kafkaVersion": version,
            "kafkaMetadataVersion": metadata, "operatorLastSuccessfulVersion": self.operator_version,
            "listeners": parsed.kafka.listeners.iter().map(listener).collect::<Vec<_>>(),
            "kafkaNodePools": found.iter().map(|p| json!({"name": p.name})).collect::<Vec<_>>(),
            "clusterSecurity": {"authentication": {"type": "strimzi-mtls"}, "encryption": {"type": "strimzi-tls"}},
            "autoRebalance": {"state": "Idle"},
        });
        status::write(client, &kind("Kafka", "kafkas"), kafka, body, &[Condition::pretended()]).await?;
        Ok(Action::await_change())
    }

    pub async fn user(&self, client: &Client, user: &DynamicObject) -> Result<Action> {
        let parsed: UserSpec = spec(user)?;
        let name = user.name_any();
        let body = json!({"observedGeneration": user.metadata.generation, "username": users::username(&name, &parsed), "secret": name});
        status::write(client, &kind("KafkaUser", "kafkausers"), user, body, &[Condition::pretended()]).await?;
        Ok(Action::await_change())
    }

    pub async fn topic(&self, client: &Client, topic: &DynamicObject) -> Result<Action> {
        let parsed: TopicSpec = spec(topic)?;
        let name = parsed.topic_name.unwrap_or_else(|| topic.name_any());
        let body = json!({"observedGeneration": topic.metadata.generation, "topicName": name, "topicId": CLUSTER_ID});
        status::write(client, &kind("KafkaTopic", "kafkatopics"), topic, body, &[Condition::pretended()]).await?;
        Ok(Action::await_change())
    }
}
