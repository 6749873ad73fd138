//! One Kafka, from its objects to running nodes and back to its status.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::{Context, Result};
use kube::ResourceExt;
use kube::api::DynamicObject;
use kube::runtime::controller::Action;
use serde_json::{Value, json};

use super::addresses::{self, Addresses};
use super::api::{self, ClusterSpec, KafkaSpec, Refusal, config_text, invalid, kind};
use super::authorities::{Home, Keys, Own};
use super::distribution::{self, DEFAULT_VERSION, VERSIONS};
use super::format::random_id;
use super::nodes::Nodes;
use super::objects::{self, Owner};
use super::operator::{Operator, RESYNC, SOON, paused};
use super::pools::{self, Pool};
use super::properties::{Model, Node, REPLICATION};
use super::status::{self, Condition};
use super::{apply, authorities, rebalance, rollout, services, users};
use crate::kafka::Client;

/// What one pass works with.
pub struct Pass<'a> {
    pub operator: &'a Operator,
    pub nodes: &'a Arc<Nodes>,
    pub spec: &'a KafkaSpec,
    pub model: Model,
    pub pools: Vec<Pool>,
    pub version: String,
    pub metadata_version: String,
    pub keys: Keys,
    /// Certificates that users brought.
    pub own: Own,
    pub addresses: Addresses,
    pub warnings: Vec<Condition>,
}

/// Makes the Kafka what its objects say.
pub async fn reconcile(kafka: Arc<DynamicObject>, operator: Arc<Operator>) -> Result<Action> {
    if kafka.metadata.deletion_timestamp.is_some() {
        return Ok(Action::await_change());
    }
    let ar = kind("Kafka", "kafkas");
    if paused(&kafka) {
        status::write(&operator.client, &ar, &kafka, keep(&kafka), &[Condition::paused()]).await?;
        return Ok(Action::requeue(RESYNC));
    }
    if let Some(pretend) = &operator.pretend {
        return pretend.kafka(&operator.client, &kafka).await;
    }
    if kafka.data.get("status").is_none() {
        let creating = Condition::not_ready("Creating", "Kafka cluster is being deployed");
        status::write(&operator.client, &ar, &kafka, json!({}), &[creating]).await?;
    }
    let (o, k) = (operator.clone(), kafka.clone());
    let nodes = tokio::task::spawn_blocking(move || o.nodes(&k)).await??;
    let _work = nodes.work.lock().await;
    match run(&kafka, &operator, &nodes).await {
        Ok((body, conditions)) => {
            tracing::info!("{} is ready", kafka.name_any());
            let moving = rebalance::is_moving(&body);
            status::write(&operator.client, &ar, &kafka, body, &conditions).await?;
            Ok(Action::requeue(if moving { SOON } else { RESYNC }))
        }
        Err(error) if nodes.is_closed() => Err(error),
        Err(error) => {
            let reason = error.downcast_ref::<Refusal>().map_or("ReconciliationException", |r| r.reason);
            let condition = Condition::not_ready(reason, format!("{error:#}"));
            status::write(&operator.client, &ar, &kafka, keep(&kafka), &[condition]).await?;
            Err(error)
        }
    }
}

/// The status as it is, but for what this pass saw.
fn keep(kafka: &DynamicObject) -> Value {
    let mut body = kafka.data.get("status").cloned().unwrap_or_else(|| json!({}));
    body["observedGeneration"] = json!(kafka.metadata.generation);
    body
}

