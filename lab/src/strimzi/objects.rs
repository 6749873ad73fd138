//! The objects the real operator leaves beside a Kafka, as manifests. Pure.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::api::Storage;
use super::properties::{Model, Node, Place, render, to_text};

/// An object that owns others, so that garbage collection takes them with it.
#[derive(Debug, Clone)]
pub struct Owner {
    pub kind: &'static str,
    pub name: String,
    pub uid: String,
}

impl Owner {
    fn reference(&self) -> Value {
        json!([{
            "apiVersion": "kafka.strimzi.io/v1", "kind": self.kind, "name": self.name, "uid": self.uid,
            "controller": false, "blockOwnerDeletion": true,
        }])
    }
}

/// The labels on everything of a Kafka.
pub fn labels(cluster: &str, component: &str, name: &str) -> BTreeMap<String, String> {
    let labels = [
        ("app.kubernetes.io/instance", cluster.to_owned()),
        ("app.kubernetes.io/managed-by", "strimzi-cluster-operator".to_owned()),
        ("app.kubernetes.io/name", component.to_owned()),
        ("app.kubernetes.io/part-of", format!("strimzi-{cluster}")),
        ("strimzi.io/cluster", cluster.to_owned()),
        ("strimzi.io/component-type", component.to_owned()),
        ("strimzi.io/kind", "Kafka".to_owned()),
        ("strimzi.io/name", name.to_owned()),
    ];
    labels.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()
}

/// The common part of an object: version, kind, metadata.
pub fn object(api: &str, kind: &str, name: &str, labels: &BTreeMap<String, String>, owner: Option<&Owner>) -> Value {
    let mut value = json!({"apiVersion": api, "kind": kind, "metadata": {"name": name, "labels": labels}});
    if let Some(owner) = owner {
        value["metadata"]["ownerReferences"] = owner.reference();
    }
    value
}

/// Labels of a pool's objects.
pub fn pool_labels(model: &Model, node: &Node) -> BTreeMap<String, String> {
    let mut all = labels(&model.cluster, "kafka", &format!("{}-kafka", model.cluster));
    all.insert("strimzi.io/pool-name".to_owned(), node.pool.clone());
    all.insert("strimzi.io/broker-role".to_owned(), node.broker.to_string());
    all.insert("strimzi.io/controller-role".to_owned(), node.controller.to_string());
    all
}

/// The objects of the whole Kafka but its Secrets.
pub fn of_cluster(model: &Model, owner: &Owner) -> Vec<Value> {
    let cluster = &model.cluster;
    let name = format!("{cluster}-kafka");
    let labels = labels(cluster, "kafka", &name);
    let selector = json!({"strimzi.io/cluster": cluster, "strimzi.io/kind": "Kafka", "strimzi.io/name": name});
    let port = |name: &str, port: u16| json!({"name": name, "port": port, "targetPort": port, "protocol": "TCP"});
    let internal = model.listeners.iter().filter(|l| l.is_internal());
    let user_ports: Vec<Value> = internal.map(|l| port(&l.port_name(), l.port)).collect();
    let mut bootstrap = object("v1", "Service", &format!("{name}-bootstrap"), &labels, Some(owner));
    let mut ports = vec![port("tcp-replication", 9091)];
    ports.extend(user_ports.iter().cloned());
    bootstrap["spec"] = json!({"type": "ClusterIP", "selector": selector, "ports": ports});
    let mut brokers = object("v1", "Service", &format!("{name}-brokers"), &labels, Some(owner));
    let mut ports = vec![port("tcp-ctrlplane", 9090), port("tcp-replication", 9091), port("tcp-kafkaagent", 8443)];
    ports.extend(user_ports);
    brokers["spec"] =
        json!({"type": "ClusterIP", "clusterIP": "None", "publishNotReadyAddresses": true, "selector": selector, "ports": ports});
    let mut policy = object("networking.k8s.io/v1", "NetworkPolicy", &format!("{cluster}-network-policy-kafka"), &labels, Some(owner));
    let mut ingress =
        vec![json!({"ports": [{"port": 9090, "protocol": "TCP"}, {"port": 9091, "protocol": "TCP"}, {"port": 8443, "protocol": "TCP"}],
        "from": [{"podSelector": {"matchLabels": {"strimzi.io/cluster": cluster}}}]})];
    ingress.extend(model.listeners.iter().map(|l| json!({"ports": [{"port": l.port, "protocol": "TCP"}]})));
    policy["spec"] = json!({"podSelector": {"matchLabels": selector}, "policyTypes": ["Ingress"], "ingress": ingress});
    let mut budget = object("policy/v1", "PodDisruptionBudget", &name, &labels, Some(owner));
    let min = model.nodes.len().saturating_sub(1);
    budget["spec"] = json!({"minAvailable": min, "selector": {"matchLabels": selector}});
    let account = object("v1", "ServiceAccount", &name, &labels, Some(owner));
    vec![bootstrap, brokers, policy, budget, account]
}

