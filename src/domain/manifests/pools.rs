//! The KafkaNodePools: brokers by sizing, and three controllers that stay as they are.

use serde_json::{Value, json};

use super::storage::Volumes;
use super::{gibibytes, resources, strimzi_manifest};
use crate::domain::cluster::{Placed, placement};
use crate::domain::names::{BROKER_POOL, CONTROLLER_POOL, INSTANCE_TYPE_ANNOTATION, STRIMZI_CLUSTER_LABEL, STRIMZI_POOL_LABEL};
use crate::domain::object::{Kind, Manifest};
use crate::domain::quantity::{GIB, kubernetes_quantity};
use crate::domain::sizing::{Floor, Sizing};
use crate::domain::tenant::TenantSpec;

/// A list in brackets of ids and ranges. Source: Strimzi 1.2.0, `NodeIdRange`.
const REMOVE_ANNOTATION: &str = "strimzi.io/remove-node-ids";

pub fn brokers(spec: &TenantSpec, sizing: &Sizing, volumes: &Volumes) -> Manifest {
    let pool = json!({
        "replicas": sizing.brokers,
        "roles": ["broker"],
        "storage": storage(sizing.volume_gib, volumes.class.as_deref(), volumes.attributes.as_deref()),
        "resources": resources(sizing.broker_cpu_millis, sizing.broker_memory_mib),
        "jvmOptions": heap(sizing.broker_heap_mib),
        "template": { "pod": pod(spec, BROKER_POOL, Placed::Brokers) },
    });
    let mut manifest = strimzi_manifest(spec, Kind::KafkaNodePool, BROKER_POOL, json!({ "spec": pool }));
    manifest.body["metadata"]["annotations"] = json!({ INSTANCE_TYPE_ANNOTATION: sizing.instance_type });
    manifest
}

pub fn controllers(spec: &TenantSpec, sizing: &Sizing, volumes: &Volumes) -> Manifest {
    let pool = json!({
        "replicas": sizing.controllers,
        "roles": ["controller"],
        "storage": storage(sizing.controller_storage_gib, volumes.class.as_deref(), None),
        "resources": resources(sizing.controller_cpu_millis, sizing.controller_memory_mib),
        "jvmOptions": heap(sizing.controller_heap_mib),
        "template": { "pod": pod(spec, CONTROLLER_POOL, Placed::System) },
    });
    strimzi_manifest(spec, Kind::KafkaNodePool, CONTROLLER_POOL, json!({ "spec": pool }))
}

/// What a live broker pool has: brokers, and GiB of each volume rounded up. None where it does not tell.
///
/// Brokers are those asked for or those that run, whichever is more: Strimzi keeps running the ones that hold data whatever the pool asks for.
pub fn live_floor(pool: &Value) -> Option<Floor> {
    let running = pool["status"]["nodeIds"].as_array().map_or(0, |nodes| nodes.len() as u64);
    let brokers = u32::try_from(pool["spec"]["replicas"].as_u64()?.max(running)).ok()?;
    let size = pool["spec"]["storage"]["volumes"][0]["size"].as_str()?;
    let nano_gib = 1_000_000_000 * i128::from(GIB);
    let volume_gib = u64::try_from((kubernetes_quantity(size)? + nano_gib - 1) / nano_gib).ok()?;
    let instance_type = pool["metadata"]["annotations"][INSTANCE_TYPE_ANNOTATION].as_str().map(str::to_owned);
    Some(Floor { brokers, volume_gib, instance_type })
}

/// The brokers that a live pool asks for; those that run may be more, for a while.
pub fn asked_brokers(pool: &Value) -> Option<u32> {
    u32::try_from(pool["spec"]["replicas"].as_u64()?).ok()
}

/// The ids of the brokers that a live pool runs.
pub fn broker_ids(pool: &Value) -> Vec<i32> {
    let ids = pool["status"]["nodeIds"].as_array().into_iter().flatten();
    ids.filter_map(|id| i32::try_from(id.as_i64()?).ok()).collect()
}

/// Tells Strimzi which brokers to take first from a pool that becomes smaller.
pub fn remove_brokers(pool: &mut Manifest, ids: &[i32]) {
    if !ids.is_empty() {
        pool.body["metadata"]["annotations"][REMOVE_ANNOTATION] = json!(format!("{ids:?}"));
    }
}

/// One volume in a list that can grow. The claim goes with the tenant: what destroy leaves behind costs money and holds data.
fn storage(gib: u64, class: Option<&str>, attributes: Option<&str>) -> Value {
    let mut volume = json!({ "id": 0, "type": "persistent-claim", "size": gibibytes(gib), "deleteClaim": true, "kraftMetadata": "shared" });
    if let Some(class) = class {
        volume["class"] = json!(class);
    }
    if let Some(attributes) = attributes {
        volume["volumeAttributesClass"] = json!(attributes);
    }
    json!({ "type": "jbod", "volumes": [volume] })
}

/// A heap of fixed size: growing it at run time would only take memory from the page cache at the worst moment.
fn heap(mib: u64) -> Value {
    json!({ "-Xms": java_mebibytes(mib), "-Xmx": java_mebibytes(mib) })
}

fn java_mebibytes(mib: u64) -> String {
    format!("{mib}m")
}

/// How pods are spread and, in a cluster of the tenant's own, on which nodes they run.
fn pod(spec: &TenantSpec, pool: &str, pods: Placed) -> Value {
    let mut template = spread(spec, pool);
    let placement = spec.own_cluster().and_then(|own| placement(&own.cluster, pods));
    if let (Some(Value::Object(placement)), Some(template)) = (placement, template.as_object_mut()) {
        template.extend(placement);
    }
    template
}

/// Over zones and nodes as far as there are any; a cluster of one zone or node runs a tenant all the same. Strimzi spreads nothing by itself.
fn spread(spec: &TenantSpec, pool: &str) -> Value {
    let over = |key: &str| {
        json!({
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": { "matchLabels": { STRIMZI_CLUSTER_LABEL: spec.name.kafka(), STRIMZI_POOL_LABEL: pool } },
        })
    };
    json!({ "topologySpreadConstraints": [over("topology.kubernetes.io/zone"), over("kubernetes.io/hostname")] })
}
