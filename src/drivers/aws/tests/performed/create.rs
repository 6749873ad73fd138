//! Making what is not there, or is there after all.

use serde_json::{Value, json};

use super::super::{REGION, aws, cluster, ok, refusal};
use super::{PRINCIPAL, ours, ours_and, sent, sent_to, wish};
use crate::domain::eks::{EksVersion, PodIdentity, Step};
use crate::drivers::aws::Error;
use crate::drivers::scripted::{Asked, Server};

#[tokio::test]
async fn a_cluster_is_created_with_all_that_is_wished_of_it() {
    let wanted = json!({
        "name": "prod", "version": "1.34", "roleArn": "arn:control", "deletionProtection": true,
        "resourcesVpcConfig": { "subnetIds": ["subnet-a", "subnet-b"], "endpointPublicAccess": true, "endpointPrivateAccess": true, "publicAccessCidrs": ["0.0.0.0/0"] },
        "kubernetesNetworkConfig": { "serviceIpv4Cidr": "10.100.0.0/16" },
        "logging": { "clusterLogging": [
            { "types": ["audit"], "enabled": true }, { "types": ["api", "authenticator", "controllerManager", "scheduler"], "enabled": false } ] },
        "encryptionConfig": [{ "resources": ["secrets"], "provider": { "keyArn": "arn:key" } }],
        "accessConfig": { "authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": true },
        "upgradePolicy": { "supportType": "EXTENDED" }, "tags": ours_and("kaas.dev/phase", "creating"),
    });
    assert_eq!(sent(&Step::CreateCluster).await, [("POST /clusters".to_owned(), wanted)]);
}

#[tokio::test]
async fn parts_are_created_with_their_tags() {
    let group = Step::CreateNodeGroup { name: "system".into(), group: "system-1f2e3d".into(), desired: 2 };
    let wanted = json!({
        "nodegroupName": "system-1f2e3d", "nodeRole": "arn:node", "subnets": ["subnet-a"], "instanceTypes": ["m7i.large"],
        "scalingConfig": { "minSize": 1, "maxSize": 5, "desiredSize": 2 }, "labels": { "pool": "system" },
        "taints": [{ "key": "only", "value": "kafka", "effect": "NO_EXECUTE" }], "updateConfig": { "maxUnavailable": 2 },
        "tags": ours_and("kaas.dev/node-group", "system"),
    });
    assert_eq!(sent(&group).await, [("POST /clusters/prod/node-groups".to_owned(), wanted)]);

    let kubernetes = EksVersion { minor: 34 };
    let add_on = Step::CreateAddOn { name: "coredns".into(), kubernetes };
    let wanted =
        json!({ "addonName": "coredns", "resolveConflicts": "OVERWRITE", "tags": ours_and("kaas.dev/kubernetes-version", "1.34") });
    assert_eq!(sent(&add_on).await, [("POST /clusters/prod/addons".to_owned(), wanted)]);
    let pinned = Step::CreateAddOn { name: "vpc-cni".into(), kubernetes };
    let wanted = json!({ "addonName": "vpc-cni", "addonVersion": "v1", "resolveConflicts": "OVERWRITE", "tags": ours() });
    assert_eq!(sent(&pinned).await, [("POST /clusters/prod/addons".to_owned(), wanted)]);

    let identity = PodIdentity { namespace: "ns".into(), service_account: "sa".into(), role_arn: "arn:role".into() };
    let wanted = json!({ "namespace": "ns", "serviceAccount": "sa", "roleArn": "arn:role", "tags": ours() });
    let line = "POST /clusters/prod/pod-identity-associations".to_owned();
    assert_eq!(sent(&Step::CreatePodIdentity { identity }).await, [(line, wanted)]);
}

#[tokio::test]
async fn an_access_entry_that_is_there_gets_its_policies() {
    let step = Step::CreateAccessEntry { principal_arn: PRINCIPAL.into() };
    let entry = json!({ "principalArn": PRINCIPAL, "kubernetesGroups": ["ops"], "tags": ours() });
    let policies = "POST /clusters/prod/access-entries/OPS/access-policies".to_owned();
    let wanted = [
        ("POST /clusters/prod/access-entries".to_owned(), entry),
        (policies.clone(), json!({ "policyArn": "arn:admin", "accessScope": { "type": "cluster" } })),
        (policies, json!({ "policyArn": "arn:view", "accessScope": { "type": "namespace", "namespaces": ["one"] } })),
    ];
    assert_eq!(sent(&step).await, wanted);
    let there = |asked: &Asked| match asked.line.ends_with("access-entries") {
        true => refusal(409, "ResourceInUseException", "The specified access entry resource is already in use on this cluster."),
        false => ok(&json!({})),
    };
    assert_eq!(sent_to(there, &step).await, wanted);
}

#[tokio::test]
async fn a_cluster_whose_creation_was_carried_out_though_its_answer_was_lost_is_adopted() {
    let there = |tags: Value| {
        move |asked: &Asked| match asked.line.as_str() {
            "POST /clusters" => refusal(409, "ResourceInUseException", "Cluster already exists with name: prod"),
            _ => {
                let mut found = cluster("CREATING");
                found["cluster"]["tags"] = tags.clone();
                ok(&found)
            }
        }
    };
    assert_eq!(sent_to(there(ours()), &Step::CreateCluster).await.len(), 2);
    for others in [json!({}), json!({ "kaas.dev/management-cluster": "prod", "kaas.dev/owner": "them" })] {
        let answer = there(others);
        let server = Server::start(move |asked, _| answer(asked)).await;
        let error = aws(&server).eks_perform(REGION, &wish(), &Step::CreateCluster, "run").await.unwrap_err();
        assert!(matches!(error, Error::Conflict { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn parts_that_are_there_count_as_created_and_a_pod_identity_of_another_role_does_not() {
    let group = Step::CreateNodeGroup { name: "system".into(), group: "g".into(), desired: 1 };
    let there = |asked: &Asked| match asked.line.starts_with("POST") {
        true => refusal(409, "ResourceInUseException", "already exists"),
        false => ok(&json!({ "nodegroup": { "nodegroupName": "g" }, "associations": [{ "associationId": "a-1" }],
            "association": { "namespace": "ns", "serviceAccount": "sa", "roleArn": "arn:one" } })),
    };
    assert_eq!(sent_to(there, &group).await.len(), 2);
    let identity = |role: &str| Step::CreatePodIdentity {
        identity: PodIdentity { namespace: "ns".into(), service_account: "sa".into(), role_arn: role.into() },
    };
    sent_to(there, &identity("arn:one")).await;
    let server = Server::start(move |asked, _| there(asked)).await;
    let error = aws(&server).eks_perform(REGION, &wish(), &identity("arn:other"), "run").await.unwrap_err();
    assert!(matches!(error, Error::Conflict { .. }), "{error:?}");
}

#[tokio::test]
async fn a_role_that_eks_does_not_know_yet_is_waited_for() {
    let unknown = "Error in role params";
    let server =
        Server::start(move |_, before| if before < 3 { refusal(400, "InvalidParameterException", unknown) } else { ok(&json!({})) }).await;
    aws(&server).eks_perform(REGION, &wish(), &Step::CreateCluster, "run").await.unwrap();
    assert_eq!(server.asked().len(), 4);

    let server = Server::start(move |_, _| refusal(400, "InvalidParameterException", unknown)).await;
    let error = aws(&server).eks_perform(REGION, &wish(), &Step::CreateCluster, "run").await.unwrap_err();
    assert!(matches!(&error, Error::BadRequest { .. }) && error.report().contains(unknown), "{error:?}");
}
