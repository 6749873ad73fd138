//! A Kafka in a cluster whose Strimzi came by HelmRelease, and outlives it.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use kaas_lab::TemporaryLab;
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};

use super::world::{Objects, TENANT, World, condition};

const STRIMZI: &str = "strimzi-kafka-operator";
const OPERATOR: &str = "strimzi-cluster-operator";

#[test]
fn a_kafka_becomes_ready_where_strimzi_came_by_a_helm_release() -> Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let mut world = runtime.block_on(World::up("flux-kafka", false))?;
    runtime.block_on(story(&mut world))?;
    drop(world.flux);
    world.lab.down()
}

async fn story(world: &mut World) -> Result<()> {
    world.prepare().await?;
    world.source(STRIMZI, "1.2.0").await?;
    let spec = json!({"kubeConfig": {"secretRef": {"name": "back"}}, "targetNamespace": "strimzi", "storageNamespace": "strimzi",
        "upgrade": {"crds": "CreateReplace"}});
    world.release(STRIMZI, spec).await?;
    world.ready(STRIMZI, "1.2.0").await?;
    kafka(world).await?;
    let ready = until_kafka(world, "ready", |k| condition(k, "Ready").is_some()).await?;
    ensure!(ready.data["status"]["operatorLastSuccessfulVersion"] == "1.2.0", "{:#}", ready.data["status"]);
    let nodes = nodes(&world.lab);
    ensure!(nodes.len() == 1, "one node runs: {nodes:?}");

    // A killed stand-in leaves its Kafka; the next takes it over, in the version of the release of then.
    world.flux.kill()?;
    world.source(STRIMZI, "1.2.1").await?;
    world.flux.restart()?;
    world.ready(STRIMZI, "1.2.1").await?;
    until_kafka(world, "taken over", |k| k.data["status"]["operatorLastSuccessfulVersion"] == "1.2.1").await?;
    ensure!(self::nodes(&world.lab) == nodes, "the same node runs");

    // An operator without Pod does nothing, and says so.
    let scale = |replicas: u32| Patch::Merge(json!({"spec": {"replicas": replicas}}));
    world.deployments("strimzi").patch(OPERATOR, &PatchParams::default(), &scale(0)).await?;
    let started = Instant::now();
    while world.deployments("strimzi").get(OPERATOR).await?.data["status"].get("availableReplicas").is_some() {
        ensure!(started.elapsed() < Duration::from_secs(30), "the Deployment shows no Pod");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    world.deployments("strimzi").patch(OPERATOR, &PatchParams::default(), &scale(1)).await?;

    // Uninstalled: the CRDs and the Kafka stay; a Kafka that goes then takes its nodes with it.
    world.delete(STRIMZI).await?;
    world.gone(&world.releases(), STRIMZI).await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    ensure!(self::nodes(&world.lab) == nodes, "Kafka outlives its operator");
    let kafkas = world.api("kafka.strimzi.io/v1", "Kafka", TENANT);
    kafkas.delete("demo", &DeleteParams::default()).await?;
    let started = Instant::now();
    while !self::nodes(&world.lab).is_empty() || world.flux.data().join("strimzi").join(format!("{TENANT}.back")).exists() {
        ensure!(started.elapsed() < Duration::from_secs(30), "the node goes with its Kafka: {:?}", self::nodes(&world.lab));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

/// A Kafka of one node in the namespace of `objects`.
pub async fn kafka(objects: &Objects) -> Result<()> {
    let labels = json!({"strimzi.io/cluster": "demo"});
    let object = |kind: &str, name: &str, spec: Value| {
        json!({"apiVersion": "kafka.strimzi.io/v1", "kind": kind,
            "metadata": {"name": name, "namespace": objects.namespace, "labels": labels}, "spec": spec})
    };
    let volume = json!({"id": 0, "type": "persistent-claim", "size": "1Gi", "deleteClaim": true, "kraftMetadata": "shared"});
    let pool = json!({"replicas": 1, "roles": ["broker", "controller"], "storage": {"type": "jbod", "volumes": [volume]}});
    objects.apply(&object("KafkaNodePool", "both", pool)).await?;
    let config = json!({"default.replication.factor": 1, "min.insync.replicas": 1, "offsets.topic.replication.factor": 1,
        "transaction.state.log.replication.factor": 1, "transaction.state.log.min.isr": 1});
    let listeners = json!([{"name": "tls", "port": 9093, "type": "internal", "tls": true, "authentication": {"type": "tls"}}]);
    objects.apply(&object("Kafka", "demo", json!({"kafka": {"version": "4.3.1", "config": config, "listeners": listeners}}))).await
}

pub async fn until_kafka(objects: &Objects, what: &str, seen: impl Fn(&DynamicObject) -> bool) -> Result<DynamicObject> {
    let kafkas = objects.api("kafka.strimzi.io/v1", "Kafka", &objects.namespace);
    let started = Instant::now();
    loop {
        let kafka = kafkas.get("demo").await?;
        if seen(&kafka) {
            println!("Kafka {what} after {:.1} s", started.elapsed().as_secs_f32());
            return Ok(kafka);
        }
        ensure!(started.elapsed() < Duration::from_secs(120), "Kafka is not {what}: {:#}", kafka.data["status"]);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// The Kafka processes of the lab.
pub fn nodes(lab: &TemporaryLab) -> Vec<i32> {
    let kafka = |pid: i32| std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|c| c.windows(12).any(|w| w == b"\0kafka.Kafka"));
    let mut pids: Vec<i32> = kaas_lab::process::marked(lab.folder()).into_iter().map(|p| p.pid).filter(|&pid| kafka(pid)).collect();
    pids.sort_unstable();
    pids
}
