//! What a tenant's calls ask of an API server and what they answer, against a server whose answers a test writes down.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{config, state};
use crate::{
    domain::{names::WISH_ANNOTATION, tenant::TenantSpec},
    drivers::kubernetes::{
        Cluster,
        tests::{Log, Reply, server, status},
    },
    framework::{
        diagnostic::Diagnostics,
        parts::{Call, ImportTarget},
    },
    resources::{
        connection::Connection,
        tenant::{Tenant, apply, delete, parse, read, wait},
    },
};

pub(super) fn list(items: &[Json]) -> Reply {
    Reply::Json(200, json!({ "kind": "List", "apiVersion": "v1", "metadata": { "resourceVersion": "1" }, "items": items }))
}

pub(super) fn absent() -> Reply {
    Reply::Json(404, status(404, "NotFound", "not found", "it"))
}

fn spec(tenant: &Tenant) -> TenantSpec {
    parse::spec(tenant, &Connection::default().settings()).unwrap()
}

/// A tenant on the test's cluster.
pub(super) fn tenant() -> Tenant {
    let mut config = config();
    config.management_cluster = "context/test".into();
    config.deletion_protection = false.into();
    state(&config)
}

/// The tenant's namespace as the server has it, changed by `change`.
pub(super) fn namespace(change: impl Fn(&mut Json)) -> Json {
    let wish = spec(&tenant()).to_wish_json().unwrap();
    let mut namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": {
        "name": "kaas-payments", "labels": { "kaas.dev/tenant": "payments" }, "annotations": { WISH_ANNOTATION: wish } } });
    change(&mut namespace);
    namespace
}

/// A server that has this namespace and nothing else.
fn only(namespace: Json) -> (Cluster, Log) {
    server(move |line, _| match line {
        "GET /api/v1/namespaces/kaas-payments" => Reply::Json(200, namespace.clone()),
        line if line.contains("limit=") => list(&[]),
        _ => absent(),
    })
}

async fn look(namespace: Json) -> Option<Tenant> {
    let (cluster, _) = only(namespace);
    read::read(&Connection::to(cluster), tenant(), &mut Call::default()).await.unwrap()
}

fn phase(tenant: &Tenant) -> Option<&str> {
    tenant.status.known()?.phase.known().map(String::as_str)
}

