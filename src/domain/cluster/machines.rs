//! Whether the machines of a tenant's cluster are those it was last asked for, told from the objects that make them. The Cluster sums up what these said last,
//! and right after a change that is about the machines of before.
//!
//! Source of the fields: Cluster API 1.14, `api/core/v1beta2/machinedeployment_types.go` and `machineset_types.go`, and runs of its controllers.

use serde_json::Value;

use super::status::unseen;

/// The label of a MachineSet with the name of its MachineDeployment.
const DEPLOYMENT_NAME: &str = "cluster.x-k8s.io/deployment-name";
/// The label of what a topology made.
const TOPOLOGY_OWNED: &str = "topology.cluster.x-k8s.io/owned";

/// Selects the objects that make a Cluster's machines.
pub fn selector(cluster: &str) -> String {
    format!("cluster.x-k8s.io/cluster-name={cluster},{TOPOLOGY_OWNED}")
}

/// What keeps the machines of these MachineDeployments from being as asked for, in a few words; None: they are. Machines that leave are not waited for, unless
/// they make way for others.
pub fn pending(deployments: &[Value], sets: &[Value]) -> Option<String> {
    deployments.iter().find_map(|deployment| {
        let name = deployment["metadata"]["name"].as_str().unwrap_or_default();
        let own = |set: &&Value| set["metadata"]["labels"][DEPLOYMENT_NAME] == name;
        let own: Vec<&Value> = sets.iter().filter(own).collect();
        waiting(deployment, &own).map(|what| format!("MachineDeployment {name} {what}"))
    })
}

fn waiting(deployment: &Value, sets: &[&Value]) -> Option<String> {
    if unseen(deployment, &deployment["status"]["observedGeneration"]).is_some() {
        return Some("has a change that no controller has seen yet".to_owned());
    }
    let (current, old): (Vec<&Value>, Vec<&Value>) = sets.iter().partition(|set| made_of(set) == made_of(deployment));
    let sum = |sets: &[&Value], field: &str| sets.iter().filter_map(|set| set.pointer(field)?.as_u64()).sum::<u64>();
    let left = sum(&old, "/spec/replicas").max(sum(&old, "/status/replicas"));
    if left > 0 {
        return Some(format!("has {left} machines that are to be replaced"));
    }
    let wanted = deployment["spec"]["replicas"].as_u64().unwrap_or_default();
    let available = sum(&current, "/status/availableReplicas");
    (available < wanted).then(|| format!("has {available} of {wanted} machines"))
}

/// What each machine is made of: version, infrastructure and bootstrap data.
fn made_of(object: &Value) -> [Option<&Value>; 3] {
    ["version", "infrastructureRef/name", "bootstrap/configRef/name"].map(|field| object.pointer(&format!("/spec/template/spec/{field}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn deployment(replicas: u32, template: &str, seen: u32) -> Value {
        json!({
            "metadata": { "name": "payments-brokers", "generation": 2 },
            "spec": { "replicas": replicas, "template": { "spec": { "version": "v1.36.3", "infrastructureRef": { "name": template } } } },
            "status": { "observedGeneration": seen, "availableReplicas": 9, "upToDateReplicas": 9 },
        })
    }

    fn set(replicas: u32, template: &str, available: u32) -> Value {
        json!({
            "metadata": { "labels": { DEPLOYMENT_NAME: "payments-brokers" } },
            "spec": { "replicas": replicas, "template": { "spec": { "version": "v1.36.3", "infrastructureRef": { "name": template } } } },
            "status": { "replicas": available, "availableReplicas": available },
        })
    }

    #[test]
    fn machines_are_there_when_those_of_now_are_available_and_none_of_before_is_left() {
        let of_another = json!({ "metadata": { "labels": { DEPLOYMENT_NAME: "payments-system" } }, "spec": { "replicas": 3 } });
        for (deployment, sets, expected) in [
            (deployment(3, "a", 2), vec![set(3, "a", 3)], None),
            (deployment(3, "a", 2), vec![set(3, "a", 3), set(0, "b", 0), of_another], None),
            // Those that leave.
            (deployment(3, "a", 2), vec![set(3, "a", 4)], None),
            (deployment(4, "a", 1), vec![set(3, "a", 3)], Some("has a change that no controller has seen yet")),
            (deployment(4, "a", 2), vec![set(4, "a", 3)], Some("has 3 of 4 machines")),
            (deployment(3, "b", 2), vec![set(3, "a", 3), set(1, "b", 0)], Some("has 3 machines that are to be replaced")),
            (deployment(3, "b", 2), vec![set(0, "a", 1), set(3, "b", 3)], Some("has 1 machines that are to be replaced")),
            (deployment(3, "a", 2), vec![], Some("has 0 of 3 machines")),
            (deployment(0, "a", 2), vec![], None),
        ] {
            let told = pending(&[deployment], &sets);
            assert_eq!(told, expected.map(|text| format!("MachineDeployment payments-brokers {text}")));
        }
        assert_eq!(pending(&[], &[]), None);
    }
}