/// The ConfigMap of a node, as the pod of the real operator would mount it.
pub fn config_map(model: &Model, node: &Node, owner: &Owner, cluster_id: &str, metadata_version: &str) -> Value {
    let mut map = object("v1", "ConfigMap", &node.pod(&model.cluster), &pool_labels(model, node), Some(owner));
    map["data"] = json!({
        "cluster.id": cluster_id,
        "metadata.version": metadata_version,
        "log4j2.properties": include_str!("log4j2.properties"),
        "server.config": to_text(&render(model, node, &Place::Pod)),
    });
    map
}

/// The StrimziPodSet of a pool. Its pods are named and never made: there is no kubelet here.
pub fn pod_set(model: &Model, nodes: &[&Node], owner: &Owner, version: &str) -> Option<Value> {
    let first = nodes.first()?;
    let name = format!("{}-{}", model.cluster, first.pool);
    let labels = pool_labels(model, first);
    let mut set = object("core.strimzi.io/v1", "StrimziPodSet", &name, &labels, Some(owner));
    let pod = |node: &&Node| {
        let name = node.pod(&model.cluster);
        let mut labels = labels.clone();
        labels.insert("strimzi.io/pod-name".to_owned(), name.clone());
        let image = format!("quay.io/strimzi/kafka:1.2.0-kafka-{version}");
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": model.namespace, "labels": labels},
            "spec": {"containers": [{"name": "kafka", "image": image}]}})
    };
    let selector =
        json!({"matchLabels": {"strimzi.io/cluster": model.cluster, "strimzi.io/pool-name": first.pool, "strimzi.io/kind": "Kafka"}});
    set["spec"] = json!({"selector": selector, "pods": nodes.iter().map(pod).collect::<Vec<_>>()});
    Some(set)
}

/// The PersistentVolumeClaims of a node: name, storage, manifest.
pub fn claims<'a>(model: &Model, node: &Node, storage: &'a Storage, owner: &Owner) -> Vec<(String, &'a Storage, Value)> {
    let persistent = storage.named_volumes().into_iter().filter(|(_, v)| v.kind == "persistent-claim");
    persistent
        .map(|(volume, spec)| {
            let name = format!("{volume}-{}", node.pod(&model.cluster));
            let owner = spec.delete_claim.then_some(owner);
            let mut claim = object("v1", "PersistentVolumeClaim", &name, &pool_labels(model, node), owner);
            claim["metadata"]["annotations"] = json!({"strimzi.io/delete-claim": spec.delete_claim.to_string()});
            let size = spec.size.clone().unwrap_or_else(|| "1Gi".to_owned());
            claim["spec"] =
                json!({"accessModes": ["ReadWriteOnce"], "volumeMode": "Filesystem", "resources": {"requests": {"storage": size}}});
            if let Some(class) = &spec.class {
                claim["spec"]["storageClassName"] = json!(class);
            }
            (name, spec, claim)
        })
        .collect()
}

/// Bytes of a Kubernetes quantity such as `100Gi`; nothing if it is none.
pub fn bytes(quantity: &str) -> Option<u128> {
    let split = quantity.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(quantity.len());
    let (number, unit) = quantity.split_at(split);
    let factor: u128 = match unit {
        "" => 1,
        "k" => 1000,
        "M" => 1000 * 1000,
        "G" => 1_000_000_000,
        "T" => 1_000_000_000_000,
        "P" => 1_000_000_000_000_000,
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        "Ti" => 1 << 40,
        "Pi" => 1 << 50,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let scale = 10u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let digits: u128 = format!("{whole}{fraction}").parse().ok()?;
    Some(digits.checked_mul(factor)?.div_ceil(scale))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_compare_by_bytes() {
        assert_eq!(bytes("1Gi"), Some(1 << 30));
        assert_eq!(bytes("1024Mi"), bytes("1Gi"));
        assert_eq!(bytes("1.5Gi"), Some(3 << 29));
        assert_eq!(bytes("1Xi"), None);
    }

    #[test]
    fn a_claim_is_owned_only_when_it_shall_be_deleted() {
        let node = Node {
            id: 0,
            pool: "brokers".into(),
            controller: false,
            broker: true,
            volumes: vec![],
            ports: BTreeMap::new(),
            advertised: BTreeMap::new(),
        };
        let model = Model {
            namespace: "kafka".into(),
            cluster: "demo".into(),
            nodes: vec![],
            listeners: vec![],
            authorization: None,
            quotas: None,
            config: BTreeMap::new(),
            rack: false,
        };
        let owner = Owner { kind: "KafkaNodePool", name: "brokers".into(), uid: "u".into() };
        let storage: Storage = serde_json::from_value(json!({"type": "jbod", "volumes": [
            {"id": 0, "type": "persistent-claim", "size": "10Gi", "deleteClaim": true}, {"id": 1, "type": "persistent-claim", "size": "1Gi"}]}))
        .unwrap();
        let claims = claims(&model, &node, &storage, &owner);
        assert_eq!(claims[0].0, "data-0-demo-brokers-0");
        assert!(claims[0].2["metadata"]["ownerReferences"].is_array());
        assert!(claims[1].2["metadata"]["ownerReferences"].is_null());
    }
}
