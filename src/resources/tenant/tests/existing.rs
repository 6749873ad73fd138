//! What exists already decides what is done: an unfinished beginning, brokers and volumes that somebody added, facts of the day the tenant was made, and
//! tenants of another version of the provider.

use serde_json::{Value as Json, json};

use super::{brokers, config, plan, state};
use crate::{
    domain::{
        names::{PHASE_ANNOTATION, RUN_ANNOTATION, WISH_ANNOTATION},
        tenant::Facts,
    },
    drivers::kubernetes::{
        Cluster,
        tests::{Log, Reply, server, status},
    },
    framework::{
        attr::Attr,
        diagnostic::Diagnostics,
        model::{Model, decode_model},
        parts::Call,
    },
    resources::{
        connection::Connection,
        tenant::{Tenant, apply, delete, parse, read, report},
    },
};

const DRIVER: &str = "GET /apis/storage.k8s.io/v1/csidrivers/ebs.csi.aws.com";

fn configured() -> Tenant {
    let mut config = config();
    config.management_cluster = "context/test".into();
    config.deletion_protection = false.into();
    config
}

/// The namespace of the tenant with the facts it keeps.
fn namespace(tenant: &Tenant, facts: Option<Facts>) -> Json {
    let mut spec = parse::spec(tenant, &Connection::default().settings()).unwrap();
    spec.facts = facts;
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "kaas-payments", "resourceVersion": "7", "labels": { "kaas.dev/tenant": "payments" },
        "annotations": { "kaas.dev/owner": "terraform", PHASE_ANNOTATION: "creating", WISH_ANNOTATION: spec.to_wish_json().unwrap() } } })
}

fn pool(replicas: u32, gib: u64) -> Json {
    json!({ "apiVersion": "kafka.strimzi.io/v1", "kind": "KafkaNodePool", "metadata": { "name": "brokers", "namespace": "kaas-payments" },
        "spec": { "replicas": replicas, "storage": { "type": "jbod", "volumes": [{ "id": 0, "size": format!("{gib}Gi") }] } } })
}

/// A server with this namespace and pool and nothing else, on which no KafkaUser can be made.
fn with(namespace: Json, pool: Json, has_driver: bool) -> (Cluster, Log) {
    let list = || Reply::Json(200, json!({ "kind": "List", "apiVersion": "v1", "metadata": { "resourceVersion": "1" }, "items": [] }));
    server(move |line, _| match line {
        "GET /api/v1/namespaces/kaas-payments" => Reply::Json(200, namespace.clone()),
        "GET /apis/kafka.strimzi.io/v1" => Reply::Json(200, json!({ "resources": [{ "name": "kafkas" }] })),
        "GET /apis/storage.k8s.io/v1" => Reply::Json(200, json!({ "resources": [] })),
        DRIVER if has_driver => Reply::Json(200, json!({ "metadata": { "name": "ebs.csi.aws.com" } })),
        line if line.ends_with("/kafkanodepools/brokers") => Reply::Json(200, pool.clone()),
        line if line.starts_with("POST") => Reply::Json(409, status(409, "AlreadyExists", "it exists", "it")),
        line if line.starts_with("PATCH") && line.contains("/kafkausers/") => Reply::Json(403, status(403, "Forbidden", "no", "it")),
        line if line.starts_with("PATCH") => Reply::Json(200, namespace.clone()),
        line if line.contains("limit=") => list(),
        _ => Reply::Json(404, status(404, "NotFound", "not found", "it")),
    })
}

async fn look(state: &Tenant, namespace: Json, pool: Json, has_driver: bool) -> (Tenant, Vec<String>, Call) {
    let mut call = Call::default();
    let seen = read::read(&Connection::to(with(namespace, pool, has_driver).0), state.clone(), &mut call).await.unwrap().unwrap();
    let drift = seen.drift.known().cloned().unwrap();
    (seen, drift, call)
}

fn brokers_of(tenant: &Tenant) -> u32 {
    *tenant.sizing.known().unwrap().brokers.known().unwrap()
}

#[tokio::test]
async fn a_tenant_keeps_its_class_when_the_driver_comes_or_goes() {
    let tenant = state(&configured());
    for (had_driver, has_driver) in [(false, true), (true, false)] {
        let facts = Facts { ebs_csi: had_driver, volume_attributes_classes: false };
        let (_, drift, _) = look(&tenant, namespace(&tenant, Some(facts)), pool(3, 153), has_driver).await;
        assert_eq!(drift.iter().any(|line| line.contains("volumes[0].class is missing")), had_driver, "{drift:#?}");
        assert_eq!(drift.iter().any(|line| line.starts_with("StorageClass")), had_driver, "{drift:#?}");
        assert!(drift.iter().all(|line| !line.contains(WISH_ANNOTATION)), "{drift:#?}");
    }
}

