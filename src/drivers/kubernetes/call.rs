//! One HTTP request to the API server: its URL, its deadline, its retries, and what its failure means.

use std::sync::atomic::Ordering;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use bytes::Bytes;
use http::{Method, Request, header};
use kube::client::{AuthError, Body};
use kube::core::Status;
use tokio::time::Instant;

use super::Cluster;
use super::error::{Act, Answer, Cause, Error, Result};
use crate::domain::object::{Kind, ObjectRef};

/// How long the server may take for one answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// No try begins later than this after the first, unless the server names the pause itself or is away.
const RETRY_WINDOW: Duration = Duration::from_secs(30);
/// Pauses that the server asks for are taken for this long, where the caller sets no deadline.
const ASKED_WINDOW: Duration = Duration::from_secs(120);
const TRIES: usize = 5;
/// A server that was reached and is away may be restarting, as in an upgrade of its cluster: a caller with a deadline waits this long for it to come back.
const RESTART_WINDOW: Duration = Duration::from_secs(180);
/// How long it is left alone between tries, in first pauses.
const RESTART_PAUSE: u32 = 10;

pub(super) const JSON: &str = "application/json";
/// Objects reduced to their metadata. Source: Kubernetes API concepts, "Metadata-only requests".
pub(super) const METADATA_LIST: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";

/// A request as it can be made several times.
pub(super) struct Call {
    pub act: Act,
    pub method: Method,
    /// Path and query.
    pub path: String,
    /// What the answer should be.
    pub accept: &'static str,
    pub content_type: &'static str,
    pub body: Vec<u8>,
    /// Whether a second try does no harm when the first one was carried out and only its answer was lost.
    pub repeatable: bool,
}

impl Call {
    pub fn get(act: Act, path: String) -> Self {
        Self { act, method: Method::GET, path, accept: JSON, content_type: JSON, body: Vec::new(), repeatable: true }
    }

    fn counted_as(&self) -> String {
        let what = self.act.kind().map_or("server", |kind| kind.api().plural);
        format!("{} {what}", if self.act.kind().is_some() { self.act.verb } else { "ask" })
    }

    fn request(&self) -> std::result::Result<Request<Body>, http::Error> {
        Request::builder()
            .method(&self.method)
            .uri(&self.path)
            .header(header::ACCEPT, self.accept)
            .header(header::CONTENT_TYPE, self.content_type)
            .body(Body::from(self.body.clone()))
    }
}

/// `/apis/<group>/<version>`, or `/api/v1` for the core group.
pub(super) fn group_path(kind: Kind) -> String {
    let api = kind.api();
    if api.group.is_empty() { format!("/api/{}", api.version) } else { format!("/apis/{}/{}", api.group, api.version) }
}

/// The URL of all objects of a kind, in one namespace or in all.
pub(super) fn kind_path(kind: Kind, namespace: Option<&str>) -> String {
    let api = kind.api();
    match namespace {
        Some(namespace) if api.namespaced => format!("{}/namespaces/{}/{}", group_path(kind), escape(namespace), api.plural),
        _ => format!("{}/{}", group_path(kind), api.plural),
    }
}

/// The URL of one object. An object without its name or namespace has none: it would be the URL of all of them.
pub(super) fn object_path(object: &ObjectRef) -> Result<String> {
    let needs_namespace = object.kind.api().namespaced && object.namespace.as_deref().unwrap_or_default().is_empty();
    if object.name.is_empty() || needs_namespace {
        return Err(Error::config(format!("{object} lacks its name or its namespace"), "Give the object's full name."));
    }
    Ok(format!("{}/{}", kind_path(object.kind, object.namespace.as_deref()), escape(&object.name)))
}

