//! What monitoring must show: that rules and dashboard ask for what the exporter gives, and only for this tenant's.

use std::collections::BTreeSet;

use super::*;
use crate::domain::object::Kind;
use crate::domain::releases::ComponentVersions;
use crate::domain::sizing::size;
use crate::domain::tenant::tests::{PAYMENTS, tenant};

fn built() -> Vec<Manifest> {
    let spec = tenant(PAYMENTS);
    let sizing = size(&spec.wish, &spec.overrides, None).unwrap();
    build(&spec, &sizing)
}

fn of(kind: Kind) -> Vec<Manifest> {
    built().into_iter().filter(|m| m.object.kind == kind).collect()
}

fn rules() -> Vec<Value> {
    let rule = of(Kind::PrometheusRule).remove(0);
    rule.body["spec"]["groups"].as_array().unwrap().iter().flat_map(|group| group["rules"].as_array().unwrap().clone()).collect()
}

fn dashboard() -> Value {
    let map = of(Kind::ConfigMap).into_iter().find(|m| m.object.name.ends_with("-dashboard")).unwrap();
    assert_eq!(map.body["metadata"]["labels"]["grafana_dashboard"], "1");
    serde_json::from_str(map.body["data"]["kafka-payments.json"].as_str().unwrap()).unwrap()
}

/// The exporter's rules.
fn exported() -> Vec<Value> {
    let map = built().remove(0);
    let config: Value = serde_json::from_str(map.body["data"][EXPORTER_KEY].as_str().unwrap()).unwrap();
    assert_eq!(config["lowercaseOutputName"], true);
    config["rules"].as_array().unwrap().clone()
}

fn expressions() -> Vec<String> {
    let mut all: Vec<String> = rules().iter().map(|rule| rule["expr"].as_str().unwrap().to_owned()).collect();
    for panel in dashboard()["panels"].as_array().unwrap() {
        all.extend(panel["targets"].as_array().unwrap().iter().map(|target| target["expr"].as_str().unwrap().to_owned()));
    }
    all
}

#[test]
fn the_kafka_names_the_rules_that_are_made_for_it() {
    let config = metrics_config(&tenant(PAYMENTS));
    let reference = &config["valueFrom"]["configMapKeyRef"];
    let map = built().remove(0);
    assert_eq!((map.object.kind, json!(map.object.name)), (Kind::ConfigMap, reference["name"].clone()));
    let rules: Value = serde_json::from_str(map.body["data"][reference["key"].as_str().unwrap()].as_str().unwrap()).unwrap();
    assert!(rules["rules"].as_array().unwrap().iter().all(|rule| rule["pattern"].is_string() && rule["name"].is_string()));
}

/// The names that these rules made of the MBeans of a Kafka 4.3.1 with Strimzi's quotas plugin 0.3.1, and those that the kubelet, Strimzi and cert-manager give.
const GIVEN: [&str; 18] = [
    "kafka_controller_kafkacontroller_activecontrollercount",
    "kafka_controller_kafkacontroller_offlinepartitionscount",
    "kafka_log_logmanager_offlinelogdirectorycount",
    "kafka_server_brokertopicmetrics_bytesin_total",
    "kafka_server_brokertopicmetrics_bytesout_total",
    "kafka_server_brokertopicmetrics_messagesin_total",
    "kafka_server_kafkarequesthandlerpool_requesthandleravgidle_percent",
    "kafka_server_quota_byte_rate",
    "kafka_server_quota_throttle_time_ms",
    "kafka_server_replicamanager_partitioncount",
    "kafka_server_replicamanager_underminisrpartitioncount",
    "kafka_server_replicamanager_underreplicatedpartitions",
    "kafka_server_socket_server_metrics_connection_count",
    "kubelet_volume_stats_available_bytes",
    "kubelet_volume_stats_capacity_bytes",
    "strimzi_certificate_expiration_timestamp_ms",
    "certmanager_certificate_expiration_timestamp_seconds",
    "certmanager_certificate_renewal_timestamp_seconds",
];

/// The metrics of an expression, each with its selector.
fn metrics(expression: &str) -> Vec<(&str, &str)> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let (mut found, mut rest) = (Vec::new(), expression);
    while let Some(brace) = rest.find('{') {
        let metric = rest[..brace].rsplit(|c| !word(c)).next().unwrap_or_default();
        let end = brace + rest[brace..].find('}').unwrap();
        found.push((metric, &rest[brace..end]));
        rest = &rest[end..];
    }
    found
}

#[test]
fn only_metrics_that_are_given_are_asked_for_and_only_this_tenants() {
    for expression in expressions() {
        for (metric, selector) in metrics(&expression) {
            assert!(GIVEN.contains(&metric), "{metric} in {expression}");
            assert!(selector.contains("namespace=\"kaas-payments\""), "{expression}");
        }
        let count = |c: char| expression.matches(c).count();
        assert_eq!((count('('), count('{')), (count(')'), count('}')), "{expression}");
    }
}

