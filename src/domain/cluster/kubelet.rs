//! Kubelets that spell their version otherwise than Kubernetes does. EKS runs `v1.36.2-eks-1a2b3c4` where `v1.36.3` is asked for, and chooses the patch
//! level itself; Cluster API 1.14 compares the two as texts, so that such nodes never are up to date and a topology never is reconciled, however well the
//! cluster is.
//!
//! Source: Cluster API 1.14.2, `internal/topology/check/upgrade.go`, `core/reconcilers/machine/machine_controller_status.go`; its issue 14086, open.

use serde_json::Value;

use super::{KubernetesVersion, status::condition};

/// Why a topology that is only spelled otherwise is not reconciled.
const UPGRADING: &str = "ClusterUpgrading";

/// Whether nothing keeps the Cluster from being up to date but how its nodes spell the version that its topology asks for.
pub fn only_spelled_otherwise(cluster: &Value) -> bool {
    let Some(version) = cluster["spec"]["topology"]["version"].as_str() else { return false };
    let [Some(reconciled), Some(rolling)] = ["TopologyReconciled", "RollingOut"].map(|kind| condition(cluster, kind)) else { return false };
    let lines = |condition: &Value| -> Vec<String> {
        let message = condition["message"].as_str().unwrap_or_default();
        message.lines().map(|line| line.trim().trim_start_matches("* ").to_owned()).collect()
    };
    let (upgrades, reasons) = (lines(reconciled), lines(rolling));
    let is_spelled = |line: &&String| is_spelled_otherwise(line, version);
    let is_heading = |line: &str| line.starts_with("MachineDeployment") || line.starts_with("Rolling out ");
    reconciled["reason"] == UPGRADING
        && upgrades.iter().all(|line| line.starts_with("Cluster is upgrading to ") || is_upgrading_deployment(line, version))
        && reasons.iter().any(|line| is_spelled(&line))
        && reasons.iter().all(|line| is_heading(line) || is_spelled(&line))
}

/// Whether Cluster API refuses to bring the Cluster to this version, for it takes the machines to be on their way to another one, and for ever.
///
/// Source: Cluster API 1.14.2, `core/webhooks/admission/cluster.go`: "there are still MachineDeployments completing a previous upgrade".
pub fn upgrade_is_held_back(cluster: &Value, wanted: KubernetesVersion) -> bool {
    only_spelled_otherwise(cluster) && cluster["spec"]["topology"]["version"] != wanted.tag()
}

/// `MachineDeployments a, b upgrading to version v1.36.3`. Those that wait for their turn are still to be upgraded.
fn is_upgrading_deployment(line: &str, version: &str) -> bool {
    line.starts_with("MachineDeployment") && line.ends_with(&format!(" upgrading to version {version}"))
}

/// `Node.status.nodeInfo.kubeletVersion v1.36.2-eks-1a2b3c4, v1.36.3 required`: of the minor version that is asked for, built by somebody else.
fn is_spelled_otherwise(line: &str, version: &str) -> bool {
    let found =
        line.strip_prefix("Node.status.nodeInfo.kubeletVersion ").and_then(|rest| rest.strip_suffix(&format!(", {version} required")));
    let minor = |text: &str| text.split('.').take(2).map(str::to_owned).collect::<Vec<_>>();
    found.is_some_and(|found| found.contains(['-', '+']) && minor(found) == minor(version))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// As Cluster API wrote it of a cluster that was well.
    const UPGRADE: &str =
        "Cluster is upgrading to v1.36.3\n  * MachineDeployments cloud-brokers-75t7q, cloud-system-4kzm8 upgrading to version v1.36.3";
    const ROLLING: &str = "* MachineDeployment cloud-brokers-75t7q:\n  * Rolling out 3 not up-to-date replicas\n    * Node.status.nodeInfo.kubeletVersion \
        v1.36.2-eks-1a2b3c4, v1.36.3 required\n* MachineDeployment cloud-system-4kzm8:\n  * Rolling out 2 not up-to-date replicas\n    * \
        Node.status.nodeInfo.kubeletVersion v1.36.2-eks-1a2b3c4, v1.36.3 required";

    fn cluster(upgrade: &str, rolling: &str) -> Value {
        json!({ "spec": { "topology": { "version": "v1.36.3" } }, "status": { "conditions": [
            { "type": "TopologyReconciled", "status": "False", "reason": "ClusterUpgrading", "message": upgrade },
            { "type": "RollingOut", "status": "True", "reason": "RollingOut", "message": rolling },
        ] } })
    }

    #[test]
    fn nodes_of_the_minor_version_that_is_asked_for_are_as_they_will_be() {
        assert!(only_spelled_otherwise(&cluster(UPGRADE, ROLLING)));
        let one = "Cluster is upgrading to v1.36.3\n  * MachineDeployment a upgrading to version v1.36.3";
        assert!(only_spelled_otherwise(&cluster(
            one,
            "* MachineDeployment a:\n  * Rolling out 1 not up-to-date replicas\n    * Node.status.nodeInfo.kubeletVersion v1.36.5-eks-9, v1.36.3 required"
        )));
        let settled = json!({ "spec": { "topology": { "version": "v1.36.3" } }, "status": { "conditions": [
            { "type": "TopologyReconciled", "status": "True" }, { "type": "RollingOut", "status": "False" } ] } });
        assert!(!only_spelled_otherwise(&settled));
    }

    #[test]
    fn another_version_is_not_reached_from_there() {
        let cluster = cluster(UPGRADE, ROLLING);
        assert!(!upgrade_is_held_back(&cluster, "1.36.3".parse().unwrap()));
        assert!(upgrade_is_held_back(&cluster, "1.37.0".parse().unwrap()));
        let mut settled = cluster;
        settled["status"]["conditions"][0]["status"] = json!("True");
        settled["status"]["conditions"][0]["reason"] = json!("ReconcileSucceeded");
        assert!(!upgrade_is_held_back(&settled, "1.37.0".parse().unwrap()), "of a Cluster API that compares by numbers");
    }

    #[test]
    fn what_is_really_under_way_is_not_taken_for_done() {
        let older = ROLLING.replace("v1.36.2-eks", "v1.35.4-eks");
        assert!(!only_spelled_otherwise(&cluster(UPGRADE, &older)), "nodes of an older minor version");
        let plain = ROLLING.replace("v1.36.2-eks-1a2b3c4", "v1.36.2");
        assert!(!only_spelled_otherwise(&cluster(UPGRADE, &plain)), "who spells as Kubernetes does can have the patch level");
        let earlier = ROLLING.replace("v1.36.3 required", "v1.36.1 required");
        assert!(!only_spelled_otherwise(&cluster(UPGRADE, &earlier)), "said of an earlier version");
        let machine = format!("{ROLLING}\n    * Infrastructure template changed");
        assert!(!only_spelled_otherwise(&cluster(UPGRADE, &machine)), "other machines are on the way");
        for more in ["AWSManagedControlPlane upgrading to version v1.36.3", "MachineDeployment b pending upgrade to version v1.36.3"] {
            assert!(!only_spelled_otherwise(&cluster(&format!("{UPGRADE}\n  * {more}"), ROLLING)), "{more}");
        }
    }
}
