//! What a Kafka object's status says about it.
//!
//! Source of the conditions: Strimzi 1.2.0 (`StatusUtils`, `KafkaStatus`), and a run of its operator: Ready, NotReady (with status True), Warning
//! and ReconciliationPaused.

use std::fmt;

use serde_json::Value;

/// Where a Kafka stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KafkaPhase {
    /// No operator has seen it.
    Pending,
    /// It is being made for the first time.
    Creating,
    /// It runs, and a change has not come through yet.
    Updating,
    Ready,
    /// It does not run as it should; waiting may help.
    NotReady,
    /// The operator refuses it; only a change helps.
    Failed,
    /// Somebody told the operator to leave it alone.
    Paused,
    Deleting,
}

impl KafkaPhase {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Creating => "Creating",
            Self::Updating => "Updating",
            Self::Ready => "Ready",
            Self::NotReady => "NotReady",
            Self::Failed => "Failed",
            Self::Paused => "Paused",
            Self::Deleting => "Deleting",
        }
    }
}

impl fmt::Display for KafkaPhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One condition as the operator wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    pub kind: String,
    pub status: String,
    pub reason: Option<String>,
    pub message: Option<String>,
}

impl Condition {
    fn is(&self, kind: &str) -> bool {
        self.kind == kind && self.status == "True"
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaStatus {
    pub phase: KafkaPhase,
    /// One word, as conditions have it; empty when ready.
    pub reason: String,
    /// One sentence; empty when ready.
    pub message: String,
    pub conditions: Vec<Condition>,
    pub kafka_version: Option<String>,
    pub metadata_version: Option<String>,
    pub cluster_id: Option<String>,
    /// "host:port,host:port" of the client listener.
    pub bootstrap_servers: Option<String>,
    /// PEM of the CA that signs the brokers.
    pub ca_certificate: Option<String>,
}

/// Reasons with which the operator refuses an object instead of failing at it: its `InvalidResourceException` and what it derives from it, for it gives the
/// name of the class. Source: Strimzi 1.2.0, `io.strimzi.operator.common.model` and `io.strimzi.operator.cluster.model`.
const REFUSALS: [&str; 5] = [
    "InvalidResourceException",
    "InvalidConfigurationException",
    "InvalidStorageException",
    "UnsupportedKafkaVersionException",
    "KafkaUpgradeException",
];

const NO_OPERATOR: &str = "no operator has picked it up; is Strimzi running?";

/// Reads the status of a Kafka and of its node pools, all as the API server gave them. Ready is trusted only when the operator has seen the newest
/// generation of each.
pub fn kafka_status(kafka: &Value, pools: &[Value]) -> KafkaStatus {
    let status = &kafka["status"];
    let text = |key: &str| status[key].as_str().map(str::to_owned);
    let conditions = conditions(status);
    let (phase, reason, message) = judge(kafka, pools, &conditions);
    let listener = listener(kafka, super::manifests::CLIENT_LISTENER);
    KafkaStatus {
        phase,
        reason,
        message,
        kafka_version: text("kafkaVersion"),
        metadata_version: text("kafkaMetadataVersion"),
        cluster_id: text("clusterId"),
        bootstrap_servers: listener.and_then(|l| l["bootstrapServers"].as_str()).map(str::to_owned),
        ca_certificate: listener.and_then(|l| l["certificates"][0].as_str()).map(str::to_owned),
        conditions,
    }
}

/// What is said of a listener of this name.
fn listener<'a>(kafka: &'a Value, name: &str) -> Option<&'a Value> {
    kafka["status"]["listeners"].as_array()?.iter().find(|listener| listener["name"] == name)
}

/// What clients begin at from outside, "host:port,host:port": by this name where there is one. None: the listener is not there yet.
pub fn outside_servers(kafka: &Value, name: Option<&str>) -> Option<String> {
    let servers = listener(kafka, super::external::LISTENER)?["bootstrapServers"].as_str()?;
    match name {
        Some(name) => servers.split(',').next()?.rsplit_once(':').map(|(_, port)| format!("{name}:{port}")),
        None => Some(servers.to_owned()),
    }
}

