//! The Services by which clients outside the cluster reach a Kafka: one for bootstrap and one per broker for each listener of type
//! `loadbalancer` or `nodeport`. Pure but for the sweep.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Service;
use kube::api::{Api, DeleteParams, ListParams};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};

use super::listener::{Broker, Listener};
use super::objects::{Owner, labels, object};
use super::pools::Pool;
use super::properties::{Model, Node};
use crate::load_balancer::TARGETS;

/// Something that has a Service of its own: all brokers, or one.
struct End<'a> {
    name: String,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    owner: &'a Owner,
    selector: Value,
    node_port: Option<u16>,
    load_balancer_ip: Option<String>,
    external_ips: Vec<String>,
    targets: Vec<u16>,
}

/// Manifests of all of them, each owned by what it goes with: the Kafka or the pool.
pub fn of_listeners(model: &Model, pools: &[Pool], owner: &Owner) -> Vec<Value> {
    let cluster = &model.cluster;
    let pool_owners: BTreeMap<&str, Owner> = pools.iter().map(|pool| (pool.name.as_str(), pool.owner())).collect();
    let mut services = Vec::new();
    for listener in model.listeners.iter().filter(|listener| listener.service_type().is_some()) {
        if let Some(name) = listener.bootstrap_service(cluster) {
            services.push(service(listener, bootstrap(model, listener, name, owner)));
        }
        for node in model.nodes.iter().filter(|node| node.broker) {
            if let Some(owner) = pool_owners.get(node.pool.as_str()) {
                services.push(service(listener, broker(model, listener, node, owner)));
            }
        }
    }
    services
}

fn bootstrap<'a>(model: &Model, listener: &Listener, name: String, owner: &'a Owner) -> End<'a> {
    let configured = &listener.configuration.bootstrap;
    let kafka = format!("{}-kafka", model.cluster);
    let mut labels = labels(&model.cluster, "kafka", &kafka);
    labels.extend(configured.labels.clone());
    let brokers = model.nodes.iter().filter(|node| node.broker);
    End {
        name,
        labels,
        annotations: configured.annotations.clone(),
        owner,
        selector: json!({"strimzi.io/cluster": model.cluster, "strimzi.io/kind": "Kafka", "strimzi.io/name": kafka, "strimzi.io/broker-role": "true"}),
        node_port: configured.node_port,
        load_balancer_ip: configured.load_balancer_ip.clone(),
        external_ips: configured.external_ips.clone(),
        targets: brokers.map(|node| node.port(&listener.kafka_name())).collect(),
    }
}

fn broker<'a>(model: &Model, listener: &Listener, node: &Node, owner: &'a Owner) -> End<'a> {
    let pod = node.pod(&model.cluster);
    let who = Broker { id: node.id, pod: &pod };
    let kafka = format!("{}-kafka", model.cluster);
    let mut labels = labels(&model.cluster, "kafka", &kafka);
    labels.insert("strimzi.io/pool-name".to_owned(), node.pool.clone());
    labels.extend(listener.broker_labels(who));
    let configured = listener.broker(node.id);
    End {
        name: listener.broker_service(&model.cluster, &node.pool, node.id),
        labels,
        annotations: listener.broker_annotations(who),
        owner,
        selector: json!({"strimzi.io/cluster": model.cluster, "strimzi.io/kind": "Kafka", "strimzi.io/name": kafka,
            "strimzi.io/pool-name": node.pool, "strimzi.io/pod-name": pod}),
        node_port: configured.node_port,
        load_balancer_ip: configured.load_balancer_ip,
        external_ips: configured.external_ips,
        targets: vec![node.port(&listener.kafka_name())],
    }
}

fn service(listener: &Listener, end: End<'_>) -> Value {
    let (kind, configured) = (listener.service_type().unwrap_or_default(), &listener.configuration);
    let mut service = object("v1", "Service", &end.name, &end.labels, Some(end.owner));
    let mut annotations = end.annotations;
    // No EndpointSlice may name an address of loopback, and nobody makes one here.
    let targets: Vec<String> = end.targets.iter().filter(|port| **port != 0).map(|port| format!("127.0.0.1:{port}")).collect();
    annotations.insert(TARGETS.to_owned(), targets.join(","));
    service["metadata"]["annotations"] = json!(annotations);
    let port_name = listener.port_name();
    let mut port = json!({"name": port_name, "port": listener.port, "targetPort": port_name, "protocol": "TCP"});
    if let Some(node_port) = end.node_port {
        port["nodePort"] = json!(node_port);
    }
    let policy = configured.external_traffic_policy.as_deref().unwrap_or("Cluster");
    let mut spec = json!({"type": kind, "selector": end.selector, "ports": [port], "externalTrafficPolicy": policy});
    let mut set = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            spec[key] = value;
        }
    };
    set("publishNotReadyAddresses", configured.publish_not_ready_addresses.map(Value::from));
    if kind == "LoadBalancer" {
        let ranges = &configured.load_balancer_source_ranges;
        set("loadBalancerSourceRanges", (!ranges.is_empty()).then(|| json!(ranges)));
        set("loadBalancerClass", configured.class.as_ref().map(|class| json!(class)));
        set("loadBalancerIP", end.load_balancer_ip.map(Value::from));
        set("allocateLoadBalancerNodePorts", configured.allocate_load_balancer_node_ports.map(Value::from));
    } else {
        set("externalIPs", (!end.external_ips.is_empty()).then(|| json!(end.external_ips)));
    }
    service["spec"] = spec;
    if kind == "LoadBalancer" && !configured.finalizers.is_empty() {
        service["metadata"]["finalizers"] = json!(configured.finalizers);
    }
    service
}

