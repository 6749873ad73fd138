//! Fewer brokers on nodes of several zones: those that go are named to Strimzi by where their volumes are.

use serde_json::{Value as Json, json};

use super::{
    Tenant,
    own_cluster::{all_well_but, hard, wish},
    plan, state,
};
use crate::{
    framework::parts::Call,
    resources::{connection::Connection, tenant::apply},
};

const ANNOTATION: &str = "strimzi.io/remove-node-ids";

/// On nodes of four zones, of which fewer brokers leave the last empty.
fn zoned(brokers: u32) -> Tenant {
    let mut tenant = hard(brokers, "m7g.2xlarge");
    tenant.cluster.known_mut().unwrap().zones = Some(["a", "b", "c", "d"].map(str::to_owned).to_vec()).into();
    tenant
}

/// The volumes of brokers 0, 1, …, which are in these zones.
fn volumes(zones: &[&str]) -> Json {
    let volume = |(broker, zone): (usize, &&str)| {
        let claim = json!({ "namespace": "kaas-payments", "name": format!("data-0-payments-brokers-{broker}") });
        let term = json!({ "matchExpressions": [{ "key": "topology.ebs.csi.aws.com/zone", "operator": "In", "values": [zone] }] });
        json!({ "spec": { "claimRef": claim, "nodeAffinity": { "required": { "nodeSelectorTerms": [term] } } }, "status": { "phase": "Bound" } })
    };
    let items: Vec<Json> = zones.iter().enumerate().map(volume).collect();
    json!({ "kind": "List", "apiVersion": "v1", "metadata": { "resourceVersion": "1" }, "items": items })
}

/// The annotation that a change from five brokers with volumes in these zones gives to their pool, and what it warns of.
async fn named(planned: &Tenant, zones: &'static [&'static str]) -> (Option<String>, Vec<String>) {
    let before = state(&zoned(5));
    let after = plan(planned, Some(&before));
    assert_eq!(after.errors(), Vec::<String>::new());
    let brokers = *after.tenant.sizing.known().unwrap().brokers.known().unwrap();
    let (cluster, log) =
        all_well_but(wish(&before), "", 5, brokers, |line| line.starts_with("GET /api/v1/persistentvolumes?").then(|| volumes(zones)));
    let connection = Connection::to(cluster.clone()).with_own_cluster("payments", cluster);
    let mut call = Call::default();
    apply::update(&connection, before, after.tenant, &mut call).await.map_err(|failed| failed.diagnostics).unwrap();
    let pools = log.bodies("/kafkanodepools/brokers?fieldManager");
    let annotation = pools[0]["metadata"]["annotations"][ANNOTATION].as_str().map(str::to_owned);
    (annotation, call.found.iter().map(|told| format!("{}: {}", told.summary, told.detail)).collect())
}

#[tokio::test]
async fn brokers_leave_of_the_zones_whose_nodes_leave() {
    let fewer = named(&zoned(3), &["a", "d", "b", "a", "c"]).await;
    assert_eq!(fewer, (Some("[3, 1]".to_owned()), Vec::new()));
    let more = named(&zoned(6), &["a", "a", "b", "b", "c"]).await;
    assert_eq!(more, (None, Vec::new()));
}

#[tokio::test]
async fn zones_that_are_no_zones_of_the_nodes_are_told() {
    let (annotation, told) = named(&zoned(3), &["eu-1", "eu-1", "eu-2", "eu-2", "eu-3"]).await;
    assert_eq!(annotation.as_deref(), Some("[4, 3]"), "as Strimzi does of itself");
    assert!(told.len() == 1 && told[0].contains("Nodes are in a, b, c, d, and volumes of brokers are in eu-1, eu-2, eu-3"), "{told:?}");
}
