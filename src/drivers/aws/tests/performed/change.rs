//! Changing and deleting what is there, and the same request twice.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::{REGION, aws, cluster, issue, ok, refusal};
use super::{PRINCIPAL, sent, sent_to, texts, wish};
use crate::domain::eks::{EksVersion, Endpoint, Step};
use crate::drivers::scripted::{Asked, Reply, Server};

#[tokio::test]
async fn the_control_plane_is_changed_one_thing_at_a_time() {
    let update = "POST /clusters/prod/update-config".to_owned();
    let all = json!({ "endpointPublicAccess": true, "endpointPrivateAccess": true, "publicAccessCidrs": ["0.0.0.0/0"] });
    for (step, wanted) in [
        (Step::UpdateEndpoint, json!({ "resourcesVpcConfig": all })),
        (Step::UpdateNetwork, json!({ "resourcesVpcConfig": { "subnetIds": ["subnet-a", "subnet-b"], "securityGroupIds": [] } })),
        (Step::UpdateSupport, json!({ "upgradePolicy": { "supportType": "EXTENDED" } })),
        (Step::UpdateDeletionProtection { to: false }, json!({ "deletionProtection": false })),
    ] {
        assert_eq!(sent(&step).await, [(update.clone(), wanted)], "{step:?}");
    }
    let version = Step::UpdateVersion { to: EksVersion { minor: 35 } };
    assert_eq!(sent(&version).await, [("POST /clusters/prod/updates".to_owned(), json!({ "version": "1.35" }))]);
    let encrypted = sent(&Step::EncryptSecrets).await;
    assert_eq!(encrypted[0].0, "POST /clusters/prod/encryption-config/associate");
    let so = |_: &Asked| {
        refusal(400, "InvalidParameterException", "Cluster is already at the desired configuration with endpointPublicAccess: true")
    };
    assert_eq!(sent_to(so, &Step::UpdateEndpoint).await.len(), 1, "what is so already is done");
}

#[tokio::test]
async fn a_node_group_gets_only_what_differs() {
    let step = Step::UpdateNodeGroup { name: "system".into(), group: "g".into(), desired: None };
    let found = |asked: &Asked| match asked.line.as_str() {
        "GET /clusters/prod/node-groups/g" => ok(&json!({ "nodegroup": { "labels": { "pool": "old", "gone": "x" },
            "taints": [{ "key": "only", "value": "other", "effect": "NO_EXECUTE" }, { "key": "away", "effect": "NO_SCHEDULE" }] } })),
        _ => ok(&json!({ "update": { "id": "u-1" } })),
    };
    let sent = sent_to(found, &step).await;
    let wanted = json!({
        "scalingConfig": { "minSize": 1, "maxSize": 5 }, "updateConfig": { "maxUnavailable": 2 },
        "labels": { "addOrUpdateLabels": { "pool": "system" }, "removeLabels": ["gone"] },
        "taints": { "addOrUpdateTaints": [{ "key": "only", "value": "kafka", "effect": "NO_EXECUTE" }], "removeTaints": [{ "key": "away", "effect": "NO_SCHEDULE" }] },
    });
    assert_eq!(sent[1], ("POST /clusters/prod/node-groups/g/update-config".to_owned(), wanted));
}

#[tokio::test]
async fn an_add_on_that_is_not_pinned_goes_to_what_aws_takes_for_the_version() {
    let step = Step::UpdateAddOn { name: "coredns".into(), kubernetes: EksVersion { minor: 34 } };
    let versions = |asked: &Asked| {
        let version = |name: &str, default: bool| json!({ "addonVersion": name, "compatibilities": [{ "clusterVersion": "1.33", "defaultVersion": !default }, { "clusterVersion": "1.34", "defaultVersion": default }] });
        ok(&match asked.line.as_str() {
            "GET /addons/supported-versions?kubernetesVersion=1.34&addonName=coredns" => {
                json!({ "addons": [{ "addonName": "coredns", "addonVersions": [version("v1.13", false), version("v1.12", true)] }] })
            }
            "GET /clusters/prod/addons/coredns" => json!({ "addon": { "addonArn": "arn:c" } }),
            _ => json!({}),
        })
    };
    let sent = sent_to(versions, &step).await;
    assert_eq!(
        sent[1],
        ("POST /clusters/prod/addons/coredns/update".to_owned(), json!({ "addonVersion": "v1.12", "resolveConflicts": "OVERWRITE" }))
    );
    assert_eq!(sent[3], ("POST /tags/arn%3Ac".to_owned(), json!({ "tags": { "kaas.dev/kubernetes-version": "1.34" } })));
}

#[tokio::test]
async fn tags_are_set_and_removed() {
    let step =
        Step::Tag { arn: "arn:c".into(), set: BTreeMap::from([("a".to_owned(), "b".to_owned())]), remove: texts(["kaas.dev/phase"]) };
    let wanted = [
        ("POST /tags/arn%3Ac".to_owned(), json!({ "tags": { "a": "b" } })),
        ("DELETE /tags/arn%3Ac?tagKeys=kaas.dev%2Fphase".to_owned(), Value::Null),
    ];
    assert_eq!(sent(&step).await, wanted);
}

