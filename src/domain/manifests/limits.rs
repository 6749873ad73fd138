//! ResourceQuota and LimitRange: a tenant takes what its sizing needs and no more.

use serde_json::json;

use super::{gibibytes, manifest, mebibytes, millis, rebalance};
use crate::domain::object::{Kind, Manifest};
use crate::domain::sizing::Sizing;
use crate::domain::tenant::TenantSpec;

/// The entity operator's two containers (users and topics), each.
pub const OPERATOR_CPU_MILLIS: u64 = 100;
pub const OPERATOR_MEMORY_MIB: u64 = 512;
const OPERATORS: u64 = 2;
/// Pods of Cruise Control: one, and one more while it is replaced, which Deployments do by starting the new one first.
const REBALANCERS: u64 = 2;

/// Brokers, controllers, entity operator and Cruise Control, and room for one more broker: a pod being replaced counts until it is gone. `brokers` are those
/// that there is to be room for, which are more than the sizing says while some of them leave.
pub fn quota(spec: &TenantSpec, sizing: &Sizing, brokers: u32) -> Manifest {
    let (brokers, controllers) = (u64::from(brokers), u64::from(sizing.controllers));
    let sum = |broker, controller, operator| (brokers + 1) * broker + controllers * controller + OPERATORS * operator;
    let (rebalancer_cpu, rebalancer_memory) = rebalance::requests(sizing);
    let memory = mebibytes(sum(sizing.broker_memory_mib, sizing.controller_memory_mib, OPERATOR_MEMORY_MIB) + rebalancer_memory);
    let hard = json!({
        "requests.cpu": millis(sum(sizing.broker_cpu_millis, sizing.controller_cpu_millis, OPERATOR_CPU_MILLIS) + rebalancer_cpu),
        "requests.memory": memory,
        "limits.memory": memory,
        "requests.storage": gibibytes(brokers * sizing.volume_gib + controllers * sizing.controller_storage_gib),
        "persistentvolumeclaims": (brokers + controllers).to_string(),
        "pods": (brokers + 1 + controllers + OPERATORS + REBALANCERS).to_string(),
    });
    manifest(spec, Kind::ResourceQuota, "kaas", json!({ "spec": { "hard": hard } }))
}

/// What a container gets that says nothing: the quota refuses pods without requests.
pub fn range(spec: &TenantSpec) -> Manifest {
    let limit = json!({
        "type": "Container",
        "default": { "memory": mebibytes(OPERATOR_MEMORY_MIB) },
        "defaultRequest": { "cpu": millis(OPERATOR_CPU_MILLIS), "memory": mebibytes(OPERATOR_MEMORY_MIB / 2) },
    });
    manifest(spec, Kind::LimitRange, "kaas", json!({ "spec": { "limits": [limit] } }))
}
