//! The door of this AWS: requests for EKS are answered here, those for other services go to moto as they are. Tokens of clusters are judged here too, and
//! faults and settings are ordered below `/_lab/`, which is no path of AWS.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use super::eks::refusal::Refusal;
use super::eks::state::{Cluster, State};
use super::faults::{Fault, issue};
use super::keys::{Key, Keys};
use super::moto::Moto;
use super::settings::Change;
use super::signature::Authorization;
use super::{Options, requests, token};

/// Where API servers ask who a token belongs to; the cluster's uid follows.
pub const AUTHENTICATE: &str = "/_lab/authenticate/";

/// What all requests share.
pub struct Front {
    pub options: Options,
    pub moto: Moto,
    state: Mutex<State>,
    keys: Mutex<Keys>,
}

/// The answer to a request; none: the connection is cut.
pub type Reply = Option<Response<Full<Bytes>>>;

/// The connection is cut on purpose.
#[derive(Debug, thiserror::Error)]
#[error("the response is lost, as ordered")]
struct Lost;

impl Front {
    /// With what the files of an earlier one say.
    pub fn open(options: Options) -> Result<Self> {
        let state = State::read(&options.data_dir.join("eks.json"))?;
        let keys = Keys::read(&options.data_dir.join("keys.json"))?;
        Ok(Self { moto: Moto { port: options.moto }, options, state: Mutex::new(state), keys: Mutex::new(keys) })
    }

    /// Looks at the state or changes it; a change is written down.
    pub fn with_state<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let before = state.clone();
        let outcome = act(&mut state);
        if *state != before
            && let Err(error) = state.write(&self.file("eks.json"))
        {
            tracing::error!("{error:#}");
        }
        outcome
    }

    /// Changes one cluster, if it is still that of `uid`.
    pub fn with_cluster(&self, key: &str, uid: &str, act: impl FnOnce(&mut Cluster)) {
        self.with_state(|state| {
            if let Some(cluster) = state.clusters.get_mut(key).filter(|cluster| cluster.uid == uid) {
                act(cluster);
            }
        });
    }

    fn keys(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn key(&self, id: &str) -> Option<Key> {
        self.keys().get(id).cloned()
    }

    /// Changes the keys and writes them down.
    pub fn change_keys(&self, change: impl FnOnce(&mut Keys)) {
        let mut keys = self.keys();
        change(&mut keys);
        if let Err(error) = keys.write(&self.file("keys.json")) {
            tracing::error!("{error:#}");
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.options.data_dir.join(name)
    }

    /// Answers a request to the lab itself.
    fn own(&self, path: &str, body: &[u8]) -> Result<Value> {
        match path {
            "/_lab/health" => Ok(json!("ok")),
            "/_lab/settings" => {
                let change: Change = serde_json::from_slice(body).context("read the settings")?;
                self.with_state(|state| state.settings.change(&change));
                Ok(json!({}))
            }
            "/_lab/fault" => self.order(&serde_json::from_slice(body).context("read the fault")?).map(|()| json!({})),
            _ => match path.strip_prefix(AUTHENTICATE) {
                Some(uid) => self.review(uid, body),
                None => anyhow::bail!("there is nothing at {path}"),
            },
        }
    }

    fn order(&self, fault: &Fault) -> Result<()> {
        self.with_state(|state| {
            let Fault::DegradeAddOn { cluster, add_on, code, message } = fault else {
                state.faults.order(fault);
                return Ok(());
            };
            let found = state.clusters.values_mut().filter(|found| found.name() == cluster).find_map(|found| found.add_ons.get_mut(add_on));
            let view = &mut found.with_context(|| format!("find the add-on {add_on} of the cluster {cluster}"))?.view;
            view.insert("status".to_owned(), json!("DEGRADED"));
            view.insert("health".to_owned(), json!({"issues": [issue(code, message)]}));
            Ok(())
        })
    }

    /// Answers an API server's TokenReview.
    fn review(&self, uid: &str, body: &[u8]) -> Result<Value> {
        let review: Value = serde_json::from_slice(body).context("read the review")?;
        let given = review["spec"]["token"].as_str().unwrap_or_default();
        let (found, lifetime) =
            self.with_state(|state| (state.clusters.values().find(|cluster| cluster.uid == uid).cloned(), state.settings.token_lifetime_s));
        let judged = found.context("find the cluster").and_then(|cluster| {
            let key = token::check(given, cluster.name(), now(), lifetime, |id| self.key(id))?;
            let missing = || format!("{} has no access entry", key.principal);
            let (username, groups) = super::eks::access_entries::identity(&cluster, &key.principal, key.session()).with_context(missing)?;
            Ok(json!({"authenticated": true, "user": {"username": username, "uid": key.principal, "groups": groups,
                "extra": {"arn": [key.caller], "canonicalArn": [key.principal]}}}))
        });
        let status = judged.unwrap_or_else(|error| {
            tracing::info!("a token is refused: {error:#}");
            json!({"authenticated": false, "error": format!("{error:#}")})
        });
        Ok(json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "status": status}))
    }
}

/// Answers requests until the process ends.
///
/// # Errors
/// When the port is taken.
pub async fn serve(front: Arc<Front>) -> Result<()> {
    let address = (Ipv4Addr::LOCALHOST, front.options.port);
    let listener = TcpListener::bind(address).await.with_context(|| format!("listen on port {}: address already in use?", address.1))?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(connection(front.clone(), stream));
    }
}

async fn connection(front: Arc<Front>, stream: TcpStream) {
    let answer = service_fn(|request| {
        let front = front.clone();
        async move { handle(&front, request).await.ok_or(Lost) }
    });
    if let Err(error) = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await {
        tracing::debug!("a connection ended: {error}");
    }
}

async fn handle(front: &Front, request: Request<Incoming>) -> Reply {
    let (mut head, body) = request.into_parts();
    // Whoever takes this for a proxy names the whole address; which service it is for stands in `Host` and in the signature.
    if let Some(path) = head.uri.path_and_query().filter(|_| head.uri.authority().is_some()) {
        head.uri = path.clone().into();
    }
    let body = match body.collect().await {
        Ok(whole) => whole.to_bytes(),
        Err(error) => return Some(refused(&Refusal::request(error.to_string()))),
    };
    let path = head.uri.path();
    if path.starts_with("/_lab/") {
        return Some(match front.own(path, &body) {
            Ok(answer) => json_response(StatusCode::OK, &answer),
            Err(error) => json_response(StatusCode::BAD_REQUEST, &json!({"message": format!("{error:#}")})),
        });
    }
    let authorization = head.headers.get(header::AUTHORIZATION).and_then(|value| Authorization::parse(value.to_str().ok()?));
    match authorization {
        Some(authorization) if authorization.scope.service == "eks" => requests::eks(front, &head, &body, &authorization).await,
        _ => requests::others(front, head, body).await,
    }
}

/// A refusal as EKS gives it.
pub fn refused(refusal: &Refusal) -> Response<Full<Bytes>> {
    tracing::info!("refused: {refusal}");
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = json_response(status, &json!({"message": refusal.message}));
    response.headers_mut().insert("x-amzn-errortype", header::HeaderValue::from_static(refusal.code));
    response
}

pub fn json_response(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    if let Ok(id) = super::eks::new_uuid().parse() {
        response.headers_mut().insert("x-amzn-requestid", id);
    }
    response
}

/// An answer of a service that speaks XML.
pub fn xml_response(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/xml"));
    response
}

/// Seconds since 1970.
pub fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |passed| passed.as_secs_f64())
}
