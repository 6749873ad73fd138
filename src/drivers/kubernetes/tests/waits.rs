//! Waiting: done, too late, stopped, cut and resumed, refused.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Reply, kafka, list_of, server, status, stored};
use crate::drivers::kubernetes::{Error, Probe, Waited};

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

fn with_phase(version: &str, phase: &str) -> Value {
    let mut object = stored("a", version);
    object["status"] = json!({"phase": phase});
    object
}

fn event(kind: &str, object: &Value) -> String {
    format!("{}\n", json!({"type": kind, "object": object}))
}

fn ready(found: Option<&Value>) -> Probe<String> {
    match found.map(|found| found["status"]["phase"].as_str().unwrap_or("none").to_owned()) {
        Some(phase) if phase == "Ready" => Probe::Done(phase),
        Some(phase) => Probe::Pending(format!("phase {phase}")),
        None => Probe::Pending("it does not exist".into()),
    }
}

/// Leaks a text, as replies borrow theirs for ever; the few bytes end with the test.
fn text(events: &[String]) -> &'static str {
    events.concat().leak()
}

#[tokio::test]
async fn a_wait_ends_when_a_change_contents_the_probe() {
    let events = text(&[event("MODIFIED", &with_phase("11", "Creating")), event("MODIFIED", &with_phase("12", "Ready"))]);
    let (cluster, log) = server(move |line, _| match line.contains("watch=true") {
        true => Reply::Text(200, events),
        false => Reply::Json(200, list_of(&[with_phase("9", "New")])),
    });
    let outcome = cluster.wait(&kafka("a"), soon(), &CancellationToken::new(), ready).await.unwrap();
    assert_eq!(outcome, Waited::Done("Ready".to_owned()));
    assert_eq!(log.matching("metadata.name%3Da"), 2, "{:?}", log.lines());
}

#[tokio::test]
async fn an_object_that_appears_later_is_waited_for() {
    let events = text(&[event("ADDED", &with_phase("11", "Ready"))]);
    let (cluster, _) = server(move |line, _| match line.contains("watch=true") {
        true => Reply::Text(200, events),
        false => Reply::Json(200, list_of(&[])),
    });
    assert!(matches!(cluster.wait(&kafka("a"), soon(), &CancellationToken::new(), ready).await.unwrap(), Waited::Done(_)));
}

#[tokio::test]
async fn a_deadline_tells_what_was_last_seen() {
    let (cluster, _) = server(|line, _| match line.contains("watch=true") {
        true => Reply::Silent,
        false => Reply::Json(200, list_of(&[with_phase("9", "Creating")])),
    });
    let deadline = Instant::now() + Duration::from_millis(100);
    let outcome = cluster.wait(&kafka("a"), deadline, &CancellationToken::new(), ready).await.unwrap();
    assert_eq!(outcome, Waited::DeadlinePassed { last_seen: "phase Creating".into() });
}