async fn run(kafka: &DynamicObject, operator: &Operator, nodes: &Arc<Nodes>) -> Result<(Value, Vec<Condition>)> {
    let (namespace, name) = (kafka.namespace().unwrap_or_default(), kafka.name_any());
    let spec: KafkaSpec = api::spec(kafka)?;
    check(&spec.kafka)?;
    let pools = pools::read(&operator.client, &namespace, &name).await?;
    pools::check(&pools, &nodes.record().nodes.iter().filter(|(_, n)| n.process.is_some()).map(|(id, n)| (*id, n.controller)).collect())?;
    let cluster_id = cluster_id(kafka, nodes)?;
    let owner = Owner { kind: "Kafka", name: name.clone(), uid: kafka.uid().unwrap_or_default() };
    let home = Home { client: &operator.client, namespace: &namespace, cluster: &name, owner: &owner };
    let keys = home.keys(&spec).await?;
    let version = spec.kafka.version.clone().unwrap_or_else(|| DEFAULT_VERSION.to_owned());
    let default = distribution::metadata_version(&version).unwrap_or_default();
    let metadata_version = spec.kafka.metadata_version.clone().unwrap_or_else(|| default.to_owned());
    let model = Model {
        namespace: namespace.clone(),
        cluster: name.clone(),
        nodes: Vec::new(),
        listeners: spec.kafka.listeners.clone(),
        authorization: spec.kafka.authorization.clone(),
        quotas: spec.kafka.quotas.clone(),
        config: spec.kafka.config.iter().map(|(k, v)| (k.clone(), config_text(v))).collect(),
        rack: spec.kafka.rack.is_some(),
    };
    let warnings = warnings(&spec.kafka, &pools);
    let (own, addresses) = (Own::new(), Addresses::default());
    let mut pass = Pass { operator, nodes, spec: &spec, model, pools, version, metadata_version, keys, own, addresses, warnings };
    let annotations = kafka.annotations();
    let skip = annotations.get("strimzi.io/skip-broker-scaledown-check").is_some_and(|v| v == "true");
    let (leaving, blocked) = rollout::leaving(&mut pass, skip).await?;
    let ran: BTreeSet<i32> = nodes.record().nodes.iter().filter(|(_, n)| n.process.is_some()).map(|(id, _)| *id).collect();
    pass.model.nodes = place(&pass.pools, &pass.model, nodes)?;
    let outside = services::of_listeners(&pass.model, &pass.pools, &owner);
    for service in &outside {
        apply::apply(&operator.client, &namespace, service).await?;
    }
    pass.addresses = addresses::wait(&pass).await?;
    pass.addresses.advertise(&mut pass.model.nodes);
    let (own, files) = authorities::own_certificates(&operator.client, &namespace, &spec.kafka.listeners).await?;
    files.iter().try_for_each(|(secret, values)| nodes.write_secret(secret, values))?;
    pass.own = own;
    let fingerprints = write_objects(&mut pass, &home, &cluster_id).await?;
    rollout::run(&mut pass, fingerprints).await?;
    rollout::remove(&pass, &leaving).await?;
    services::sweep(&operator.client, &pass.model, &outside).await?;
    let joined = pass.model.nodes.iter().filter(|n| n.broker && !ran.is_empty() && !ran.contains(&n.id)).map(|n| n.id).collect();
    let rebalance = rebalance::step(&pass, kafka, &blocked, &joined).await?;
    users::sweep(operator, &pass).await?;
    for pool in &pass.pools {
        pools::write_status(&operator.client, &name, &cluster_id, pool, &[]).await?;
    }
    let mut body = body(&pass, kafka, &cluster_id);
    body["autoRebalance"] = rebalance;
    let mut conditions = vec![Condition::ready()];
    conditions.append(&mut pass.warnings);
    Ok((body, conditions))
}

