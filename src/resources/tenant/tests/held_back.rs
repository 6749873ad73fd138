//! Upgrades of a tenant's own cluster that Cluster API refuses for ever.

use serde_json::json;

use super::own_cluster::{all_well_but, hard, well, wish};
use super::{plan, state};
use crate::{
    framework::parts::Call,
    resources::{connection::Connection, tenant::apply},
};

#[tokio::test]
async fn an_upgrade_that_cluster_api_refuses_for_ever_is_refused_before_anything_is_changed() {
    let before = state(&hard(3, "m7g.2xlarge"));
    let mut next = hard(3, "m7g.2xlarge");
    next.cluster.known_mut().unwrap().kubernetes_version = "1.37.0".into();
    let (wish, planned) = (wish(&before), plan(&next, Some(&before)).tenant);
    let mut home = well("clusters", "payments", &wish);
    home["spec"]["topology"]["version"] = "v1.36.3".into();
    home["status"]["conditions"] = json!([
        { "type": "TopologyReconciled", "status": "False", "reason": "ClusterUpgrading",
          "message": "Cluster is upgrading to v1.36.3\n  * MachineDeployment a upgrading to version v1.36.3" },
        { "type": "RollingOut", "status": "True", "message": "* MachineDeployment a:\n  * Rolling out 3 not up-to-date replicas\n    * \
          Node.status.nodeInfo.kubeletVersion v1.36.2-eks-1a2b3c4, v1.36.3 required" },
    ]);
    home["metadata"]["namespace"] = "kaas-payments".into();
    let listed = json!({ "kind": "List", "apiVersion": "v1", "metadata": { "resourceVersion": "1" }, "items": [home] });
    let (cluster, log) = all_well_but(wish, "", 3, 3, move |line| {
        let is_list = line.starts_with("GET") && line.contains("/clusters?") && !line.contains("watch=");
        if is_list {
            Some(listed.clone())
        } else {
            line.starts_with("GET").then(|| home.clone()).filter(|_| line.contains("/clusters/payments"))
        }
    });
    let connection = Connection::to(cluster.clone()).with_own_cluster("payments", cluster);
    let refused = apply::update(&connection, before, planned, &mut Call::default()).await.map_err(|failed| failed.diagnostics).unwrap_err();
    let error = refused.iter().find(|error| error.summary == "Cluster API refuses this upgrade").unwrap_or_else(|| panic!("{refused:?}"));
    assert_eq!(error.path.as_ref().map(ToString::to_string).as_deref(), Some("cluster.kubernetes_version"));
    assert_eq!(log.matching("PATCH"), 0, "something was begun");
}
