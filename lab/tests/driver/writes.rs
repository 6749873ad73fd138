//! What writes take, leave and refuse.

use k8s_openapi::api::core::v1::ConfigMap;
use kaas::domain::object::{Kind, ObjectRef};
use kaas::drivers::kubernetes::{Cluster, Error, Propagation};
use kaas_lab::{TemporaryLab, block_on, client};
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};

use super::{config_map, connect};

#[test]
fn our_fields_are_taken_back_and_those_of_others_stay() {
    let lab = TemporaryLab::up("ownership", true).unwrap();
    let cluster = connect(&lab);
    block_on(async {
        let others: Api<ConfigMap> = Api::namespaced(client(&lab.kubeconfig()).await?, "default");
        let by_other = async |data: Value| {
            let body = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "labels": { "theirs": "yes" } }, "data": data });
            others.patch("shared", &PatchParams::apply("somebody-else").force(), &Patch::Apply(body)).await
        };
        let data = async |cluster: &Cluster| {
            let found = cluster.get(&ObjectRef::namespaced(Kind::ConfigMap, "default", "shared")).await?;
            Ok::<_, Error>(found.unwrap())
        };
        cluster.apply(&config_map("shared", json!({ "ours": "1", "more": "1" }))).await?;
        by_other(json!({ "theirs": "2" })).await?;
        cluster.apply(&config_map("shared", json!({ "ours": "1", "more": "1" }))).await?;
        let found = data(&cluster).await?;
        assert_eq!(
            (&found["data"], &found["metadata"]["labels"]["theirs"]),
            (&json!({ "ours": "1", "more": "1", "theirs": "2" }), &json!("yes"))
        );
        assert!(found["metadata"].get("managedFields").is_none());

        by_other(json!({ "theirs": "2", "ours": "taken" })).await?;
        assert_eq!(data(&cluster).await?["data"]["ours"], "taken");
        let taken_back = cluster.apply(&config_map("shared", json!({ "ours": "1", "more": "1" }))).await?;
        assert_eq!(taken_back["data"], json!({ "ours": "1", "more": "1", "theirs": "2" }));

        // What we no longer want goes; what others wrote does not.
        cluster.apply(&config_map("shared", json!({ "ours": "1" }))).await?;
        assert_eq!(data(&cluster).await?["data"], json!({ "ours": "1", "theirs": "2" }));
        Ok(())
    })
    .unwrap();
    lab.down().unwrap();
}

#[test]
fn a_name_is_claimed_once_and_every_refusal_is_told_apart() {
    let lab = TemporaryLab::up("refusals", true).unwrap();
    let cluster = connect(&lab);
    block_on(async {
        let manifest = config_map("claimed", json!({ "by": "me" }));
        let claims = futures::future::join_all((0..5).map(|_| cluster.create(&manifest))).await;
        assert_eq!(claims.iter().filter(|claim| claim.is_ok()).count(), 1);
        assert_eq!(claims.iter().filter(|claim| matches!(claim, Err(Error::AlreadyExists { .. }))).count(), 4);

        let stale = json!({ "metadata": { "resourceVersion": "1" }, "data": { "by": "nobody" } });
        assert!(matches!(cluster.patch(&manifest.object, &stale).await, Err(Error::Conflict { .. })));

        let nowhere = ObjectRef::namespaced(Kind::ConfigMap, "default", "nowhere");
        assert_eq!(cluster.get(&nowhere).await?, None);
        assert!(matches!(cluster.patch(&nowhere, &json!({})).await, Err(Error::NotFound { .. })));
        assert!(!cluster.delete(&nowhere, Propagation::Background).await?);

        let mut misspelt = config_map("misspelt", json!({}));
        misspelt.body["dta"] = json!({ "a": "b" });
        let refused = cluster.apply(&misspelt).await.unwrap_err();
        assert!(refused.report().contains("dta"), "{}", refused.report());
        assert_eq!(cluster.get(&misspelt.object).await?, None);
        Ok(())
    })
    .unwrap();
    lab.down().unwrap();
}

#[test]
fn a_kind_that_is_not_served_is_told_as_such_and_has_no_objects() {
    let lab = TemporaryLab::up("kinds", true).unwrap();
    let cluster = connect(&lab);
    block_on(async {
        let topic = ObjectRef::namespaced(Kind::KafkaTopic, "default", "t");
        assert!(cluster.server_serves(Kind::KafkaTopic).await?);
        let crd = ObjectRef::global(Kind::CustomResourceDefinition, "kafkatopics.kafka.strimzi.io");
        assert!(cluster.delete(&crd, Propagation::Foreground).await?);
        let deadline = || tokio::time::Instant::now() + std::time::Duration::from_secs(30);
        cluster.wait_gone(&crd, deadline(), &Default::default()).await?;
        // The server takes a moment to stop serving what it no longer knows.
        let end = deadline();
        while cluster.server_serves(Kind::KafkaTopic).await? {
            assert!(tokio::time::Instant::now() < end, "the kind is still served");
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        let missing = cluster.get(&topic).await.unwrap_err();
        assert!(matches!(missing, Error::KindMissing { .. }), "{}", missing.report());
        assert!(missing.hint().unwrap().contains("Strimzi"), "{:?}", missing.hint());
        assert!(!cluster.delete(&topic, Propagation::Background).await?);
        let gone = cluster.wait_gone(&topic, deadline(), &Default::default()).await?;
        assert!(matches!(gone, kaas::drivers::kubernetes::Waited::Done(())));
        Ok(())
    })
    .unwrap();
    lab.down().unwrap();
}