#[tokio::test]
async fn what_is_gone_is_deleted() {
    let gone = |_: &Asked| refusal(404, "ResourceNotFoundException", "not found");
    for (step, line) in [
        (Step::DeleteCluster, "DELETE /clusters/prod"),
        (Step::DeleteNodeGroup { group: "g".into() }, "DELETE /clusters/prod/node-groups/g"),
        (Step::DeleteAddOn { name: "coredns".into() }, "DELETE /clusters/prod/addons/coredns"),
        (Step::DeleteAccessEntry { principal_arn: PRINCIPAL.into() }, "DELETE /clusters/prod/access-entries/OPS"),
        (
            Step::DisassociatePolicy { principal_arn: PRINCIPAL.into(), policy_arn: "p".into() },
            "DELETE /clusters/prod/access-entries/OPS/access-policies/p",
        ),
        (Step::DeletePodIdentity { association_id: "a-1".into() }, "DELETE /clusters/prod/pod-identity-associations/a-1"),
    ] {
        assert_eq!(sent(&step).await[0].0, line);
        assert_eq!(sent_to(gone, &step).await.len(), 1);
    }
}

#[tokio::test]
async fn the_same_step_of_the_same_run_is_the_same_request() {
    let server = Server::start(|_, _| ok(&json!({}))).await;
    let aws = aws(&server);
    for seed in ["run", "run", "another run"] {
        aws.eks_perform(REGION, &wish(), &Step::CreateCluster, seed).await.unwrap();
    }
    let tokens: Vec<Value> = server.asked().iter().map(|asked| asked.json()["clientRequestToken"].clone()).collect();
    assert!(tokens[0] == tokens[1] && tokens[0] != tokens[2], "{tokens:?}");
}

#[tokio::test]
async fn a_request_whose_answer_is_lost_is_sent_again_as_the_same() {
    let server = Server::start(|_, before| if before == 0 { Reply::lost() } else { ok(&json!({})) }).await;
    aws(&server).eks_perform(REGION, &wish(), &Step::CreateCluster, "run").await.unwrap();
    let asked = server.asked();
    assert_eq!((asked.len(), &asked[0].body), (2, &asked[1].body));
}

#[tokio::test]
async fn a_deletion_that_is_under_way_is_none_that_failed() {
    for (status, is_done) in [("DELETING", true), ("UPDATING", false)] {
        for step in [Step::DeleteCluster, Step::DeleteNodeGroup { group: "g".into() }, Step::DeleteAddOn { name: "a".into() }] {
            let server = Server::start(move |asked, _| match asked.line.starts_with("DELETE") {
                true => refusal(409, "ResourceInUseException", "in use"),
                false => {
                    let mut found = cluster(status);
                    found["nodegroup"] = json!({ "status": status });
                    found["addon"] = json!({ "status": status });
                    ok(&found)
                }
            })
            .await;
            let outcome = aws(&server).eks_perform(REGION, &wish(), &step, "run").await;
            assert_eq!(outcome.is_ok(), is_done, "{step:?} {outcome:?}");
        }
    }
}

#[tokio::test]
async fn an_update_that_fails_after_it_was_begun_is_seen() {
    let server = Server::start(|asked, _| match asked.line.as_str() {
        "POST /clusters/prod/updates" => ok(&json!({ "update": { "id": "u-1", "status": "InProgress" } })),
        "POST /clusters/prod/node-groups/g/update-version" => ok(&json!({ "update": { "id": "u-2", "status": "InProgress" } })),
        "GET /clusters/prod" => ok(&cluster("ACTIVE")),
        "GET /clusters/prod/node-groups" => ok(&json!({ "nodegroups": ["g"] })),
        "GET /clusters/prod/node-groups/g" => ok(&json!({ "nodegroup": { "nodegroupName": "g", "status": "ACTIVE" } })),
        "GET /clusters/prod/updates/u-1" => ok(&json!({ "update": { "id": "u-1", "status": "Failed", "type": "VersionUpdate",
            "errors": [{ "errorCode": "InsufficientFreeAddresses", "errorMessage": "no room", "resourceIds": ["subnet-a"] }] } })),
        "GET /clusters/prod/updates/u-2?nodegroupName=g" => {
            ok(&json!({ "update": { "id": "u-2", "status": "Cancelled", "type": "VersionUpdate" } }))
        }
        _ => ok(&json!({})),
    })
    .await;
    let aws = aws(&server);
    let to = EksVersion { minor: 35 };
    aws.eks_perform(REGION, &wish(), &Step::UpdateVersion { to }, "run").await.unwrap();
    aws.eks_perform(REGION, &wish(), &Step::UpdateNodeGroupVersion { group: "g".into(), to }, "run").await.unwrap();
    for _ in 0..2 {
        let seen = aws.eks_seen(REGION, "prod").await.unwrap();
        let update = &seen.cluster.unwrap().updates[0];
        assert_eq!((update.id.as_str(), update.kind.as_str(), update.failed), ("u-1", "VersionUpdate", true));
        assert_eq!(update.issues, [issue("InsufficientFreeAddresses", "no room", &["subnet-a"])]);
        assert_eq!((seen.node_groups["g"].updates[0].id.as_str(), seen.node_groups["g"].updates[0].failed), ("u-2", true));
    }
    assert_eq!(server.asked_for("GET /clusters/prod/updates/u-1").len(), 1);
}

#[tokio::test]
async fn the_public_endpoint_keeps_its_list_only_while_it_is_public() {
    let mut wish = wish();
    for (endpoint, wanted) in [
        (Endpoint { public: true, private: true, public_cidrs: texts(["192.0.2.0/24"]) }, json!(["192.0.2.0/24"])),
        (Endpoint { public: false, private: true, public_cidrs: texts(["192.0.2.0/24"]) }, Value::Null),
    ] {
        wish.endpoint = endpoint;
        let server = Server::start(|_, _| ok(&json!({}))).await;
        aws(&server).eks_perform(REGION, &wish, &Step::UpdateEndpoint, "run").await.unwrap();
        assert_eq!(server.asked()[0].json()["resourcesVpcConfig"]["publicAccessCidrs"], wanted);
    }
}
