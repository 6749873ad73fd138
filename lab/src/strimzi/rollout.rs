//! Bringing the running nodes to the wanted configuration: started when missing, changed live where Kafka allows, else restarted
//! one at a time while every partition keeps its minimum of replicas in sync; and leaving brokers, when nothing is on them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::api::Refusal;
use super::cluster::{Pass, bootstrap};
use super::distribution::{self, Distribution};
use super::nodes::{NodeRecord, Start};
use super::properties::{CONTROL, Node, Place, render};
use super::status::Condition;
use super::{apply, format, pools};
use crate::kafka::{AlterOp, Client, QuotaEntity, ResourceKind, TopicInfo};

/// The real operator's `operationTimeoutMs`.
pub const OPERATION: Duration = Duration::from_secs(300);
const POLL: Duration = Duration::from_millis(200);

/// Broker options Kafka changes while it runs (its documentation's update modes per-broker and cluster-wide), as prefixes.
const DYNAMIC: [&str; 20] = [
    "background.threads",
    "compression.type",
    "log.cleaner.",
    "log.cleanup.policy",
    "log.flush.interval.m",
    "log.index.interval.bytes",
    "log.index.size.max.bytes",
    "log.message.timestamp.",
    "log.preallocate",
    "log.retention.bytes",
    "log.retention.ms",
    "log.roll.",
    "log.segment.",
    "max.connection",
    "message.max.bytes",
    "min.insync.replicas",
    "num.io.threads",
    "num.network.threads",
    "num.replica.fetchers",
    "unclean.leader.election.enable",
];
/// Hours are read at the start only, unlike milliseconds.
const STATIC: [&str; 3] = ["log.roll.hours", "log.roll.jitter.hours", "log.cleaner.enable"];

fn dynamic(key: &str) -> bool {
    DYNAMIC.iter().any(|d| key.starts_with(d)) && !STATIC.contains(&key)
}

/// What must be altered live, and whether a restart is needed beside it.
pub fn changes(old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) -> (BTreeMap<String, AlterOp>, bool) {
    let mut live = BTreeMap::new();
    let mut restart = false;
    for key in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
        match (old.get(key), new.get(key)) {
            (before, after) if before == after => {}
            (_, Some(value)) if dynamic(key) => {
                live.insert(key.clone(), AlterOp::Set(value.clone()));
            }
            (_, None) if dynamic(key) => {
                // The file the node was started with still has it.
                live.insert(key.clone(), AlterOp::Delete);
                restart = true;
            }
            _ => restart = true,
        }
    }
    (live, restart)
}

pub async fn admin(pass: &Pass<'_>) -> Result<Client> {
    let keys = &pass.keys;
    let identity = Some((keys.operator.certificate.as_str(), keys.operator.key.as_str()));
    Client::connect(&bootstrap(pass.nodes), &keys.cluster_ca.certificate, identity).await.context("connect as the operator")
}

/// The nodes that go, and those that shall go and still hold replicas: these stay, their pool is put back and a warning says so.
pub async fn leaving(pass: &mut Pass<'_>, skip_check: bool) -> Result<(BTreeSet<i32>, BTreeSet<i32>)> {
    let record = pass.nodes.record();
    let wanted: BTreeSet<i32> = pass.pools.iter().flat_map(|p| p.ids.iter().copied()).collect();
    let going: BTreeSet<i32> = record.nodes.keys().copied().filter(|id| !wanted.contains(id)).collect();
    if going.is_empty() || skip_check {
        return Ok((going, BTreeSet::new()));
    }
    let holding: BTreeSet<i32> = {
        let topics = admin(pass).await?.topics(None).await?;
        let replicas = topics.iter().flat_map(|t| &t.partitions).flat_map(|p| p.replicas.iter().copied());
        replicas.filter(|id| going.contains(id)).collect()
    };
    if holding.is_empty() {
        return Ok((going, BTreeSet::new()));
    }
    pools::revert(&mut pass.pools, &going);
    let now: BTreeSet<i32> = pass.pools.iter().flat_map(|p| p.ids.iter().copied()).collect();
    if going.iter().any(|id| !now.contains(id)) {
        let message = format!("Cannot remove brokers {going:?}: {holding:?} still have partition replicas and their KafkaNodePool is gone");
        return Err(Refusal { reason: "InvalidResourceException", message }.into());
    }
    for pool in pass.pools.iter().filter(|p| p.ids.iter().any(|id| going.contains(id))) {
        let message = format!("Reverting scale-down of KafkaNodePool {} by changing number of replicas to {}", pool.name, pool.ids.len());
        pass.warnings.push(Condition::warning("ScaleDownPreventionCheck", message));
    }
    Ok((BTreeSet::new(), going))
}

