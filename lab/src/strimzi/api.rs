//! What the stand-in reads of Strimzi's API (`kafka.strimzi.io/v1`): the fields it acts on, and no others.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use super::listener::Listener;

/// The label that ties pools, users and topics to their Kafka.
pub const CLUSTER_LABEL: &str = "strimzi.io/cluster";
/// Set to `"true"`, the object is left as it is.
pub const PAUSE: &str = "strimzi.io/pause-reconciliation";

/// A kind of Strimzi's group, such as `("Kafka", "kafkas")`.
pub fn kind(kind: &str, plural: &str) -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk("kafka.strimzi.io", "v1", kind), plural)
}

/// The spec of a Kafka.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KafkaSpec {
    pub kafka: ClusterSpec,
    pub entity_operator: Option<EntityOperator>,
    pub cruise_control: Option<CruiseControl>,
    #[serde(default)]
    pub clients_ca: CaSpec,
    #[serde(default)]
    pub cluster_ca: CaSpec,
}

impl KafkaSpec {
    /// Whether data is moved by itself when brokers come or go: `add-brokers` or `remove-brokers`.
    pub fn rebalances(&self, mode: &str) -> bool {
        self.cruise_control.as_ref().is_some_and(|cruise_control| cruise_control.auto_rebalance.iter().any(|one| one.mode == mode))
    }
}

/// `spec.cruiseControl`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CruiseControl {
    #[serde(default)]
    pub auto_rebalance: Vec<AutoRebalance>,
}

/// When data is moved by itself.
#[derive(Debug, Clone, Deserialize)]
pub struct AutoRebalance {
    pub mode: String,
}

/// Which of the two entity operators the Kafka has: without them, topics or users are nobody's.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EntityOperator {
    pub topic_operator: Option<Value>,
    pub user_operator: Option<Value>,
}

/// Certificate authority settings.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CaSpec {
    pub generate_certificate_authority: Option<bool>,
    pub validity_days: Option<i64>,
}

/// `spec.kafka`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterSpec {
    pub version: Option<String>,
    pub metadata_version: Option<String>,
    #[serde(default)]
    pub config: BTreeMap<String, Value>,
    pub listeners: Vec<Listener>,
    pub authorization: Option<Authorization>,
    pub quotas: Option<Quotas>,
    pub rack: Option<Value>,
    pub tiered_storage: Option<Value>,
}

/// Something of which only the type matters.
#[derive(Debug, Clone, Deserialize)]
pub struct Typed {
    #[serde(rename = "type")]
    pub kind: String,
}

/// `spec.kafka.authorization`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Authorization {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub super_users: Vec<String>,
}

/// `spec.kafka.quotas`, both types.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Quotas {
    #[serde(rename = "type", default)]
    pub kind: String,
    pub producer_byte_rate: Option<u64>,
    pub consumer_byte_rate: Option<u64>,
    pub request_percentage: Option<u64>,
    pub controller_mutation_rate: Option<f64>,
    pub min_available_bytes_per_volume: Option<u64>,
    pub min_available_ratio_per_volume: Option<f64>,
    #[serde(default)]
    pub excluded_principals: Vec<String>,
}

/// The spec of a KafkaNodePool.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PoolSpec {
    pub replicas: u32,
    pub roles: Vec<String>,
    pub storage: Storage,
}

impl PoolSpec {
    pub fn has(&self, role: &str) -> bool {
        self.roles.iter().any(|r| r == role)
    }
}

/// Storage of a pool: one volume, or the volumes of type `jbod`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Storage {
    #[serde(rename = "type")]
    pub kind: String,
    pub id: Option<u32>,
    pub size: Option<String>,
    pub class: Option<String>,
    #[serde(default)]
    pub delete_claim: bool,
    pub kraft_metadata: Option<String>,
    #[serde(default)]
    pub volumes: Vec<Storage>,
}

impl Storage {
    /// Each volume with its name in a pod: `data-0` of JBOD, `data` of a single one.
    pub fn named_volumes(&self) -> Vec<(String, &Storage)> {
        if self.kind != "jbod" {
            return vec![("data".to_owned(), self)];
        }
        self.volumes.iter().map(|v| (format!("data-{}", v.id.unwrap_or_default()), v)).collect()
    }
}

/// The spec of a KafkaUser.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserSpec {
    pub authentication: Option<UserAuthentication>,
    pub authorization: Option<UserAuthorization>,
    pub quotas: Option<Quotas>,
}

/// How a user proves itself.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserAuthentication {
    #[serde(rename = "type")]
    pub kind: String,
    pub validity_days: Option<i64>,
    pub password: Option<Value>,
}

/// What a user may do.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserAuthorization {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub acls: Vec<AclRule>,
}

/// One rule of a user.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AclRule {
    #[serde(rename = "type")]
    pub permission: Option<String>,
    pub resource: AclResource,
    pub operations: Vec<String>,
    pub host: Option<String>,
}

/// What a rule is about.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AclResource {
    #[serde(rename = "type")]
    pub kind: String,
    pub name: Option<String>,
    pub pattern_type: Option<String>,
}

/// The spec of a KafkaTopic.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TopicSpec {
    pub topic_name: Option<String>,
    pub partitions: Option<i32>,
    pub replicas: Option<i16>,
    #[serde(default)]
    pub config: BTreeMap<String, Value>,
}

/// Reads `spec` of an object.
pub fn spec<T: DeserializeOwned>(object: &DynamicObject) -> Result<T> {
    let name = object.metadata.name.as_deref().unwrap_or_default();
    let spec = object.data.get("spec").cloned().unwrap_or(Value::Object(Default::default()));
    serde_json::from_value(spec).with_context(|| format!("read the spec of {name}"))
}

/// A value of a `config` map as Kafka's properties write it.
pub fn config_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Something the real operator refuses too; `reason` becomes the reason of the condition.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    pub reason: &'static str,
    pub message: String,
}

/// A refusal of what the user wrote.
pub fn invalid(message: impl Into<String>) -> anyhow::Error {
    Refusal { reason: "InvalidResourceException", message: message.into() }.into()
}
