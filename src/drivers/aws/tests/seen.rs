//! What is there, read from many answers at once.

use serde_json::{Value, json};

use super::{REGION, aws, cluster, issue, ok, refusal};
use crate::domain::eks::{
    AccessPolicy, ClusterStatus, EksVersion, Endpoint, PartStatus, PodIdentity, Scaling, Seen, SupportType, Taint, TaintEffect,
};
use crate::drivers::scripted::{Asked, Reply, Server};

fn node_group(name: &str, status: &str) -> Value {
    json!({ "nodegroup": {
        "nodegroupName": name, "nodegroupArn": format!("arn:{name}"), "version": "1.33", "status": status, "capacityType": "SPOT",
        "scalingConfig": { "minSize": 1, "maxSize": 5, "desiredSize": 3 }, "instanceTypes": ["m7i.large", "m6i.large"], "subnets": ["subnet-a"],
        "amiType": "AL2023_x86_64_STANDARD", "nodeRole": "arn:aws:iam::123456789012:role/node", "labels": { "pool": "system" },
        "taints": [{ "key": "only", "value": "kafka", "effect": "NO_EXECUTE" }, { "key": "bare", "effect": "NO_SCHEDULE" }], "diskSize": 50,
        "updateConfig": { "maxUnavailable": 2 }, "tags": { "kaas.dev/node-group": "system" },
        "health": { "issues": [{ "code": "NodeCreationFailure", "message": "Instances failed to join", "resourceIds": ["i-1"] }] }
    }})
}

/// A cluster with one of everything; the node groups come in two pages, and one add-on goes while it is looked at.
fn whole(asked: &Asked) -> Reply {
    let principal = "arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fops";
    let line = asked.line.replace(principal, "OPS");
    ok(&match line.as_str() {
        "GET /clusters/prod" => cluster("ACTIVE"),
        "GET /clusters/prod/node-groups" => json!({ "nodegroups": ["system-1f2e3d"], "nextToken": "two" }),
        "GET /clusters/prod/node-groups?nextToken=two" => json!({ "nodegroups": ["other"] }),
        "GET /clusters/prod/node-groups/system-1f2e3d" => node_group("system-1f2e3d", "DEGRADED"),
        "GET /clusters/prod/node-groups/other" => node_group("other", "MIGRATING"),
        "GET /clusters/prod/addons" => json!({ "addons": ["coredns", "going"] }),
        "GET /clusters/prod/addons/coredns" => json!({ "addon": {
            "addonName": "coredns", "addonArn": "arn:coredns", "status": "UPDATE_FAILED", "addonVersion": "v1.12.1-eksbuild.2", "configurationValues": "{}",
            "health": { "issues": [{ "code": "ConfigurationConflict", "message": "in conflict" }] } } }),
        "GET /clusters/prod/addons/going" => return refusal(404, "ResourceNotFoundException", "No addon: going found in cluster: prod"),
        "GET /clusters/prod/access-entries" => json!({ "accessEntries": ["arn:aws:iam::123456789012:role/ops"] }),
        "GET /clusters/prod/access-entries/OPS" => {
            json!({ "accessEntry": { "accessEntryArn": "arn:entry", "kubernetesGroups": ["ops"], "tags": { "a": "b" } } })
        }
        "GET /clusters/prod/access-entries/OPS/access-policies" => json!({ "associatedAccessPolicies": [
            { "policyArn": "arn:view", "accessScope": { "type": "namespace", "namespaces": ["one"] } },
            { "policyArn": "arn:admin", "accessScope": { "type": "cluster", "namespaces": [] } } ] }),
        "GET /clusters/prod/pod-identity-associations" => {
            json!({ "associations": [{ "associationId": "a-1", "namespace": "ns", "serviceAccount": "sa" }] })
        }
        "GET /clusters/prod/pod-identity-associations/a-1" => json!({ "association": {
            "associationId": "a-1", "associationArn": "arn:a-1", "namespace": "ns", "serviceAccount": "sa", "roleArn": "arn:role", "tags": { "c": "d" } } }),
        other => panic!("{other} was asked for"),
    })
}

