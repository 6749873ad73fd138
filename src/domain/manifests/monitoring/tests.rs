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

#[test]
fn only_metrics_that_are_given_are_asked_for_and_only_this_tenants() {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    for expression in expressions() {
        let mut rest = expression.as_str();
        while let Some(brace) = rest.find('{') {
            let metric = rest[..brace].rsplit(|c| !word(c)).next().unwrap_or_default();
            let end = brace + rest[brace..].find('}').unwrap();
            assert!(GIVEN.contains(&metric), "{metric} in {expression}");
            assert!(rest[brace..end].contains("namespace=\"kaas-payments\""), "{expression}");
            rest = &rest[end..];
        }
        let count = |c: char| expression.matches(c).count();
        assert_eq!((count('('), count('{')), (count(')'), count('}')), "{expression}");
    }
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
