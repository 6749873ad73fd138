//! Each kind of failure: what it becomes, how often it is tried, and that its words help.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::{Reply, kafka, manifest, server, status, stored};
use crate::drivers::kubernetes::{Cluster, Error, KubernetesConfig};

fn at(host: String) -> Cluster {
    Cluster::connect(&KubernetesConfig { host: Some(host), token: Some("secret-token".into()), ..Default::default() }).unwrap()
}

#[tokio::test]
async fn refused_credentials_are_loaded_anew_once() {
    let (cluster, log) = server(|_, before| match before {
        0 => Reply::Json(401, status(401, "Unauthorized", "Unauthorized", "")),
        _ => Reply::Json(200, stored("a", "1")),
    });
    assert!(cluster.get(&kafka("a")).await.unwrap().is_some());
    assert_eq!((log.logins(), log.lines().len()), (2, 2));
}

#[tokio::test]
async fn credentials_refused_twice_are_an_error_with_a_way_out() {
    let (cluster, log) = server(|_, _| Reply::Json(401, status(401, "Unauthorized", "Unauthorized", "")));
    let error = cluster.get(&kafka("a")).await.unwrap_err();
    assert!(matches!(error, Error::Unauthorized { .. }), "{error:?}");
    assert_eq!(error.object(), Some(&kafka("a")));
    assert!(error.hint().unwrap().contains("expired"));
    assert_eq!(log.lines().len(), 2);
}

#[tokio::test]
async fn a_refusal_names_the_act_the_object_and_the_servers_words() {
    let words = "kafkas.kafka.strimzi.io \"a\" is forbidden: User \"dev\" cannot patch resource \"kafkas\"";
    let (cluster, log) = server(move |_, _| Reply::Json(403, status(403, "Forbidden", words, "a")));
    let error = cluster.apply(&manifest(&kafka("a"))).await.unwrap_err();
    assert!(matches!(error, Error::Forbidden { .. }));
    assert_eq!(error.report(), format!("apply Kafka kaas-a/a: not allowed: the API server answered 403: {words}"));
    assert!(error.hint().unwrap().contains("Role"));
    assert_eq!(log.lines().len(), 1, "a refusal is final");
}

#[tokio::test]
async fn a_kind_that_is_not_served_names_what_to_install() {
    let (cluster, _) = server(|_, _| Reply::Text(404, "404 page not found\n"));
    for error in [cluster.find(&kafka("a")).await.unwrap_err(), cluster.apply(&manifest(&kafka("a"))).await.unwrap_err()] {
        assert!(matches!(error, Error::KindMissing { .. }), "{error:?}");
        assert!(error.hint().unwrap().contains("Strimzi operator 1.0"));
    }
}

#[tokio::test]
async fn conflicts_and_names_taken_are_told_apart() {
    let (cluster, _) = server(|line, _| match line.starts_with("POST") {
        true => Reply::Json(409, status(409, "AlreadyExists", "exists", "a")),
        false => Reply::Json(409, status(409, "Conflict", "changed", "a")),
    });
    assert!(matches!(cluster.create(&manifest(&kafka("a"))).await, Err(Error::AlreadyExists { .. })));
    assert!(matches!(cluster.patch(&kafka("a"), &json!({})).await, Err(Error::Conflict { .. })));
}

#[tokio::test]
async fn an_invalid_object_names_its_fields() {
    let (cluster, _) = server(|_, _| {
        let mut refusal = status(422, "Invalid", "Kafka \"a\" is invalid", "a");
        refusal["details"]["causes"] =
            json!([{"field": "spec.kafka.version", "message": "Required value", "reason": "FieldValueRequired"}]);
        Reply::Json(422, refusal)
    });
    let error = cluster.apply(&manifest(&kafka("a"))).await.unwrap_err();
    assert_eq!(error.answer().unwrap().fields, [("spec.kafka.version".to_owned(), "Required value".to_owned())]);
    assert!(error.report().ends_with("is invalid; spec.kafka.version: Required value"), "{}", error.report());
}

#[tokio::test]
async fn a_busy_server_is_given_the_time_it_asks_for() {
    let (cluster, log) = server(|_, before| match before {
        0 => Reply::RetryAfter(429, 1),
        _ => Reply::Json(200, stored("a", "1")),
    });
    let begin = std::time::Instant::now();
    cluster.apply(&manifest(&kafka("a"))).await.unwrap();
    assert!(begin.elapsed().as_secs_f64() >= 1.0);
    assert_eq!(log.lines().len(), 2);
}

#[tokio::test]
async fn a_server_that_asks_for_too_long_a_pause_is_an_error_at_once_that_says_so() {
    let (cluster, log) = server(|_, _| Reply::RetryAfter(429, 3600));
    let error = cluster.get(&kafka("a")).await.unwrap_err();
    assert!(matches!(error, Error::Throttled { .. }) && error.report().contains("it asks to wait 3600 s"), "{}", error.report());
    assert!(error.hint().unwrap().contains("after 3600 s"), "{:?}", error.hint());
    assert_eq!(log.lines().len(), 1);
}

#[tokio::test]
async fn a_pause_of_more_than_half_a_minute_is_taken_where_the_deadline_allows_it() {
    let (cluster, log) = server(|_, _| Reply::RetryAfter(503, 40));
    let after = |seconds| Instant::now() + Duration::from_secs(seconds);
    let moment = Duration::from_millis(100);
    for patient in [cluster.clone(), cluster.clone().patient_until(after(3600))] {
        assert!(timeout(moment, patient.get(&kafka("a"))).await.is_err(), "it did not wait");
    }
    assert_eq!(log.lines().len(), 2);
    let hurried = timeout(moment, cluster.patient_until(after(20)).get(&kafka("a"))).await;
    assert!(hurried.unwrap().unwrap_err().report().contains("it asks to wait 40 s"));
}

