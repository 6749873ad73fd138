//! The stand-in for the Strimzi operator on a real Kubernetes API with real Kafka nodes: a Kafka from creation to deletion, in one
//! story because its start is what costs.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use k8s_openapi::api::core::v1::{Namespace, PersistentVolumeClaim, Secret};
use kaas_lab::kafka::{Client, ResourceKind, Security};
use kaas_lab::{Lab, Server, TemporaryLab};
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams};
use serde_json::{Value, json};

const NS: &str = "kafka";

struct World {
    kube: kube::Client,
}

impl World {
    fn api(&self, kind: &str) -> Api<DynamicObject> {
        let gvk = GroupVersionKind::gvk("kafka.strimzi.io", "v1", kind);
        Api::namespaced_with(self.kube.clone(), NS, &ApiResource::from_gvk(&gvk))
    }

    async fn apply(&self, kind: &str, name: &str, spec: Value) -> Result<()> {
        let object = json!({"apiVersion": "kafka.strimzi.io/v1", "kind": kind,
            "metadata": {"name": name, "labels": {"strimzi.io/cluster": "demo"}}, "spec": spec});
        self.api(kind).patch(name, &PatchParams::apply("test").force(), &Patch::Apply(&object)).await?;
        Ok(())
    }

    /// Waits until `seen` holds of the object's status.
    async fn until(&self, kind: &str, name: &str, what: &str, seen: impl Fn(&DynamicObject) -> bool) -> Result<DynamicObject> {
        let started = Instant::now();
        loop {
            let object = self.api(kind).get(name).await?;
            if seen(&object) {
                println!("{kind} {name} {what} after {:.1} s", started.elapsed().as_secs_f32());
                return Ok(object);
            }
            let status = object.data.get("status").map(|s| s["conditions"].to_string());
            ensure!(started.elapsed() < Duration::from_secs(180), "{kind} {name} is not {what}: {status:?}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn ready(&self, kind: &str, name: &str) -> Result<DynamicObject> {
        self.until(kind, name, "ready", ready).await
    }

    async fn secret(&self, name: &str) -> Result<BTreeMap<String, String>> {
        let secret = Api::<Secret>::namespaced(self.kube.clone(), NS).get(name).await?;
        Ok(secret.data.unwrap_or_default().into_iter().map(|(k, v)| (k, String::from_utf8(v.0).unwrap())).collect())
    }

    async fn alice(&self, bootstrap: &str, ca: &str) -> Result<Client> {
        let keys = self.secret("alice").await?;
        Ok(Client::connect(bootstrap, ca, Some((&keys["user.crt"], &keys["user.key"]))).await?)
    }
}

fn ready(object: &DynamicObject) -> bool {
    let generation = object.metadata.generation;
    object.data.pointer("/status/observedGeneration").and_then(Value::as_i64) == generation && condition(object, "Ready").is_some()
}

fn condition<'a>(object: &'a DynamicObject, kind: &str) -> Option<&'a Value> {
    object.data.pointer("/status/conditions")?.as_array()?.iter().find(|c| c["type"] == kind)
}

fn pool(replicas: u32, role: &str, size: &str) -> Value {
    let volume = json!({"id": 0, "type": "persistent-claim", "size": size, "class": "lab", "deleteClaim": true, "kraftMetadata": "shared"});
    json!({"replicas": replicas, "roles": [role], "storage": {"type": "jbod", "volumes": [volume]}})
}

fn kafka(config: Value, quotas: Value) -> Value {
    let mut all = json!({"default.replication.factor": 3, "min.insync.replicas": 2, "offsets.topic.replication.factor": 3,
        "transaction.state.log.replication.factor": 3, "transaction.state.log.min.isr": 2, "auto.create.topics.enable": false});
    all.as_object_mut().unwrap().extend(config.as_object().unwrap().clone());
    let mut spec = json!({"kafka": {
        "version": "4.3.1", "config": all, "authorization": {"type": "simple"},
        "listeners": [
            {"name": "tls", "port": 9093, "type": "internal", "tls": true, "authentication": {"type": "tls"}},
            {"name": "scram", "port": 9094, "type": "internal", "tls": true, "authentication": {"type": "scram-sha-512"}}]},
        "entityOperator": {"topicOperator": {}, "userOperator": {}}});
    if !quotas.is_null() {
        spec["kafka"]["quotas"] = quotas;
    }
    spec
}

