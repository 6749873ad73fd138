//! Reads: the shared lists, what is asked when there is none, and the questions about the server.

use futures::future::join_all;
use serde_json::json;

use super::{Reply, kafka, list_of, manifest, server, status, stored};
use crate::domain::object::{Kind, ObjectRef};

#[tokio::test]
async fn concurrent_readers_share_one_list() {
    let (cluster, log) = server(|line, _| {
        assert!(line.starts_with("GET /apis/kafka.strimzi.io/v1/kafkas?"), "{line}");
        assert!(line.contains("labelSelector=app.kubernetes.io%2Fmanaged-by%3Dkaas"), "{line}");
        let names: Vec<_> = (0..50).map(|index| stored(&format!("t{index}"), "1")).collect();
        Reply::Json(200, list_of(&names))
    });
    let objects: Vec<_> = (0..50).map(|index| kafka(&format!("t{index}"))).collect();
    let found = join_all(objects.iter().map(|object| cluster.find(object))).await;
    for (object, found) in objects.iter().zip(found) {
        let found = found.unwrap().unwrap();
        assert_eq!(found["metadata"]["name"], object.name.as_str());
        assert!(found["metadata"].get("managedFields").is_none());
    }
    assert_eq!(log.lines().len(), 1);
    assert_eq!((cluster.requests(), cluster.requests_by_verb()["list kafkas"]), (1, 1));
}

#[tokio::test]
async fn what_is_foreseen_is_there_when_it_is_asked_for() {
    let (cluster, log) = server(|line, _| match line.contains("/namespaces?") {
        true => Reply::Json(200, list_of(&[json!({ "metadata": { "name": "kaas-a" } })])),
        false => Reply::Json(200, list_of(&[stored("a", "1")])),
    });
    cluster.foresee(Kind::Namespace, |namespace| match namespace["metadata"]["name"] == "kaas-a" {
        true => vec![Kind::Kafka, Kind::Kafka],
        false => vec![Kind::KafkaUser],
    });
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(log.lines().len(), 2, "{:?}", log.lines());
    assert!(cluster.find(&kafka("a")).await.unwrap().is_some());
    assert!(cluster.find(&ObjectRef::global(Kind::Namespace, "kaas-a")).await.unwrap().is_some());
    assert_eq!((log.lines().len(), log.matching("/kafkas?")), (2, 1), "{:?}", log.lines());
}

#[tokio::test]
async fn a_list_of_many_pages_is_read_to_its_end() {
    let (cluster, log) = server(|line, _| {
        if line.contains("continue=next%2F1") {
            return Reply::Json(200, list_of(&[stored("b", "1")]));
        }
        let mut page = list_of(&[stored("a", "1")]);
        page["metadata"]["continue"] = json!("next/1");
        Reply::Json(200, page)
    });
    assert!(cluster.find(&kafka("b")).await.unwrap().is_some());
    assert!(cluster.find(&kafka("a")).await.unwrap().is_some());
    assert_eq!(log.lines().len(), 2);
}

#[tokio::test]
async fn a_list_that_expires_between_pages_is_begun_anew() {
    let (cluster, _) = server(|line, before| match (line.contains("continue="), before) {
        (true, _) => Reply::Json(410, status(410, "Expired", "too old", "")),
        (false, 0) => {
            let mut page = list_of(&[stored("a", "1")]);
            page["metadata"]["continue"] = json!("old");
            Reply::Json(200, page)
        }
        (false, _) => Reply::Json(200, list_of(&[stored("a", "2"), stored("b", "2")])),
    });
    assert_eq!(cluster.find(&kafka("b")).await.unwrap().unwrap()["metadata"]["resourceVersion"], "2");
}

#[tokio::test]
async fn a_write_drops_the_lists_and_reads_go_to_the_server_from_then_on() {
    let (cluster, log) = server(|line, _| match line.contains("kafkas?") {
        true => Reply::Json(200, list_of(&[stored("a", "1")])),
        false => Reply::Json(200, stored("a", "2")),
    });
    assert_eq!(cluster.find(&kafka("a")).await.unwrap().unwrap()["metadata"]["resourceVersion"], "1");
    cluster.clone().apply(&manifest(&kafka("a"))).await.unwrap();
    for _ in 0..3 {
        assert_eq!(cluster.find(&kafka("a")).await.unwrap().unwrap()["metadata"]["resourceVersion"], "2");
    }
    assert_eq!(log.matching("kafkas?"), 1);
}

#[tokio::test]
async fn an_object_that_lost_its_label_is_still_found() {
    let (cluster, log) = server(|line, _| match line.contains("kafkas?") {
        true => Reply::Json(200, list_of(&[])),
        false => Reply::Json(200, stored("a", "2")),
    });
    assert!(cluster.find(&kafka("a")).await.unwrap().is_some());
    assert_eq!(log.last().line, "GET /apis/kafka.strimzi.io/v1/namespaces/kaas-a/kafkas/a");
}

