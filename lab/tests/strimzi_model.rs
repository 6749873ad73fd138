//! Strimzi's own Java model judges manifests.

use std::collections::BTreeSet;

use kaas::domain::kafka::config::{FORBIDDEN_PREFIX_EXCEPTIONS, FORBIDDEN_PREFIXES};
use kaas_lab::strimzi_api;
use serde_json::{Value, json};

fn kafka() -> Value {
    json!({
        "apiVersion": "kafka.strimzi.io/v1", "kind": "Kafka", "metadata": {"name": "k"},
        "spec": {"kafka": {"listeners": [{"name": "tls", "port": 9093, "type": "internal", "tls": true, "authentication": {"type": "tls"}}],
            "authorization": {"type": "simple", "superUsers": ["CN=a"]}, "config": {"min.insync.replicas": 2}}}
    })
}

fn findings(manifests: &[Value]) -> Vec<String> {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("manifests.json");
    let text: String = manifests.iter().map(|manifest| format!("---\n{manifest}\n")).collect();
    std::fs::write(&file, text).unwrap();
    strimzi_api::model_check(&[file]).unwrap()
}

#[test]
fn a_right_manifest_passes() {
    let user = json!({"apiVersion": "kafka.strimzi.io/v1", "kind": "KafkaUser", "metadata": {"name": "u"},
        "spec": {"authentication": {"type": "tls"}, "quotas": {"producerByteRate": 1048576},
            "authorization": {"type": "simple", "acls": [{"resource": {"type": "topic", "name": "t", "patternType": "literal"}, "operations": ["Read"]}]}}});
    assert_eq!(findings(&[kafka(), user]), Vec::<String>::new());
}

#[test]
fn misspelt_fields_values_and_kinds_are_found() {
    let mut misspelt = kafka();
    misspelt["spec"]["kafka"]["authorization"]["superUser"] = json!(["CN=a"]);
    misspelt["spec"]["kafka"]["listeners"][0]["type"] = json!("intrnal");
    let found = findings(&[misspelt, json!({"kind": "Kafkas", "metadata": {"name": "x"}})]);
    for expected in ["superUser: unknown field", "does not take the value \"intrnal\"", "not a kind of Strimzi"] {
        assert!(found.iter().any(|line| line.contains(expected)), "{expected}: {found:?}");
    }
}

#[test]
fn the_settings_that_strimzi_drops_are_those_that_are_refused() {
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<String>>();
    let [prefixes, exceptions] = strimzi_api::forbidden_settings().unwrap();
    assert!(prefixes.contains("listeners") && exceptions.contains("ssl.protocol"), "{prefixes:?} {exceptions:?}");
    // Strimzi sets these for its quotas and forbids only some of them.
    let beside = set(&["client.quota.callback.class", "client.quota.callback.static."]);
    assert_eq!(set(&FORBIDDEN_PREFIXES), &prefixes | &beside);
    assert_eq!(set(&FORBIDDEN_PREFIX_EXCEPTIONS), exceptions);
}

#[test]
fn every_crd_of_strimzi_is_generated() {
    for crd in strimzi_api::crds().unwrap() {
        let text = std::fs::read_to_string(&crd.file).unwrap();
        assert!(text.contains(&format!("name: {}", crd.name)) && text.contains(&format!("kind: {}", crd.kind)), "{}", crd.name);
    }
}