#[tokio::test]
async fn a_tenant_whose_namespace_is_on_its_way_out_is_still_there_to_be_destroyed() {
    let seen = look(namespace(|namespace| namespace["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into())).await.unwrap();
    assert_eq!(phase(&seen), Some("Deleting"));
}

#[tokio::test]
async fn a_namespace_that_lost_its_label_is_still_the_tenants() {
    let seen = look(namespace(|namespace| namespace["metadata"]["labels"] = json!({}))).await.unwrap();
    let drift = seen.drift.into_known().unwrap();
    assert!(drift.iter().any(|line| line.contains("metadata.labels[\"kaas.dev/tenant\"] is missing")), "{drift:?}");
    assert!(look(namespace(|namespace| namespace["metadata"]["labels"] = json!({ "kaas.dev/tenant": "other" }))).await.is_none());
    assert!(look(namespace(|namespace| namespace["metadata"] = json!({ "name": "kaas-payments" }))).await.is_none());
}

#[tokio::test]
async fn volumes_that_were_enlarged_past_the_configured_size_can_be_looked_at() {
    let pool = json!({ "metadata": { "name": "brokers" }, "spec": { "replicas": 3, "storage": { "volumes": [{ "size": "900Gi" }] } } });
    let (cluster, _) = server(move |line, _| match line {
        "GET /api/v1/namespaces/kaas-payments" => Reply::Json(200, namespace(|_| {})),
        line if line.ends_with("/kafkanodepools/brokers") => Reply::Json(200, pool.clone()),
        line if line.contains("limit=") => list(&[]),
        _ => absent(),
    });
    let mut before = tenant();
    before.sizing_override = super::brokers(3);
    before.sizing_override.known_mut().unwrap().volume_gib = 500.into();
    let seen = read::read(&Connection::to(cluster), before.clone(), &mut Call::default()).await.unwrap().unwrap();
    assert_eq!(seen.sizing.known().unwrap().volume_gib, 900.into());
    let mut config = before.clone();
    config.drift = super::Attr::Null;
    let errors = super::plan(&config, Some(&seen)).errors();
    assert!(errors.iter().any(|error| error.starts_with("sizing_override.volume_gib: ") && error.contains("900 GiB")), "{errors:?}");
}

#[tokio::test]
async fn a_failed_update_records_that_protection_was_switched_off() {
    let (mut prior, mut planned) = (tenant(), tenant());
    prior.deletion_protection = true.into();
    planned.retention = super::Retention { hours: super::number("48"), gib: super::Attr::Null }.into();
    let (cluster, _) = server(|_, _| Reply::Json(403, status(403, "Forbidden", "no", "it")));
    let failed = apply::update(&Connection::to(cluster), prior.clone(), planned, &mut Call::default()).await.unwrap_err();
    assert!(failed.diagnostics.has_errors());
    let reached = failed.reached.unwrap();
    assert_eq!(reached.deletion_protection, false.into());
    assert_eq!(reached.retention, prior.retention);
}

#[tokio::test]
async fn an_isolation_that_was_not_known_to_the_plan_does_not_move_a_tenant() {
    let (cluster, log) = only(namespace(|_| {}));
    let mut planned = tenant();
    planned.isolation = "cluster".into();
    let failed = apply::update(&Connection::to(cluster), tenant(), planned, &mut Call::default()).await.unwrap_err();
    assert!(failed.diagnostics.iter().any(|error| error.summary == "Isolation cannot be changed"), "{:?}", failed.diagnostics);
    assert_eq!(log.matching("PATCH") + log.matching("POST"), 0, "{:?}", log.lines());
}

#[tokio::test]
async fn a_protected_tenant_is_not_deleted_by_a_replacement() {
    let mut protected = tenant();
    protected.deletion_protection = true.into();
    let (cluster, log) = only(namespace(|_| {}));
    let refused: Diagnostics = delete::delete(&Connection::to(cluster), &protected, &mut Call::default()).await.unwrap_err();
    assert!(refused.iter().any(|error| error.summary == "Tenant is protected"));
    assert_eq!(log.lines(), Vec::<String>::new());
}

#[tokio::test]
async fn volumes_that_outlive_the_tenant_are_named() {
    let gone = AtomicBool::new(false);
    let claim = json!({ "metadata": { "name": "data-0", "namespace": "kaas-payments" }, "spec": { "volumeName": "pv-1" } });
    let (cluster, _) = server(move |line, _| match line {
        "GET /api/v1/namespaces/kaas-payments" if !gone.load(Ordering::SeqCst) => Reply::Json(200, namespace(|_| {})),
        "GET /api/v1/persistentvolumes/pv-1" => {
            Reply::Json(200, json!({ "metadata": { "name": "pv-1" }, "spec": { "persistentVolumeReclaimPolicy": "Retain" } }))
        }
        line if line.starts_with("PATCH") => Reply::Json(200, namespace(|_| {})),
        "DELETE /api/v1/namespaces/kaas-payments" => {
            gone.store(true, Ordering::SeqCst);
            Reply::Json(200, json!({}))
        }
        line if line.starts_with("DELETE") => Reply::Json(200, json!({})),
        line if line.contains("/persistentvolumeclaims?limit=100") => list(std::slice::from_ref(&claim)),
        line if line.contains('?') => list(&[]),
        _ => absent(),
    });
    let mut call = Call::default();
    delete::delete(&Connection::to(cluster), &tenant(), &mut call).await.unwrap();
    assert!(call.found.iter().any(|warning| warning.summary == "Volumes are kept" && warning.detail.contains("pv-1")), "{:?}", call.found);
}

#[tokio::test]
async fn a_pool_that_stays_short_of_nodes_is_watched_and_not_asked_for_in_a_loop() {
    let kafka = json!({ "apiVersion": "kafka.strimzi.io/v1", "kind": "Kafka", "metadata": { "name": "payments", "generation": 1, "resourceVersion": "1" },
        "status": { "observedGeneration": 1, "clusterId": "c", "conditions": [{ "type": "Ready", "status": "True" }] } });
    let pool = json!({ "apiVersion": "kafka.strimzi.io/v1", "kind": "KafkaNodePool",
        "metadata": { "name": "brokers", "generation": 1, "resourceVersion": "1" },
        "spec": { "replicas": 3 }, "status": { "observedGeneration": 1, "replicas": 4 } });
    let (cluster, log) = server(move |line, _| {
        let object = if line.contains("kafkanodepools") { &pool } else { &kafka };
        match line {
            line if line.contains("watch=") => Reply::Silent,
            line if line.contains("fieldSelector") => list(std::slice::from_ref(object)),
            _ => Reply::Json(200, object.clone()),
        }
    });
    let deadline = Instant::now() + Duration::from_millis(300);
    let outcome = wait::until_ready(&cluster, &spec(&tenant()), deadline, &CancellationToken::new()).await.unwrap();
    let wait::Outcome::Waiting { what, .. } = outcome else { panic!("it is not ready") };
    assert_eq!(what, "node pool brokers has 4 of 3 nodes");
    assert!(log.lines().len() < 20, "{} requests", log.lines().len());
}

#[tokio::test]
async fn a_namespace_whose_making_is_cut_off_each_time_ends_at_the_deadline() {
    let mut planned = tenant();
    planned.timeouts =
        crate::framework::timeouts::Timeouts { create: super::Attr::Known("1s".parse().unwrap()), ..Default::default() }.into();
    let (cluster, _) = server(|line, _| match line {
        line if line.starts_with("POST") => Reply::Broken,
        "GET /apis/kafka.strimzi.io/v1" => Reply::Json(200, json!({ "resources": [{ "name": "kafkas" }] })),
        _ => absent(),
    });
    let refused = apply::create(&Connection::to(cluster), planned, &mut Call::default()).await.unwrap_err();
    assert!(refused.iter().any(|error| error.summary == "Cannot make the tenant's namespace"), "{refused:?}");
}

#[tokio::test]
async fn a_creation_that_fails_says_what_it_leaves_and_is_not_noted_as_done() {
    let (cluster, log) = server(|line, _| match line {
        line if line.starts_with("POST") => Reply::Json(201, namespace(|_| {})),
        line if line.starts_with("PATCH /api/v1/namespaces/kaas-payments?") => Reply::Json(200, namespace(|_| {})),
        "GET /apis/kafka.strimzi.io/v1" => Reply::Json(200, json!({ "resources": [{ "name": "kafkas" }] })),
        line if line.starts_with("PATCH") => Reply::Json(403, status(403, "Forbidden", "no", "it")),
        _ => absent(),
    });
    let mut call = Call::default();
    apply::create(&Connection::to(cluster), tenant(), &mut call).await.unwrap_err();
    assert!(call.found.iter().any(|warning| warning.detail.contains("import <address of this resource> context/test/payments")));
    assert_eq!(log.matching("PATCH /api/v1/namespaces/kaas-payments?"), 1);
}

#[tokio::test]
async fn a_tenant_that_another_owner_made_anew_is_neither_shown_nor_deleted() {
    let other = namespace(|namespace| {
        namespace["metadata"]["uid"] = "new".into();
        namespace["metadata"]["annotations"]["kaas.dev/owner"] = "somebody".into();
    });
    let known = |uid: &str| Call { private: [("namespace_uid".to_owned(), uid.to_owned())].into(), ..Call::default() };
    let (cluster, log) = only(other);
    let connection = Connection::to(cluster);
    assert!(read::read(&connection, tenant(), &mut known("old")).await.unwrap().is_none());
    delete::delete(&connection, &tenant(), &mut known("old")).await.unwrap();
    assert_eq!(log.matching("DELETE") + log.matching("PATCH"), 0);
    assert!(read::read(&connection, tenant(), &mut known("new")).await.unwrap().is_some(), "the owner's name was changed, no more");
}

#[tokio::test]
async fn a_tenant_that_is_only_on_another_cluster_is_not_taken_for_gone() {
    let (cluster, log) = server(|line, _| match line {
        "GET /api/v1/namespaces/kube-system" => {
            Reply::Json(200, json!({ "kind": "Namespace", "metadata": { "name": "kube-system", "uid": "new" } }))
        }
        line if line.contains("limit=") => list(&[]),
        _ => absent(),
    });
    let connection = Connection::to(cluster);
    let known = |uid: &str| Call { private: [("cluster_uid".to_owned(), uid.to_owned())].into(), ..Call::default() };
    let refused = read::read(&connection, tenant(), &mut known("old")).await.unwrap_err();
    assert!(refused.iter().any(|error| error.summary == "Another management cluster"), "{refused:?}");
    delete::delete(&connection, &tenant(), &mut known("old")).await.unwrap_err();
    assert_eq!(log.matching("DELETE"), 0);
    assert!(read::read(&connection, tenant(), &mut known("new")).await.unwrap().is_none());
}

#[tokio::test]
async fn a_paused_kafka_is_not_waited_for() {
    let paused = json!({ "apiVersion": "kafka.strimzi.io/v1", "kind": "Kafka", "metadata": { "name": "payments", "generation": 1, "resourceVersion": "1" },
        "status": { "observedGeneration": 1, "conditions": [{ "type": "ReconciliationPaused", "status": "True" }] } });
    let (cluster, _) = server(move |line, _| match line {
        line if line.contains("/kafkas") && line.contains("watch") => Reply::Json(200, json!({ "type": "BOOKMARK" })),
        line if line.contains("/kafkas/payments") => Reply::Json(200, paused.clone()),
        line if line.contains("/kafkas") => list(std::slice::from_ref(&paused)),
        _ => absent(),
    });
    let deadline = Instant::now() + Duration::from_secs(20);
    let outcome = wait::until_ready(&cluster, &spec(&tenant()), deadline, &CancellationToken::new()).await.unwrap();
    assert!(matches!(outcome, wait::Outcome::Waiting { why: "Reconciliation is paused", .. }));
    assert!(Instant::now() < deadline, "it waited to the deadline");
}

#[test]
fn two_resources_do_not_make_one_tenant_at_the_same_time() {
    let connection = Connection::to(only(namespace(|_| {})).0).block().unwrap();
    let first = connection.making("payments");
    assert!(first.is_some() && connection.making("payments").is_none() && connection.making("orders").is_some());
    drop(first);
    assert!(connection.making("payments").is_some());
}

#[tokio::test]
async fn a_tenant_on_an_eks_cluster_needs_no_kubernetes_block() {
    let id = "eks/eu-central-1/platform";
    let place = id.parse().unwrap();
    let unknown = Connection::default();
    unknown.configure(crate::resources::connection::Settings::default());
    let aws = crate::drivers::aws::Aws::new(crate::drivers::aws::AwsConfig::default());
    let connection = unknown.with_eks(aws, &place, only(namespace(|_| {})).0);
    assert!(connection.is_known(Some(id)) && !connection.is_known(None));
    assert!(connection.management(Some(id)).await.is_ok() && connection.management(None).await.is_err());
}

#[test]
fn a_tenant_is_imported_by_the_id_of_its_management_cluster_and_its_name() {
    let imported = |id: &str| crate::resources::tenant::import::import(ImportTarget::Id(id.to_owned()));
    for (id, cluster) in
        [("context/platform/payments", "context/platform"), ("eks/eu-central-1/platform/payments", "eks/eu-central-1/platform")]
    {
        let tenant = imported(id).unwrap();
        assert_eq!((tenant.management_cluster, tenant.name), (cluster.into(), "payments".into()));
    }
    for wrong in ["payments", "/payments", "eks/eu-central-1/platform", "eks/platform"] {
        assert!(imported(wrong).is_err(), "{wrong}");
    }
}