#[tokio::test]
async fn a_user_who_may_not_list_everywhere_reads_in_the_namespace() {
    let (cluster, log) = server(|line, _| match line.contains("kafkas?") {
        true => Reply::Json(403, status(403, "Forbidden", "cannot list", "")),
        false if line.ends_with("/a") => Reply::Json(200, stored("a", "1")),
        false => Reply::Json(404, status(404, "NotFound", "not found", "b")),
    });
    assert_eq!(cluster.find(&kafka("a")).await.unwrap().unwrap()["spec"]["kafka"]["version"], "4.1.0");
    assert_eq!(cluster.find(&kafka("b")).await.unwrap(), None);
    assert_eq!(log.matching("kafkas?"), 1, "the refusal is remembered");
}

#[tokio::test]
async fn readers_of_a_list_that_fails_all_learn_why_and_the_next_one_tries_again() {
    let (cluster, log) = server(|_, before| match before {
        0 => Reply::Json(400, status(400, "BadRequest", "no", "")),
        _ => Reply::Json(200, list_of(&[stored("a", "1")])),
    });
    let object = kafka("a");
    let outcomes = join_all((0..10).map(|_| cluster.find(&object))).await;
    assert!(outcomes.iter().all(|outcome| outcome.is_err()));
    assert_eq!(log.lines().len(), 1);
    assert!(cluster.find(&object).await.unwrap().is_some());
}

#[tokio::test]
async fn secrets_are_read_one_by_one() {
    let (cluster, log) = server(|_, _| Reply::Json(200, json!({"metadata": {"name": "s", "namespace": "n"}, "data": {}})));
    let found = cluster.find(&ObjectRef::namespaced(Kind::Secret, "n", "s")).await.unwrap().unwrap();
    assert_eq!((&found["kind"], &found["apiVersion"]), (&json!("Secret"), &json!("v1")));
    assert_eq!(log.lines(), ["GET /api/v1/namespaces/n/secrets/s"]);
}

#[tokio::test]
async fn a_list_by_label_asks_the_server_each_time() {
    let (cluster, log) = server(|_, _| Reply::Json(200, json!({"metadata": {}, "items": null})));
    for _ in 0..2 {
        assert!(cluster.list(Kind::Pod, Some("n"), Some("strimzi.io/cluster=a")).await.unwrap().is_empty());
    }
    assert_eq!(log.lines().len(), 2);
    assert_eq!(log.last().line, "GET /api/v1/namespaces/n/pods?limit=1000&labelSelector=strimzi.io%2Fcluster%3Da");
}

#[tokio::test]
async fn names_cannot_leave_their_place_in_the_url() {
    let (cluster, log) = server(|_, _| Reply::Json(404, status(404, "NotFound", "not found", "x")));
    cluster.get(&ObjectRef::namespaced(Kind::Kafka, "n?x", "../secrets/s")).await.unwrap();
    assert_eq!(log.last().line, "GET /apis/kafka.strimzi.io/v1/namespaces/n%3Fx/kafkas/..%2Fsecrets%2Fs");
    assert!(cluster.get(&ObjectRef::namespaced(Kind::Kafka, "n", "")).await.is_err());
    assert!(cluster.get(&ObjectRef::namespaced(Kind::Kafka, "", "a")).await.is_err());
    assert_eq!(log.lines().len(), 1);
}

#[tokio::test]
async fn the_server_tells_its_version_its_kinds_and_what_the_user_may_do() {
    let (cluster, log) = server(|line, _| match line {
        "GET /version" => Reply::Json(200, json!({"major": "1", "minor": "36", "gitVersion": "v1.36.2"})),
        "GET /apis/kafka.strimzi.io/v1" => Reply::Json(200, json!({"resources": [{"name": "kafkas"}, {"name": "kafkas/status"}]})),
        "POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews" => Reply::Json(201, json!({"status": {"allowed": true}})),
        _ => Reply::Text(404, "404 page not found"),
    });
    assert_eq!(cluster.version().await.unwrap(), "v1.36.2");
    assert!(cluster.server_serves(Kind::Kafka).await.unwrap());
    assert!(!cluster.server_serves(Kind::KafkaTopic).await.unwrap());
    assert!(!cluster.server_serves(Kind::StrimziPodSet).await.unwrap());
    assert!(cluster.may("get", "", "pods/log").await.unwrap());
    let asked: serde_json::Value = serde_json::from_str(&log.last().body).unwrap();
    let asked = &asked["spec"]["resourceAttributes"];
    assert_eq!(
        (&asked["verb"], &asked["group"], &asked["resource"], &asked["subresource"]),
        (&json!("get"), &json!(""), &json!("pods"), &json!("log"))
    );
}