#[tokio::test]
async fn a_beginning_is_gone_on_with_by_the_facts_and_the_size_that_it_has() {
    let facts = Facts { ebs_csi: true, volume_attributes_classes: false };
    let (cluster, log) = with(namespace(&configured(), Some(facts)), pool(6, 900), false);
    let mut call = Call::default();
    apply::create(&Connection::to(cluster), plan(&configured(), None).tenant, &mut call).await.unwrap_err();
    let begun = &log.bodies("PATCH /api/v1/namespaces/kaas-payments?")[0]["metadata"];
    assert_eq!(begun["resourceVersion"], "7");
    assert!(begun["annotations"][RUN_ANNOTATION].is_string());
    assert!(begun["annotations"][WISH_ANNOTATION].as_str().unwrap().contains(r#""facts":{"ebs_csi":true"#), "{begun}");
    let made = &log.bodies("/kafkanodepools/brokers?")[0]["spec"];
    assert_eq!(made["replicas"], 6);
    assert_eq!(
        (&made["storage"]["volumes"][0]["size"], &made["storage"]["volumes"][0]["class"]),
        (&json!("900Gi"), &json!("kaas-payments"))
    );
    assert!(call.found.iter().any(|told| told.summary == "More exists than was planned" && told.detail.contains("6 brokers with 900 GiB")));
}

#[tokio::test]
async fn a_beginning_is_not_gone_on_with_in_another_isolation() {
    let own = super::own_cluster::hard(3, "m7g.2xlarge");
    for (begun, planned, shown) in [(&own, &configured(), "\"cluster\""), (&configured(), &own, "\"namespace\"")] {
        let (cluster, log) = with(namespace(begun, None), pool(3, 153), false);
        let refused = apply::create(&Connection::to(cluster), plan(planned, None).tenant, &mut Call::default()).await.unwrap_err();
        let told = refused.iter().find(|error| error.summary == "Isolation cannot be changed").unwrap_or_else(|| panic!("{refused:?}"));
        assert!(told.detail.contains(&format!("isolation = {shown} is left")), "{}", told.detail);
        assert_eq!(log.matching("PATCH") + log.matching("POST"), 0, "something was begun");
    }
}

#[test]
fn an_upgrade_that_never_came_to_kafka_can_be_given_up() {
    let (mut old, mut new) = (configured(), configured());
    (old.kafka, new.kafka) = (super::kafka("4.3.0"), super::kafka("4.3.1"));
    let unraised = json!({ "kind": "Kafka", "metadata": { "name": "payments" }, "spec": { "kafka": { "version": "4.3.0" } } });
    let seen = |config: &Tenant| {
        let mut seen = state(config);
        report::unraised(&mut seen, &parse::spec(config, &Connection::default().settings()).unwrap(), Some(&unraised));
        seen
    };
    assert_eq!(seen(&new).kafka_version, "4.3.0".into());
    assert_eq!(plan(&old, Some(&seen(&new))).errors(), Vec::<String>::new());
    assert_eq!(plan(&new, Some(&seen(&new))).tenant.kafka_version, "4.3.1".into());
    // Nobody asked for an upgrade: somebody else lowered it.
    assert_eq!(seen(&configured()).kafka_version, "4.3.1".into());
}

/// What a change asks of the pool of brokers where the pool is as given, and what it warns of. The server makes it fail after that.
async fn asked(prior: &Tenant, planned: Tenant, pool: Json) -> (Json, Vec<String>) {
    let (cluster, log) = with(namespace(prior, None), pool, false);
    let mut call = Call::default();
    apply::update(&Connection::to(cluster), prior.clone(), planned, &mut call).await.map(|_| ()).unwrap_err();
    let room = log.bodies("/resourcequotas/kaas?")[0]["spec"]["hard"]["persistentvolumeclaims"].clone();
    let asked = json!([log.bodies("/kafkanodepools/brokers?")[0]["spec"]["replicas"], room]);
    (asked, call.found.iter().map(|told| told.summary.clone()).collect())
}

fn leaving(asked: u32, running: u32) -> Json {
    let mut pool = pool(asked, 153);
    pool["status"] = json!({ "nodeIds": (0..running).collect::<Vec<_>>() });
    pool
}

#[tokio::test]
async fn brokers_that_somebody_added_are_taken_away_only_by_a_plan_that_says_so() {
    let before = state(&configured());
    let (seen, drift, _) = look(&before, namespace(&before, None), pool(6, 153), false).await;
    assert_eq!(brokers_of(&seen), 6);
    assert!(drift.iter().any(|line| line.contains("spec.replicas is 6, should be 3")), "{drift:#?}");
    let planned = plan(&configured(), Some(&seen));
    assert_eq!((planned.errors(), planned.sizing_brokers()), (vec![], Some(3)));
    assert!(planned.tenant.changes.known().unwrap()[0].starts_with("data movement: brokers 6 -> 3"));
    // There is room for those that leave until they are gone.
    let (asked_for, _) = asked(&seen, planned.tenant.clone(), pool(6, 153)).await;
    assert_eq!(asked_for, json!([3, "9"]));
    // More have come since: of what they hold the plan said nothing.
    let (asked_for, told) = asked(&seen, planned.tenant, pool(9, 153)).await;
    assert_eq!(asked_for, json!([9, "12"]));
    assert!(told.contains(&"More exists than was planned".to_owned()), "{told:?}");
    // A plan that was made without looking.
    let blind = plan(&configured(), Some(&before)).tenant;
    assert_eq!(asked(&before, blind, pool(6, 153)).await.0, json!([6, "9"]));
}

#[tokio::test]
async fn brokers_that_are_on_their_way_out_are_waited_for_and_not_asked_for_again() {
    let before = state(&configured());
    let (seen, drift, _) = look(&before, namespace(&before, None), leaving(3, 6), false).await;
    assert_eq!(brokers_of(&seen), 6);
    assert!(drift.iter().any(|line| line.contains("6 brokers run where 3 are wanted")), "{drift:#?}");
    assert!(drift.iter().all(|line| !line.contains("spec.replicas")), "{drift:#?}");
    let planned = plan(&configured(), Some(&seen));
    assert_eq!(planned.sizing_brokers(), Some(3));
    assert_eq!(asked(&seen, planned.tenant, leaving(3, 6)).await.0, json!([3, "9"]));
    let blind = plan(&configured(), Some(&before)).tenant;
    let (asked_for, told) = asked(&before, blind, leaving(3, 6)).await;
    assert_eq!(asked_for, json!([3, "9"]));
    assert!(!told.contains(&"More exists than was planned".to_owned()), "{told:?}");
}

#[tokio::test]
async fn brokers_that_were_asked_for_and_did_not_come_can_be_given_up() {
    let (mut six, mut three) = (configured(), configured());
    (six.sizing_override, three.sizing_override) = (brokers(6), brokers(3));
    let before = state(&six);
    let (seen, drift, _) = look(&before, namespace(&before, None), pool(3, 153), false).await;
    assert!(drift.iter().any(|line| line.contains("spec.replicas is 3, should be 6")), "{drift:#?}");
    assert_eq!((plan(&three, Some(&seen)).errors(), plan(&three, Some(&seen)).sizing_brokers()), (vec![], Some(3)));
    assert_eq!(
        plan(&three, Some(&seen)).tenant.changes.known().map(|told| told.iter().any(|line| line.starts_with("data movement"))),
        Some(false)
    );
    assert_eq!(plan(&six, Some(&seen)).sizing_brokers(), Some(6));
    // Asked for by an apply that failed, and not running: the next plan starts from those that may come still.
    let (seen, ..) = look(&state(&configured()), namespace(&before, None), leaving(6, 3), false).await;
    assert_eq!(brokers_of(&seen), 6);
    assert_eq!(plan(&six, Some(&seen)).tenant.changes.known(), Some(&vec![]));
}

#[tokio::test]
async fn a_tenant_of_a_version_and_a_setting_that_are_no_longer_offered_is_read_imported_and_destroyed() {
    let mut old = state(&configured());
    old.kafka = super::kafka("4.1.0");
    let settings = old.kafka.known_mut().unwrap();
    settings.config = Attr::Known([("listeners".to_owned(), "x".to_owned())].into());
    settings.metadata_version = "4.1-IV1".into();
    settings.authentication = "tls".into();
    old.kafka_version = "4.1.0".into();
    let namespace = namespace(&old, None);
    let (seen, ..) = look(&old, namespace.clone(), pool(3, 153), false).await;
    assert_eq!((&seen.kafka, &seen.kafka_version), (&old.kafka, &old.kafka_version));
    let mut imported: Tenant = decode_model(&Tenant::block().null_object(), &mut Diagnostics::none()).unwrap();
    (imported.name, imported.management_cluster) = ("payments".into(), "context/test".into());
    let (seen, ..) = look(&imported, namespace.clone(), pool(3, 153), false).await;
    assert_eq!(seen.kafka_version, "4.1.0".into());
    let (cluster, log) = with(namespace, pool(3, 153), false);
    old.timeouts = crate::framework::timeouts::Timeouts { delete: Attr::Known("1s".parse().unwrap()), ..Default::default() }.into();
    let _ = delete::delete(&Connection::to(cluster), &old, &mut Call::default()).await;
    assert_eq!(log.matching("DELETE /api/v1/namespaces/kaas-payments"), 1);
}

#[tokio::test]
async fn a_tenant_whose_size_is_no_longer_given_can_be_looked_at() {
    let mut old = state(&configured());
    old.sizing_override = brokers(3);
    old.sizing_override.known_mut().unwrap().instance_type = "z9.huge".into();
    let (seen, drift, call) = look(&old, namespace(&old, None), pool(3, 153), false).await;
    assert_eq!((drift, &seen.sizing), (vec![], &old.sizing));
    assert!(call.found.iter().any(|told| told.summary == "Tenant not compared" && told.detail.contains("z9.huge")), "{:?}", call.found);
}