#[tokio::test]
async fn a_cluster_that_is_not_there_is_nothing() {
    let server = Server::start(|_, _| refusal(404, "ResourceNotFoundException", "No cluster found for name: prod.")).await;
    assert_eq!(aws(&server).eks_seen(REGION, "prod").await.unwrap(), Seen::default());
    assert_eq!(aws(&server).eks_cluster(REGION, "prod").await.unwrap(), None);
}

#[tokio::test]
async fn a_control_plane_is_seen_with_all_its_fields() {
    let server = Server::start(|_, _| ok(&cluster("ACTIVE"))).await;
    let seen = aws(&server).eks_cluster(REGION, "prod").await.unwrap().unwrap();
    assert_eq!((&seen.status, seen.version), (&ClusterStatus::Active, EksVersion { minor: 34 }));
    assert_eq!(seen.access_from, Endpoint { public: true, private: false, public_cidrs: [].into() }, "everybody is nobody in particular");
    assert_eq!(seen.subnet_ids, ["subnet-a".to_owned(), "subnet-b".to_owned()].into());
    assert_eq!(seen.log_types, ["api".to_owned(), "audit".to_owned()].into());
    assert_eq!(seen.ca_certificate.as_deref(), Some("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"));
    assert_eq!((seen.support_type, seen.deletion_protection), (Some(SupportType::Standard), true));
    assert_eq!(seen.issues, [issue("SubnetNotFound", "gone", &["subnet-a"])]);
    let texts =
        [seen.oidc_issuer, seen.secrets_key_arn, seen.vpc_id, seen.cluster_security_group_id, seen.service_cidr, seen.platform_version];
    assert_eq!(
        texts.map(Option::unwrap_or_default),
        [
            "https://oidc.eks.eu-central-1.amazonaws.com/id/ABC",
            "arn:aws:kms:eu-central-1:123456789012:key/1",
            "vpc-1",
            "sg-eks",
            "10.100.0.0/16",
            "eks.9"
        ]
    );
}

#[tokio::test]
async fn all_that_belongs_to_a_cluster_is_seen_and_what_goes_meanwhile_is_left_out() {
    let server = Server::start(|asked, _| whole(asked)).await;
    let seen = aws(&server).eks_seen(REGION, "prod").await.unwrap();
    assert_eq!(seen.node_groups.keys().collect::<Vec<_>>(), ["other", "system-1f2e3d"], "both pages");
    let group = &seen.node_groups["system-1f2e3d"];
    assert_eq!((&group.status, group.version), (&PartStatus::Degraded, Some(EksVersion { minor: 33 })));
    assert_eq!(group.shape.instance_types, ["m7i.large", "m6i.large"], "in order of preference");
    assert_eq!((group.shape.capacity_type.as_deref(), group.shape.disk_gib, group.max_unavailable), (Some("SPOT"), Some(50), Some(2)));
    assert_eq!(group.scaling, Scaling { min: 1, max: 5, desired: Some(3) });
    let taint = |key: &str, value: Option<&str>, effect| Taint { key: key.into(), value: value.map(str::to_owned), effect };
    assert_eq!(group.taints, [taint("only", Some("kafka"), TaintEffect::NoExecute), taint("bare", None, TaintEffect::NoSchedule)].into());
    assert_eq!(group.issues, [issue("NodeCreationFailure", "Instances failed to join", &["i-1"])]);
    assert_eq!(seen.node_groups["other"].status, PartStatus::Other("MIGRATING".into()));
    assert_eq!(seen.add_ons.keys().collect::<Vec<_>>(), ["coredns"]);
    assert_eq!((&seen.add_ons["coredns"].status, seen.add_ons["coredns"].issues.len()), (&PartStatus::UpdateFailed, 1));
    let access = &seen.access_entries["arn:aws:iam::123456789012:role/ops"];
    let policies = [
        ("arn:view".to_owned(), AccessPolicy { namespaces: ["one".to_owned()].into() }),
        ("arn:admin".to_owned(), AccessPolicy::default()),
    ];
    assert_eq!((&access.entry.kubernetes_groups, &access.entry.policies), (&["ops".to_owned()].into(), &policies.into()));
    let identity = PodIdentity { namespace: "ns".into(), service_account: "sa".into(), role_arn: "arn:role".into() };
    assert_eq!(seen.pod_identities[&identity].association_id, "a-1");
}

