//! Which version of a component's programs runs, whatever was applied last: by the ReplicaSets of its Deployments that have pods.

use serde_json::Value;

use super::object::AnyObject;
use super::version::Version;

/// The kind of object it is read from.
pub const REPLICA_SET: (&str, &str) = ("apps/v1", "ReplicaSet");
/// Source: Kubernetes, "Recommended Labels".
const VERSION_LABEL: &str = "app.kubernetes.io/version";

/// The lowest version that any of these Deployments has pods of; None where none tells. `replica_sets`: as the server has them.
pub fn version(objects: &[AnyObject], replica_sets: &[Value]) -> Option<String> {
    let found = replica_sets.iter().filter(|set| has_pods(set) && is_of(set, objects)).filter_map(told);
    found.min().map(|version| version.to_string())
}

fn has_pods(set: &Value) -> bool {
    set["status"]["replicas"].as_u64().is_some_and(|replicas| replicas > 0)
}

fn is_of(set: &Value, objects: &[AnyObject]) -> bool {
    let metadata = &set["metadata"];
    let owners = metadata["ownerReferences"].as_array().into_iter().flatten().filter(|owner| owner["kind"] == "Deployment");
    let owns = |owner: &Value| {
        let mut deployments = objects.iter().map(|object| &object.reference).filter(|object| object.kind == "Deployment");
        deployments.any(|own| owner["name"] == own.name && metadata["namespace"].as_str() == own.namespace.as_deref())
    };
    owners.into_iter().any(owns)
}

/// By the label that the project's manifests give pods, else by the tag of the first image.
fn told(set: &Value) -> Option<Version> {
    let template = &set["spec"]["template"];
    let label = template["metadata"]["labels"][VERSION_LABEL].as_str();
    let image = template["spec"]["containers"][0]["image"].as_str().and_then(|image| image.split('@').next()?.rsplit_once(':'));
    let tag = image.map(|(_, tag)| tag);
    [label, tag].into_iter().flatten().find_map(|text| Version::parse(text, "").ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn set(deployment: &str, pods: u32, label: Option<&str>, image: &str) -> Value {
        json!({
            "metadata": { "namespace": "cert-manager", "ownerReferences": [{ "kind": "Deployment", "name": deployment }] },
            "spec": { "template": { "metadata": { "labels": { VERSION_LABEL: label } }, "spec": { "containers": [{ "image": image }] } } },
            "status": { "replicas": pods },
        })
    }

    #[test]
    fn the_lowest_version_with_pods_counts() {
        let deployment = |name: &str| {
            let body = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": name, "namespace": "cert-manager" } });
            AnyObject::of(body).unwrap()
        };
        let objects = [deployment("cert-manager"), deployment("cert-manager-webhook")];
        let registry = "registry.example.com:5000/jetstack/cert-manager-controller";
        let runs = |sets: &[Value]| version(&objects, sets);
        assert_eq!(runs(&[set("cert-manager", 1, Some("v1.21.2"), "x")]), Some("1.21.2".to_owned()));
        let webhook = set("cert-manager-webhook", 1, None, &format!("{registry}:v1.20.1"));
        assert_eq!(runs(&[set("cert-manager", 1, Some("v1.21.2"), "x"), webhook]), Some("1.20.1".to_owned()));
        let former = set("cert-manager", 0, Some("v1.20.1"), "x");
        assert_eq!(runs(&[set("cert-manager", 1, Some("v1.21.2"), "x"), former]), Some("1.21.2".to_owned()));
        assert_eq!(runs(&[set("other", 1, Some("v1.1.0"), "x")]), None);
        assert_eq!(runs(&[set("cert-manager", 1, None, &format!("{registry}@sha256:00"))]), None);
    }
}