fn check(kafka: &ClusterSpec) -> Result<()> {
    if let Some(version) = &kafka.version
        && distribution::metadata_version(version).is_none()
    {
        let supported: Vec<&str> = VERSIONS.iter().map(|(v, _)| *v).collect();
        let message = format!("Unsupported Kafka.spec.kafka.version: {version}. Supported versions are: {supported:?}");
        return Err(Refusal { reason: "UnsupportedKafkaVersionException", message }.into());
    }
    if let Some(metadata) = &kafka.metadata_version
        && distribution::metadata_level(metadata).is_none()
    {
        return Err(invalid(format!("Metadata version {metadata} is invalid")));
    }
    let lab = |what: &str| -> anyhow::Error {
        Refusal { reason: "NotInTheLab", message: format!("The lab's stand-in for the Strimzi operator does not run {what}") }.into()
    };
    if kafka.authorization.as_ref().is_some_and(|a| a.kind != "simple") {
        return Err(lab("authorization of type custom"));
    }
    if kafka.tiered_storage.is_some() {
        return Err(lab("tiered storage"));
    }
    let mut seen = (BTreeSet::new(), BTreeSet::new());
    for listener in &kafka.listeners {
        if !matches!(listener.authentication(), None | Some("tls" | "scram-sha-512")) {
            return Err(lab("listener authentication of type custom"));
        }
        if listener.authentication() == Some("tls") && !listener.tls {
            return Err(invalid(format!("listener {}: TLS authentication needs TLS encryption", listener.name)));
        }
        if !seen.0.insert(&listener.name) || !seen.1.insert(listener.port) {
            return Err(invalid("every listener needs to have a unique name and port"));
        }
    }
    Ok(())
}

fn warnings(kafka: &ClusterSpec, pools: &[Pool]) -> Vec<Condition> {
    let brokers: u32 = pools.iter().filter(|p| p.spec.has("broker")).map(|p| p.spec.replicas).sum();
    let controllers: u32 = pools.iter().filter(|p| p.spec.has("controller")).map(|p| p.spec.replicas).sum();
    let mut found = Vec::new();
    for (key, reason, default) in
        [("default.replication.factor", "KafkaDefaultReplicationFactor", 1), ("min.insync.replicas", "KafkaMinInsyncReplicas", 1)]
    {
        if brokers > 1 && !kafka.config.contains_key(key) {
            let message = format!(
                "{key} option is not configured. It defaults to {default} which does not guarantee reliability and availability. \
                 You should configure this option in .spec.kafka.config."
            );
            found.push(Condition::warning(reason, message));
        }
    }
    if controllers.is_multiple_of(2) {
        let message = "Running KRaft controller quorum with an even number of nodes is not recommended.";
        found.push(Condition::warning("KafkaKRaftControllerEvenCount", message));
    }
    for key in kafka.config.keys().filter(|k| super::properties::forbidden(k)) {
        found.push(Condition::warning("ForbiddenConfiguration", format!("Configuration option {key} is forbidden and is ignored.")));
    }
    found
}

/// The id of the cluster: of the record, else of the status, else new.
fn cluster_id(kafka: &DynamicObject, nodes: &Nodes) -> Result<String> {
    let record = nodes.record();
    if !record.cluster_id.is_empty() {
        return Ok(record.cluster_id);
    }
    let known = kafka.data.pointer("/status/clusterId").and_then(Value::as_str).map(str::to_owned);
    let id = known.map_or_else(random_id, Ok)?;
    nodes.change(|r| r.cluster_id.clone_from(&id))?;
    Ok(id)
}

fn place(pools: &[Pool], model: &Model, nodes: &Nodes) -> Result<Vec<Node>> {
    let listeners: Vec<String> = model.listeners.iter().map(api::Listener::kafka_name).collect();
    let mut placed = Vec::new();
    for pool in pools {
        let mut volumes = pool.spec.storage.named_volumes();
        volumes.sort_by_key(|(_, v)| v.kraft_metadata.is_none());
        for id in &pool.ids {
            let (controller, broker) = (pool.spec.has("controller"), pool.spec.has("broker"));
            let mut node = Node {
                id: *id,
                pool: pool.name.clone(),
                controller,
                broker,
                volumes: vec![],
                ports: Default::default(),
                advertised: Default::default(),
            };
            node.volumes = volumes.iter().map(|(name, _)| name.clone()).collect();
            node.ports = nodes.ports(*id, &node.pod(&model.cluster), controller, broker, &listeners)?;
            placed.push(node);
        }
    }
    Ok(placed)
}