/// Patterns of the rules for MBeans that have none of their own.
const GAUGE: &str = r"kafka.(\w+)<type=(.+), name=(.+)><>Value";
const RATE: &str = r"kafka.(\w+)<type=(?!RequestMetrics)(.+), name=(.+)PerSec\w*><>Count";
const PERCENT: &str = r"kafka.(\w+)<type=(.+), name=(.+)Percent\w*><>MeanRate";

/// The MBeans of Kafka that these rules are to make metrics of: the pattern, and what its first three groups hold.
const BEANS: [(&str, [&str; 3]); 10] = [
    (GAUGE, ["controller", "KafkaController", "ActiveControllerCount"]),
    (GAUGE, ["controller", "KafkaController", "OfflinePartitionsCount"]),
    (GAUGE, ["log", "LogManager", "OfflineLogDirectoryCount"]),
    (GAUGE, ["server", "ReplicaManager", "PartitionCount"]),
    (GAUGE, ["server", "ReplicaManager", "UnderMinIsrPartitionCount"]),
    (GAUGE, ["server", "ReplicaManager", "UnderReplicatedPartitions"]),
    (RATE, ["server", "BrokerTopicMetrics", "BytesIn"]),
    (RATE, ["server", "BrokerTopicMetrics", "BytesOut"]),
    (RATE, ["server", "BrokerTopicMetrics", "MessagesIn"]),
    (PERCENT, ["server", "KafkaRequestHandlerPool", "RequestHandlerAvgIdle"]),
];

#[test]
fn kafkas_metrics_are_asked_for_by_the_names_that_the_exporters_rules_make() {
    let exported = exported();
    let mut made: BTreeSet<String> = exported.iter().map(|rule| rule["name"].as_str().unwrap().to_owned()).collect();
    for (pattern, [domain, kind, name]) in BEANS {
        let rule = exported.iter().find(|rule| rule["pattern"] == pattern).unwrap_or_else(|| panic!("no rule has the pattern {pattern}"));
        let template = rule["name"].as_str().unwrap();
        made.insert(template.replace("$1", domain).replace("$2", kind).replace("$3", name).to_lowercase());
    }
    for expression in expressions() {
        for (metric, _) in metrics(&expression).into_iter().filter(|(metric, _)| metric.starts_with("kafka_")) {
            assert!(made.contains(metric), "{metric} in {expression}");
        }
    }
}

#[test]
fn the_exporters_rules_use_only_groups_that_their_patterns_have() {
    for rule in exported() {
        let pattern = rule["pattern"].as_str().unwrap();
        let count = |part: &str| pattern.matches(part).count();
        assert_eq!(count("("), count(")"), "{pattern}");
        // Behind a question mark it is no group: it looks ahead.
        let groups = count("(") - count("(?");
        let labels = rule["labels"].as_object().cloned().unwrap_or_default();
        let mut texts: Vec<&str> = vec![rule["name"].as_str().unwrap()];
        texts.extend(labels.iter().flat_map(|(key, value)| [key.as_str(), value.as_str().unwrap()]));
        for number in texts.iter().flat_map(|text| text.split('$').skip(1)) {
            let digits = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
            assert!((1..=groups).contains(&number[..digits].parse::<usize>().unwrap()), "${number} of {pattern}");
        }
    }
}

#[test]
fn alerts_are_about_what_goes_wrong_with_kafka_and_raised_on_its_side() {
    let rules = rules();
    let expr = |name: &str| {
        let found = rules.iter().find(|rule| rule["alert"] == name).unwrap_or_else(|| panic!("no {name}"));
        found["expr"].as_str().unwrap()
    };
    // What is measured, and how it is compared.
    let wanted = [
        (
            "KafkaUnderReplicatedPartitions",
            "sum by (kubernetes_pod_name) (kafka_server_replicamanager_underreplicatedpartitions{",
            "}) > 0",
        ),
        ("KafkaOfflinePartitions", "max(kafka_controller_kafkacontroller_offlinepartitionscount{", "}) > 0"),
        // The retention is a day.
        ("KafkaVolumeFillsWithinRetention", "predict_linear(kubelet_volume_stats_available_bytes{", "}[2h], 86400) < "),
        ("KafkaVolumeLow", "100 * kubelet_volume_stats_available_bytes{", "} < 20"),
        ("KafkaVolumeCritical", "100 * kubelet_volume_stats_available_bytes{", "} < 12"),
        (
            "KafkaClientsThrottled",
            "max by (kubernetes_pod_name, direction) (max_over_time(kafka_server_quota_throttle_time_ms{",
            "}[5m])) > 0",
        ),
        ("KafkaNoActiveController", "(sum(kafka_controller_kafkacontroller_activecontrollercount{", "}) or 0 * count("),
        // A broker that has started again is another series.
        ("KafkaIngressNearPromise", "avg_over_time(sum(kafka_server_quota_byte_rate{", "})[15m:1m]) > "),
        ("KafkaCertificateAuthorityExpires", "min by (type) (strimzi_certificate_expiration_timestamp_ms{", "}) / 1000 - time() < 1728000"),
        (
            "KafkaCertificateExpires",
            "((min by (name) (certmanager_certificate_expiration_timestamp_seconds{",
            "}) > 0) - time()) < (min by (name) (certmanager_certificate_expiration_timestamp_seconds{",
        ),
    ];
    for (name, measured, compared) in wanted {
        let expr = expr(name);
        assert!(expr.strip_prefix(measured).is_some_and(|rest| rest.contains(compared)), "{name}: {expr}");
    }
    // Half of what there is between the renewal and the end.
    let (_, life) = expr("KafkaCertificateExpires").split_once(" - time()) < ").unwrap();
    let renewal = " - (min by (name) (certmanager_certificate_renewal_timestamp_seconds{";
    assert!(life.contains(renewal) && life.ends_with("}) > 0)) / 2"), "{life}");
}

