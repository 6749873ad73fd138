//! What a Cluster object says about itself.
//!
//! Source of the conditions: Cluster API 1.14, `api/core/v1beta2/cluster_types.go`, and runs of its controllers. There is no condition for a failure
//! that is for good: who waits for a cluster needs a deadline of his own.

use std::fmt;

use serde_json::Value;

use super::kubelet::only_spelled_otherwise;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClusterPhase {
    /// No controller has seen it.
    Pending,
    /// It is being made for the first time.
    Provisioning,
    /// It was made, and a change (a new version, other nodes) has not come through yet.
    Updating,
    Ready,
    /// It was made, and is not as it should be.
    NotReady,
    /// Somebody told the controllers to leave it alone.
    Paused,
    Deleting,
}

impl ClusterPhase {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Provisioning => "Provisioning",
            Self::Updating => "Updating",
            Self::Ready => "Ready",
            Self::NotReady => "NotReady",
            Self::Paused => "Paused",
            Self::Deleting => "Deleting",
        }
    }
}

impl fmt::Display for ClusterPhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterStatus {
    pub phase: ClusterPhase,
    /// One word, as conditions have it; empty when ready.
    pub reason: String,
    /// One line; empty when ready. Of a cluster that is being deleted: what remains of it.
    pub message: String,
    /// Cluster API has found that its API server cannot be reached. Not known is not lost.
    pub lost: bool,
}

const NO_CONTROLLER: &str = "no controller has picked it up; is Cluster API running?";

/// Reads a Cluster as the API server gave it. Nothing is taken for done before the controllers have seen the newest generation.
pub fn cluster_status(cluster: &Value) -> ClusterStatus {
    let (phase, reason, message) = judge(cluster);
    let lost = condition(cluster, "RemoteConnectionProbe").is_some_and(|probe| is(probe, "False"));
    ClusterStatus { phase, reason, message: one_line(&message), lost }
}

fn judge(cluster: &Value) -> (ClusterPhase, String, String) {
    let told = |phase, reason: &str, message: &str| (phase, reason.to_owned(), message.to_owned());
    if !cluster["metadata"]["deletionTimestamp"].is_null() {
        let deleting = condition(cluster, "Deleting").filter(|deleting| is(deleting, "True"));
        return match deleting {
            Some(deleting) => said(ClusterPhase::Deleting, deleting),
            None => told(ClusterPhase::Deleting, "Deleting", "its deletion has not been picked up; is Cluster API running?"),
        };
    }
    if cluster["status"].as_object().is_none_or(|status| !status.contains_key("conditions")) {
        return told(ClusterPhase::Pending, "NoController", NO_CONTROLLER);
    }
    if cluster["spec"]["paused"] == true || condition(cluster, "Paused").is_some_and(|paused| is(paused, "True")) {
        let message = "it is paused (spec.paused or the annotation cluster.x-k8s.io/paused); take that away to go on";
        return told(ClusterPhase::Paused, "Paused", message);
    }
    let made = cluster["status"]["initialization"]["controlPlaneInitialized"] == true;
    let working = if made { ClusterPhase::Updating } else { ClusterPhase::Provisioning };
    if let Some(message) = unseen(cluster, &cluster["status"]["observedGeneration"]) {
        return told(working, "NotObserved", &message);
    }
    let spelled = only_spelled_otherwise(cluster);
    for kind in ["TopologyReconciled", "Available"] {
        let Some(found) = condition(cluster, kind) else {
            return told(working, "NoCondition", &format!("it has no condition {kind} yet"));
        };
        if let Some(message) = unseen(cluster, &found["observedGeneration"]) {
            return told(working, "NotObserved", &message);
        }
        let is_fine = is(found, "True") || (spelled && kind == "TopologyReconciled");
        if !is_fine {
            // What cannot be reached or has no node once was fine: that is no step of an update.
            let phase = if made && kind == "Available" && !is_moving(cluster) { ClusterPhase::NotReady } else { working };
            return said(phase, found);
        }
    }
    match condition(cluster, "RollingOut").filter(|rolling| is(rolling, "True") && !spelled) {
        Some(rolling) => said(ClusterPhase::Updating, rolling),
        None => told(ClusterPhase::Ready, "", ""),
    }
}

