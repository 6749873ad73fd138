//! What a user without rights is told.

use kaas::domain::object::{Kind, ObjectRef};
use kaas::drivers::kubernetes::{Cluster, Error, KubernetesConfig};
use kaas_lab::{Lab, TemporaryLab, block_on, client};
use serde_json::json;

use super::{config_map, connect};
use crate::acceptance::rights::unbound_token;

/// A connection as a service account of the namespace `default` that nobody gave any right.
async fn nobody(lab: &Lab, token: &str) -> Cluster {
    let settings = KubernetesConfig {
        host: Some(lab.url()),
        cluster_ca_certificate: connect(lab).ca_certificate().map(str::to_owned),
        token: Some(token.to_owned()),
        ..KubernetesConfig::default()
    };
    Cluster::connect(&settings).unwrap()
}

#[test]
fn a_user_without_rights_is_told_which_one_is_missing() {
    let lab = TemporaryLab::up("rights", true).unwrap();
    block_on(async {
        let token = unbound_token(&client(&lab.kubeconfig()).await?, "nobody").await?;
        let nobody_cluster = nobody(&lab, &token).await;
        let admin = connect(&lab);
        assert!(nobody_cluster.id().starts_with("host/127.0.0.1:") && admin.id().starts_with("context/"));
        assert!(admin.may_all().await? && !nobody_cluster.may_all().await?);
        for (verb, group, resource) in
            [("create", "", "namespaces"), ("watch", "kafka.strimzi.io", "kafkas"), ("list", "", "secrets"), ("get", "", "pods/log")]
        {
            assert!(admin.may(verb, group, resource).await?);
            assert!(!nobody_cluster.may(verb, group, resource).await?);
        }
        let manifest = config_map("forbidden", json!({}));
        let refused = nobody_cluster.apply(&manifest).await.unwrap_err();
        assert!(matches!(refused, Error::Forbidden { .. }));
        let report = refused.report();
        assert!(report.contains("system:serviceaccount:default:nobody") && report.contains("configmaps"), "{report}");
        assert!(!report.contains(&token) && !format!("{refused:?}").contains(&token), "a credential in an error");
        assert!(refused.hint().unwrap().contains("Role"), "{:?}", refused.hint());
        let listed = nobody_cluster.list(Kind::Kafka, None, None).await.unwrap_err();
        assert!(matches!(listed, Error::Forbidden { .. }));
        // Whoever may not list in every namespace is asked object by object, and refused there.
        let found = nobody_cluster.find(&ObjectRef::namespaced(Kind::Kafka, "default", "k")).await.unwrap_err();
        assert!(matches!(found, Error::Forbidden { .. }));

        let stranger = nobody(&lab, "no-token-of-this-server").await;
        let unknown = stranger.get(&manifest.object).await.unwrap_err();
        assert!(matches!(unknown, Error::Unauthorized { .. }), "{}", unknown.report());
        assert!(!unknown.report().contains("no-token-of-this-server"));
        Ok(())
    })
    .unwrap();
    lab.down().unwrap();
}
