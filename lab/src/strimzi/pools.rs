//! The pools of a Kafka: read, checked, and given their node ids.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use kube::api::{Api, DynamicObject, ListParams};
use kube::{Client, ResourceExt};
use serde_json::json;

use super::api::{CLUSTER_LABEL, PoolSpec, invalid, kind, spec};
use super::node_ids::{PoolWish, assign, parse};
use super::objects::Owner;
use super::status::{self, Condition};

/// A pool and the ids of its nodes.
#[derive(Debug, Clone)]
pub struct Pool {
    pub object: DynamicObject,
    pub name: String,
    pub spec: PoolSpec,
    pub ids: Vec<i32>,
    /// Ids it has according to its status.
    pub before: Vec<i32>,
}

impl Pool {
    pub fn owner(&self) -> Owner {
        Owner { kind: "KafkaNodePool", name: self.name.clone(), uid: self.object.uid().unwrap_or_default() }
    }
}

/// The pools of a Kafka in the order of their names, with ids.
pub async fn read(client: &Client, namespace: &str, cluster: &str) -> Result<Vec<Pool>> {
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &kind("KafkaNodePool", "kafkanodepools"));
    let list = api.list(&ListParams::default().labels(&format!("{CLUSTER_LABEL}={cluster}"))).await.context("list KafkaNodePools")?;
    let mut pools = Vec::new();
    for object in list.items.into_iter().filter(|p| p.metadata.deletion_timestamp.is_none()) {
        let ids = object.data.pointer("/status/nodeIds").cloned().unwrap_or_default();
        let before: Vec<i32> = serde_json::from_value(ids).unwrap_or_default();
        pools.push(Pool { name: object.name_any(), spec: spec(&object)?, ids: Vec::new(), before, object });
    }
    pools.sort_by(|a, b| a.name.cmp(&b.name));
    number(&mut pools);
    Ok(pools)
}

fn number(pools: &mut [Pool]) {
    let remove = |p: &Pool| p.object.annotations().get("strimzi.io/remove-node-ids").map(|range| parse(range)).unwrap_or_default();
    let wish =
        |p: &Pool| PoolWish { name: p.name.clone(), replicas: p.spec.replicas as usize, current: p.before.clone(), remove: remove(p) };
    let mut ids: BTreeMap<String, Vec<i32>> = assign(&pools.iter().map(wish).collect::<Vec<_>>());
    for pool in pools {
        pool.ids = ids.remove(&pool.name).unwrap_or_default();
    }
}

/// Refuses what no Kafka can be made of, and changes of the controllers, which Strimzi's static quorum does not allow.
pub fn check(pools: &[Pool], running: &BTreeMap<i32, bool>) -> Result<()> {
    if pools.is_empty() {
        return Err(invalid("KafkaNodePools are required, but no KafkaNodePool with the label of this Kafka was found"));
    }
    for role in ["controller", "broker"] {
        if !pools.iter().any(|p| p.spec.has(role) && p.spec.replicas > 0) {
            return Err(invalid(format!("At least one KafkaNodePool with the {role} role and at least one replica is required")));
        }
    }
    for pool in pools {
        let volumes = pool.spec.storage.named_volumes();
        let names: BTreeSet<&String> = volumes.iter().map(|(n, _)| n).collect();
        if volumes.is_empty() || names.len() != volumes.len() {
            return Err(invalid(format!("The storage of KafkaNodePool {} has no volumes or repeats an id", pool.name)));
        }
    }
    let wanted: BTreeSet<i32> = pools.iter().filter(|p| p.spec.has("controller")).flat_map(|p| p.ids.iter().copied()).collect();
    let have: BTreeSet<i32> = running.iter().filter(|(_, controller)| **controller).map(|(id, _)| *id).collect();
    if !have.is_empty() && wanted != have {
        return Err(invalid(format!(
            "The controllers of a static quorum cannot change: they are {have:?} and the KafkaNodePools ask for {wanted:?}"
        )));
    }
    Ok(())
}

/// Gives pools back the ids in `kept`, which cannot go yet.
pub fn revert(pools: &mut [Pool], kept: &BTreeSet<i32>) {
    for pool in pools {
        let back: Vec<i32> = pool.before.iter().copied().filter(|id| kept.contains(id) && !pool.ids.contains(id)).collect();
        pool.ids.extend(back);
        pool.ids.sort_unstable();
    }
}

/// Writes the status of a pool.
pub async fn write_status(client: &Client, cluster: &str, cluster_id: &str, pool: &Pool, conditions: &[Condition]) -> Result<()> {
    let selector =
        format!("strimzi.io/cluster={cluster},strimzi.io/name={cluster}-kafka,strimzi.io/kind=Kafka,strimzi.io/pool-name={}", pool.name);
    let status = json!({
        "clusterId": cluster_id, "labelSelector": selector, "nodeIds": pool.ids, "roles": pool.spec.roles,
        "replicas": pool.ids.len(), "observedGeneration": pool.object.metadata.generation,
    });
    status::write(client, &kind("KafkaNodePool", "kafkanodepools"), &pool.object, status, conditions).await
}
