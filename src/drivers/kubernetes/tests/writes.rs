//! What a write sends.

use serde_json::{Value, json};

use super::{Reply, kafka, manifest, server, status, stored};
use crate::domain::object::{Kind, ObjectRef};
use crate::drivers::kubernetes::Propagation;

#[tokio::test]
async fn apply_is_server_side_forced_and_strict() {
    let (cluster, log) = server(|_, _| Reply::Json(200, stored("a", "1")));
    let object = cluster.apply(&manifest(&kafka("a"))).await.unwrap();
    assert!(object["metadata"].get("managedFields").is_none());
    let sent = log.last();
    let url = "/apis/kafka.strimzi.io/v1/namespaces/kaas-a/kafkas/a?fieldManager=kaas&force=true&fieldValidation=Strict";
    assert_eq!(sent.line, format!("PATCH {url}"));
    assert_eq!(sent.content_type, "application/apply-patch+yaml");
    assert_eq!(serde_json::from_str::<Value>(&sent.body).unwrap(), manifest(&kafka("a")).body);
}

#[tokio::test]
async fn create_posts_to_the_kind() {
    let (cluster, log) = server(|_, _| Reply::Json(201, json!({"metadata": {"name": "kaas-a"}})));
    let object = ObjectRef::global(Kind::Namespace, "kaas-a");
    assert_eq!(cluster.create(&manifest(&object)).await.unwrap()["kind"], "Namespace");
    assert_eq!(log.last().line, "POST /api/v1/namespaces?fieldManager=kaas&fieldValidation=Strict");
}

#[tokio::test]
async fn delete_tells_whether_there_was_anything() {
    let (cluster, log) = server(|line, _| match line.ends_with("/a") {
        true => Reply::Json(200, json!({"kind": "Status", "status": "Success"})),
        false => Reply::Json(404, status(404, "NotFound", "not found", "b")),
    });
    assert!(cluster.delete(&kafka("a"), Propagation::Foreground).await.unwrap());
    assert_eq!(serde_json::from_str::<Value>(&log.last().body).unwrap()["propagationPolicy"], "Foreground");
    assert!(!cluster.delete(&kafka("b"), Propagation::Background).await.unwrap());
}

#[tokio::test]
async fn nothing_is_left_to_delete_of_a_kind_that_is_not_served() {
    let (cluster, _) = server(|_, _| Reply::Text(404, "404 page not found"));
    assert!(!cluster.delete(&kafka("a"), Propagation::Background).await.unwrap());
}

#[tokio::test]
async fn annotations_are_set_and_removed_by_a_merge_patch() {
    let (cluster, log) = server(|_, _| Reply::Json(200, stored("a", "1")));
    cluster.annotate(&kafka("a"), &[("strimzi.io/pause-reconciliation", Some("true")), ("old", None)]).await.unwrap();
    let sent = log.last();
    assert_eq!(sent.content_type, "application/merge-patch+json");
    let expected = json!({"metadata": {"annotations": {"strimzi.io/pause-reconciliation": "true", "old": null}}});
    assert_eq!(serde_json::from_str::<Value>(&sent.body).unwrap(), expected);
}
