//! Cruise Control, which moves partitions when brokers come or go: Strimzi asks it to before it takes a broker away, and once it has added one.
//!
//! It is always there, not only while something moves: brokers have to restart to report to it, and it proposes nothing before it has watched them for some
//! minutes. Sources: Strimzi 1.2.0 (`CruiseControlConfiguration`, `KafkaAutoRebalancingReconciler`), Cruise Control (`KafkaCruiseControlConfig`).

use serde_json::{Value, json};

use super::{millis, resources};
use crate::domain::sizing::{SMALL_BROKERS, Sizing};

/// Of Cruise Control for a small Kafka; it holds a model of every replica in memory.
const CPU_MILLIS: u64 = 250;
const MEMORY_MIB: u64 = 1024;

const GOALS: &str = "com.linkedin.kafka.cruisecontrol.analyzer.goals.";
/// What a move must keep. Strimzi's own choice, but for racks: RackAwareGoal cannot be met, and so nothing be moved, in fewer zones than there are replicas;
/// this one spreads them over those that there are.
const HARD: [&str; 4] = ["RackAwareDistributionGoal", "ReplicaCapacityGoal", "DiskCapacityGoal", "CpuCapacityGoal"];
/// What it should come close to.
const SOFT: [&str; 5] = [
    "ReplicaDistributionGoal",
    "DiskUsageDistributionGoal",
    "CpuUsageDistributionGoal",
    "TopicReplicaDistributionGoal",
    "LeaderReplicaDistributionGoal",
];

/// Thousandths of a CPU, and MiB.
pub fn requests(sizing: &Sizing) -> (u64, u64) {
    let large = u64::from(sizing.brokers > SMALL_BROKERS) + 1;
    (CPU_MILLIS * large, MEMORY_MIB * large)
}

pub fn build(sizing: &Sizing) -> Value {
    let (cpu, memory) = requests(sizing);
    json!({
        "resources": resources(cpu, memory),
        // What the network carries is left out: Strimzi then sets no goals by it, and the sizing has seen to it.
        "brokerCapacity": { "cpu": millis(sizing.broker_cpu_millis) },
        "config": { "hard.goals": goals(&HARD), "default.goals": goals(&[&HARD[..], &SOFT].concat()) },
        "autoRebalance": [{ "mode": "add-brokers" }, { "mode": "remove-brokers" }],
    })
}

fn goals(names: &[&str]) -> String {
    names.iter().map(|name| format!("{GOALS}{name}")).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sizing::size;
    use crate::domain::tenant::tests::{PAYMENTS, tenant};

    #[test]
    fn brokers_come_and_go_with_their_data_and_every_hard_goal_is_among_those_pursued() {
        let built = build(&size(&tenant(PAYMENTS).wish, &Default::default(), None).unwrap());
        assert_eq!(built["autoRebalance"], json!([{ "mode": "add-brokers" }, { "mode": "remove-brokers" }]));
        let goals = |key: &str| built["config"][key].as_str().unwrap().split(',').map(str::to_owned).collect::<Vec<_>>();
        let (hard, all) = (goals("hard.goals"), goals("default.goals"));
        // Cruise Control does not start otherwise.
        assert!(hard.iter().all(|goal| all.contains(goal)), "{all:?}");
        assert!(hard.contains(&format!("{GOALS}DiskCapacityGoal")) && !all.contains(&format!("{GOALS}RackAwareGoal")));
    }

    #[test]
    fn more_brokers_need_a_larger_model() {
        let mut sizing = size(&tenant(PAYMENTS).wish, &Default::default(), None).unwrap();
        sizing.brokers = SMALL_BROKERS;
        assert_eq!(requests(&sizing), (CPU_MILLIS, MEMORY_MIB));
        sizing.brokers = SMALL_BROKERS + 1;
        assert_eq!(requests(&sizing), (2 * CPU_MILLIS, 2 * MEMORY_MIB));
    }
}