/// Stops and forgets the nodes that go, with their data and the objects that stand for them.
pub async fn remove(pass: &Pass<'_>, leaving: &BTreeSet<i32>) -> Result<()> {
    let record = pass.nodes.record();
    for id in leaving.iter().copied() {
        let nodes = pass.nodes.clone();
        if let Some(node) = record.nodes.get(&id) {
            apply::remove_node(&pass.operator.client, &pass.model.namespace, &node.pod).await?;
        }
        tokio::task::spawn_blocking(move || nodes.remove(id)).await??;
        let mut admin = admin(pass).await?;
        // A broker that is already unknown is gone as well (102: broker id not registered).
        match admin.unregister_broker(id).await {
            Err(e) if e.code() != Some(102) => return Err(e.into()),
            _ => {}
        }
    }
    Ok(())
}

/// Brings every node to what the model says.
pub async fn run(pass: &mut Pass<'_>, fingerprints: Vec<String>) -> Result<()> {
    let version = pass.version.clone();
    let distribution = tokio::task::spawn_blocking(move || Distribution::ensure(&version)).await??;
    let mut wanted = Vec::new();
    for (node, keys) in pass.model.nodes.iter().zip(fingerprints) {
        let properties = render(&pass.model, node, &Place::Process(pass.nodes.folder.clone()));
        let pod = node.pod(&pass.model.cluster);
        let (version, metadata) = (pass.version.clone(), Some(pass.metadata_version.clone()));
        wanted.push((node.clone(), Start { pod, version, distribution: distribution.clone(), properties, metadata, keys }));
    }
    let record = pass.nodes.record();
    let alive = |id: &i32| record.nodes.get(id).is_some_and(NodeRecord::alive);
    let (running, missing): (Vec<_>, Vec<_>) = wanted.into_iter().partition(|(node, _)| alive(&node.id));
    if !missing.is_empty() {
        start_all(pass, &missing).await?;
    }
    let mut admin = wait_brokers(pass).await?;
    pass.nodes.serves.store(true, std::sync::atomic::Ordering::SeqCst);
    for (node, start) in order(running) {
        let Some(have) = record.nodes.get(&node.id) else { continue };
        let (live, mut restart) = changes(&have.properties, &start.properties);
        restart |= have.version != start.version || have.keys != start.keys;
        if node.broker && !live.is_empty() {
            restart |= !alter(&mut admin, node.id, &live).await;
        }
        if restart {
            replace(pass, &mut admin, &node, start).await?;
        } else if !live.is_empty() {
            pass.nodes.change(|r| r.nodes.entry(node.id).or_default().properties.clone_from(&start.properties))?;
        }
    }
    metadata(pass, &mut admin).await?;
    default_quotas(pass, &mut admin).await
}

/// Controllers first, as the real operator.
fn order(mut nodes: Vec<(Node, Start)>) -> Vec<(Node, Start)> {
    nodes.sort_by_key(|(node, _)| (!node.controller, node.id));
    nodes
}

async fn start_all(pass: &Pass<'_>, missing: &[(Node, Start)]) -> Result<()> {
    format::all(pass, missing).await?;
    let mut starts = tokio::task::JoinSet::new();
    for (node, start) in missing {
        let (nodes, id, start) = (pass.nodes.clone(), node.id, start.clone());
        starts.spawn_blocking(move || nodes.start(id, &start));
    }
    while let Some(started) = starts.join_next().await {
        started??;
    }
    Ok(())
}