#[tokio::test]
async fn statuses_that_are_not_known_keep_their_text() {
    for (text, status) in [("PENDING", ClusterStatus::Other("PENDING".into())), ("NAPPING", ClusterStatus::Other("NAPPING".into()))] {
        let server = Server::start(move |_, _| ok(&cluster(text))).await;
        assert_eq!(aws(&server).eks_cluster(REGION, "prod").await.unwrap().unwrap().status, status);
    }
}

#[tokio::test]
async fn a_cluster_that_comes_or_goes_is_asked_for_nothing_more() {
    for status in ["CREATING", "DELETING"] {
        let server = Server::start(move |_, _| ok(&cluster(status))).await;
        aws(&server).eks_seen(REGION, "prod").await.unwrap();
        assert_eq!(server.lines(), ["GET /clusters/prod"]);
    }
}

#[tokio::test]
async fn a_cluster_without_access_entries_is_seen_without_them() {
    let server = Server::start(|asked, _| match asked.line.as_str() {
        "GET /clusters/prod/access-entries" => refusal(
            400,
            "InvalidRequestException",
            "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this operation.",
        ),
        _ => whole(asked),
    })
    .await;
    let seen = aws(&server).eks_seen(REGION, "prod").await.unwrap();
    assert!(seen.access_entries.is_empty() && seen.node_groups.len() == 2);
}

#[tokio::test]
async fn updates_under_way_are_seen_and_of_the_ended_only_those_that_failed_meanwhile() {
    let server = Server::start(|asked, before| {
        let update = |id: &str, status: &str| {
            json!({ "update": { "id": id, "status": status, "type": "VersionUpdate", "errors": [{ "errorCode": "EniLimitReached", "errorMessage": "no room" }] } })
        };
        match asked.line.as_str() {
            "GET /clusters/prod" => ok(&cluster("UPDATING")),
            "GET /clusters/prod/updates" => ok(&json!({ "updateIds": ["old-failed", "old", "now"] })),
            "GET /clusters/prod/updates/old-failed" => ok(&update("old-failed", "Failed")),
            "GET /clusters/prod/updates/old" => ok(&update("old", "Successful")),
            "GET /clusters/prod/updates/now" => ok(&update("now", if before < 20 { "InProgress" } else { "Failed" })),
            _ => whole(asked),
        }
    })
    .await;
    let aws = aws(&server);
    let updates = |seen: Seen| seen.cluster.unwrap().updates.iter().map(|update| (update.id.clone(), update.failed)).collect::<Vec<_>>();
    assert_eq!(updates(aws.eks_seen(REGION, "prod").await.unwrap()), [("now".to_owned(), false)]);
    while server.asked().len() < 20 {
        aws.eks_seen(REGION, "prod").await.unwrap();
    }
    aws.eks_seen(REGION, "prod").await.unwrap();
    let seen = aws.eks_seen(REGION, "prod").await.unwrap();
    assert_eq!(seen.cluster.as_ref().unwrap().updates[0].issues, [issue("EniLimitReached", "no room", &[])]);
    assert_eq!(updates(seen), [("now".to_owned(), true)]);
    assert_eq!(server.asked_for("GET /clusters/prod/updates/old").len(), 1, "what is over is not asked for again");
}