#[tokio::test]
async fn stopping_ends_a_wait_at_once() {
    let (cluster, _) = server(|line, _| match line.contains("watch=true") {
        true => Reply::Silent,
        false => Reply::Json(200, list_of(&[with_phase("9", "Creating")])),
    });
    let stop = CancellationToken::new();
    let begin = Instant::now();
    let (stopper, object) = (stop.clone(), kafka("a"));
    let (outcome, ()) = tokio::join!(cluster.wait(&object, soon(), &stop, ready), async move {
        tokio::time::sleep(Duration::from_millis(50)).await;
        stopper.cancel();
    });
    assert_eq!(outcome.unwrap(), Waited::Stopped { last_seen: "phase Creating".into() });
    assert!(begin.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_watch_that_is_cut_goes_on_where_it_was() {
    let first = text(&[event("MODIFIED", &with_phase("11", "Creating"))]);
    let second = text(&[event("MODIFIED", &with_phase("12", "Ready"))]);
    let (cluster, log) = server(move |line, _| match line {
        line if line.contains("resourceVersion=11") => Reply::Text(200, second),
        line if line.contains("watch=true") => Reply::Text(200, first),
        _ => Reply::Json(200, list_of(&[with_phase("9", "New")])),
    });
    assert!(matches!(cluster.wait(&kafka("a"), soon(), &CancellationToken::new(), ready).await.unwrap(), Waited::Done(_)));
    assert_eq!(log.matching("watch=true"), 2, "{:?}", log.lines());
}

#[tokio::test]
async fn a_server_that_goes_away_for_a_while_is_waited_for() {
    let (cluster, _) = server(|line, before| match before {
        0..=12 => Reply::Broken,
        _ if line.contains("kafkas/a") => Reply::Json(200, with_phase("9", "Ready")),
        _ => Reply::Json(200, list_of(&[with_phase("9", "Ready")])),
    });
    assert!(matches!(cluster.wait(&kafka("a"), soon(), &CancellationToken::new(), ready).await.unwrap(), Waited::Done(_)));
}

#[tokio::test]
async fn a_user_who_may_not_watch_still_sees_the_object_change() {
    let (cluster, _) = server(|line, before| match line.contains("kafkas?") {
        true => Reply::Json(403, status(403, "Forbidden", "cannot list", "")),
        false => Reply::Json(200, with_phase("9", if before > 4 { "Ready" } else { "Creating" })),
    });
    assert!(matches!(cluster.wait(&kafka("a"), soon(), &CancellationToken::new(), ready).await.unwrap(), Waited::Done(_)));
}

#[tokio::test]
async fn a_wait_that_cannot_help_is_an_error() {
    let (cluster, _) = server(|_, _| Reply::Json(403, status(403, "Forbidden", "cannot get", "a")));
    assert!(matches!(cluster.wait(&kafka("a"), soon(), &CancellationToken::new(), ready).await, Err(Error::Forbidden { .. })));
}

#[tokio::test]
async fn waiting_for_the_end_names_the_finalizers_that_hold_an_object() {
    let (cluster, _) = server(|line, _| {
        let mut object = stored("a", "9");
        object["metadata"]["deletionTimestamp"] = json!("2026-01-02T03:04:05Z");
        object["metadata"]["finalizers"] = json!(["strimzi.io/topic-operator"]);
        match line.contains("watch=true") {
            true => Reply::Silent,
            false => Reply::Json(200, list_of(&[object])),
        }
    });
    let deadline = Instant::now() + Duration::from_millis(100);
    let Waited::DeadlinePassed { last_seen } = cluster.wait_gone(&kafka("a"), deadline, &CancellationToken::new()).await.unwrap() else {
        panic!("it never goes");
    };
    assert_eq!(last_seen, "it is being deleted since 2026-01-02T03:04:05Z, held by the finalizers strimzi.io/topic-operator");
}

#[tokio::test]
async fn a_deletion_seen_by_the_watch_ends_the_wait() {
    let events = text(&[event("DELETED", &stored("a", "12"))]);
    let (cluster, _) = server(move |line, _| match line.contains("watch=true") {
        true => Reply::Text(200, events),
        false => Reply::Json(200, list_of(&[stored("a", "9")])),
    });
    assert_eq!(cluster.wait_gone(&kafka("a"), soon(), &CancellationToken::new()).await.unwrap(), Waited::Done(()));
}

#[tokio::test]
async fn a_server_that_falls_silent_under_a_wait_is_told_with_what_was_last_seen() {
    let (cluster, _) = server(|line, before| match (line.contains("watch=true"), before) {
        (false, 0) => Reply::Json(200, list_of(&[with_phase("9", "New")])),
        _ => Reply::Broken,
    });
    let soon = Instant::now() + Duration::from_secs(1);
    let outcome = cluster.wait(&kafka("a"), soon, &CancellationToken::new(), ready).await.unwrap();
    let Waited::DeadlinePassed { last_seen } = outcome else { panic!("{outcome:?}") };
    assert!(last_seen.starts_with("phase New; now it cannot be looked at: read Kafka kaas-a/a"), "{last_seen}");
    assert_eq!(last_seen.matches("now it").count(), 1, "{last_seen}");
}