/// All Services of a Kafka.
pub async fn of_kafka(client: &Client, namespace: &str, cluster: &str) -> Result<Vec<Service>> {
    let own = ListParams::default().labels(&format!("strimzi.io/cluster={cluster},strimzi.io/kind=Kafka,strimzi.io/name={cluster}-kafka"));
    let listed = Api::<Service>::namespaced(client.clone(), namespace).list(&own).await;
    Ok(listed.with_context(|| format!("list the Services of the Kafka {namespace}/{cluster}"))?.items)
}

/// Deletes the Services of brokers and listeners that are gone.
pub async fn sweep(client: &Client, model: &Model, wanted: &[Value]) -> Result<()> {
    let mut names: BTreeSet<String> = wanted.iter().filter_map(|one| Some(one["metadata"]["name"].as_str()?.to_owned())).collect();
    names.extend(["bootstrap", "brokers"].map(|one| format!("{}-kafka-{one}", model.cluster)));
    let api: Api<Service> = Api::namespaced(client.clone(), &model.namespace);
    for service in of_kafka(client, &model.namespace, &model.cluster).await? {
        let name = service.name_any();
        if names.contains(&name) || service.metadata.deletion_timestamp.is_some() {
            continue;
        }
        match api.delete(&name, &DeleteParams::background()).await {
            Err(kube::Error::Api(error)) if error.code == 404 => {}
            other => other.map(|_| ()).with_context(|| format!("delete the Service {}/{name}", model.namespace))?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_carries_what_the_listener_says_of_its_kind_and_where_its_connections_go() {
        let owner = Owner { kind: "KafkaNodePool", name: "brokers".into(), uid: "u".into() };
        let listener = |kind: &str| -> Listener {
            let configuration = json!({"class": "c", "loadBalancerSourceRanges": ["10.0.0.0/8"], "finalizers": ["f"], "externalTrafficPolicy": "Local",
                "brokers": [{"broker": 0, "nodePort": 30_100, "externalIPs": ["192.0.2.1"], "loadBalancerIP": "192.0.2.2"}],
                "perBrokerAnnotationsTemplate": {"host": "b{nodeId}"}});
            serde_json::from_value(json!({"name": "public", "port": 9094, "type": kind, "tls": true, "configuration": configuration}))
                .unwrap()
        };
        let ports = BTreeMap::from([("PUBLIC-9094".to_owned(), 20_001)]);
        let node =
            Node { id: 0, pool: "brokers".into(), controller: false, broker: true, volumes: vec![], ports, advertised: BTreeMap::new() };
        let model = Model {
            namespace: "kafka".into(),
            cluster: "demo".into(),
            nodes: vec![node.clone()],
            listeners: vec![],
            authorization: None,
            quotas: None,
            config: BTreeMap::new(),
            rack: false,
        };
        let of = |kind: &str| service(&listener(kind), broker(&model, &listener(kind), &node, &owner));
        let (balanced, plain) = (of("loadbalancer"), of("nodeport"));
        assert_eq!(balanced["metadata"]["name"], "demo-brokers-public-0");
        assert_eq!(balanced["metadata"]["annotations"], json!({"host": "b0", TARGETS: "127.0.0.1:20001"}));
        assert_eq!(balanced["metadata"]["ownerReferences"][0]["kind"], "KafkaNodePool");
        assert_eq!(balanced["metadata"]["finalizers"], json!(["f"]));
        let expected = json!([{"name": "tcp-public", "port": 9094, "targetPort": "tcp-public", "protocol": "TCP", "nodePort": 30_100}]);
        assert_eq!((&balanced["spec"]["ports"], &balanced["spec"]["type"]), (&expected, &json!("LoadBalancer")));
        assert_eq!(balanced["spec"]["loadBalancerSourceRanges"], json!(["10.0.0.0/8"]));
        assert_eq!((&balanced["spec"]["loadBalancerClass"], &balanced["spec"]["loadBalancerIP"]), (&json!("c"), &json!("192.0.2.2")));
        assert_eq!(balanced["spec"]["externalTrafficPolicy"], "Local");
        assert_eq!((&plain["spec"]["type"], &plain["spec"]["externalIPs"]), (&json!("NodePort"), &json!(["192.0.2.1"])));
        for absent in ["loadBalancerSourceRanges", "loadBalancerClass", "loadBalancerIP"] {
            assert!(plain["spec"][absent].is_null(), "{absent}");
        }
        assert!(plain["metadata"]["finalizers"].is_null());
    }
}
