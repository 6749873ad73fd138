//! What EKS puts into a new cluster, and its add-ons into any: the objects of network, proxy and DNS. No pod of them runs.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::eks::state::Cluster;

const NAMESPACE: &str = "kube-system";
/// The add-ons, each with kind and name of its object.
const OBJECTS: [(&str, &str, &str); 3] =
    [("vpc-cni", "DaemonSet", "aws-node"), ("kube-proxy", "DaemonSet", "kube-proxy"), ("coredns", "Deployment", "coredns")];

/// The add-ons whose objects a cluster has: all, unless it was made bare; then those that were added.
pub fn wanted(cluster: &Cluster) -> BTreeSet<String> {
    let has = |name: &str| !cluster.bare || cluster.add_ons.contains_key(name);
    OBJECTS.iter().map(|(name, ..)| *name).filter(|name| has(name)).map(str::to_owned).collect()
}

/// Puts the objects of these add-ons into a cluster.
///
/// # Errors
/// When its API server refuses something.
pub async fn install(kubeconfig: PathBuf, add_ons: &BTreeSet<String>) -> Result<()> {
    let objects: Vec<Value> = OBJECTS.iter().filter(|(name, ..)| add_ons.contains(*name)).map(object).collect();
    tokio::task::spawn_blocking(move || crate::kubernetes::apply(&kubeconfig, &objects)).await.context("put add-ons into the cluster")?
}

fn object((_, kind, name): &(&str, &str, &str)) -> Value {
    let labels = json!({"k8s-app": name});
    let containers = json!([{"name": name, "image": format!("lab.kaas.dev/nothing/{name}")}]);
    json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels}, "spec": {
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
    }})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_cluster_has_only_what_was_added() {
        let mut cluster = Cluster::default();
        assert_eq!(wanted(&cluster).len(), 3);
        cluster.bare = true;
        assert_eq!(wanted(&cluster), BTreeSet::new());
        cluster.add_ons.insert("vpc-cni".to_owned(), Default::default());
        assert_eq!(wanted(&cluster), ["vpc-cni".to_owned()].into());
    }
}
