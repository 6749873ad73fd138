//! Tenants of one name on two management clusters in one AWS account.

use std::collections::BTreeMap;

use serde_json::json;

use super::own_cluster::hard;
use super::plan;
use crate::{
    domain::tenant::TenantSpec,
    drivers::{
        aws::tests::{aws, ok, refusal},
        kubernetes::tests as management,
        scripted::{Reply, Server},
    },
    framework::{attr::Attr, parts::Call},
    resources::{
        connection::Connection,
        tenant::{apply, namesake, parse},
    },
};

fn on_eks(variables: &[(&str, &str)]) -> TenantSpec {
    let mut tenant = hard(3, "m7g.2xlarge");
    let variables: BTreeMap<String, String> = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    tenant.cluster.known_mut().unwrap().variables = variables.into();
    parse::spec(&tenant, &Connection::default().settings()).unwrap()
}

/// What the refusal says, or else the summaries of what is warned of.
async fn refused(spec: &TenantSpec, clusters: impl Fn() -> Reply + Send + Sync + 'static) -> Result<Vec<String>, String> {
    let server = Server::start(move |asked, _| {
        assert_eq!(asked.line.split('?').next(), Some("GET /clusters"));
        clusters()
    })
    .await;
    let (cluster, _) = management::server(|line, _| panic!("{line} was asked for"));
    let connection = Connection::to(cluster).with_aws(aws(&server));
    let mut call = Call::default();
    let Err(found) = namesake::refuse(&connection, spec, &mut call).await else {
        return Ok(call.found.iter().map(|told| told.summary.clone()).collect());
    };
    let error = found.iter().next().unwrap();
    assert_eq!(error.path.as_ref().map(ToString::to_string).as_deref(), Some("name"));
    Err(error.detail.clone())
}

const LISTED: [&str; 2] = ["prod", "kaas-payments_payments-x7k2p"];

#[tokio::test]
async fn no_cluster_is_begun_in_the_network_of_a_namesake() {
    let listed = || ok(&json!({ "clusters": LISTED }));
    for spec in [on_eks(&[]), on_eks(&[("vpcId", "")])] {
        let told = refused(&spec, listed).await.unwrap_err();
        assert!(told.contains("\"kaas-payments_payments-x7k2p\" in eu-central-1"), "{told}");
    }
    assert_eq!(refused(&on_eks(&[]), || ok(&json!({ "clusters": ["kaas-orders_orders-x7k2p"] }))).await, Ok(vec![]));
    assert_eq!(refused(&on_eks(&[("vpcId", "vpc-1")]), listed).await, Ok(vec![]), "in a network of its own");
}

#[tokio::test]
async fn who_may_not_list_clusters_is_let_through_and_warned() {
    let denied = || refusal(403, "AccessDeniedException", "not authorized to perform: eks:ListClusters");
    assert_eq!(refused(&on_eks(&[]), denied).await, Ok(vec!["It cannot be seen whether there is a tenant of this name in AWS".to_owned()]));
}

/// A create beside a namesake, on a management cluster whose namespace for it is this. What was refused, and how much was asked for that changes something.
async fn created(namespace: Option<serde_json::Value>) -> (Vec<String>, usize) {
    let account = Server::start(|_, _| ok(&json!({ "clusters": LISTED }))).await;
    let (cluster, log) = management::server(move |line, _| match (line, &namespace) {
        (line, Some(namespace)) if line.starts_with("GET /api/v1/namespaces/kaas-payments") => {
            management::Reply::Json(200, namespace.clone())
        }
        (line, _) if line.starts_with("GET /apis/") && line.matches('/').count() == 3 => {
            let served = ["clusters", "helmreleases", "ocirepositories"].map(|name| json!({ "name": name }));
            management::Reply::Json(200, json!({ "resources": served }))
        }
        _ => management::Reply::Json(404, management::status(404, "NotFound", "not found", "it")),
    });
    let connection = Connection::to(cluster).with_aws(aws(&account));
    let mut planned = plan(&hard(3, "m7g.2xlarge"), None).tenant;
    planned.timeouts = crate::framework::timeouts::Timeouts { create: Attr::Known("1s".parse().unwrap()), ..Default::default() }.into();
    let refused = apply::create(&connection, planned, &mut Call::default()).await.err().unwrap();
    (refused.iter().map(|told| told.summary.clone()).collect(), log.matching("PATCH") + log.matching("POST"))
}

#[tokio::test]
async fn a_create_beside_a_namesake_begins_nothing_and_one_that_follows_its_own_end_waits_for_that() {
    assert_eq!(created(None).await, (vec!["There is a tenant of this name in AWS".to_owned()], 0));
    let labels = json!({ "kaas.dev/tenant": "payments" });
    let metadata = json!({ "name": "kaas-payments", "uid": "u", "resourceVersion": "1", "labels": labels, "deletionTimestamp": "2026-11-30T00:00:00Z" });
    let (refused, _) = created(Some(json!({ "metadata": metadata }))).await;
    assert!(!refused.contains(&"There is a tenant of this name in AWS".to_owned()), "{refused:?}");
}
