//! What a plan asks for tenants with clusters of their own: the management cluster once for all of them, and each of their clusters over one connection.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kaas::domain::manifests::HOME_KINDS;
use kaas::domain::object::Kind;
use kaas_lab::Lab;
use kaas_lab::terraform::Engine;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};

use super::killed_door::leads_to;
use super::world::{hard_with, ready};
use crate::acceptance::place::Place;

/// What one run asked.
#[derive(Clone, Debug, Default)]
struct Asked {
    /// Requests to the management cluster: `GET /api/v1/namespaces`.
    requests: BTreeMap<String, usize>,
    /// Connections to the clusters of tenants, by the request for the Secret that leads there.
    connections: BTreeMap<String, usize>,
}

type Shared = Arc<Mutex<Asked>>;

fn locked(asked: &Shared) -> MutexGuard<'_, Asked> {
    asked.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Stands before the management cluster for the provider alone, whose questions it counts. A kubeconfig of a tenant's cluster is replaced on its way, so that the
/// provider goes through a door there too, and the controllers that read the same Secret do not.
struct Door {
    folder: TempDir,
    asked: Shared,
    _runtime: tokio::runtime::Runtime,
}

impl Door {
    fn before(lab: &Lab) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let asked = Shared::default();
        let port = runtime.block_on(open(lab.kubeconfig(), asked.clone())).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("kubeconfig"), leads_to(port, &lab.context())).unwrap();
        Self { folder, asked, _runtime: runtime }
    }

    /// What a plan asks that has nothing to do.
    fn planned(&self, place: &Place) -> Asked {
        *locked(&self.asked) = Asked::default();
        let mut command = place.workspace.command(&["plan", "-no-color", "-detailed-exitcode"]);
        let out = command.env("TF_VAR_kubeconfig", self.folder.path().join("kubeconfig")).output().unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
        assert_eq!(out.status.code(), Some(0), "{said}");
        locked(&self.asked).clone()
    }
}

/// Opens the door before the cluster of a kubeconfig file.
async fn open(kubeconfig: PathBuf, asked: Shared) -> Result<u16> {
    let client = kaas_lab::client(&kubeconfig).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (client, asked) = (client.clone(), asked.clone());
            let answer = service_fn(move |request| pass(request, client.clone(), asked.clone()));
            let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
            // One that breaks off is the provider's end.
            tokio::spawn(async move { connection.await.ok() });
        }
    });
    Ok(port)
}

/// Passes a request on, and its answer back.
async fn pass(request: Request<Incoming>, client: Client, asked: Shared) -> Result<Response<Full<Bytes>>> {
    let (head, body) = request.into_parts();
    let what = format!("{} {}", head.method, head.uri.path());
    *locked(&asked).requests.entry(what.clone()).or_default() += 1;
    let mut onward = Request::builder().method(head.method).uri(head.uri);
    for name in ["accept", "content-type"] {
        if let Some(value) = head.headers.get(name) {
            onward = onward.header(name, value.clone());
        }
    }
    let body = body.collect().await?.to_bytes();
    let (head, body) = client.send(onward.body(Body::from(body))?).await?.into_parts();
    let mut body = body.collect_bytes().await?;
    if what.ends_with("-kubeconfig") && head.status.is_success() {
        body = through_a_door(&body, what, asked).await?.into();
    }
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = head.status;
    if let Some(kind) = head.headers.get("content-type") {
        answer.headers_mut().insert("content-type", kind.clone());
    }
    Ok(answer)
}

/// The Secret with a kubeconfig that leads through a new door, which carries what it does not understand: the connection is encrypted from end to end.
async fn through_a_door(secret: &[u8], what: String, asked: Shared) -> Result<Vec<u8>> {
    let mut secret: Value = serde_json::from_slice(secret)?;
    let text = STANDARD.decode(secret["data"]["value"].as_str().context("find a kubeconfig")?)?;
    let mut kubeconfig: Value = serde_norway::from_slice(&text)?;
    let address = &mut kubeconfig["clusters"][0]["cluster"]["server"];
    let server = address.as_str().and_then(|url| url.strip_prefix("https://")).context("find a server")?.to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    *address = json!(format!("https://{}", listener.local_addr()?));
    secret["data"]["value"] = json!(STANDARD.encode(kubeconfig.to_string()));
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            *locked(&asked).connections.entry(what.clone()).or_default() += 1;
            let server = server.clone();
            tokio::spawn(async move {
                let mut server = TcpStream::connect(server).await?;
                tokio::io::copy_bidirectional(&mut client, &mut server).await
            });
        }
    });
    Ok(serde_json::to_vec(&secret)?)
}

/// The request for all objects of a kind.
fn list(kind: Kind) -> String {
    let api = kind.api();
    let group = if api.group.is_empty() { "api".to_owned() } else { format!("apis/{}", api.group) };
    format!("GET /{group}/{}/{}", api.version, api.plural)
}

/// The request for the Secret that leads to a tenant's cluster.
fn secret(tenant: &str) -> String {
    format!("GET /api/v1/namespaces/kaas-{tenant}/secrets/{tenant}-kubeconfig")
}

#[test]
fn a_plan_asks_for_two_clusters_what_it_asks_for_one_and_opens_one_connection_to_each() {
    let (door, place) = (Door::before(ready()), Place::new(Engine::OpenTofu, ready()));
    // Whose cluster it is, and where charts come from.
    let others = ["GET /api/v1/namespaces/kube-system", "GET /api/v1/namespaces/kaas-system/configmaps/kaas-mirror"];
    let shared: Vec<String> = HOME_KINDS.into_iter().map(list).chain(others.map(str::to_owned)).collect();
    let once = |requests: &[String]| requests.iter().map(|request| (request.clone(), 1)).collect::<BTreeMap<String, usize>>();
    for tenants in 1..=2 {
        place.configure(&hard_with("asked-${count.index}", "", &format!("count = {tenants}")));
        place.apply();
        let asked = door.planned(&place);
        let secrets: Vec<String> = (0..tenants).map(|number| secret(&format!("asked-{number}"))).collect();
        assert_eq!(asked.requests, once(&[shared.as_slice(), &secrets].concat()), "for {tenants}");
        assert_eq!(asked.connections, once(&secrets), "for {tenants}");
    }
    place.destroy();
}
