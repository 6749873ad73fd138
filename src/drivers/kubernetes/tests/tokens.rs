//! A server that takes short-lived tokens.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use futures::future::BoxFuture;
use serde_json::json;

use crate::drivers::kubernetes::{Bearer, Cluster, Environment, Error, Result, TokenSource};
use crate::drivers::scripted::{Reply, Server};

/// Gives `token-1`, `token-2`, …
struct Numbered {
    given: AtomicU64,
    life: Duration,
}

impl Numbered {
    fn of_life(life: Duration) -> Arc<Self> {
        Arc::new(Self { given: AtomicU64::new(0), life })
    }

    fn given(&self) -> u64 {
        self.given.load(Ordering::SeqCst)
    }
}

impl TokenSource for Numbered {
    fn token(&self) -> BoxFuture<'_, Result<Bearer>> {
        let text = format!("token-{}", self.given.fetch_add(1, Ordering::SeqCst) + 1);
        Box::pin(async move { Ok(Bearer { text, expires_at: SystemTime::now() + self.life }) })
    }
}

struct Without;

impl TokenSource for Without {
    fn token(&self) -> BoxFuture<'_, Result<Bearer>> {
        Box::pin(async { Err(Error::Config { message: "no AWS credentials".into(), way_out: "Log in.".into(), source: None }) })
    }
}

fn authority() -> String {
    rcgen::generate_simple_self_signed(["cluster.example".to_owned()]).unwrap().cert.pem()
}

fn cluster(url: &str, source: Arc<dyn TokenSource>) -> Cluster {
    Cluster::by_token("eks/eu-central-1/prod", url, &authority(), source, &Environment::default()).unwrap()
}

fn version() -> Reply {
    Reply::json(200, &json!({ "major": "1", "minor": "34", "gitVersion": "v1.34.1" }))
}

fn tokens(server: &Server) -> Vec<String> {
    server.asked().into_iter().map(|asked| asked.headers["authorization"].clone()).collect()
}

#[tokio::test]
async fn a_token_is_used_until_shortly_before_its_end() {
    let server = Server::start(|_, _| version()).await;
    let source = Numbered::of_life(Duration::from_secs(2));
    let cluster = cluster(&server.url, source.clone());
    assert_eq!((cluster.id(), cluster.endpoint()), ("eks/eu-central-1/prod", server.url.as_str()));
    assert_eq!(source.given(), 0, "nothing is asked for before the first request");
    cluster.version().await.unwrap();
    cluster.version().await.unwrap();
    assert_eq!(source.given(), 1);
    tokio::time::sleep(Duration::from_millis(1_850)).await;
    cluster.version().await.unwrap();
    assert_eq!(tokens(&server), ["Bearer token-1", "Bearer token-1", "Bearer token-2"]);
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let refused = |_: &_| {
        Reply::json(401, &json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 401, "reason": "Unauthorized" }))
    };
    let server = Server::start(move |asked, before| if before == 0 { refused(asked) } else { version() }).await;
    let source = Numbered::of_life(Duration::from_secs(840));
    cluster(&server.url, source.clone()).version().await.unwrap();
    assert_eq!(tokens(&server), ["Bearer token-1", "Bearer token-2"]);

    let server = Server::start(move |asked, _| refused(asked)).await;
    let source = Numbered::of_life(Duration::from_secs(840));
    let error = cluster(&server.url, source.clone()).version().await.unwrap_err();
    assert!(matches!(error, Error::Unauthorized { .. }), "{error:?}");
    assert!(!format!("{error:?} {}", error.report()).contains("token-"), "{}", error.report());
    assert_eq!(source.given(), 2);
}

#[tokio::test]
async fn without_a_token_nothing_is_sent() {
    let server = Server::start(|_, _| version()).await;
    let error = cluster(&server.url, Arc::new(Without)).version().await.unwrap_err();
    assert_eq!((error.to_string(), error.hint()), ("no AWS credentials".to_owned(), Some("Log in.".to_owned())));
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn where_no_connection_can_be_made_what_is_known_of_it_is_told() {
    let port = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let hint = "The cluster has a private endpoint only, and this machine has no route to it.";
    let cluster = cluster(&format!("http://127.0.0.1:{port}"), Numbered::of_life(Duration::from_secs(840))).when_unreachable(hint);
    let error = cluster.version().await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    assert_eq!(error.hint().as_deref(), Some(hint));
}

#[tokio::test]
async fn the_environments_proxy_is_used_and_what_it_cannot_do_is_told_at_once() {
    let environment = Environment { proxy_url: Some("socks5://p:1080".into()), ..Environment::default() };
    let source = Numbered::of_life(Duration::from_secs(840));
    let error = Cluster::by_token("eks/a/b", "https://cluster.example", &authority(), source.clone(), &environment).unwrap_err();
    assert!(error.report().contains("speaks socks5"), "{}", error.report());

    let proxy = Server::start(|_, _| Reply(403, Vec::new(), String::new())).await;
    let environment = Environment { proxy_url: Some(proxy.url.clone()), ..Environment::default() };
    let cluster = Cluster::by_token("eks/a/b", "https://cluster.example", &authority(), source, &environment).unwrap();
    assert!(matches!(cluster.version().await, Err(Error::Unreachable { .. })));
    assert_eq!(proxy.lines(), ["CONNECT cluster.example:443"]);
}

#[test]
fn an_address_or_authority_that_is_none_is_told_with_the_clusters_name() {
    let source = Numbered::of_life(Duration::ZERO);
    let made = |url: &str, authority: &str| Cluster::by_token("eks/a/b", url, authority, source.clone(), &Environment::default());
    assert!(made("ftp://x", &authority()).unwrap_err().report().contains("neither https nor http"));
    assert!(made("https://x", "random letters").unwrap_err().report().contains("certificate authority of eks/a/b holds no certificate"));
}