fn acl(operations: &[&str]) -> Value {
    json!({"type": "simple", "acls": [{"resource": {"type": "topic", "name": "orders", "patternType": "prefix"}, "operations": operations}]})
}

fn listener(kafka: &DynamicObject, name: &str) -> (String, String) {
    let listeners = kafka.data.pointer("/status/listeners").and_then(Value::as_array).unwrap();
    let found = listeners.iter().find(|l| l["name"] == name).unwrap();
    (found["bootstrapServers"].as_str().unwrap().to_owned(), found["certificates"][0].as_str().unwrap().to_owned())
}

/// The processes of Kafka's nodes.
pub fn java(lab: &Lab) -> Vec<i32> {
    let mut pids: Vec<i32> = kaas_lab::process::marked(lab.folder())
        .into_iter()
        .filter(|p| std::fs::read(format!("/proc/{}/cmdline", p.pid)).is_ok_and(|c| c.windows(12).any(|w| w == b"\0kafka.Kafka")))
        .map(|p| p.pid)
        .collect();
    pids.sort_unstable();
    pids
}

#[test]
fn a_kafka_lives_from_its_objects_to_their_deletion() -> Result<()> {
    let mut lab = TemporaryLab::up("stand-in", false)?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(story(&mut lab))?;
    lab.down()
}

async fn story(lab: &mut TemporaryLab) -> Result<()> {
    let world = World { kube: kaas_lab::client(&lab.kubeconfig()).await? };
    create(&world).await?;
    let kafka_object = world.ready("Kafka", "demo").await?;
    ensure!(condition(&kafka_object, "Warning").is_none(), "no warnings: {:?}", kafka_object.data["status"]["conditions"]);
    for (kind, name) in [("KafkaUser", "alice"), ("KafkaUser", "bob"), ("KafkaTopic", "orders")] {
        world.ready(kind, name).await?;
    }
    let (bootstrap, ca) = listener(&kafka_object, "tls");
    messages(&world, &kafka_object).await?;
    live_change(&world, lab, &bootstrap, &ca).await?;
    adoption(&world, lab).await?;
    storage(&world).await?;
    scaling(&world, lab).await?;
    rebalancing(&world, lab, &bootstrap, &ca).await?;
    quotas(&world).await?;
    deletion(&world, lab).await
}

async fn create(world: &World) -> Result<()> {
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NS}});
    Api::<Namespace>::all(world.kube.clone()).patch(NS, &PatchParams::apply("test"), &Patch::Apply(&namespace)).await?;
    let class = json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "lab"},
        "provisioner": "lab.example/none", "allowVolumeExpansion": true});
    let classes: Api<k8s_openapi::api::storage::v1::StorageClass> = Api::all(world.kube.clone());
    classes.patch("lab", &PatchParams::apply("test"), &Patch::Apply(&class)).await?;
    world.apply("KafkaNodePool", "brokers", pool(3, "broker", "10Gi")).await?;
    world.apply("KafkaNodePool", "controllers", pool(3, "controller", "1Gi")).await?;
    world.apply("Kafka", "demo", kafka(json!({}), Value::Null)).await?;
    let all = acl(&["Read", "Write", "Describe", "DescribeConfigs"]);
    world.apply("KafkaUser", "alice", json!({"authentication": {"type": "tls"}, "authorization": all})).await?;
    let read = acl(&["Read", "Describe"]);
    world.apply("KafkaUser", "bob", json!({"authentication": {"type": "scram-sha-512"}, "authorization": read})).await?;
    world.apply("KafkaTopic", "orders", json!({"partitions": 3, "replicas": 3, "config": {"retention.ms": 600_000}})).await?;
    world.apply("KafkaTopic", "private", json!({"partitions": 1, "replicas": 3})).await
}