#[test]
fn every_alert_says_how_grave_it_is_and_what_to_do() {
    let rules = rules();
    let names: BTreeSet<&str> = rules.iter().map(|rule| rule["alert"].as_str().unwrap()).collect();
    assert_eq!(names.len(), rules.len());
    for wanted in ["KafkaUnderReplicatedPartitions", "KafkaOfflinePartitions", "KafkaNoActiveController", "KafkaVolumeFillsWithinRetention"]
    {
        assert!(names.contains(wanted), "{wanted}");
    }
    for rule in &rules {
        assert!(["critical", "warning", "info"].contains(&rule["labels"]["severity"].as_str().unwrap()));
        assert_eq!(rule["labels"]["tenant"], "payments");
        assert!(rule["annotations"]["summary"].is_string() && rule["annotations"]["description"].is_string());
    }
}

#[test]
fn quotas_and_volumes_are_held_against_the_figures_of_the_sizing() {
    let spec = tenant(PAYMENTS);
    let sizing = size(&spec.wish, &spec.overrides, None).unwrap();
    let expr = |name: &str| rules().into_iter().find(|rule| rule["alert"] == name).unwrap()["expr"].as_str().unwrap().to_owned();
    let near = spec.wish.ingress.bytes_per_second() * 90 / 100;
    assert!(expr("KafkaIngressNearPromise").ends_with(&format!("> {near}")));
    assert!(expr("KafkaBrokersMissing").ends_with(&format!("< {}", sizing.brokers)));
    assert!(expr("KafkaVolumeFillsWithinRetention").ends_with(") < 28"), "at the promised load a volume is filled to 70 %");
    assert!(expr("KafkaVolumeLow").contains("persistentvolumeclaim=~\"data-[0-9]+-payments-brokers-[0-9]+\""));
}

#[test]
fn monitors_find_the_pods_where_they_are() {
    let monitors = of(Kind::PodMonitor);
    let places: Vec<&str> = monitors.iter().map(|m| m.body["spec"]["namespaceSelector"]["matchNames"][0].as_str().unwrap()).collect();
    assert_eq!(places, ["kaas-payments", "kaas-payments"], "operators that tenants share are asked once, not for each of them");
    let mut spec = tenant(PAYMENTS);
    spec.isolation =
        serde_json::from_value(json!({ "cluster": { "cluster": { "region": "eu-central-1" }, "versions": ComponentVersions::default() } }))
            .unwrap();
    let sizing = size(&spec.wish, &spec.overrides, None).unwrap();
    let own: Vec<Value> = build(&spec, &sizing).into_iter().filter(|m| m.object.kind == Kind::PodMonitor).map(|m| m.body).collect();
    let of_operators: Vec<&Value> = own[2..].iter().map(|monitor| &monitor["spec"]["namespaceSelector"]["matchNames"][0]).collect();
    assert_eq!(of_operators, ["strimzi", "cert-manager"]);
    // Who installs the operators for all tenants installs the same questions.
    let shared = shared_monitors();
    for (own, shared) in own[2..].iter().zip(shared.as_array().unwrap()) {
        assert_eq!(own["spec"]["podMetricsEndpoints"], shared["podMetricsEndpoints"]);
        assert_eq!(own["spec"]["selector"], shared["selector"]);
        assert!(own["metadata"]["name"].as_str().unwrap().ends_with(shared["name"].as_str().unwrap()));
    }
}

#[test]
fn panels_of_the_dashboard_do_not_overlap() {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<u64> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len());
    let mut cells = BTreeSet::new();
    for panel in panels {
        let at = |key: &str| panel["gridPos"][key].as_u64().unwrap();
        assert!(at("x") + at("w") <= 24);
        for cell in (at("x")..at("x") + at("w")).flat_map(|x| (at("y")..at("y") + at("h")).map(move |y| (x, y))) {
            assert!(cells.insert(cell), "{}", panel["title"]);
        }
    }
}