fn is_moving(cluster: &Value) -> bool {
    ["RollingOut", "ScalingUp", "ScalingDown", "Remediating"].iter().any(|kind| condition(cluster, kind).is_some_and(|c| is(c, "True")))
}

fn said(phase: ClusterPhase, condition: &Value) -> (ClusterPhase, String, String) {
    let text = |key: &str| condition[key].as_str().unwrap_or_default().to_owned();
    (phase, text("reason"), text("message"))
}

/// The condition of this type of any object of Kubernetes.
pub fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    object["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == kind)
}

fn is(condition: &Value, status: &str) -> bool {
    condition["status"] == status
}

/// None where the newest generation was seen, or where the object does not tell its generation.
pub(super) fn unseen(cluster: &Value, seen: &Value) -> Option<String> {
    let wanted = cluster["metadata"]["generation"].as_i64()?;
    match seen.as_i64() {
        Some(seen) if seen >= wanted => None,
        Some(seen) => Some(format!("the controllers have seen generation {seen}, the newest is {wanted}")),
        None => Some(format!("the controllers have not seen generation {wanted} yet")),
    }
}

/// Cluster API writes lists of several lines: "* a:\n  * b" becomes "a: b".
pub fn one_line(message: &str) -> String {
    let parts: Vec<&str> =
        message.lines().map(|line| line.trim().trim_start_matches("* ").trim()).filter(|line| !line.is_empty()).collect();
    let mut line = String::new();
    for part in parts {
        if !line.is_empty() {
            line.push_str(if line.ends_with(':') { " " } else { "; " });
        }
        line.push_str(part);
    }
    line
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn cluster(conditions: &[(&str, &str, &str, &str)], made: bool) -> Value {
        let one = |&(kind, status, reason, message): &(&str, &str, &str, &str)| {
            json!({ "type": kind, "status": status, "reason": reason, "message": message, "observedGeneration": 2,
                "lastTransitionTime": "2026-01-01T00:00:00Z" })
        };
        json!({
            "metadata": { "name": "payments", "generation": 2 },
            "status": {
                "observedGeneration": 2, "phase": "Provisioned",
                "initialization": { "infrastructureProvisioned": true, "controlPlaneInitialized": made },
                "conditions": conditions.iter().map(one).collect::<Vec<_>>(),
            },
        })
    }

    const RECONCILED: (&str, &str, &str, &str) = ("TopologyReconciled", "True", "ReconcileSucceeded", "");
    const AVAILABLE: (&str, &str, &str, &str) = ("Available", "True", "Available", "");

    #[test]
    fn conditions_decide_the_phase_and_carry_their_reason() {
        let infrastructure = ("Available", "False", "NotAvailable", "* InfrastructureReady: vpc failed\n* RemoteConnectionProbe: no");
        let upgrading = ("TopologyReconciled", "False", "ClusterUpgrading", "v1.37.0");
        let lost = ("Available", "False", "NotAvailable", "* RemoteConnectionProbe:\n  * probe failed");
        let rolling = ("RollingOut", "True", "RollingOut", "Rolling out 2 not up-to-date replicas");
        let up = ("ScalingUp", "True", "ScalingUp", "");
        for (conditions, made, phase, reason, message) in [
            (vec![RECONCILED, AVAILABLE], true, ClusterPhase::Ready, "", ""),
            (vec![RECONCILED], false, ClusterPhase::Provisioning, "NoCondition", "it has no condition Available yet"),
            (
                vec![RECONCILED, infrastructure],
                false,
                ClusterPhase::Provisioning,
                "NotAvailable",
                "InfrastructureReady: vpc failed; RemoteConnectionProbe: no",
            ),
            (vec![upgrading, AVAILABLE], true, ClusterPhase::Updating, "ClusterUpgrading", "v1.37.0"),
            (vec![RECONCILED, lost], true, ClusterPhase::NotReady, "NotAvailable", "RemoteConnectionProbe: probe failed"),
            (vec![RECONCILED, lost, up], true, ClusterPhase::Updating, "NotAvailable", "RemoteConnectionProbe: probe failed"),
            (vec![RECONCILED, AVAILABLE, rolling], true, ClusterPhase::Updating, "RollingOut", "Rolling out 2 not up-to-date replicas"),
        ] {
            let status = cluster_status(&cluster(&conditions, made));
            assert_eq!((status.phase, status.reason.as_str(), status.message.as_str()), (phase, reason, message));
        }
    }

    #[test]
    fn nodes_that_only_spell_their_version_otherwise_hold_nothing_up() {
        let upgrading = (
            "TopologyReconciled",
            "False",
            "ClusterUpgrading",
            "Cluster is upgrading to v1.36.3\n  * MachineDeployment a upgrading to version v1.36.3",
        );
        let told = "* MachineDeployment a:\n  * Rolling out 3 not up-to-date replicas\n    * Node.status.nodeInfo.kubeletVersion v1.36.2-eks-1, v1.36.3 required";
        let mut eks = cluster(&[upgrading, AVAILABLE, ("RollingOut", "True", "RollingOut", told)], true);
        eks["spec"] = json!({ "topology": { "version": "v1.36.3" } });
        assert_eq!(cluster_status(&eks).phase, ClusterPhase::Ready);
        eks["spec"]["topology"]["version"] = json!("v1.37.0");
        assert_eq!(cluster_status(&eks).phase, ClusterPhase::Updating);
        let lost = ("Available", "False", "NotAvailable", "* RemoteConnectionProbe: no");
        let mut eks = cluster(&[upgrading, lost, ("RollingOut", "True", "RollingOut", told)], true);
        eks["spec"] = json!({ "topology": { "version": "v1.36.3" } });
        assert_ne!(cluster_status(&eks).phase, ClusterPhase::Ready);
    }

    #[test]
    fn what_was_said_of_an_older_generation_is_not_trusted() {
        let mut older = cluster(&[RECONCILED, AVAILABLE], true);
        older["metadata"]["generation"] = json!(3);
        let status = cluster_status(&older);
        assert_eq!((status.phase, status.reason.as_str()), (ClusterPhase::Updating, "NotObserved"));
        assert_eq!(status.message, "the controllers have seen generation 2, the newest is 3");
        older["status"]["observedGeneration"] = json!(3);
        assert_eq!(cluster_status(&older).phase, ClusterPhase::Updating, "the conditions are still those of generation 2");
    }

    #[test]
    fn a_cluster_that_goes_says_what_remains() {
        let waiting = ("Deleting", "True", "WaitingForWorkersDeletion", "* MachineDeployments: brokers\n* Machines: a, b");
        let mut going = cluster(&[RECONCILED, AVAILABLE, waiting], true);
        going["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        let status = cluster_status(&going);
        assert_eq!((status.phase, status.reason.as_str()), (ClusterPhase::Deleting, "WaitingForWorkersDeletion"));
        assert_eq!(status.message, "MachineDeployments: brokers; Machines: a, b");
        let unseen = json!({ "metadata": { "deletionTimestamp": "2026-01-01T00:00:00Z" } });
        assert!(cluster_status(&unseen).message.contains("is Cluster API running?"));
    }

    #[test]
    fn without_controllers_and_when_paused_it_says_what_to_do() {
        for none in [json!({}), json!({ "metadata": { "generation": 1 }, "status": {} })] {
            assert_eq!(cluster_status(&none).phase, ClusterPhase::Pending);
            assert_eq!(cluster_status(&none).message, NO_CONTROLLER);
        }
        let mut paused = cluster(&[RECONCILED, AVAILABLE], true);
        paused["spec"]["paused"] = json!(true);
        assert_eq!(cluster_status(&paused).phase, ClusterPhase::Paused);
        let probe = |status| ("RemoteConnectionProbe", status, "Probe", "");
        let lost = |conditions: &[_]| cluster_status(&cluster(conditions, true)).lost;
        assert_eq!(
            [lost(&[probe("True")]), lost(&[probe("Unknown")]), lost(&[AVAILABLE]), lost(&[probe("False")])],
            [false, false, false, true]
        );
    }
}