async fn messages(world: &World, kafka: &DynamicObject) -> Result<()> {
    let (bootstrap, ca) = listener(kafka, "tls");
    let mut alice = world.alice(&bootstrap, &ca).await?;
    let values: Vec<Bytes> = (0..100).map(|i| Bytes::from(format!("order {i}"))).collect();
    alice.produce("orders", 0, &values).await?;
    let read = alice.consume("orders", 0, 0, 100, Duration::from_secs(20)).await?;
    ensure!(read == values, "all messages come back, not {}", read.len());
    let denied = alice.produce("private", 0, &values).await.err().and_then(|e| e.code());
    ensure!(denied == Some(29), "another topic is refused: {denied:?}");
    ensure!(Client::connect(&bootstrap, &ca, None).await.is_err(), "a client without certificate is refused");
    let (scram, _) = listener(kafka, "scram");
    let password = world.secret("bob").await?["password"].clone();
    let bob = Security::tls(&ca, None)?.with_scram("bob", &password);
    let mut bob = Client::connect_with(&scram, bob).await?;
    ensure!(bob.consume("orders", 0, 0, 100, Duration::from_secs(20)).await?.len() == 100, "bob reads");
    ensure!(bob.produce("orders", 0, &values).await.err().and_then(|e| e.code()) == Some(29), "bob does not write");
    let wrong = Security::tls(&ca, None)?.with_scram("bob", "wrong");
    ensure!(Client::connect_with(&scram, wrong).await.is_err(), "a wrong password is refused");
    Ok(())
}

async fn live_change(world: &World, lab: &TemporaryLab, bootstrap: &str, ca: &str) -> Result<()> {
    let before = java(lab);
    ensure!(before.len() == 6, "six nodes run: {before:?}");
    world.apply("Kafka", "demo", kafka(json!({"log.retention.ms": 7_200_000}), Value::Null)).await?;
    world.ready("Kafka", "demo").await?;
    ensure!(java(lab) == before, "a dynamic option changes without a restart");
    let mut alice = world.alice(bootstrap, ca).await?;
    let config = alice.configs(ResourceKind::Topic, "orders", Some(&["retention.ms"])).await?;
    ensure!(config["retention.ms"] == "600000", "the topic keeps its own retention: {config:?}");
    world.apply("Kafka", "demo", kafka(json!({"log.retention.ms": 7_200_000, "connections.max.idle.ms": 500_000}), Value::Null)).await?;
    world.ready("Kafka", "demo").await?;
    let after = java(lab);
    ensure!(after.len() == 6 && after.iter().all(|pid| !before.contains(pid)), "a static option rolls every node");
    ensure!(world.alice(bootstrap, ca).await?.consume("orders", 0, 0, 100, Duration::from_secs(20)).await?.len() == 100, "data stays");
    Ok(())
}

