//! The rules by which the JMX exporter makes Prometheus metrics of Kafka's MBeans.
//!
//! A bean is matched against the rules from the first on, so the special come before the general. Left out is what nobody looks at and what grows with
//! the number of clients.

use serde_json::{Value, json};

use super::{EXPORTER_KEY, exporter_name};
use crate::domain::manifests::manifest;
use crate::domain::object::{Kind, Manifest};
use crate::domain::tenant::TenantSpec;

pub fn config_map(spec: &TenantSpec) -> Manifest {
    let config = json!({ "lowercaseOutputName": true, "rules": rules() });
    // JSON is YAML, and the exporter reads YAML.
    manifest(spec, Kind::ConfigMap, exporter_name(&spec.name), json!({ "data": { EXPORTER_KEY: config.to_string() } }))
}

fn rule(pattern: &str, name: &str, kind: &str, labels: &[(&str, &str)]) -> Value {
    let mut rule = json!({ "pattern": pattern, "name": name, "type": kind });
    if !labels.is_empty() {
        rule["labels"] = labels.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
    }
    rule
}

fn rules() -> Vec<Value> {
    let mut rules = quotas();
    rules.extend(general());
    rules.extend(raft());
    rules
}

/// Rate and throttling of producers and consumers. With the quotas Strimzi sets, all clients of a kind share one bean
/// (`kafka.server:type=Produce,quota.type=PRODUCE`; `StaticQuotaCallback.quotaMetricTags` of Strimzi's quotas plugin); those that are exempt have one more.
fn quotas() -> Vec<Value> {
    let pattern = |attribute: &str| format!(r"kafka.server<type=(Produce|Fetch), (?!.*excluded-principal)quota\.type=\w+><>{attribute}");
    vec![
        rule(&pattern("byte-rate"), "kafka_server_quota_byte_rate", "GAUGE", &[("direction", "$1")]),
        rule(&pattern("throttle-time"), "kafka_server_quota_throttle_time_ms", "GAUGE", &[("direction", "$1")]),
    ]
}

fn general() -> Vec<Value> {
    let two = [("$4", "$5"), ("$6", "$7")];
    let one = [("$4", "$5")];
    // What requests are made of is numerous and on no dashboard.
    let kind = "type=(?!RequestMetrics)(.+)";
    let rate = |more: &str| format!(r"kafka.(\w+)<{kind}, name=(.+)PerSec\w*{more}><>Count");
    let gauge = |more: &str| format!(r"kafka.(\w+)<type=(.+), name=(.+){more}><>Value");
    vec![
        rule(r"kafka.(\w+)<type=(.+), name=(.+)Percent\w*><>MeanRate", "kafka_$1_$2_$3_percent", "GAUGE", &[]),
        rule(r"kafka.(\w+)<type=(.+), name=(.+)Percent\w*><>Value", "kafka_$1_$2_$3_percent", "GAUGE", &[]),
        rule(&rate(", (.+)=(.+), (.+)=(.+)"), "kafka_$1_$2_$3_total", "COUNTER", &two),
        rule(&rate(", (.+)=(.+)"), "kafka_$1_$2_$3_total", "COUNTER", &one),
        rule(&rate(""), "kafka_$1_$2_$3_total", "COUNTER", &[]),
        rule(
            r"kafka.server<type=socket-server-metrics, listener=(.+), networkProcessor=(.+)><>connection-count",
            "kafka_server_socket_server_metrics_connection_count",
            "GAUGE",
            &[("listener", "$1"), ("networkProcessor", "$2")],
        ),
        rule(&gauge(", (.+)=(.+), (.+)=(.+)"), "kafka_$1_$2_$3", "GAUGE", &two),
        rule(&gauge(", (.+)=(.+)"), "kafka_$1_$2_$3", "GAUGE", &one),
        rule(&gauge(""), "kafka_$1_$2_$3", "GAUGE", &[]),
    ]
}

/// The quorum of controllers, and how far behind it a broker is.
fn raft() -> Vec<Value> {
    vec![
        rule(r"kafka.server<type=raft-metrics><>(.+-total|.+-max):", "kafka_server_raftmetrics_$1", "COUNTER", &[]),
        rule(
            r"kafka.server<type=raft-metrics><>(current-leader|current-epoch|high-watermark|log-end-offset|number-of-voters):",
            "kafka_server_raftmetrics_$1",
            "GAUGE",
            &[],
        ),
        rule(r"kafka.server<type=broker-metadata-metrics><>(.+):", "kafka_server_brokermetadatametrics_$1", "GAUGE", &[]),
    ]
}
