//! Fetching from a server whose answers a test writes down.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// SHA-256 of "kind: x\n".
fn sum(text: &str) -> String {
    hex(digest(&SHA256, text.as_bytes()).as_ref())
}

fn file() -> ReleaseFile {
    ReleaseFile::on_github("o/r", "cert-manager", "v1.2.3", "cert-manager.yaml")
}

/// A server that answers the requests one after the other, the last for ever; its URL and what was asked.
async fn server(answers: Vec<String>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (seen, own) = (Arc::clone(&asked), url.clone());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut buffer = vec![0; 4096];
            let read = stream.read(&mut buffer).await.unwrap_or_default();
            let line = String::from_utf8_lossy(&buffer[..read]).lines().next().unwrap_or_default().to_owned();
            let number = {
                let mut seen = seen.lock().unwrap();
                seen.push(line);
                seen.len() - 1
            };
            let answer = answers[number.min(answers.len() - 1)].replace("{url}", &own);
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.shutdown().await.ok();
        }
    });
    (url, asked)
}

fn ok(text: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}", text.len())
}

fn status(line: &str) -> String {
    format!("HTTP/1.1 {line}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
}

fn moved(to: &str) -> String {
    format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
}

fn mirror(url: &str) -> Releases {
    // A proxy that nobody listens on: a mirror on this machine is reached without.
    let environment = Environment { proxy_url: Some("http://127.0.0.1:9".to_owned()), ..Environment::default() };
    Releases::from(Origin::Url(url.to_owned()), None, environment).unwrap()
}

#[tokio::test]
async fn a_file_is_fetched_under_its_path_and_its_checksum_told() {
    let (url, asked) = server(vec![ok("kind: x\n")]).await;
    let fetched = mirror(&format!("{url}/base/")).fetch(&file(), None).await.unwrap();
    assert_eq!(fetched, Fetched { text: "kind: x\n".to_owned(), sha256: sum("kind: x\n") });
    assert_eq!(*asked.lock().unwrap(), ["GET /base/cert-manager/v1.2.3/cert-manager.yaml HTTP/1.1"]);
}

#[tokio::test]
async fn another_file_than_the_checksum_says_is_refused() {
    let (url, _) = server(vec![ok("kind: y\n")]).await;
    let releases = mirror(&url);
    let upper = sum("kind: y\n").to_uppercase();
    assert!(releases.fetch(&file(), Some(&upper)).await.is_ok());
    let error = releases.fetch(&file(), Some(&sum("kind: x\n"))).await.unwrap_err();
    assert!(error.to_string().contains(&sum("kind: x\n")) && error.to_string().contains(&sum("kind: y\n")), "{error}");
    assert!(error.hint().contains("checksums"));
}

#[tokio::test]
async fn redirects_are_followed_but_not_for_ever() {
    let (url, asked) = server(vec![moved("/there?signature=secret"), moved("{url}/again"), ok("a: 1")]).await;
    assert_eq!(mirror(&url).fetch(&file(), None).await.unwrap().text, "a: 1");
    let lines = asked.lock().unwrap().clone();
    assert_eq!(lines[1..], ["GET /there?signature=secret HTTP/1.1", "GET /again HTTP/1.1"]);
    let (url, _) = server(vec![moved("/round")]).await;
    let error = mirror(&url).fetch(&file(), None).await.unwrap_err();
    assert!(error.to_string().contains("more than 5 times"), "{error}");
    let (url, _) = server(vec![status("302 Found")]).await;
    assert!(mirror(&url).fetch(&file(), None).await.unwrap_err().to_string().contains("nowhere"));
}

#[test]
fn a_redirect_away_from_https_is_refused() {
    let at: Uri = "https://a.example/x".parse().unwrap();
    let to = |location: &str| {
        let response = Response::builder().header(header::LOCATION, location).body(Body::empty()).unwrap();
        next("https://a.example/x", &at, &response)
    };
    assert_eq!(to("/y").unwrap(), "https://a.example/y".parse::<Uri>().unwrap());
    assert!(to("http://a.example/y").unwrap_err().to_string().contains("not encrypted"));
}

#[tokio::test]
async fn a_refusal_tells_address_status_and_way_out() {
    let (url, asked) = server(vec![status("404 Not Found")]).await;
    let error = mirror(&url).fetch(&file(), None).await.unwrap_err();
    assert_eq!(error.to_string(), format!("fetch {url}/cert-manager/v1.2.3/cert-manager.yaml: the server answered 404"));
    assert!(error.hint().contains("such a version"));
    assert_eq!(asked.lock().unwrap().len(), 1, "what is not there is not asked for again");
}

#[tokio::test]
async fn a_server_that_fails_for_a_moment_is_asked_again() {
    let cut = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\nconnection: close\r\n\r\nhalf".to_owned();
    let (url, asked) = server(vec![status("503 Service Unavailable"), cut.clone(), ok("a: 1")]).await;
    assert_eq!(mirror(&url).fetch(&file(), None).await.unwrap().text, "a: 1");
    assert_eq!(asked.lock().unwrap().len(), 3);
    let (url, _) = server(vec![cut]).await;
    let error = mirror(&url).fetch(&file(), None).await.unwrap_err();
    assert!(matches!(error, Error::Cut { .. }), "{error}");
}

#[tokio::test]
async fn a_file_that_is_too_big_is_not_read_to_its_end() {
    let endless = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{}", "x".repeat(2000));
    for answer in [ok(&"x".repeat(2000)), endless] {
        let (url, _) = server(vec![answer]).await;
        let releases = Releases { size_max: 1000, ..mirror(&url) };
        let error = releases.fetch(&file(), None).await.unwrap_err();
        assert!(matches!(error, Error::TooBig { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_directory_is_a_mirror_too() {
    let folder = tempfile::tempdir().unwrap();
    let releases = Releases::from(Origin::Directory(folder.path().to_owned()), None, Environment::default()).unwrap();
    let error = releases.fetch(&file(), None).await.unwrap_err();
    assert!(error.to_string().contains("cert-manager/v1.2.3/cert-manager.yaml") && error.hint().contains("directory"), "{error}");
    let place = folder.path().join("cert-manager/v1.2.3");
    std::fs::create_dir_all(&place).unwrap();
    std::fs::write(place.join("cert-manager.yaml"), "kind: x\n").unwrap();
    assert_eq!(releases.fetch(&file(), Some(&sum("kind: x\n"))).await.unwrap().text, "kind: x\n");
    std::fs::write(place.join("cert-manager.yaml"), [0xff, 0xfe]).unwrap();
    assert!(matches!(releases.fetch(&file(), None).await.unwrap_err(), Error::NotText { .. }));
    let small = Releases { size_max: 1, ..releases };
    assert!(matches!(small.fetch(&file(), None).await.unwrap_err(), Error::TooBig { .. }));
}

#[tokio::test]
async fn what_cannot_be_reached_says_so_without_the_proxy() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dead = listener.local_addr().unwrap();
    drop(listener);
    let environment = Environment { proxy_url: Some(format!("http://user:very-secret@{dead}")), ..Environment::default() };
    let error = Releases::from(Origin::Published, None, environment).unwrap().fetch(&file(), None).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    let said = format!("{} {}", error.report(), error.hint());
    assert!(said.contains("github.com") && said.contains("mirror block") && !said.contains("very-secret"), "{said}");
    assert!(Releases::from(Origin::Published, Some("no pem"), Environment::default()).is_err());
}
