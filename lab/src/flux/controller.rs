//! The running stand-in: its watches and its end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures::{FutureExt, StreamExt};
use kube::api::{Api, ApiResource, DynamicObject, ListParams};
use kube::runtime::controller::{Action, Config, Controller};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::watcher;
use kube::{Client, ResourceExt};

use super::api::{self, REQUESTED_AT, Spec, helm_release, source};
use super::controllers::Controllers;
use super::operators::Operators;
use super::release::{self, Pass};
use super::{Options, RETRY, sources};

/// When failed attempts may be repeated, by uid: what was tried, and the moment from which on it may be tried again.
type Pauses = HashMap<String, (String, Instant)>;

/// All reconciles share this.
pub struct Flux {
    pub client: Client,
    pub options: Options,
    pub operators: Arc<Operators>,
    pub controllers: Arc<Controllers>,
    pauses: Mutex<Pauses>,
}

const PARALLEL: u16 = 24;

/// Errors of a reconcile, as the controller wants them.
#[derive(Debug, thiserror::Error)]
#[error("{0:#}")]
pub struct Failure(anyhow::Error);

impl Flux {
    /// How long to wait until what failed may be tried again, if nothing has changed since.
    pub fn pause(&self, pass: &Pass<'_>) -> Option<Duration> {
        let pauses = self.pauses.lock().unwrap_or_else(PoisonError::into_inner);
        let (tried, until) = pauses.get(&pass.object.uid()?)?;
        let left = until.saturating_duration_since(Instant::now());
        (*tried == tried_of(pass) && !left.is_zero()).then_some(left)
    }

    /// Notes that an attempt failed now.
    pub fn failed(&self, pass: &Pass<'_>) {
        let mut pauses = self.pauses.lock().unwrap_or_else(PoisonError::into_inner);
        pauses.retain(|_, (_, until)| *until > Instant::now());
        pauses.insert(pass.object.uid().unwrap_or_default(), (tried_of(pass), Instant::now() + RETRY));
    }
}

/// What an attempt was made for.
fn tried_of(pass: &Pass<'_>) -> String {
    let requested = pass.annotation(REQUESTED_AT).unwrap_or_default();
    format!("{} {} {requested}", pass.generation(), pass.status.last_attempted_revision)
}

/// Runs until a signal.
pub async fn run(options: &Options) -> Result<()> {
    let orders = options.data_dir.join("fail");
    std::fs::create_dir_all(&orders).with_context(|| format!("make {}", orders.display()))?;
    let client = crate::client(&options.kubeconfig).await?;
    let operators = Operators::new(client.clone(), options.clone());
    operators.resume()?;
    let controllers = Controllers::open(client.clone(), &options.data_dir, options.dns.as_deref())?;
    let flux = Flux {
        client,
        options: options.clone(),
        operators: operators.clone(),
        controllers: controllers.clone(),
        pauses: Mutex::new(HashMap::new()),
    };
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        () = watch(Arc::new(flux)) => {}
        () = controllers.look_after() => {}
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    tracing::info!("stopping");
    operators.shut_down().await;
    Ok(())
}

/// Does the work of both controllers, for ever.
async fn watch(flux: Arc<Flux>) {
    for kind in [helm_release(), source("OCIRepository"), source("HelmRepository"), source("HelmChart")] {
        served(&flux.client, &kind).await;
    }
    tracing::info!("the stand-in for Flux watches HelmReleases and their sources");
    tokio::join!(
        watch_releases(flux.clone()),
        watch_sources(flux.clone(), "OCIRepository"),
        watch_sources(flux.clone(), "HelmRepository"),
        watch_sources(flux.clone(), "HelmChart"),
    );
}

/// Waits for a kind: the stand-in may be started before Flux's CRDs are there.
async fn served(client: &Client, kind: &ApiResource) {
    let api: Api<DynamicObject> = Api::all_with(client.clone(), kind);
    while api.list_metadata(&ListParams::default().limit(1)).await.is_err() {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

async fn watch_releases(flux: Arc<Flux>) {
    let all = |kind: &ApiResource| Api::<DynamicObject>::all_with(flux.client.clone(), kind);
    let any = || watcher::Config::default().any_semantic();
    let controller = Controller::new_with(all(&helm_release()), any(), helm_release());
    let store = controller.store();
    let (charts, artifacts) = (source("HelmChart"), source("OCIRepository"));
    let by_chart = store.clone();
    controller
        .watches_with(all(&artifacts), artifacts, any(), move |object| releases_of("OCIRepository", &object, &store))
        .watches_with(all(&charts), charts, any(), move |object| releases_of("HelmChart", &object, &by_chart))
        .with_config(Config::default().concurrency(PARALLEL))
        .run(|o, c| step(release::reconcile(o, c)), |_, e, _| retry(e), flux.clone())
        .for_each(log)
        .await;
}

async fn watch_sources(flux: Arc<Flux>, kind: &'static str) {
    let resource = source(kind);
    let api: Api<DynamicObject> = Api::all_with(flux.client.clone(), &resource);
    Controller::new_with(api, watcher::Config::default().any_semantic(), resource)
        .with_config(Config::default().concurrency(PARALLEL))
        .run(move |o, c: Arc<Client>| step(sources::reconcile(o, (*c).clone(), kind)), |_, e, _| retry(e), Arc::new(flux.client.clone()))
        .for_each(log)
        .await;
}

/// The releases that take their chart from a source.
fn releases_of(kind: &str, object: &DynamicObject, store: &Store<DynamicObject>) -> Vec<ObjectRef<DynamicObject>> {
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    let takes = |release: &DynamicObject| {
        let own = release.namespace().unwrap_or_default();
        if kind == "HelmChart" {
            return name == format!("{own}-{}", release.name_any());
        }
        let spec: Spec = api::parse(release, "spec").unwrap_or_default();
        spec.chart_ref.is_some_and(|r| r.kind == kind && r.name == name && r.namespace.unwrap_or(own) == namespace)
    };
    store
        .state()
        .iter()
        .filter(|release| takes(release))
        .map(|release| ObjectRef::from_obj_with(release.as_ref(), helm_release()))
        .collect()
}

fn step(work: impl Future<Output = Result<Action>> + Send + 'static) -> futures::future::BoxFuture<'static, Result<Action, Failure>> {
    work.map(|result| result.map_err(Failure)).boxed()
}

fn retry(error: &Failure) -> Action {
    tracing::warn!("{error}");
    Action::requeue(RETRY)
}

async fn log<T, E: std::fmt::Display>(result: Result<T, E>) {
    if let Err(error) = result {
        tracing::debug!("{error}");
    }
}
