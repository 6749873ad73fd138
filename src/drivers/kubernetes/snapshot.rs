//! The lists that concurrent readers share: one LIST per kind and API server, whatever the number of tenants.
//!
//! A list lives until the first write or for half a minute: longer than a plan of hundreds of tenants takes, short enough for a program
//! that serves many plans. After a write, reads go to the server one by one for as long: an apply that listed everything again
//! after each of its writes would ask for the square of what it needs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared as SharedFuture, join_all};
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::Cluster;
use super::call::JSON;
use super::error::{Error, Result};
use super::read::compact;
use crate::domain::object::{Kind, ObjectRef};

const LIFETIME: Duration = Duration::from_secs(30);
/// Lists fetched at the same time: pages take memory while they are read.
const AT_ONCE: usize = 2;

/// What a shared list says of one object.
pub(super) enum Found {
    /// Compact JSON.
    Object(Arc<str>),
    /// It is not in the list, or there is no list: the server has to be asked.
    Unknown,
}

/// Compact JSON by "namespace/name". None: this user may not list the kind everywhere.
type Listed = Option<Arc<HashMap<Box<str>, Arc<str>>>>;
type Flight = SharedFuture<BoxFuture<'static, Result<Listed>>>;

/// The lists made or being made.
pub(super) struct Shared {
    state: Mutex<State>,
    turns: Semaphore,
}

impl Default for Shared {
    fn default() -> Self {
        Self { state: Mutex::default(), turns: Semaphore::new(AT_ONCE) }
    }
}

#[derive(Default)]
struct State {
    lists: HashMap<Kind, (Instant, Flight)>,
    last_write: Option<Instant>,
}

/// The label by which a kind's objects are listed; None: such an object is asked for by name, because few are needed (or the others hold
/// secrets of no concern).
fn selector(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Namespace | Kind::ResourceQuota | Kind::LimitRange | Kind::NetworkPolicy | Kind::Role | Kind::RoleBinding => Some(OURS),
        Kind::StorageClass | Kind::VolumeAttributesClass | Kind::ConfigMap => Some(OURS),
        Kind::Kafka | Kind::KafkaNodePool | Kind::KafkaUser | Kind::KafkaTopic => Some(OURS),
        Kind::Cluster | Kind::HelmRelease | Kind::OciRepository | Kind::HelmRepository => Some(OURS),
        Kind::PodMonitor | Kind::PrometheusRule | Kind::Certificate | Kind::ClusterIssuer => Some(OURS),
        // Strimzi labels what it makes for a Kafka.
        Kind::StrimziPodSet | Kind::PersistentVolumeClaim | Kind::Pod | Kind::Service => Some("strimzi.io/kind=Kafka"),
        _ => None,
    }
}

const OURS: &str = "app.kubernetes.io/managed-by=kaas";

impl Shared {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drops every list: something was written.
    pub fn written(&self) {
        let mut state = self.state();
        state.lists.clear();
        state.last_write = Some(Instant::now());
    }

    /// The list in the making or made, or a new one; None while writes are going on.
    fn flight(&self, kind: Kind, make: impl FnOnce() -> Flight) -> Option<(Instant, Flight)> {
        let mut state = self.state();
        if state.last_write.is_some_and(|at| at.elapsed() < LIFETIME) {
            return None;
        }
        state.lists.retain(|_, (begun, _)| begun.elapsed() < LIFETIME);
        Some(state.lists.entry(kind).or_insert_with(|| (Instant::now(), make())).clone())
    }

    /// Forgets a list that failed, unless another one has taken its place.
    fn failed(&self, kind: Kind, begun: Instant) {
        let mut state = self.state();
        if state.lists.get(&kind).is_some_and(|(at, _)| *at == begun) {
            state.lists.remove(&kind);
        }
    }
}

impl Cluster {
    /// Drops the shared lists, so that the next read sees the server's state: for a provider that is configured anew.
    pub fn forget(&self) {
        self.inner.shared.state().lists.clear();
    }

    /// Begins the lists of these kinds at once and waits for them, so that the finds that follow wait for nothing. What fails is told by the find that
    /// needs it.
    pub async fn gather(&self, kinds: &[Kind]) {
        join_all(kinds.iter().map(|kind| self.shared_list(*kind))).await;
    }

    /// Begins lists that readers will soon ask for, and waits for none: that of `first`, then those of the kinds that `then` names for its objects. What fails is
    /// told by the find that needs it.
    pub fn foresee(&self, first: Kind, then: impl Fn(&Value) -> Vec<Kind> + Send + 'static) {
        let cluster = self.clone();
        tokio::spawn(async move {
            let Some(Ok(Some(listed))) = cluster.shared_list(first).await else { return };
            let objects = listed.values().filter_map(|text| serde_json::from_str(text).ok());
            let mut kinds: Vec<Kind> = objects.flat_map(|object| then(&object)).collect();
            kinds.sort_unstable();
            kinds.dedup();
            cluster.gather(&kinds).await;
        });
    }

    /// The list of a kind that all readers share; None: the kind is not listed, or writes are going on.
    async fn shared_list(&self, kind: Kind) -> Option<Result<Listed>> {
        let selector = selector(kind)?;
        let cluster = self.clone();
        let (begun, flight) =
            self.inner.shared.flight(kind, || async move { cluster.list_compact(kind, selector).await }.boxed().shared())?;
        let outcome = flight.await;
        if outcome.is_err() {
            self.inner.shared.failed(kind, begun);
        }
        Some(outcome)
    }

    pub(super) async fn find_shared(&self, object: &ObjectRef) -> Result<Found> {
        match self.shared_list(object.kind).await {
            Some(Ok(Some(listed))) => Ok(listed.get(key(object).as_str()).map_or(Found::Unknown, |text| Found::Object(text.clone()))),
            Some(Ok(None)) | None => Ok(Found::Unknown),
            Some(Err(error)) => Err(error),
        }
    }

    async fn list_compact(&self, kind: Kind, selector: &str) -> Result<Listed> {
        // The semaphore is never closed; without a turn the list is only made at once.
        let _turn = self.inner.shared.turns.acquire().await.ok();
        let mut listed = HashMap::new();
        let outcome = self
            .each_listed(JSON, kind, None, Some(selector), |act, text| {
                let (key, text) = compact(act, text)?;
                listed.insert(key, text);
                Ok(())
            })
            .await;
        match outcome {
            Ok(()) => Ok(Some(Arc::new(listed))),
            Err(Error::Forbidden { .. }) => {
                tracing::debug!(kind = kind.api().kind, "may not be listed in every namespace: objects are read one by one");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

fn key(object: &ObjectRef) -> String {
    format!("{}/{}", object.namespace.as_deref().unwrap_or_default(), object.name)
}
