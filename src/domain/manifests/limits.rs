//! ResourceQuota and LimitRange: a tenant takes what its sizing needs and no more.

use serde_json::json;

use super::{gibibytes, manifest, mebibytes, millis};
use crate::domain::object::{Kind, Manifest};
use crate::domain::sizing::Sizing;
use crate::domain::tenant::TenantSpec;

/// The entity operator's two containers (users and topics), each.
pub const OPERATOR_CPU_MILLIS: u64 = 100;
pub const OPERATOR_MEMORY_MIB: u64 = 512;
const OPERATORS: u64 = 2;

/// Brokers, controllers and entity operator, and room for one more broker: a pod being replaced counts until it is gone.
pub fn quota(spec: &TenantSpec, sizing: &Sizing) -> Manifest {
    let (brokers, controllers) = (u64::from(sizing.brokers), u64::from(sizing.controllers));
    let sum = |broker, controller, operator| (brokers + 1) * broker + controllers * controller + OPERATORS * operator;
    let memory = mebibytes(sum(sizing.broker_memory_mib, sizing.controller_memory_mib, OPERATOR_MEMORY_MIB));
    let hard = json!({
        "requests.cpu": millis(sum(sizing.broker_cpu_millis, sizing.controller_cpu_millis, OPERATOR_CPU_MILLIS)),
        "requests.memory": memory,
        "limits.memory": memory,
        "requests.storage": gibibytes(sizing.totals.storage_gib),
        "persistentvolumeclaims": (brokers + controllers).to_string(),
        "pods": (brokers + 1 + controllers + OPERATORS).to_string(),
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