async fn adoption(world: &World, lab: &mut TemporaryLab) -> Result<()> {
    let before = java(lab);
    let stand_in = lab.servers().iter().find(|s| s.server == Server::StrimziStandIn).context("find the stand-in")?.handle;
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(stand_in.pid), nix::sys::signal::Signal::SIGKILL)?;
    lab.restart(Server::StrimziStandIn)?;
    let quotas = json!({"authentication": {"type": "tls"}, "quotas": {"producerByteRate": 1_048_576}});
    world.apply("KafkaUser", "carol", quotas).await?;
    world.ready("KafkaUser", "carol").await?;
    ensure!(java(lab) == before, "a new stand-in takes over what runs");
    let victim = before[0];
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(victim), nix::sys::signal::Signal::SIGKILL)?;
    let started = Instant::now();
    while java(lab).len() < 6 || java(lab).contains(&victim) {
        ensure!(started.elapsed() < Duration::from_secs(30), "a killed node is started again");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

async fn storage(world: &World) -> Result<()> {
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(world.kube.clone(), NS);
    let size = || async {
        let claim = claims.get("data-0-demo-brokers-0").await?;
        let requests = claim.spec.and_then(|s| s.resources).and_then(|r| r.requests).unwrap_or_default();
        anyhow::Ok(requests["storage"].0.clone())
    };
    world.apply("KafkaNodePool", "brokers", pool(3, "broker", "20Gi")).await?;
    world
        .until("KafkaNodePool", "brokers", "grown", |p| {
            p.data.pointer("/status/observedGeneration").and_then(Value::as_i64) == p.metadata.generation
        })
        .await?;
    ensure!(size().await? == "20Gi", "the claim grows: {}", size().await?);
    world.apply("KafkaNodePool", "brokers", pool(3, "broker", "5Gi")).await?;
    world
        .until("Kafka", "demo", "warning of the shrink", |k| condition(k, "Warning").is_some_and(|w| w["reason"] == "KafkaStorage"))
        .await?;
    ensure!(size().await? == "20Gi", "the claim does not shrink");
    world.apply("KafkaNodePool", "brokers", pool(3, "broker", "20Gi")).await?;
    world.until("Kafka", "demo", "without warning", |k| condition(k, "Warning").is_none()).await?;
    Ok(())
}

async fn scaling(world: &World, lab: &TemporaryLab) -> Result<()> {
    let ids = |p: &DynamicObject| p.data.pointer("/status/nodeIds").cloned().unwrap_or_default();
    world.apply("KafkaNodePool", "brokers", pool(4, "broker", "20Gi")).await?;
    world.until("KafkaNodePool", "brokers", "of four", |p| ids(p) == json!([0, 1, 2, 6])).await?;
    ensure!(java(lab).len() == 7, "seven nodes run");
    world.apply("KafkaNodePool", "brokers", pool(3, "broker", "20Gi")).await?;
    world.until("KafkaNodePool", "brokers", "of three", |p| ids(p) == json!([0, 1, 2])).await?;
    ensure!(java(lab).len() == 6, "the empty broker is gone");
    world.apply("KafkaNodePool", "brokers", pool(2, "broker", "20Gi")).await?;
    let prevented = |k: &DynamicObject| condition(k, "Warning").is_some_and(|w| w["reason"] == "ScaleDownPreventionCheck");
    world.until("Kafka", "demo", "refusing to drop a full broker", prevented).await?;
    ensure!(java(lab).len() == 6, "the full broker stays");
    world.apply("KafkaNodePool", "brokers", pool(3, "broker", "20Gi")).await?;
    world.until("Kafka", "demo", "without warning", |k| condition(k, "Warning").is_none()).await?;
    Ok(())
}

/// With Cruise Control in the Kafka, data comes to new brokers and leaves those that go.
async fn rebalancing(world: &World, lab: &TemporaryLab, bootstrap: &str, ca: &str) -> Result<()> {
    let ids = |p: &DynamicObject| p.data.pointer("/status/nodeIds").cloned().unwrap_or_default();
    let state = |k: &DynamicObject| k.data.pointer("/status/autoRebalance/state").cloned().unwrap_or_default();
    let mut spec = kafka(json!({"log.retention.ms": 7_200_000, "connections.max.idle.ms": 500_000}), Value::Null);
    spec["cruiseControl"] = json!({"autoRebalance": [{"mode": "add-brokers"}, {"mode": "remove-brokers"}]});
    world.apply("Kafka", "demo", spec).await?;
    world.apply("KafkaNodePool", "brokers", pool(4, "broker", "20Gi")).await?;
    let came = world.until("Kafka", "demo", "moving data onto a new broker", |k| state(k) == "RebalanceOnScaleUp").await?;
    ensure!(came.data["status"]["autoRebalance"]["modes"] == json!([{"mode": "add-brokers", "brokers": [6]}]), "{:?}", came.data["status"]);
    world.until("Kafka", "demo", "balanced", |k| state(k) == "Idle").await?;
    let holders = |topics: Vec<kaas_lab::kafka::TopicInfo>| {
        topics.into_iter().flat_map(|t| t.partitions).flat_map(|p| p.replicas).collect::<std::collections::BTreeSet<i32>>()
    };
    let mut alice = world.alice(bootstrap, ca).await?;
    ensure!(holders(alice.topics(Some(&["orders"])).await?).contains(&6), "the new broker holds replicas");
    world.apply("KafkaNodePool", "brokers", pool(3, "broker", "20Gi")).await?;
    let going = world.until("Kafka", "demo", "moving data off a broker", |k| state(k) == "RebalanceOnScaleDown").await?;
    ensure!(
        going.data["status"]["autoRebalance"]["modes"] == json!([{"mode": "remove-brokers", "brokers": [6]}]),
        "{:?}",
        going.data["status"]
    );
    ensure!(condition(&going, "Warning").is_some_and(|w| w["reason"] == "ScaleDownPreventionCheck"), "the broker is kept till then");
    world.until("KafkaNodePool", "brokers", "of three", |p| ids(p) == json!([0, 1, 2])).await?;
    let idle = world.until("Kafka", "demo", "at rest", |k| state(k) == "Idle").await?;
    ensure!(condition(&idle, "Warning").is_none() && java(lab).len() == 6, "the broker is gone");
    ensure!(!holders(alice.topics(Some(&["orders"])).await?).contains(&6), "nothing is left on it");
    ensure!(alice.consume("orders", 0, 0, 100, Duration::from_secs(20)).await?.len() == 100, "data stays");
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(world.kube.clone(), NS);
    let started = Instant::now();
    while claims.get_opt("data-0-demo-brokers-6").await?.is_some_and(|c| c.metadata.deletion_timestamp.is_none()) {
        ensure!(started.elapsed() < Duration::from_secs(20), "its claim is deleted");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // A pass that still saw the state before may have left one, which the next pass takes away.
    while !world.api("KafkaRebalance").list(&Default::default()).await?.items.is_empty() {
        ensure!(started.elapsed() < Duration::from_secs(30), "no KafkaRebalance is left");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

/// Writes 30 KiB chunks for some seconds and returns bytes per second.
async fn rate(client: &mut Client, seconds: u64) -> Result<f64> {
    let (started, chunk) = (Instant::now(), Bytes::from(vec![b'x'; 64 * 1024]));
    let mut sent = 0.0;
    while started.elapsed() < Duration::from_secs(seconds) {
        client.produce("orders", 1, std::slice::from_ref(&chunk)).await?;
        sent += 65_536.0;
    }
    Ok(sent / started.elapsed().as_secs_f64())
}

async fn quotas(world: &World) -> Result<()> {
    let settings = json!({"log.retention.ms": 7_200_000, "connections.max.idle.ms": 500_000});
    for quota in [json!({"type": "kafka", "producerByteRate": 200_000}), json!({"type": "strimzi", "producerByteRate": 200_000})] {
        world.apply("Kafka", "demo", kafka(settings.clone(), quota.clone())).await?;
        let object = world.ready("Kafka", "demo").await?;
        let (bootstrap, ca) = listener(&object, "tls");
        let mut alice = world.alice(&bootstrap, &ca).await?;
        rate(&mut alice, 12).await?;
        let rate = rate(&mut alice, 15).await?;
        println!("quota {quota}: {rate:.0} bytes per second");
        ensure!(rate < 400_000.0, "{quota} holds: {rate}");
    }
    Ok(())
}

async fn deletion(world: &World, lab: &TemporaryLab) -> Result<()> {
    for (kind, name) in
        [("KafkaTopic", "orders"), ("KafkaTopic", "private"), ("KafkaUser", "alice"), ("KafkaUser", "bob"), ("Kafka", "demo")]
    {
        world.api(kind).delete(name, &DeleteParams::foreground()).await?;
        let started = Instant::now();
        while world.api(kind).get_opt(name).await?.is_some() {
            ensure!(started.elapsed() < Duration::from_secs(60), "{kind} {name} goes");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    for name in ["brokers", "controllers"] {
        world.api("KafkaNodePool").delete(name, &DeleteParams::background()).await?;
    }
    let started = Instant::now();
    while !java(lab).is_empty() {
        ensure!(started.elapsed() < Duration::from_secs(20), "all nodes stop: {:?}", java(lab));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(world.kube.clone(), NS);
    while !claims.list(&Default::default()).await?.items.is_empty() {
        ensure!(started.elapsed() < Duration::from_secs(60), "garbage collection takes the claims");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    println!("all gone after {:.1} s", started.elapsed().as_secs_f32());
    Ok(())
}
