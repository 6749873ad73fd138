//! What a destroy makes of a tenant's own cluster, and what an apply says of one that is not there yet.

use std::sync::Mutex;

use serde_json::{Value as Json, json};

use super::{
    calls::{absent, list, namespace, tenant},
    config, plan,
};
use crate::{
    domain::sizing,
    drivers::kubernetes::tests::{Log, Reply, server},
    framework::{attr::Attr, model::AttributeValue, parts::Call, timeouts::Timeouts},
    resources::{
        connection::{Connection, Settings},
        tenant::{delete, parse, report},
    },
};

/// Destroys a tenant whose Cluster is `cluster`, and whose kubeconfig is gone. Answers with what was said.
async fn destroyed(cluster: Json) -> (Vec<String>, Log) {
    let gone = Mutex::new(Vec::new());
    let (management, log) = server(move |line, _| {
        let mut gone = gone.lock().unwrap();
        let there = |kind: &str| !gone.contains(&kind);
        match line {
            "GET /api/v1/namespaces/kaas-payments" if there("namespace") => Reply::Json(200, namespace(|_| {})),
            line if line.starts_with("PATCH") => Reply::Json(200, namespace(|_| {})),
            line if line.starts_with("DELETE") => {
                gone.push(if line.contains("/clusters/") { "cluster" } else { "namespace" });
                Reply::Json(200, json!({}))
            }
            line if line.starts_with("GET") && line.ends_with("/clusters/payments") && there("cluster") => {
                Reply::Json(200, cluster.clone())
            }
            line if line.contains("watch=") => Reply::Silent,
            line if line.contains('?') => list(&[]),
            _ => absent(),
        }
    });
    let mut call = Call::default();
    let mut tenant = tenant();
    tenant.isolation = parse::CLUSTER.into();
    tenant.timeouts = Timeouts { delete: Attr::Known("1s".parse().unwrap()), ..Timeouts::default() }.into();
    let ended = delete::delete(&Connection::to(management), &tenant, &mut call).await;
    let said = call.found.iter().map(|warning| format!("{}: {}", warning.summary, warning.detail));
    let refused = ended.err().into_iter().flat_map(|found| found.iter().map(|error| error.detail.clone()).collect::<Vec<_>>());
    (said.chain(refused).collect(), log)
}

fn cluster(was_up: bool) -> Json {
    json!({ "metadata": { "name": "payments", "namespace": "kaas-payments", "resourceVersion": "1" },
        "status": { "initialization": { "controlPlaneInitialized": was_up }, "conditions": [] } })
}

#[tokio::test]
async fn a_cluster_that_never_was_up_is_deleted_without_a_word() {
    let (said, log) = destroyed(cluster(false)).await;
    assert!(said.is_empty(), "{said:?}");
    assert_eq!(log.matching("DELETE /apis/cluster.x-k8s.io/v1beta2/namespaces/kaas-payments/clusters/payments"), 1, "{:?}", log.lines());
}

#[tokio::test]
async fn a_cluster_that_was_up_is_not_given_up_before_its_kubeconfig_had_time_to_come_back() {
    let (said, log) = destroyed(cluster(true)).await;
    assert!(said[0].contains("The deadline passed while waiting: Secret kaas-payments/payments-kubeconfig does not exist"), "{said:?}");
    assert_eq!(log.matching("DELETE"), 0, "{:?}", log.lines());
}

#[test]
fn a_tenant_without_kafka_is_reported_with_nothing_unknown() {
    let planned = plan(&config(), None).tenant;
    let spec = parse::spec(&planned, &Settings::default()).unwrap();
    let sizing = sizing::size(&spec.wish, &spec.overrides, None).unwrap();
    assert!(planned.cluster_id.is_unknown());
    let reported = report::applied(planned, &spec, &sizing, (None, &[]), None);
    assert!(reported.cluster_id.is_null() && !format!("{:?}", reported.encode()).contains("Unknown"), "{reported:?}");
}
