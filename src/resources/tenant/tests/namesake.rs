//! Tenants of one name on two management clusters in one AWS account.

use serde_json::json;

use super::config;
use crate::{
    domain::{
        cluster::ClusterSpec,
        tenant::{Isolation, OwnCluster, TenantSpec},
    },
    drivers::{
        aws::tests::{aws, ok, refusal},
        kubernetes::tests as management,
        scripted::{Reply, Server},
    },
    resources::{
        connection::Connection,
        tenant::{namesake, parse},
    },
};

fn on_eks(variables: &[(&str, &str)]) -> TenantSpec {
    let mut tenant = config();
    tenant.isolation = "cluster".into();
    let mut spec = parse::spec(&tenant, &Connection::default().settings()).unwrap();
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let cluster = ClusterSpec { region: Some("eu-central-1".to_owned()), variables, ..ClusterSpec::default() };
    spec.isolation = Isolation::Cluster(OwnCluster { cluster, ..OwnCluster::default() }.into());
    spec
}

async fn refused(spec: &TenantSpec, clusters: impl Fn() -> Reply + Send + Sync + 'static) -> Option<String> {
    let server = Server::start(move |asked, _| {
        assert_eq!(asked.line.split('?').next(), Some("GET /clusters"));
        clusters()
    })
    .await;
    let (cluster, _) = management::server(|line, _| panic!("{line} was asked for"));
    let connection = Connection::to(cluster).with_aws(aws(&server));
    let found = namesake::refuse(&connection, spec).await.err()?;
    let error = found.iter().next().unwrap();
    assert_eq!(error.path.as_ref().map(ToString::to_string).as_deref(), Some("name"));
    Some(error.detail.clone())
}

#[tokio::test]
async fn no_cluster_is_begun_in_the_network_of_a_namesake() {
    let listed = || ok(&json!({ "clusters": ["prod", "kaas-payments_payments-x7k2p"] }));
    let told = refused(&on_eks(&[]), listed).await.unwrap();
    assert!(told.contains("\"kaas-payments_payments-x7k2p\" in eu-central-1"), "{told}");
    assert_eq!(refused(&on_eks(&[]), || ok(&json!({ "clusters": ["kaas-orders_orders-x7k2p"] }))).await, None);
    assert_eq!(refused(&on_eks(&[("vpcId", "vpc-1")]), listed).await, None, "in a network of its own");
}

#[tokio::test]
async fn who_may_not_list_clusters_is_let_through() {
    let denied = || refusal(403, "AccessDeniedException", "not authorized to perform: eks:ListClusters");
    assert_eq!(refused(&on_eks(&[]), denied).await, None);
}
