//! A door before API servers: the provider speaks plain HTTP to it, it passes every request on, and when the change it waits for was made it kills the
//! plugin, which never hears the answer. The kubeconfig of a tenant's cluster is replaced on its way, so that what is asked there comes through a door too.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use base64::{Engine, engine::general_purpose::STANDARD};
use futures::AsyncReadExt;
use futures::future::BoxFuture;
use http::{Method, Request};
use kaas_lab::Lab;
use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use nix::sys::signal::{Signal, kill};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt as _, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::killed::plugins_of;

/// What the door is to do, and what it saw.
#[derive(Default)]
struct Watch {
    /// The process of the CLI whose plugin is killed.
    cli: Option<u32>,
    /// Behind which change of this run; 0: none.
    at: usize,
    /// The changes of this run: `PATCH /api/v1/namespaces/kaas-a`.
    changes: Vec<String>,
    /// The ports of the doors to tenants' clusters, by the kubeconfig that leads there.
    inner: HashMap<String, u16>,
}

type Shared = Arc<Mutex<Watch>>;

pub struct Door {
    folder: TempDir,
    watch: Shared,
    _runtime: tokio::runtime::Runtime,
}

/// One request as it came.
struct Asked {
    request: Request<Vec<u8>>,
    /// As [`Watch::changes`] has it, if it changes something.
    change: Option<String>,
}

impl Door {
    /// A door before the management cluster of `lab`, whose context it keeps.
    pub fn before(lab: &Lab) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let watch = Shared::default();
        let text = std::fs::read_to_string(lab.kubeconfig()).unwrap();
        let port = runtime.block_on(open(text, watch.clone())).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("kubeconfig"), leads_to(port, &lab.context())).unwrap();
        Self { folder, watch, _runtime: runtime }
    }

    pub fn kubeconfig(&self) -> PathBuf {
        Path::join(self.folder.path(), "kubeconfig")
    }

    /// Begins a run: its plugin dies behind its change number `at` (0: it lives).
    pub fn kill_at(&self, at: usize) {
        let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        (watch.at, watch.cli) = (at, None);
        watch.changes.clear();
    }

    /// The run's CLI.
    pub fn cli(&self, id: u32) {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner).cli = Some(id);
    }

    /// What the run changed so far.
    pub fn changes(&self) -> Vec<String> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner).changes.clone()
    }
}

/// A kubeconfig that leads to a door.
pub fn leads_to(port: u16, context: &str) -> String {
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": context,
        "contexts": [{"name": context, "context": {"cluster": "door", "user": "door"}}],
        "clusters": [{"name": "door", "cluster": {"server": format!("http://127.0.0.1:{port}")}}],
        "users": [{"name": "door", "user": {}}],
    })
    .to_string()
}

/// Opens a door before the cluster of a kubeconfig. Boxed, for doors open further ones.
fn open(kubeconfig: String, watch: Shared) -> BoxFuture<'static, Result<u16>> {
    Box::pin(opened(kubeconfig, watch))
}

async fn opened(kubeconfig: String, watch: Shared) -> Result<u16> {
    let mut config = Config::from_custom_kubeconfig(Kubeconfig::from_yaml(&kubeconfig)?, &KubeConfigOptions::default()).await?;
    (config.proxy_url, config.read_timeout) = (None, None);
    let client = Client::try_from(config)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (client, watch) = (client.clone(), watch.clone());
            // A connection that breaks off is the provider's end or ours.
            tokio::spawn(async move { serve(stream, &client, &watch).await.ok() });
        }
    });
    Ok(port)
}

async fn serve(stream: TcpStream, client: &Client, watch: &Shared) -> Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(Asked { request, change }) = read(&mut stream).await? {
        if request.uri().query().is_some_and(|query| query.contains("watch=true")) {
            return stay(&mut stream, client, request).await;
        }
        let is_kubeconfig = request.method() == Method::GET && request.uri().path().ends_with("-kubeconfig");
        let answer = client.send(request.map(Body::from)).await?;
        let (parts, body) = answer.into_parts();
        let mut body = body.collect_bytes().await?.to_vec();
        if is_kubeconfig && parts.status.is_success() {
            body = replaced(&body, watch).await?;
        }
        // What was refused, or there is nothing of, changes nothing.
        if let Some(change) = change.filter(|_| parts.status.is_success())
            && is_the_last(change, watch)
        {
            return Ok(());
        }
        let kind = parts.headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or("application/json");
        let head = format!("HTTP/1.1 {}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n", parts.status.as_u16(), body.len());
        stream.write_all(&[head.as_bytes(), &body].concat()).await?;
    }
    Ok(())
}

/// None: the connection ended.
async fn read(stream: &mut BufReader<TcpStream>) -> Result<Option<Asked>> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let (method, rest) = line.split_once(' ').context("read a request")?;
    let path = rest.split_whitespace().next().context("read a path")?;
    let mut request = Request::builder().method(method).uri(path);
    let is_change = !["GET", "HEAD"].contains(&method);
    let change = is_change.then(|| format!("{method} {}", path.split('?').next().unwrap_or_default()));
    let mut length = 0;
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).await?;
        let Some((name, value)) = header.trim().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse()?,
            "accept" | "content-type" | "user-agent" => request = request.header(name, value),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(Some(Asked { request: request.body(body)?, change }))
}

/// Passes on what a watch tells, for as long as it lasts.
async fn stay(stream: &mut BufReader<TcpStream>, client: &Client, request: Request<Vec<u8>>) -> Result<()> {
    let mut told = Box::pin(client.request_stream(request).await?);
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n").await?;
    let (mut buffer, mut ended) = (vec![0; 64 * 1024], [0; 1]);
    loop {
        let length = tokio::select! {
            length = told.read(&mut buffer) => length?,
            // The provider has seen enough.
            _ = stream.read(&mut ended) => return Ok(()),
        };
        stream.write_all(&[format!("{length:x}\r\n").as_bytes(), &buffer[..length], b"\r\n"].concat()).await?;
        if length == 0 {
            return Ok(());
        }
    }
}

/// A Secret with a kubeconfig that leads through a door.
async fn replaced(secret: &[u8], watch: &Shared) -> Result<Vec<u8>> {
    let mut secret: Value = serde_json::from_slice(secret)?;
    let text = String::from_utf8(STANDARD.decode(secret["data"]["value"].as_str().context("find a kubeconfig")?)?)?;
    let known = watch.lock().unwrap_or_else(PoisonError::into_inner).inner.get(&text).copied();
    let port = match known {
        Some(port) => port,
        None => open(text.clone(), watch.clone()).await?,
    };
    watch.lock().unwrap_or_else(PoisonError::into_inner).inner.insert(text, port);
    secret["data"]["value"] = json!(STANDARD.encode(leads_to(port, "tenant")));
    Ok(serde_json::to_vec(&secret)?)
}

/// Notes a change that was made, and kills the plugin if it is the one.
fn is_the_last(change: String, watch: &Shared) -> bool {
    let mut watch = watch.lock().unwrap_or_else(PoisonError::into_inner);
    watch.changes.push(change);
    if watch.at == 0 || watch.changes.len() < watch.at {
        return false;
    }
    for plugin in watch.cli.map(plugins_of).unwrap_or_default() {
        // It may have ended by itself.
        let _ = kill(plugin, Signal::SIGKILL);
    }
    true
}
