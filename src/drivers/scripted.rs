//! An HTTP server on this machine whose answers a test writes down, and that keeps what it was asked.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Method, path and query: `GET /clusters/prod`.
    pub line: String,
    /// By name in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Asked {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

/// An answer: HTTP status, headers and body. Status 0: none, the connection is closed.
pub struct Reply(pub u16, pub Vec<(&'static str, String)>, pub String);

impl Reply {
    pub fn json(status: u16, body: &Value) -> Self {
        Self(status, vec![("content-type", "application/json".to_owned())], body.to_string())
    }

    /// The request is carried out and its answer is lost.
    pub fn lost() -> Self {
        Self(0, Vec::new(), String::new())
    }
}

/// The server: it ends with the test's runtime.
#[derive(Clone)]
pub struct Server {
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// `answer` is called with a request and the number of those before it.
    pub async fn start(answer: impl Fn(&Asked, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self { url: format!("http://{}", listener.local_addr().unwrap()), asked: Arc::default() };
        let (asked, answer) = (server.asked.clone(), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let (asked, answer) = (asked.clone(), answer.clone());
                tokio::spawn(async move { serve(connection, &asked, &*answer).await });
            }
        });
        server
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub fn lines(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.line).collect()
    }

    /// The requests whose line is this.
    pub fn asked_for(&self, line: &str) -> Vec<Asked> {
        self.asked().into_iter().filter(|asked| asked.line == line).collect()
    }
}

/// One request for each connection.
async fn serve(mut connection: TcpStream, log: &Mutex<Vec<Asked>>, answer: &(impl Fn(&Asked, usize) -> Reply + ?Sized)) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(connection.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.lines();
    let line = lines.next()?.trim_end_matches(" HTTP/1.1").to_owned();
    let headers: BTreeMap<String, String> =
        lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    let mut body = vec![0; headers.get("content-length").map_or(0, |length| length.parse().unwrap())];
    connection.read_exact(&mut body).await.ok()?;
    let asked = Asked { line, headers, body: String::from_utf8(body).unwrap() };
    let Reply(status, headers, body) = {
        let mut log = log.lock().unwrap();
        log.push(asked.clone());
        answer(&asked, log.len() - 1)
    };
    if status == 0 {
        return None;
    }
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let text = format!("HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    connection.write_all(text.as_bytes()).await.ok()
}
