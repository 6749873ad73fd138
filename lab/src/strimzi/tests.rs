//! Rendering of properties.

use std::collections::BTreeMap;

use super::api::{Authorization, Listener, Quotas};
use super::properties::{CONTROL, Model, Node, Place, REPLICATION, forbidden, render};

fn listener(json: serde_json::Value) -> Listener {
    serde_json::from_value(json).unwrap()
}

fn node(id: i32, controller: bool) -> Node {
    let ports = [(CONTROL, 20_000), (REPLICATION, 20_001), ("TLS-9093", 20_003), ("SCRAM-9094", 20_004)];
    Node {
        id,
        pool: if controller { "controllers" } else { "brokers" }.to_owned(),
        controller,
        broker: !controller,
        volumes: vec!["data-0".to_owned()],
        ports: ports.iter().map(|(n, p)| ((*n).to_owned(), p + 10 * u16::try_from(id).unwrap())).collect(),
        advertised: BTreeMap::new(),
    }
}

fn model() -> Model {
    Model {
        namespace: "kafka".to_owned(),
        cluster: "demo".to_owned(),
        nodes: vec![node(0, false), node(3, true)],
        listeners: vec![
            listener(serde_json::json!({"name": "tls", "port": 9093, "type": "internal", "tls": true, "authentication": {"type": "tls"}})),
            listener(
                serde_json::json!({"name": "scram", "port": 9094, "type": "internal", "tls": true, "authentication": {"type": "scram-sha-512"}}),
            ),
        ],
        authorization: Some(Authorization { kind: "simple".to_owned(), super_users: vec!["CN=boss".to_owned()] }),
        quotas: None,
        config: BTreeMap::from([("num.io.threads".to_owned(), "4".to_owned()), ("ssl.keystore.location".to_owned(), "/x".to_owned())]),
        rack: false,
    }
}

#[test]
fn a_broker_trusts_the_clients_authority_on_user_listeners_and_the_cluster_authority_inside() {
    let model = model();
    let map = render(&model, &model.nodes[0], &Place::Process("/lab".into()));
    assert_eq!(map["listener.name.tls-9093.ssl.truststore.certificates"], "${strimzisecrets:/lab/pki/demo-trustbundle:clients-ca.crt}");
    assert_eq!(
        map["listener.name.replication-9091.ssl.truststore.certificates"],
        "${strimzisecrets:/lab/pki/demo-trustbundle:cluster-ca.crt}"
    );
    assert_eq!(map["listener.name.tls-9093.ssl.client.auth"], "required");
    assert!(!map.contains_key("listener.name.scram-9094.ssl.client.auth"));
    assert_eq!(map["listeners"], "REPLICATION-9091://127.0.0.1:20001,TLS-9093://127.0.0.1:20003,SCRAM-9094://127.0.0.1:20004");
    assert!(map["listener.security.protocol.map"].ends_with("TLS-9093:SSL,SCRAM-9094:SASL_SSL"));
    assert_eq!(map["controller.quorum.voters"], "3@127.0.0.1:20030");
    assert!(map["super.users"].ends_with("User:CN=cluster-operator,O=io.strimzi;User:CN=boss"));
}

#[test]
fn the_users_config_wins_over_the_slim_defaults_and_loses_to_what_strimzi_keeps() {
    let model = model();
    let map = render(&model, &model.nodes[0], &Place::Process("/lab".into()));
    assert_eq!(map["num.io.threads"], "4");
    assert!(!map.contains_key("ssl.keystore.location"));
    assert!(forbidden("listener.name.x") && !forbidden("ssl.cipher.suites") && !forbidden("log.retention.ms"));
}

#[test]
fn a_broker_tells_clients_outside_the_address_they_have_a_way_to() {
    let mut model = model();
    model.nodes[0].advertised = BTreeMap::from([("SCRAM-9094".to_owned(), "broker-0.example.test:9094".to_owned())]);
    let map = render(&model, &model.nodes[0], &Place::Process("/lab".into()));
    assert!(map["listeners"].ends_with("SCRAM-9094://127.0.0.1:20004"));
    assert_eq!(
        map["advertised.listeners"],
        "REPLICATION-9091://127.0.0.1:20001,TLS-9093://127.0.0.1:20003,SCRAM-9094://broker-0.example.test:9094"
    );
}

#[test]
fn a_controller_has_no_client_listeners() {
    let model = model();
    let map = render(&model, &model.nodes[1], &Place::Process("/lab".into()));
    assert_eq!(map["process.roles"], "controller");
    assert_eq!(map["listeners"], "CONTROLPLANE-9090://127.0.0.1:20030");
    assert!(!map.contains_key("inter.broker.listener.name"));
}

#[test]
fn the_config_map_names_pods_and_secrets_of_the_namespace() {
    let model = model();
    let map = render(&model, &model.nodes[0], &Place::Pod);
    assert_eq!(map["log.dirs"], "/var/lib/kafka/data-0/kafka-log0");
    assert_eq!(map["controller.quorum.voters"], "3@demo-controllers-3.demo-kafka-brokers.kafka.svc:9090");
    assert_eq!(map["listener.name.tls-9093.ssl.keystore.key"], "${strimzisecrets:kafka/demo-brokers-0:demo-brokers-0.key}");
    assert!(map["listeners"].starts_with("REPLICATION-9091://0.0.0.0:9091,TLS-9093://0.0.0.0:9093"));
    assert!(!map.contains_key("background.threads"));
}

#[test]
fn quotas_of_type_strimzi_configure_the_plugin_on_brokers_only() {
    let mut model = model();
    model.quotas = Some(Quotas { kind: "strimzi".to_owned(), producer_byte_rate: Some(1_048_576), ..Quotas::default() });
    let broker = render(&model, &model.nodes[0], &Place::Process("/lab".into()));
    assert_eq!(broker["client.quota.callback.static.produce"], "1048576");
    assert_eq!(broker["client.quota.callback.static.kafka.admin.bootstrap.servers"], "127.0.0.1:20001");
    assert!(!render(&model, &model.nodes[1], &Place::Process("/lab".into())).contains_key("client.quota.callback.class"));
}
