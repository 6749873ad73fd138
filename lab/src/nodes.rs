//! What the nodes of all stand-ins have in common: the size of their machines, and what a controller that does not run here would do to them.

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Node;
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};

/// Takes away the taint that admission gives new nodes and that the node lifecycle controller, which does not run here, would take away.
///
/// # Errors
/// When the API server does not answer, refuses, or somebody else changed the node meanwhile.
pub async fn untaint(api: &Api<Node>, name: &str) -> Result<()> {
    let node = api.get(name).await.with_context(|| format!("read the node {name}"))?;
    let mut taints = node.spec.and_then(|spec| spec.taints).unwrap_or_default();
    let before = taints.len();
    taints.retain(|taint| taint.key != "node.kubernetes.io/not-ready");
    if taints.len() != before {
        // Others take their taints away too.
        let patch = json!({"metadata": {"resourceVersion": node.metadata.resource_version}, "spec": {"taints": taints}});
        api.patch(name, &PatchParams::default(), &Patch::Merge(&patch)).await.with_context(|| format!("untaint the node {name}"))?;
    }
    Ok(())
}

/// The resources of a machine of an instance type, as a Node reports them.
pub fn resources(kind: &str) -> Value {
    let (cores, gib) = size(kind);
    json!({"cpu": cores.to_string(), "memory": format!("{gib}Gi"), "pods": "110"})
}

/// Cores and GiB of an instance type, by the rule its name follows.
fn size(kind: &str) -> (u64, u64) {
    let (family, size) = kind.split_once('.').unwrap_or((kind, "large"));
    let cores = match size {
        "nano" | "micro" | "small" | "medium" | "large" => 2,
        "xlarge" => 4,
        many => many.trim_end_matches("xlarge").parse::<u64>().map_or(2, |times| times * 4),
    };
    let per_core = match family.chars().next() {
        Some('c') => 2,
        Some('r' | 'x') => 8,
        Some('t') if size == "medium" => 2,
        _ => 4,
    };
    (cores, cores * per_core)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_machine_tells_its_size() {
        assert_eq!([size("m7g.large"), size("r7g.2xlarge"), size("c7g.xlarge"), size("unknown")], [(2, 8), (8, 64), (4, 8), (2, 8)]);
        assert_eq!(resources("m7g.xlarge"), json!({"cpu": "4", "memory": "16Gi", "pods": "110"}));
    }
}
