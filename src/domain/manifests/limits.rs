//! ResourceQuota and LimitRange: a tenant takes what its sizing needs and no more.

use serde_json::{Value, json};

use super::{gibibytes, manifest, mebibytes, millis, rebalance};
use crate::domain::object::{Kind, Manifest};
use crate::domain::quantity::kubernetes_quantity;
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

/// The quota with the room that `live`, as it is now, has beyond it: while brokers restart, those of before run beside the first ones of a smaller kind, which would
/// find no room in a quota for these alone.
pub fn roomier(mut quota: Manifest, live: Option<&Value>) -> Manifest {
    let had = live.and_then(|live| live["spec"]["hard"].as_object());
    if let (Some(had), Some(hard)) = (had, quota.body["spec"]["hard"].as_object_mut()) {
        let amount = |value: &Value| value.as_str().and_then(kubernetes_quantity);
        for (what, wanted) in hard {
            if let Some(more) = had.get(what).filter(|had| amount(had) > amount(wanted)) {
                *wanted = more.clone();
            }
        }
    }
    quota
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::object::ObjectRef;

    #[test]
    fn a_quota_keeps_the_room_of_what_still_runs_and_gets_that_of_what_comes() {
        let object = ObjectRef::namespaced(Kind::ResourceQuota, "kaas-a", "kaas");
        let quota = |cpu: &str, memory: &str| json!({ "spec": { "hard": { "requests.cpu": cpu, "requests.memory": memory } } });
        let wanted = Manifest { object, body: quota("27550m", "64Gi") };
        assert_eq!(roomier(wanted.clone(), Some(&quota("53", "32768Mi"))).body, quota("53", "64Gi"));
        assert_eq!(roomier(wanted.clone(), Some(&quota("27.55", "65536Mi"))).body, wanted.body);
        assert_eq!(roomier(wanted.clone(), Some(&json!({ "spec": { "hard": { "pods": "9" } } }))).body, wanted.body);
        assert_eq!(roomier(wanted.clone(), None).body, wanted.body);
    }
}