/// Why a KafkaUser is not ready yet, in a few words; None when it is.
pub fn user_pending(user: &Value) -> Option<String> {
    if user["status"].as_object().is_none_or(serde_json::Map::is_empty) {
        return Some(NO_OPERATOR.to_owned());
    }
    if let Some(waiting) = unseen("KafkaUser", user) {
        return Some(waiting);
    }
    let conditions = conditions(&user["status"]);
    if conditions.iter().any(|condition| condition.is("Ready")) {
        return None;
    }
    let said = conditions.iter().find(|condition| condition.is("NotReady")).and_then(|condition| condition.message.clone());
    Some(said.unwrap_or_else(|| "the user operator has not said that it is ready".to_owned()))
}

/// What the operator says of data that it moves between brokers that stay and those that come or go; None when it moves none.
///
/// Source: Strimzi 1.2.0, `KafkaAutoRebalanceStatus`, and the warning of `KafkaClusterCreator` for brokers that cannot go yet.
pub fn moving(kafka: &Value) -> Option<String> {
    let rebalance = &kafka["status"]["autoRebalance"];
    let (mode, onto) = match rebalance["state"].as_str() {
        Some("RebalanceOnScaleDown") => ("remove-brokers", "off"),
        Some("RebalanceOnScaleUp") => ("add-brokers", "onto"),
        _ => {
            let all = conditions(&kafka["status"]);
            let held = all.into_iter().find(|c| c.is("Warning") && c.reason.as_deref() == Some("ScaleDownPreventionCheck"))?;
            return Some(format!("brokers that shall go hold data: {}", held.message.unwrap_or_default()));
        }
    };
    let brokers = rebalance["modes"].as_array().into_iter().flatten().find(|one| one["mode"] == mode);
    let ids: Vec<String> = brokers.and_then(|one| one["brokers"].as_array()).into_iter().flatten().map(Value::to_string).collect();
    Some(format!("data is moved {onto} the brokers {}", ids.join(", ")))
}

/// Why a node pool is not as it is wanted yet, in a few words; None when it is. Whoever waits for a Kafka waits for this too, or would ask in vain again and
/// again.
pub fn pool_pending(pool: &Value) -> Option<String> {
    if pool["status"].as_object().is_none_or(serde_json::Map::is_empty) {
        let name = pool["metadata"]["name"].as_str().unwrap_or_default();
        return Some(format!("node pool {name}: {NO_OPERATOR}"));
    }
    unseen("node pool", pool).or_else(|| short(pool))
}

fn conditions(status: &Value) -> Vec<Condition> {
    let read = |condition: &Value| {
        let text = |key: &str| condition[key].as_str().map(str::to_owned);
        Condition {
            kind: text("type").unwrap_or_default(),
            status: text("status").unwrap_or_default(),
            reason: text("reason"),
            message: text("message"),
        }
    };
    status["conditions"].as_array().map(|list| list.iter().map(read).collect()).unwrap_or_default()
}

fn judge(kafka: &Value, pools: &[Value], conditions: &[Condition]) -> (KafkaPhase, String, String) {
    let said = |phase, condition: &Condition| {
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        (phase, text(&condition.reason), text(&condition.message))
    };
    let told = |phase, reason: &str, message: String| (phase, reason.to_owned(), message);
    if !kafka["metadata"]["deletionTimestamp"].is_null() {
        return told(KafkaPhase::Deleting, "Deleting", "it is being deleted".to_owned());
    }
    if kafka["status"].as_object().is_none_or(serde_json::Map::is_empty) {
        return told(KafkaPhase::Pending, "NoOperator", NO_OPERATOR.to_owned());
    }
    if let Some(paused) = conditions.iter().find(|c| c.is("ReconciliationPaused")) {
        let (phase, _, _) = said(KafkaPhase::Paused, paused);
        let message = "reconciliation is paused by the annotation strimzi.io/pause-reconciliation; remove it to go on".to_owned();
        return told(phase, "ReconciliationPaused", message);
    }
    let working = if kafka["status"]["clusterId"].is_string() { KafkaPhase::Updating } else { KafkaPhase::Creating };
    if let Some(waiting) = unseen("Kafka", kafka) {
        return told(working, "NotObserved", waiting);
    }
    if let Some(not_ready) = conditions.iter().find(|c| c.is("NotReady")) {
        let reason = not_ready.reason.as_deref().unwrap_or_default();
        let phase = match reason {
            "Creating" => KafkaPhase::Creating,
            _ if REFUSALS.contains(&reason) => KafkaPhase::Failed,
            _ => KafkaPhase::NotReady,
        };
        return said(phase, not_ready);
    }
    if !conditions.iter().any(|c| c.is("Ready")) {
        return told(working, "NoCondition", "the operator has begun and not yet said that it is ready".to_owned());
    }
    if let Some(waiting) = pools.iter().find_map(pool_pending) {
        let message = moving(kafka).map_or(waiting.clone(), |moving| format!("{waiting}; {moving}"));
        return told(KafkaPhase::Updating, "NodePool", message);
    }
    told(KafkaPhase::Ready, "", String::new())
}