/// Writes everything the real operator leaves; returns the certificates' fingerprints in the order of the nodes.
async fn write_objects(pass: &mut Pass<'_>, home: &Home<'_>, cluster_id: &str) -> Result<Vec<String>> {
    let client = &pass.operator.client;
    let mut manifests = objects::of_cluster(&pass.model, home.owner);
    let mut fingerprints = Vec::new();
    for node in &pass.model.nodes {
        let names = pass.addresses.names(node.id);
        fingerprints.push(home.node(&pass.keys, &pass.own, &pass.model, (node, &names), pass.nodes).await?);
        let Some(pool) = pass.pools.iter().find(|p| p.name == node.pool) else { continue };
        let owner = pool.owner();
        manifests.push(objects::config_map(&pass.model, node, &owner, cluster_id, &pass.metadata_version));
        for (name, storage, claim) in objects::claims(&pass.model, node, &pool.spec.storage, &owner) {
            pass.warnings.extend(apply::claim(client, home.namespace, &name, storage, claim).await?);
        }
    }
    for pool in &pass.pools {
        let nodes: Vec<&Node> = pass.model.nodes.iter().filter(|n| n.pool == pool.name).collect();
        manifests.extend(objects::pod_set(&pass.model, &nodes, &pool.owner(), &pass.version));
    }
    for manifest in manifests {
        apply::apply(client, home.namespace, &manifest).await?;
    }
    Ok(fingerprints)
}

fn body(pass: &Pass<'_>, kafka: &DynamicObject, cluster_id: &str) -> Value {
    let mut listeners = Vec::new();
    for listener in &pass.model.listeners {
        let mut value = pass.addresses.status(listener, &pass.model.nodes);
        if listener.tls {
            value["certificates"] = json!([pass.own.get(&listener.name).unwrap_or(&pass.keys.cluster_ca.certificate)]);
        }
        listeners.push(value);
    }
    json!({
        "observedGeneration": kafka.metadata.generation,
        "clusterId": cluster_id,
        "listeners": listeners,
        "kafkaVersion": pass.version,
        "kafkaMetadataVersion": pass.metadata_version,
        "operatorLastSuccessfulVersion": pass.operator.options.operator_version,
        "kafkaNodePools": pass.pools.iter().map(|p| json!({"name": p.name})).collect::<Vec<_>>(),
        "clusterSecurity": {"authentication": {"type": "strimzi-mtls"}, "encryption": {"type": "strimzi-tls"}},
    })
}

/// A connection as the operator, over the replication listener of any broker that answers.
pub async fn connect(operator: &Operator, namespace: &str, cluster: &str) -> Result<Client> {
    let nodes = operator.running(namespace, cluster).with_context(|| format!("find a running Kafka {namespace}/{cluster}"))?;
    connect_to(operator, namespace, cluster, &bootstrap(&nodes)).await
}

/// The same, to brokers of choice.
pub async fn connect_to(operator: &Operator, namespace: &str, cluster: &str, servers: &str) -> Result<Client> {
    let text = |secret: Option<k8s_openapi::api::core::v1::Secret>, key: &str| {
        secret.and_then(|s| apply::values(&s).remove(key)).with_context(|| format!("find {key} of the Kafka {namespace}/{cluster}"))
    };
    let ca = apply::secret(&operator.client, namespace, &format!("{cluster}-cluster-ca-cert")).await?;
    let own = apply::secret(&operator.client, namespace, &format!("{cluster}-cluster-operator-certs")).await?;
    let (ca, cert, key) = (text(ca, "ca.crt")?, text(own.clone(), "cluster-operator.crt")?, text(own, "cluster-operator.key")?);
    Client::connect(servers, &ca, Some((&cert, &key))).await.context("connect as the operator")
}

/// The replication listeners of the brokers that run.
pub fn bootstrap(nodes: &Nodes) -> String {
    let alive = nodes.record().nodes.into_values().filter(|n| n.alive());
    alive.filter_map(|n| n.ports.get(REPLICATION).map(|p| format!("127.0.0.1:{p}"))).collect::<Vec<_>>().join(",")
}