#[tokio::test]
async fn pauses_that_were_asked_for_are_no_failed_tries() {
    let (cluster, log) = server(|_, before| if before < 6 { Reply::RetryAfter(429, 1) } else { Reply::Json(200, stored("a", "1")) });
    cluster.apply(&manifest(&kafka("a"))).await.unwrap();
    assert_eq!(log.lines().len(), 7);
}

#[tokio::test]
async fn server_failures_and_cut_connections_are_tried_five_times() {
    for reply in [Reply::Text(500, "boom"), Reply::Text(502, "<html>"), Reply::RetryAfter(503, 0), Reply::Text(504, ""), Reply::Broken] {
        let (cluster, log) = server(move |_, _| reply.clone());
        let error = cluster.apply(&manifest(&kafka("a"))).await.unwrap_err();
        assert!(error.is_retryable() && matches!(error, Error::Server { .. } | Error::Cut { .. }), "{error:?}");
        assert_eq!(log.lines().len(), 5);
    }
}

#[tokio::test]
async fn a_create_whose_answer_was_lost_is_not_repeated() {
    let (cluster, log) = server(|_, _| Reply::Broken);
    assert!(matches!(cluster.create(&manifest(&kafka("a"))).await, Err(Error::Cut { .. })));
    assert_eq!(log.lines().len(), 1);
}

#[tokio::test]
async fn stopping_ends_the_pause_between_tries() {
    let (cluster, log) = server(|_, _| Reply::RetryAfter(503, 20));
    let stop = CancellationToken::new();
    stop.cancel();
    let begin = std::time::Instant::now();
    assert!(cluster.stopped_by(stop).get(&kafka("a")).await.is_err());
    assert!(begin.elapsed().as_secs() < 5);
    assert_eq!(log.lines().len(), 1);
}

#[tokio::test]
async fn an_answer_that_is_no_object_is_an_error() {
    for text in ["{\"metadata\": ", "<html>login</html>", "[]", ""] {
        let (cluster, _) = server(move |_, _| Reply::Text(200, text));
        assert!(matches!(cluster.get(&kafka("a")).await, Err(Error::Decode { .. })), "{text}");
        assert!(matches!(cluster.find(&kafka("a")).await, Err(Error::Decode { .. })), "{text}");
    }
}

#[tokio::test]
async fn a_dead_server_is_named_and_not_tried_for_long() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let error = at(format!("http://127.0.0.1:{port}")).version().await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    assert!(error.report().contains(&format!("127.0.0.1:{port} cannot be reached")), "{}", error.report());
    assert!(error.report().contains("refused"), "{}", error.report());
}

/// Answers a request with each of these, then goes away. The last is an answer that is well.
async fn serve(listener: TcpListener, before: &[&str]) {
    let well = "200 OK\r\nContent-Length: 22\r\nConnection: close\r\n\r\n{\"gitVersion\":\"v1.36\"}";
    for answer in before.iter().chain([&well]) {
        let (mut connection, _) = listener.accept().await.unwrap();
        let _ = connection.read(&mut [0; 4096]).await;
        connection.write_all(format!("HTTP/1.1 {answer}").as_bytes()).await.unwrap();
    }
}

#[tokio::test]
async fn a_server_that_is_away_for_longer_is_waited_for_where_there_is_a_deadline() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = tokio::spawn(serve(listener, &[]));
    let cluster = at(format!("http://{address}"));
    cluster.version().await.unwrap();
    served.await.unwrap();
    assert!(matches!(cluster.version().await, Err(Error::Unreachable { .. })), "without a deadline it is told soon");
    let back = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        // As a server does that has just begun.
        let begun = ["503 Service Unavailable", "500 Internal Server Error", "403 Forbidden", "403 Forbidden"];
        let begun = begun.map(|status| format!("{status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
        serve(TcpListener::bind(address).await.unwrap(), &begun.each_ref().map(String::as_str)).await;
    });
    cluster.clone().patient_until(Instant::now() + Duration::from_secs(60)).version().await.unwrap();
    back.await.unwrap();
    let begin = Instant::now();
    let late = cluster.patient_until(begin + Duration::from_millis(200)).version().await;
    assert!(matches!(late, Err(Error::Unreachable { .. })) && begin.elapsed() < Duration::from_secs(10), "{late:?}");
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_unreachable() {
    let error = at("https://kubernetes.invalid:6443".into()).version().await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_unreachable_and_the_token_stays_secret() {
    let (port, _) = raw_server("HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let error = at(format!("https://127.0.0.1:{port}")).version().await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    assert!(!format!("{error:?} {}", error.report()).contains("secret-token"));
}

#[tokio::test]
async fn an_answer_cut_in_the_middle_is_tried_again_and_then_told() {
    let (port, served) = raw_server("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"gitVer").await;
    let error = at(format!("http://127.0.0.1:{port}")).version().await.unwrap_err();
    assert!(matches!(error, Error::Cut { .. }), "{error:?}");
    assert_eq!(served.load(Ordering::SeqCst), 5);
}

/// A server that writes the same bytes to every connection and closes it.
async fn raw_server(bytes: &'static str) -> (u16, std::sync::Arc<std::sync::atomic::AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let count = served.clone();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            let mut request = [0; 4096];
            let _ = connection.read(&mut request).await;
            let _ = connection.write_all(bytes.as_bytes()).await;
        }
    });
    (port, served)
}
