//! `--pretend-ready`: objects become Ready and nothing runs. For benchmarks of the provider, which would else measure Kafka's start.
//! Only status is written, and its condition says that it is pretended; and the Services of listeners for clients outside, whose addresses
//! others wait for.

use anyhow::Result;
use kube::api::DynamicObject;
use kube::runtime::controller::Action;
use kube::{Client, ResourceExt};
use serde_json::{Value, json};

use super::addresses::{self, Addresses, Seen};
use super::api::{KafkaSpec, Refusal, TopicSpec, UserSpec, kind, spec};
use super::authorities;
use super::distribution::{DEFAULT_VERSION, metadata_version};
use super::objects::Owner;
use super::operator::SOON;
use super::pools::Pool;
use super::properties::{Model, Node};
use super::status::{self, Condition};
use super::{apply, pki, pools, services, users};

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
        let model = model(&namespace, &name, &parsed, &found);
        let Some(addresses) = outside(client, kafka, &model, &found).await? else { return Ok(Action::requeue(SOON)) };
        let own = match authorities::own_certificates(client, &namespace, &model.listeners).await {
            Ok((own, _)) => own,
            Err(error) => {
                let reason = error.downcast_ref::<Refusal>().map_or("ReconciliationException", |refusal| refusal.reason);
                let condition = Condition::not_ready(reason, format!("{error:#}"));
                let body = json!({"observedGeneration": kafka.metadata.generation});
                status::write(client, &kind("Kafka", "kafkas"), kafka, body, &[condition]).await?;
                return Err(error);
            }
        };
        for pool in &found {
            pools::write_status(client, &name, CLUSTER_ID, pool, &[]).await?;
        }
        let listener = |l: &super::listener::Listener| {
            let mut value = match l.service_type() {
                Some(_) => addresses.status(l, &model.nodes),
                None => json!({"name": l.name, "bootstrapServers": format!("127.0.0.1:{}", l.port),
                    "addresses": [{"host": "127.0.0.1", "port": l.port}]}),
            };
            if l.tls {
                value["certificates"] = json!([own.get(&l.name).unwrap_or(&self.authority)]);
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

/// As much of a Kafka as Services need: nobody listens on a port.
fn model(namespace: &str, cluster: &str, spec: &KafkaSpec, pools: &[Pool]) -> Model {
    let node = |pool: &Pool, id: i32| Node {
        id,
        pool: pool.name.clone(),
        controller: pool.spec.has("controller"),
        broker: pool.spec.has("broker"),
        volumes: Vec::new(),
        ports: Default::default(),
        advertised: Default::default(),
    };
    Model {
        namespace: namespace.to_owned(),
        cluster: cluster.to_owned(),
        nodes: pools.iter().flat_map(|pool| pool.ids.iter().map(move |id| node(pool, *id))).collect(),
        listeners: spec.kafka.listeners.clone(),
        authorization: None,
        quotas: None,
        config: Default::default(),
        rack: false,
    }
}

/// Makes the Services of listeners for clients outside; none while one has no address.
async fn outside(client: &Client, kafka: &DynamicObject, model: &Model, pools: &[Pool]) -> Result<Option<Addresses>> {
    let owner = Owner { kind: "Kafka", name: model.cluster.clone(), uid: kafka.uid().unwrap_or_default() };
    let wanted = services::of_listeners(model, pools, &owner);
    for service in &wanted {
        apply::apply(client, &model.namespace, service).await?;
    }
    let told = kafka.data.pointer("/status/listeners").and_then(Value::as_array).into_iter().flatten();
    if !wanted.is_empty() || told.clone().any(|listener| listener["addresses"][0]["host"] != "127.0.0.1") {
        services::sweep(client, model, &wanted).await?;
    }
    Ok(match addresses::look(client, model).await? {
        Seen::All(addresses) => Some(addresses),
        Seen::Waiting(_) => None,
    })
}