/// Percent-encodes all but RFC 3986's unreserved characters.
pub(super) fn escape(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

impl Cluster {
    /// The answer's body; tries again where that may help and can do no harm.
    pub(super) async fn send(&self, call: Call) -> Result<Bytes> {
        let pauses = || {
            let pauses = ExponentialBuilder::default().with_min_delay(self.inner.first_pause).with_max_delay(Duration::from_secs(8));
            pauses.with_max_times(TRIES - 1).with_jitter().build()
        };
        let (mut begin, mut delays) = (Instant::now(), pauses());
        let (mut renewed, mut away, mut is_back) = (false, false, false);
        loop {
            let reached_before = self.inner.reached.load(Ordering::Relaxed);
            let (generation, outcome) = self.try_once(&call).await;
            let error = match outcome {
                Ok(body) => return Ok(body),
                Err(error) => error,
            };
            if matches!(error, Error::Unauthorized { .. }) && !renewed {
                renewed = true;
                self.renew(generation).await;
                continue;
            }
            let is_away = matches!(error, Error::Unreachable { .. });
            if away && !is_away {
                (is_back, begin, delays) = (true, Instant::now(), pauses());
            }
            away = is_away;
            let again = match &error {
                // A server that has just begun knows nobody's rights yet.
                Error::Forbidden { .. } => is_back,
                // A server never seen is more likely a wrong address than one being restarted.
                Error::Unreachable { .. } => reached_before,
                Error::Throttled { .. } => true,
                other => call.repeatable && other.is_retryable(),
            };
            let asked = error.answer().and_then(|answer| answer.retry_after).filter(|pause| !pause.is_zero());
            let (pause, until) = match asked {
                // Who asks for a pause will answer after it: that is no failed try.
                Some(asked) => (Some(asked), self.deadline.unwrap_or(begin + ASKED_WINDOW)),
                None => match self.deadline.filter(|_| is_away) {
                    Some(deadline) => {
                        (delays.next().or(Some(self.inner.first_pause * RESTART_PAUSE)), deadline.min(begin + RESTART_WINDOW))
                    }
                    None => (delays.next(), begin + RETRY_WINDOW),
                },
            };
            let Some(delay) = pause.filter(|pause| again && Instant::now() + *pause <= until) else { return Err(error) };
            tracing::debug!(act = %call.act, error = %error.report(), delay_ms = delay.as_millis(), "trying again");
            tokio::select! {
                () = self.stop.cancelled() => return Err(error),
                () = tokio::time::sleep(delay) => {}
            }
        }
    }

    async fn try_once(&self, call: &Call) -> (u64, Result<Bytes>) {
        let (generation, client) = match self.client().await {
            Ok(client) => client,
            Err(error) => return (0, Err(error)),
        };
        let request = match call.request() {
            Ok(request) => request,
            Err(source) => {
                let message = format!("{}: {} is no URL", call.act, call.path);
                return (
                    generation,
                    Err(Error::Config { message, way_out: "Correct the name.".into(), source: Some(Cause::from(Box::from(source))) }),
                );
            }
        };
        self.inner.counts.add(&call.counted_as());
        let exchange = async {
            let response = client.send(request).await.map_err(|error| self.lost(&call.act, error))?;
            self.inner.reached.store(true, Ordering::Relaxed);
            let (parts, body) = response.into_parts();
            let body = body.collect_bytes().await.map_err(|error| self.lost(&call.act, error))?;
            if parts.status.is_success() {
                return Ok(body);
            }
            let retry_after = parts.headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
            Err(Error::from_answer(call.act.clone(), answer(parts.status.as_u16(), retry_after, &body)))
        };
        let begin = Instant::now();
        let outcome = tokio::time::timeout(ANSWER_TIMEOUT, exchange).await.unwrap_or_else(|_| {
            let seconds = ANSWER_TIMEOUT.as_secs();
            Err(Error::TimedOut { act: call.act.clone(), host: self.inner.address.clone(), seconds })
        });
        tracing::debug!(act = %call.act, millis = begin.elapsed().as_millis(), ok = outcome.is_ok(), "asked the API server");
        (generation, outcome)
    }

    /// What it means that no complete answer came.
    fn lost(&self, act: &Act, error: kube::Error) -> Error {
        if let Some(credentials) = credentials_error(&act.to_string(), &error) {
            return credentials;
        }
        let connecting = chain(&error).any(|cause| {
            cause.downcast_ref::<hyper_util::client::legacy::Error>().is_some_and(hyper_util::client::legacy::Error::is_connect)
        });
        let source: Cause = match error {
            kube::Error::Service(source) => source.into(),
            other => Cause::from(Box::from(other)),
        };
        if connecting {
            Error::Unreachable { act: act.clone(), host: self.inner.address.clone(), hint: self.unreachable_hint.clone(), source }
        } else {
            Error::Cut { act: act.clone(), source }
        }
    }
}

fn chain<'a>(error: &'a (dyn std::error::Error + 'static)) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
}

/// Tells a failure to obtain credentials from others. What an exec plugin wrote to its stdout is never shown: it may be the token.
pub(super) fn credentials_error(act: &str, error: &kube::Error) -> Option<Error> {
    let way_out = "Run the exec plugin's command by hand: it must print an ExecCredential. Or set token or client_certificate.";
    let message = match chain(error).find_map(|cause| cause.downcast_ref::<AuthError>())? {
        AuthError::AuthExecRun { out, .. } => {
            format!("the exec plugin ended with {}: {}", out.status, String::from_utf8_lossy(&out.stderr).trim())
        }
        AuthError::AuthExecStart(source) => format!("the exec plugin cannot be started: {source}"),
        AuthError::AuthExecParse(_) => "the exec plugin printed something that is not an ExecCredential".to_owned(),
        other => other.to_string(),
    };
    Some(Error::config(format!("{act}: no credentials: {message}"), way_out))
}

fn answer(code: u16, retry_after_s: Option<u64>, body: &[u8]) -> Answer {
    let header = retry_after_s.map(Duration::from_secs);
    let Ok(status) = serde_json::from_slice::<Status>(body) else {
        let text = String::from_utf8_lossy(body);
        return Answer { code, message: text.trim().chars().take(300).collect(), retry_after: header, ..Answer::default() };
    };
    let details = status.details;
    let in_body = details.as_ref().map(|details| u64::from(details.retry_after_seconds)).filter(|seconds| *seconds > 0);
    Answer {
        code,
        reason: status.reason,
        message: status.message,
        fields: details.iter().flat_map(|details| &details.causes).map(|cause| (cause.field.clone(), cause.message.clone())).collect(),
        about: details.filter(|details| !details.name.is_empty()).map(|details| format!("{}/{}", details.kind, details.name)),
        retry_after: header.or(in_body.map(Duration::from_secs)),
    }
}
