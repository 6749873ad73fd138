//! What Cluster API says of a class, and which Clusters are made from it.
//!
//! Source of the conditions: Cluster API 1.14, `api/core/v1beta2/clusterclass_types.go` and `cluster_types.go`, and runs of its controllers.

use serde_json::Value;

use crate::domain::cluster::only_spelled_otherwise;
use crate::domain::names::SYSTEM_NAMESPACE;

/// A Cluster that is made from a shipped class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// `namespace/name`.
    pub cluster: String,
    /// It is as its class says, so it needs no older template.
    pub is_settled: bool,
}

/// What keeps Cluster API from working with the newest generation of a class; None: it does.
pub fn pending(class: &Value) -> Option<String> {
    ["RefVersionsUpToDate", "VariablesReady"].into_iter().find_map(|wanted| match condition(class, wanted) {
        None => Some(format!("no controller has said {wanted} of it; is Cluster API running?")),
        Some(condition) if !is_of_now(class, condition) => Some(format!("its newest generation has no {wanted} yet")),
        Some(condition) if condition["status"] == "True" => None,
        Some(condition) => Some(format!("{wanted} is {}: {}", text(condition, "status"), text(condition, "message"))),
    })
}

/// The Clusters that are made from a shipped class, out of all Clusters.
pub fn users(clusters: &[Value], class: &str) -> Vec<User> {
    clusters.iter().filter(|cluster| is_made_from(cluster, class)).map(user).collect()
}

/// A Cluster that names no namespace means its own.
fn is_made_from(cluster: &Value, class: &str) -> bool {
    let reference = &cluster["spec"]["topology"]["classRef"];
    let namespace = reference["namespace"].as_str().filter(|namespace| !namespace.is_empty());
    reference["name"] == class && namespace.or(cluster["metadata"]["namespace"].as_str()) == Some(SYSTEM_NAMESPACE)
}

fn user(cluster: &Value) -> User {
    let metadata = &cluster["metadata"];
    let settled = condition(cluster, "TopologyReconciled").filter(|condition| is_of_now(cluster, condition));
    User {
        cluster: format!("{}/{}", text(metadata, "namespace"), text(metadata, "name")),
        is_settled: settled.is_some_and(|condition| condition["status"] == "True" || only_spelled_otherwise(cluster)),
    }
}

fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    object["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == kind)
}

fn is_of_now(object: &Value, condition: &Value) -> bool {
    condition["observedGeneration"].as_i64() == object["metadata"]["generation"].as_i64()
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(conditions: &[(&str, &str, i64)]) -> Value {
        let conditions: Vec<Value> = conditions
            .iter()
            .map(|(kind, status, seen)| json!({ "type": kind, "status": status, "observedGeneration": seen, "message": "why" }))
            .collect();
        json!({ "metadata": { "generation": 2, "namespace": "kaas-a", "name": "a" }, "status": { "conditions": conditions } })
    }

    #[test]
    fn a_class_is_accepted_when_both_conditions_are_true_of_its_newest_generation() {
        let (references, variables) = (("RefVersionsUpToDate", "True", 2), ("VariablesReady", "True", 2));
        assert_eq!(pending(&object(&[references, variables])), None);
        assert!(pending(&object(&[])).unwrap().contains("is Cluster API running"));
        assert!(pending(&object(&[references, ("VariablesReady", "True", 1)])).unwrap().contains("newest generation"));
        assert_eq!(pending(&object(&[("RefVersionsUpToDate", "False", 2), variables])).unwrap(), "RefVersionsUpToDate is False: why");
    }

    #[test]
    fn clusters_of_a_class_are_told_from_those_of_a_namesake_elsewhere() {
        let of = |reference: Value| {
            let mut cluster = object(&[("TopologyReconciled", "True", 2)]);
            cluster["spec"] = json!({ "topology": { "classRef": reference } });
            users(&[cluster], "kaas-eks")
        };
        let user = User { cluster: "kaas-a/a".to_owned(), is_settled: true };
        assert_eq!(of(json!({ "name": "kaas-eks", "namespace": "kaas-system" })), [user]);
        assert_eq!(of(json!({ "name": "kaas-eks" })), []);
        assert_eq!(of(json!({ "name": "kaas-aws", "namespace": "kaas-system" })), []);
        let mut moving = object(&[("TopologyReconciled", "True", 1)]);
        moving["spec"] = json!({ "topology": { "classRef": { "name": "kaas-eks", "namespace": "kaas-system" } } });
        assert!(!users(&[moving], "kaas-eks")[0].is_settled);
    }
}