/// Waits until all brokers of the model have joined and answer.
async fn wait_brokers(pass: &Pass<'_>) -> Result<Client> {
    let wanted: BTreeSet<i32> = pass.model.nodes.iter().filter(|n| n.broker).map(|n| n.id).collect();
    let started = Instant::now();
    let mut last = "nothing answered yet".to_owned();
    loop {
        if started.elapsed() > OPERATION {
            let message =
                format!("Exceeded timeout of {}ms while waiting for brokers {wanted:?} to be ready: {last}", OPERATION.as_millis());
            return Err(Refusal { reason: "TimeoutException", message }.into());
        }
        dead(pass)?;
        match admin(pass).await {
            Err(error) => last = format!("{error:#}"),
            Ok(mut client) => match client.brokers().await {
                Err(error) => last = error.to_string(),
                Ok(brokers) if wanted.iter().all(|id| brokers.contains_key(id)) => return Ok(client),
                Ok(brokers) => last = format!("only {:?} have joined", brokers.keys().collect::<Vec<_>>()),
            },
        }
        tokio::time::sleep(POLL).await;
    }
}

fn dead(pass: &Pass<'_>) -> Result<()> {
    if pass.nodes.is_closed() {
        bail!("the Kafka is gone");
    }
    let record = pass.nodes.record();
    let Some(node) = pass.model.nodes.iter().filter_map(|n| record.nodes.get(&n.id)).find(|n| n.process.is_some() && !n.alive()) else {
        return Ok(());
    };
    let message = format!("Node {} ended: {}", node.pod, pass.nodes.log_tail(&node.pod));
    Err(Refusal { reason: "FatalProblem", message }.into())
}

/// Changes options of a running broker; false when Kafka refuses and only a restart will do.
async fn alter(admin: &mut Client, id: i32, live: &BTreeMap<String, AlterOp>) -> bool {
    let (cluster, broker): (BTreeMap<_, _>, BTreeMap<_, _>) = live.clone().into_iter().partition(|(key, _)| key == "min.insync.replicas");
    let mut done = true;
    // Kafka takes the minimum of replicas for the whole cluster only.
    for (name, ops) in [(String::new(), cluster), (id.to_string(), broker)] {
        if !ops.is_empty()
            && let Err(error) = admin.alter_configs(ResourceKind::Broker, &name, &ops).await
        {
            tracing::info!("broker {id} needs a restart: {error}");
            done = false;
        }
    }
    done
}

