//! The driver against an API server whose answers a test writes down.

mod config;
mod failures;
mod proxied;
mod reads;
mod tokens;
mod waits;
mod writes;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use http::{Request, Response};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};

use super::{Cluster, Connect};
use crate::domain::object::{Kind, Manifest, ObjectRef};

/// What the server does with one request.
#[derive(Clone)]
pub enum Reply {
    Json(u16, Value),
    Text(u16, &'static str),
    RetryAfter(u16, u64),
    /// Closes the connection without an answer.
    Broken,
    /// Never answers.
    Silent,
}

#[derive(Clone, Debug)]
pub struct Seen {
    /// Method and URL: `GET /api/v1/namespaces/a`.
    line: String,
    content_type: String,
    body: String,
}

/// The requests a server saw, and how often a client was made for it.
#[derive(Clone, Default)]
pub struct Log {
    seen: Arc<Mutex<Vec<Seen>>>,
    logins: Arc<AtomicU64>,
}

impl Log {
    pub fn lines(&self) -> Vec<String> {
        self.seen.lock().unwrap().iter().map(|seen| seen.line.clone()).collect()
    }

    pub fn matching(&self, part: &str) -> usize {
        self.lines().iter().filter(|line| line.contains(part)).count()
    }

    /// What was sent with the requests whose line holds `part`.
    pub fn bodies(&self, part: &str) -> Vec<Value> {
        let seen = self.seen.lock().unwrap();
        seen.iter().filter(|seen| seen.line.contains(part)).map(|seen| serde_json::from_str(&seen.body).unwrap()).collect()
    }

    fn last(&self) -> Seen {
        self.seen.lock().unwrap().last().unwrap().clone()
    }

    fn logins(&self) -> u64 {
        self.logins.load(Ordering::SeqCst)
    }
}

/// A cluster whose answers come from `answer`, called with `GET /path?query` and the number of requests before this one.
pub fn server(answer: impl Fn(&str, usize) -> Reply + Send + Sync + 'static) -> (Cluster, Log) {
    let log = Log::default();
    let answer = Arc::new(answer);
    let kept = log.clone();
    let connect: Connect = Box::new(move || {
        kept.logins.fetch_add(1, Ordering::SeqCst);
        let (log, answer) = (kept.clone(), answer.clone());
        let service = tower::service_fn(move |request: Request<Body>| respond(request, log.clone(), answer.clone()));
        Box::pin(async move { Ok(Client::new(service, "default").into()) })
    });
    (Cluster::new("context/test".into(), "https://test:6443".into(), "test:6443".into(), None, connect), log)
}

async fn respond(request: Request<Body>, log: Log, answer: Arc<impl Fn(&str, usize) -> Reply>) -> Result<Response<Body>, std::io::Error> {
    let line = format!("{} {}", request.method(), request.uri());
    let content_type = request.headers().get("content-type").map_or("", |value| value.to_str().unwrap()).to_owned();
    let body = request.into_body().collect_bytes().await.unwrap();
    let before = {
        let mut seen = log.seen.lock().unwrap();
        seen.push(Seen { line: line.clone(), content_type, body: String::from_utf8(body.to_vec()).unwrap() });
        seen.len() - 1
    };
    // Lets concurrent readers meet.
    tokio::task::yield_now().await;
    let (code, retry_after, text) = match answer(&line, before) {
        Reply::Json(code, value) => (code, None, value.to_string()),
        Reply::Text(code, text) => (code, None, text.to_owned()),
        Reply::RetryAfter(code, seconds) => (code, Some(seconds), json!({"kind": "Status", "code": code}).to_string()),
        Reply::Broken => return Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset)),
        Reply::Silent => std::future::pending().await,
    };
    let mut response = Response::builder().status(code);
    if let Some(seconds) = retry_after {
        response = response.header("retry-after", seconds);
    }
    Ok(response.body(Body::from(text.into_bytes())).unwrap())
}

fn kafka(name: &str) -> ObjectRef {
    ObjectRef::namespaced(Kind::Kafka, format!("kaas-{name}"), name)
}

fn manifest(object: &ObjectRef) -> Manifest {
    let api = object.kind.api();
    let metadata = json!({"name": object.name, "namespace": object.namespace});
    Manifest { object: object.clone(), body: json!({"apiVersion": api.api_version(), "kind": api.kind, "metadata": metadata}) }
}

/// An object as a server returns it, with the book-keeping that the driver drops.
fn stored(name: &str, version: &str) -> Value {
    json!({
        "apiVersion": "kafka.strimzi.io/v1", "kind": "Kafka",
        "metadata": {"name": name, "namespace": format!("kaas-{name}"), "resourceVersion": version, "managedFields": [{"manager": "x"}]},
        "spec": {"kafka": {"version": "4.1.0"}},
    })
}

fn list_of(items: &[Value]) -> Value {
    json!({"kind": "KafkaList", "apiVersion": "kafka.strimzi.io/v1", "metadata": {"resourceVersion": "10"}, "items": items})
}

/// A refusal as an API server words it.
pub fn status(code: u16, reason: &str, message: &str, name: &str) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message,
        "details": {"name": name, "kind": "kafkas"}})
}