/// Why an object's status is not about its newest generation; None when it is.
fn unseen(what: &str, object: &Value) -> Option<String> {
    let (wanted, seen) = (object["metadata"]["generation"].as_i64()?, object["status"]["observedGeneration"].as_i64());
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    match seen {
        Some(seen) if seen >= wanted => None,
        Some(seen) => Some(format!("the operator has seen generation {seen} of {what} {name}, the newest is {wanted}")),
        None => Some(format!("the operator has not seen {what} {name} yet")),
    }
}

/// Why a pool has fewer nodes than asked for; None when it has them all.
fn short(pool: &Value) -> Option<String> {
    let (wanted, there) = (pool["spec"]["replicas"].as_i64()?, pool["status"]["replicas"].as_i64()?);
    let name = pool["metadata"]["name"].as_str().unwrap_or_default();
    (there != wanted).then(|| format!("node pool {name} has {there} of {wanted} nodes"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ready() -> Value {
        json!({
            "metadata": { "name": "payments", "generation": 2 },
            "status": {
                "conditions": [{ "type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z" }],
                "observedGeneration": 2, "clusterId": "abc", "kafkaVersion": "4.3.1", "kafkaMetadataVersion": "4.3-IV0",
                "listeners": [{ "name": "tls", "bootstrapServers": "h:9093", "certificates": ["PEM"] }],
            },
        })
    }

    fn pool(generation: i64, replicas: i64) -> Value {
        json!({
            "metadata": { "name": "brokers", "generation": generation }, "spec": { "replicas": 3 },
            "status": { "observedGeneration": 1, "replicas": replicas },
        })
    }

    fn with(pointer: &str, value: Value) -> KafkaStatus {
        let mut kafka = ready();
        *kafka.pointer_mut(pointer).unwrap() = value;
        kafka_status(&kafka, &[])
    }

    #[test]
    fn a_ready_kafka_reports_what_clients_need() {
        let status = kafka_status(&ready(), &[pool(1, 3)]);
        assert_eq!((status.phase, status.reason.as_str(), status.message.as_str()), (KafkaPhase::Ready, "", ""));
        assert_eq!(status.bootstrap_servers.as_deref(), Some("h:9093"));
        assert_eq!(status.ca_certificate.as_deref(), Some("PEM"));
        assert_eq!((status.cluster_id.as_deref(), status.kafka_version.as_deref()), (Some("abc"), Some("4.3.1")));
    }

    #[test]
    fn without_a_status_the_operator_is_asked_for() {
        for kafka in [json!({ "metadata": { "generation": 1 } }), json!({ "metadata": {}, "status": {} }), json!({})] {
            let status = kafka_status(&kafka, &[]);
            assert_eq!(status.phase, KafkaPhase::Pending);
            assert_eq!(status.message, "no operator has picked it up; is Strimzi running?");
        }
    }

    #[test]
    fn ready_of_an_older_generation_is_not_trusted() {
        let status = with("/metadata/generation", json!(3));
        assert_eq!(status.phase, KafkaPhase::Updating);
        assert_eq!(status.message, "the operator has seen generation 2 of Kafka payments, the newest is 3");
        assert_eq!(kafka_status(&ready(), &[pool(2, 3)]).phase, KafkaPhase::Updating);
        assert_eq!(kafka_status(&ready(), &[pool(1, 2)]).message, "node pool brokers has 2 of 3 nodes");
    }

    #[test]
    fn data_that_is_moved_is_told_with_the_brokers_it_is_about() {
        let rebalance = |state: &str, modes: Value| {
            let mut kafka = ready();
            kafka["status"]["autoRebalance"] = json!({ "state": state, "modes": modes });
            kafka
        };
        let off = rebalance(
            "RebalanceOnScaleDown",
            json!([{ "mode": "add-brokers", "brokers": [9] }, { "mode": "remove-brokers", "brokers": [3, 4] }]),
        );
        assert_eq!(moving(&off).as_deref(), Some("data is moved off the brokers 3, 4"));
        let status = kafka_status(&off, &[pool(1, 5)]);
        assert_eq!((status.phase, status.reason.as_str()), (KafkaPhase::Updating, "NodePool"));
        assert_eq!(status.message, "node pool brokers has 5 of 3 nodes; data is moved off the brokers 3, 4");
        let onto = rebalance("RebalanceOnScaleUp", json!([{ "mode": "add-brokers", "brokers": [6] }]));
        assert_eq!(moving(&onto).as_deref(), Some("data is moved onto the brokers 6"));
        assert_eq!(kafka_status(&onto, &[pool(1, 3)]).phase, KafkaPhase::Ready, "clients need not wait for it");
        let mut idle = rebalance("Idle", Value::Null);
        assert_eq!(moving(&idle), None);
        idle["status"]["conditions"] =
            json!([{ "type": "Warning", "status": "True", "reason": "ScaleDownPreventionCheck", "message": "Reverting scale-down" }]);
        assert_eq!(moving(&idle).as_deref(), Some("brokers that shall go hold data: Reverting scale-down"));
    }

    #[test]
    fn a_user_is_ready_only_when_the_operator_says_so_of_its_newest_generation() {
        let user = |status: Value| json!({ "metadata": { "name": "a", "generation": 2 }, "status": status });
        let condition = |kind: &str| json!([{ "type": kind, "status": "True", "message": "why" }]);
        assert_eq!(user_pending(&user(json!({ "conditions": condition("Ready"), "observedGeneration": 2 }))), None);
        assert_eq!(user_pending(&user(json!({ "conditions": condition("NotReady"), "observedGeneration": 2 }))).as_deref(), Some("why"));
        let old = user_pending(&user(json!({ "conditions": condition("Ready"), "observedGeneration": 1 }))).unwrap();
        assert!(old.contains("generation 1 of KafkaUser a"), "{old}");
        assert_eq!(user_pending(&user(json!({}))).as_deref(), Some(NO_OPERATOR));
    }

    #[test]
    fn conditions_decide_the_phase_and_carry_their_message() {
        let condition = |kind: &str, reason: &str| json!([{ "type": kind, "status": "True", "reason": reason, "message": "why" }]);
        let phase = |kind: &str, reason: &str| with("/status/conditions", condition(kind, reason)).phase;
        assert_eq!(phase("NotReady", "Creating"), KafkaPhase::Creating);
        assert_eq!(phase("NotReady", "StrimziTimeoutException"), KafkaPhase::NotReady);
        let refusals = ["InvalidResource", "InvalidConfiguration", "InvalidStorage", "UnsupportedKafkaVersion", "KafkaUpgrade"];
        for refusal in refusals.map(|name| format!("{name}Exception")) {
            let refusal = refusal.as_str();
            assert_eq!(phase("NotReady", refusal), KafkaPhase::Failed, "{refusal}");
        }
        assert_eq!(phase("ReconciliationPaused", ""), KafkaPhase::Paused);
        assert_eq!(phase("Warning", "x"), KafkaPhase::Updating);
        assert_eq!(with("/status/conditions", condition("NotReady", "E")).message, "why");
        let mut gone = ready();
        gone["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        assert_eq!(kafka_status(&gone, &[]).phase, KafkaPhase::Deleting);
    }
}
