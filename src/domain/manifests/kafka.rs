//! The Kafka object: version, settings, a TLS listener inside and one for clients outside, authorisation, and the quotas that hold the tenant to its promise.

use serde_json::{Map, Value, json};

use super::limits::{OPERATOR_CPU_MILLIS, OPERATOR_MEMORY_MIB};
use super::{CLIENT_LISTENER, CLIENT_PORT, external, manifest, monitoring, network, rebalance, resources};
use crate::domain::object::{Kind, Manifest};
use crate::domain::sizing::{CONNECTIONS_PER_BROKER, Sizing};
use crate::domain::tenant::{Facts, TenantSpec};

/// Producers stop when a volume has less than this part free: a full volume would take the broker down.
const MIN_FREE_RATIO: f64 = 0.1;

pub fn build(spec: &TenantSpec, sizing: &Sizing, facts: &Facts) -> Manifest {
    let operator = json!({ "resources": resources(OPERATOR_CPU_MILLIS, OPERATOR_MEMORY_MIB) });
    let listeners: Vec<Value> = [listener(spec)].into_iter().chain(external::listener(spec)).collect();
    let mut kafka = json!({
        "version": spec.kafka.version.to_string(),
        "config": config(spec, sizing),
        "listeners": listeners,
        "authorization": { "type": "simple" },
        "quotas": {
            "type": "strimzi",
            "producerByteRate": sizing.quota_ingress_bytes_per_second_per_broker,
            "consumerByteRate": sizing.quota_egress_bytes_per_second_per_broker,
            "minAvailableRatioPerVolume": MIN_FREE_RATIO,
        },
    });
    if let Some(metadata) = spec.kafka.metadata_version {
        kafka["metadataVersion"] = json!(metadata.to_string());
    }
    if spec.monitoring {
        kafka["metricsConfig"] = monitoring::metrics_config(spec);
    }
    if facts.ebs_csi {
        // Nodes with the EBS driver always carry their zone, by which replicas are spread; elsewhere a missing label would stop the brokers.
        kafka["rack"] = json!({ "topologyKey": "topology.kubernetes.io/zone" });
    }
    let entities = json!({ "topicOperator": operator, "userOperator": operator });
    let parts = json!({ "kafka": kafka, "entityOperator": entities, "cruiseControl": rebalance::build(sizing) });
    manifest(spec, Kind::Kafka, spec.name.kafka(), json!({ "spec": parts }))
}

fn listener(spec: &TenantSpec) -> Value {
    let mut listener = json!({
        "name": CLIENT_LISTENER,
        "port": CLIENT_PORT,
        "type": "internal",
        "tls": true,
        "authentication": { "type": spec.kafka.authentication.as_str() },
        "configuration": { "maxConnections": CONNECTIONS_PER_BROKER },
    });
    if let Some(peers) = network::client_peers(spec) {
        listener["networkPolicyPeers"] = peers;
    }
    listener
}

/// Ours first, then the user's: what he may set wins over our thread counts, and what the sizing stands on he may not set.
fn config(spec: &TenantSpec, sizing: &Sizing) -> Value {
    let (replicas, in_sync) = (sizing.replication_factor, sizing.min_insync_replicas);
    let ours = json!({
        "default.replication.factor": replicas,
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": replicas,
        "transaction.state.log.replication.factor": replicas,
        "transaction.state.log.min.isr": in_sync,
        "share.coordinator.state.topic.replication.factor": replicas,
        "share.coordinator.state.topic.min.isr": in_sync,
        "log.retention.ms": sizing.retention_ms,
        "log.segment.bytes": sizing.segment_bytes,
    });
    let mut config = match ours {
        Value::Object(ours) => ours,
        _ => Map::new(),
    };
    config.extend(threads(sizing.broker_vcpus));
    config.extend(spec.kafka.config.iter().map(|(key, value)| (key.clone(), json!(value))));
    Value::Object(config)
}

/// Source: Amazon MSK developer guide, "Provision storage throughput" (threads for 4xlarge and larger brokers).
fn threads(vcpus: u32) -> Vec<(String, Value)> {
    let (io, network, fetchers) = match vcpus {
        0..16 => return Vec::new(),
        16..32 => (16, 8, 4),
        _ => (32, 16, 8),
    };
    [("num.io.threads", io), ("num.network.threads", network), ("num.replica.fetchers", fetchers)]
        .map(|(key, count)| (key.to_owned(), json!(count)))
        .into()
}
