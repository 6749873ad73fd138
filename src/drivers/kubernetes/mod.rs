//! One Kubernetes API server: a lazy connection, reads that share one LIST per kind, server-side apply, deletes and waits.
//!
//! May know how Kubernetes answers; knows nothing of what the objects mean. Objects are plain JSON values, always with `apiVersion`
//! and `kind`, never with `metadata.managedFields`.

mod access;
mod any;
mod behind;
mod call;
mod client;
mod config;
mod count;
mod error;
pub(super) mod proxy;
mod read;
mod resolve;
mod snapshot;
#[cfg(test)]
pub mod tests;
mod token;
mod wait;
mod write;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};

use futures::future::BoxFuture;
use kube::Client;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use any::AnyKinds;
pub use config::{Environment, ExecConfig, KubernetesConfig};
pub use error::{Act, Answer, Cause, Error, Result, Target};
pub use token::{Bearer, TokenSource};
pub use wait::{Probe, Waited};
pub use write::Propagation;

/// Watches at the same time. All requests share a connection, on which an API server answers 100 at once (`--http2-max-streams-per-connection`, as k8s.io/apiserver
/// presets it); watches last, and everything else would wait behind them.
const WATCHES_MAX: usize = 40;

/// Makes a client, and so loads credentials anew.
type Connect = Box<dyn Fn() -> BoxFuture<'static, Result<Login>> + Send + Sync>;

/// A client, and when its credentials are to be loaded anew; None: when they are refused.
#[derive(Clone)]
struct Login {
    client: Client,
    renew_at: Option<SystemTime>,
}

impl From<Client> for Login {
    fn from(client: Client) -> Self {
        Self { client, renew_at: None }
    }
}

/// One API server. Cheap to clone; clones share connections, the lists and the counts.
#[derive(Clone)]
pub struct Cluster {
    inner: Arc<Inner>,
    /// Ends the pauses between tries.
    stop: CancellationToken,
    /// Until when pauses are taken that the server asks for; None: two minutes for each request.
    deadline: Option<Instant>,
    /// What to do when the server cannot be reached; None: what helps with most.
    unreachable_hint: Option<Arc<str>>,
}

struct Inner {
    id: String,
    endpoint: String,
    address: String,
    ca_certificate: Option<String>,
    connect: Connect,
    /// The client and how many came before it.
    client: tokio::sync::Mutex<(u64, Option<Login>)>,
    /// Whether this server ever answered.
    reached: AtomicBool,
    counts: count::Counts,
    /// Turns of those that watch.
    watches: Semaphore,
    /// The pause before the second try; later ones double.
    first_pause: Duration,
    shared: snapshot::Shared,
}

impl Cluster {
    /// Prepares a connection: reads files, but sends nothing and runs no exec plugin before the first request.
    pub fn connect(settings: &KubernetesConfig) -> Result<Self> {
        let resolved = resolve::resolve(settings)?;
        let (id, settings) = (resolved.id.clone(), settings.clone());
        let connect: Connect = Box::new(move || {
            let (id, settings) = (id.clone(), settings.clone());
            Box::pin(async move {
                // Off the runtime's threads: files are read and an exec plugin may run for seconds. Files are read again, for
                // a refused token may have been replaced there.
                let made = tokio::task::spawn_blocking(move || make_client(&id, &settings)).await;
                made.unwrap_or_else(|_| Err(Error::config("make the Kubernetes client", "Please report this error."))).map(Login::from)
            })
        });
        let endpoint = resolved.config.cluster_url.to_string().trim_end_matches('/').to_owned();
        Ok(Self::new(resolved.id, endpoint, resolved.address, resolved.ca_certificate, connect))
    }

    fn new(id: String, endpoint: String, address: String, ca_certificate: Option<String>, connect: Connect) -> Self {
        let inner = Inner {
            id,
            endpoint,
            address,
            ca_certificate,
            connect,
            client: tokio::sync::Mutex::default(),
            reached: AtomicBool::new(false),
            counts: count::Counts::default(),
            watches: Semaphore::new(WATCHES_MAX),
            first_pause: if cfg!(test) { Duration::from_millis(1) } else { Duration::from_millis(200) },
            shared: snapshot::Shared::default(),
        };
        Self { inner: Arc::new(inner), stop: CancellationToken::new(), deadline: None, unreachable_hint: None }
    }

    /// The same cluster, whose pauses between tries end when `stop` is cancelled.
    pub fn stopped_by(mut self, stop: CancellationToken) -> Self {
        self.stop = stop;
        self
    }

    /// The same cluster, which until `deadline` gives a busy server all the time it asks for (`Retry-After`), and one that is restarted some minutes to come back.
    pub fn patient_until(mut self, deadline: Instant) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// The same cluster, whose errors say this where no connection can be made: why that may be and what to do, as full sentences.
    pub fn when_unreachable(mut self, hint: &str) -> Self {
        self.unreachable_hint = Some(hint.into());
        self
    }

    /// `context/<name>` when it comes from a kubeconfig, `host/<host:port>` when it is configured by its address, or what it was called.
    pub fn id(&self) -> &str {
        &self.inner.id
    }

    /// The API server's URL.
    pub fn endpoint(&self) -> &str {
        &self.inner.endpoint
    }

    /// PEM of the authorities that sign the server's certificate; None: those the machine trusts.
    pub fn ca_certificate(&self) -> Option<&str> {
        self.inner.ca_certificate.as_deref()
    }

    /// How many requests were sent so far.
    pub fn requests(&self) -> u64 {
        self.inner.counts.snapshot().values().sum()
    }

    /// The same by verb and plural: `list kafkas`.
    pub fn requests_by_verb(&self) -> BTreeMap<String, u64> {
        self.inner.counts.snapshot()
    }

    async fn client(&self) -> Result<(u64, Client)> {
        let mut slot = self.inner.client.lock().await;
        if slot.1.as_ref().and_then(|login| login.renew_at).is_some_and(|end| SystemTime::now() >= end) {
            *slot = (slot.0 + 1, None);
        }
        let client = match &slot.1 {
            Some(login) => login.client.clone(),
            None => {
                let login = (self.inner.connect)().await?;
                slot.1 = Some(login.clone());
                login.client
            }
        };
        Ok((slot.0, client))
    }

    /// Forgets the client of that generation, so that the next request loads credentials anew.
    async fn renew(&self, generation: u64) {
        let mut slot = self.inner.client.lock().await;
        if slot.0 == generation {
            *slot = (generation + 1, None);
        }
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("id", &self.inner.id).field("endpoint", &self.inner.endpoint).finish_non_exhaustive()
    }
}

fn make_client(id: &str, settings: &KubernetesConfig) -> Result<Client> {
    let config = resolve::resolve(settings)?.config;
    client::client(config).map_err(|error| client_error(id, error))
}

fn client_error(id: &str, error: kube::Error) -> Error {
    call::credentials_error(id, &error).unwrap_or_else(|| Error::Config {
        message: format!("{id}: its certificates or its proxy cannot be used"),
        way_out: "Correct the certificates, keys and proxy of the kubernetes block or of the kubeconfig's context.".into(),
        source: Some(Arc::new(error)),
    })
}