/// Restarts one node when the cluster can spare it, and waits until it is back in every partition.
async fn replace(pass: &Pass<'_>, admin: &mut Client, node: &Node, start: Start) -> Result<()> {
    if node.broker {
        wait_topics(pass, admin, &format!("Cannot roll {} now", start.pod), |topics, min| {
            topics
                .iter()
                .find(|t| !spared(t, node.id, *min.get(&t.name).unwrap_or(&1)))
                .map(|t| format!("{} would be under its minimum", t.name))
        })
        .await?;
    }
    tracing::info!("roll {}", start.pod);
    let (nodes, id) = (pass.nodes.clone(), node.id);
    tokio::task::spawn_blocking(move || nodes.stop(id).and_then(|()| nodes.start(id, &start))).await??;
    *admin = wait_brokers(pass).await?;
    if node.controller {
        let address = format!("127.0.0.1:{}", node.port(CONTROL));
        let started = Instant::now();
        while tokio::net::TcpStream::connect(&address).await.is_err() {
            dead(pass)?;
            anyhow::ensure!(started.elapsed() < OPERATION, "wait for controller {}", node.id);
            tokio::time::sleep(POLL).await;
        }
        // A controller that listens still has to read the log; the quorum bears one that lags, not two.
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    if node.broker {
        wait_topics(pass, admin, "Replicas do not come back in sync", |topics, _| {
            let behind = |t: &&TopicInfo| t.partitions.iter().any(|p| p.replicas.contains(&node.id) && !p.in_sync.contains(&node.id));
            topics.iter().find(behind).map(|t| t.name.clone())
        })
        .await?;
    }
    Ok(())
}

/// Whether a topic stays at or above its minimum without `id`. One that could never spare a replica does not hold up a roll.
fn spared(topic: &TopicInfo, id: i32, min: usize) -> bool {
    topic.partitions.iter().all(|p| p.replicas.len() <= min || !p.in_sync.contains(&id) || p.in_sync.len() > min)
}

async fn wait_topics(
    pass: &Pass<'_>,
    admin: &mut Client,
    what: &str,
    problem: impl Fn(&[TopicInfo], &BTreeMap<String, usize>) -> Option<String>,
) -> Result<()> {
    let started = Instant::now();
    loop {
        let topics = admin.topics(None).await?;
        let mut min = BTreeMap::new();
        for topic in &topics {
            let config = admin.configs(ResourceKind::Topic, &topic.name, Some(&["min.insync.replicas"])).await?;
            min.insert(topic.name.clone(), config.get("min.insync.replicas").and_then(|v| v.parse().ok()).unwrap_or(1));
        }
        let Some(found) = problem(&topics, &min) else { return Ok(()) };
        dead(pass)?;
        if started.elapsed() > OPERATION {
            return Err(Refusal { reason: "UnforceableProblem", message: format!("{what}: {found}") }.into());
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Raises the metadata version; Kafka does not go back, and the status says so.
async fn metadata(pass: &mut Pass<'_>, admin: &mut Client) -> Result<()> {
    let Some(wanted) = distribution::metadata_level(&pass.metadata_version) else { return Ok(()) };
    let Some(current) = admin.feature_level("metadata.version").await? else { return Ok(()) };
    if wanted > current {
        admin.upgrade_feature("metadata.version", wanted).await?;
    }
    let reached = wanted.max(current);
    if wanted < current {
        let message = format!("Failed to update metadata version to {}: it cannot go back", pass.metadata_version);
        pass.warnings.push(Condition::warning("MetadataUpdateFailed", message));
    }
    if let Some(name) = distribution::metadata_name(reached) {
        name.clone_into(&mut pass.metadata_version);
    }
    Ok(())
}

/// Quotas of type `kafka`: the default of all users, per broker.
async fn default_quotas(pass: &Pass<'_>, admin: &mut Client) -> Result<()> {
    let quotas = pass.spec.kafka.quotas.as_ref().filter(|q| q.kind == "kafka");
    let wanted = quotas.map(super::users::quota_values).unwrap_or_default();
    admin.set_quotas(&QuotaEntity::DefaultUser, &wanted).await?;
    Ok(())
}

/// Restarts nodes that ended by themselves, as a kubelet would. The caller holds the cluster's lock.
pub fn revive(nodes: &Arc<super::nodes::Nodes>) -> Result<()> {
    for (id, node) in nodes.record().nodes {
        if node.process.is_none() || node.alive() || node.properties.is_empty() {
            continue;
        }
        tracing::warn!("{} ended: start it again", node.pod);
        let distribution = Distribution::ensure(&node.version)?;
        let start =
            Start { pod: node.pod, version: node.version, distribution, properties: node.properties, metadata: None, keys: node.keys };
        nodes.start(id, &start)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::PartitionInfo;

    fn map(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
        entries.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn retention_changes_live_and_a_static_option_needs_a_restart() {
        let (live, restart) = changes(&map(&[("log.retention.ms", "1")]), &map(&[("log.retention.ms", "2"), ("num.io.threads", "4")]));
        assert_eq!((live.len(), restart), (2, false));
        let (live, restart) = changes(&map(&[]), &map(&[("auto.create.topics.enable", "false")]));
        assert_eq!((live.len(), restart), (0, true));
    }

    #[test]
    fn an_option_taken_away_needs_a_restart() {
        let (live, restart) = changes(&map(&[("log.retention.ms", "1")]), &map(&[]));
        assert_eq!((live.get("log.retention.ms"), restart), (Some(&AlterOp::Delete), true));
    }

    #[test]
    fn a_partition_at_its_minimum_holds_up_a_roll_unless_it_can_never_do_better() {
        let topic = |replicas: &[i32], in_sync: &[i32]| TopicInfo {
            name: "t".to_owned(),
            id: String::new(),
            internal: false,
            partitions: vec![PartitionInfo { index: 0, leader: 0, replicas: replicas.to_vec(), in_sync: in_sync.to_vec() }],
        };
        assert!(spared(&topic(&[0, 1, 2], &[0, 1, 2]), 0, 2));
        assert!(!spared(&topic(&[0, 1, 2], &[0, 1]), 0, 2));
        assert!(spared(&topic(&[0, 1, 2], &[0, 1]), 2, 2));
        assert!(spared(&topic(&[0], &[0]), 0, 1));
    }
}
