//! The running stand-in: its watches, the clusters it knows, and its end. One per API server; several can run in one process.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result};
use futures::{FutureExt, StreamExt};
use k8s_openapi::api::core::v1::{Secret, Service};
use kube::api::{Api, DynamicObject};
use kube::runtime::controller::{Action, Config, Controller};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::watcher::{self, Event};
use kube::{Client, ResourceExt};
use serde_json::Value;

use super::api::{CLUSTER_LABEL, PAUSE, kind};
use super::nodes::{self, Nodes};
use super::{Options, cluster, pretend, rollout, topics, users};

/// All reconciles share this.
pub struct Operator {
    pub client: Client,
    pub options: Options,
    clusters: Mutex<HashMap<(String, String), Arc<Nodes>>>,
    pub pretend: Option<pretend::Pretend>,
}

/// How often an object is looked at when nothing happens; the real one's default is 2 minutes.
pub const RESYNC: Duration = Duration::from_secs(120);
/// How soon something is looked at again that waits for another object.
pub const SOON: Duration = Duration::from_secs(1);
const PARALLEL: u16 = 24;

/// Errors of a reconcile, as the controller wants them.
#[derive(Debug, thiserror::Error)]
#[error("{0:#}")]
pub struct Failure(anyhow::Error);

impl Operator {
    /// An operator that does nothing yet.
    pub fn new(client: Client, options: Options) -> Result<Self> {
        std::fs::create_dir_all(&options.data_dir).with_context(|| format!("make {}", options.data_dir.display()))?;
        let pretend = if options.pretend_ready { Some(pretend::Pretend::new(&options.operator_version)?) } else { None };
        Ok(Self { client, options, clusters: Mutex::default(), pretend })
    }

    /// The nodes of a Kafka, as found on disk or empty.
    pub fn nodes(&self, kafka: &DynamicObject) -> Result<Arc<Nodes>> {
        let key = (kafka.namespace().unwrap_or_default(), kafka.name_any());
        let uid = kafka.uid().unwrap_or_default();
        let mut clusters = self.clusters.lock().map_err(|_| anyhow::anyhow!("lock the list of clusters"))?;
        if let Some(known) = clusters.get(&key) {
            if known.record().uid == uid {
                return Ok(known.clone());
            }
            known.destroy()?;
        }
        let opened = Arc::new(Nodes::open(self.folder(&key), &uid)?);
        clusters.insert(key, opened.clone());
        Ok(opened)
    }

    /// The nodes of a Kafka that is being run.
    pub fn running(&self, namespace: &str, name: &str) -> Option<Arc<Nodes>> {
        self.clusters.lock().ok()?.get(&(namespace.to_owned(), name.to_owned())).cloned()
    }

    /// Whether the brokers of a Kafka were seen to serve.
    pub fn serves(&self, namespace: &str, name: &str) -> bool {
        self.running(namespace, name).is_some_and(|nodes| nodes.serves.load(std::sync::atomic::Ordering::SeqCst))
    }

    fn folder(&self, (namespace, name): &(String, String)) -> std::path::PathBuf {
        self.options.data_dir.join(format!("{namespace}.{name}"))
    }

    /// Ends clusters whose Kafka is gone, also those an earlier stand-in left.
    /// `there` are the uids of all Kafkas.
    pub fn sweep(&self, there: &HashSet<String>) -> Result<()> {
        let mut gone = Vec::new();
        {
            let mut clusters = self.clusters.lock().map_err(|_| anyhow::anyhow!("lock the list of clusters"))?;
            clusters.retain(|_, nodes| {
                let keep = there.contains(&nodes.record().uid);
                if !keep {
                    gone.push(nodes.clone());
                }
                keep
            });
        }
        for nodes in gone {
            tracing::info!("the Kafka in {} is gone", nodes.folder.display());
            nodes.destroy()?;
        }
        self.revive()
    }

    /// Starts nodes again that ended by themselves, of clusters nobody is changing.
    fn revive(&self) -> Result<()> {
        let clusters: Vec<Arc<Nodes>> =
            self.clusters.lock().map_err(|_| anyhow::anyhow!("lock the list of clusters"))?.values().cloned().collect();
        for nodes in clusters {
            if let Ok(_work) = nodes.work.try_lock() {
                rollout::revive(&nodes)?;
            }
        }
        Ok(())
    }

    /// Removes what an earlier stand-in left of Kafkas that are not `there` any more.
    pub fn sweep_leftovers(&self, there: &HashSet<String>) -> Result<()> {
        for entry in std::fs::read_dir(&self.options.data_dir).context("read the data folder")?.flatten() {
            if let Some(record) = nodes::read(&entry.path())?
                && !there.contains(&record.uid)
            {
                Nodes::open(entry.path(), &record.uid)?.destroy()?;
            }
        }
        Ok(())
    }

    /// Takes the nodes an earlier stand-in left for its own, and says how many Kafkas have any.
    pub fn adopt(&self) -> Result<usize> {
        let mut clusters = self.clusters.lock().map_err(|_| anyhow::anyhow!("lock the list of clusters"))?;
        for entry in std::fs::read_dir(&self.options.data_dir).context("read the data folder")?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if let Some((namespace, kafka)) = name.split_once('.')
                && let Some(record) = nodes::read(&entry.path())?
                && let Entry::Vacant(unknown) = clusters.entry((namespace.to_owned(), kafka.to_owned()))
            {
                unknown.insert(Arc::new(Nodes::open(entry.path(), &record.uid)?));
            }
        }
        Ok(clusters.len())
    }

    /// Ends every node in order; their data stays.
    pub fn shut_down(&self) -> Result<()> {
        let clusters: Vec<Arc<Nodes>> =
            self.clusters.lock().map_err(|_| anyhow::anyhow!("lock the list of clusters"))?.values().cloned().collect();
        let ends: Vec<_> = clusters.into_iter().map(|nodes| std::thread::spawn(move || nodes.shut_down())).collect();
        ends.into_iter().try_for_each(|end| end.join().map_err(|_| anyhow::anyhow!("stop a cluster"))?)
    }
}

/// Whether the object asks to be left alone.
pub fn paused(object: &DynamicObject) -> bool {
    object.annotations().get(PAUSE).is_some_and(|v| v == "true")
}

/// Runs until a signal.
pub async fn run(options: &Options) -> Result<()> {
    let client = client(options).await?;
    let operator = Arc::new(Operator::new(client, options.clone())?);
    tracing::info!("the stand-in for the Strimzi operator watches for Kafkas");
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        () = watch(operator.clone()) => {}
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    tracing::info!("stopping");
    tokio::task::spawn_blocking(move || operator.shut_down()).await?
}

async fn client(options: &Options) -> Result<Client> {
    let kubeconfig = kube::config::Kubeconfig::read_from(&options.kubeconfig).context("read the kubeconfig")?;
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &Default::default()).await.context("use the kubeconfig")?;
    Client::try_from(config).context("make a client of Kubernetes")
}

/// Does the operator's work, for ever.
pub async fn watch(operator: Arc<Operator>) {
    let api = |k: &str, plural: &str| Api::<DynamicObject>::all_with(operator.client.clone(), &kind(k, plural));
    let any = || watcher::Config::default().any_semantic();
    let of_kafka = |object: DynamicObject| {
        let name = object.labels().get(CLUSTER_LABEL).cloned();
        name.map(|name| ObjectRef::new_with(&name, kind("Kafka", "kafkas")).within(&object.namespace().unwrap_or_default()))
    };
    let config = || Config::default().concurrency(PARALLEL);
    let kafkas = Controller::new_with(api("Kafka", "kafkas"), any(), kind("Kafka", "kafkas"))
        .watches_with(api("KafkaNodePool", "kafkanodepools"), kind("KafkaNodePool", "kafkanodepools"), any(), of_kafka)
        .with_config(config());
    let store = kafkas.store();
    // The real one looks every two minutes. Addresses of Services and certificates that are renewed are seen at once here.
    let labelled = || any().labels("strimzi.io/kind=Kafka");
    let kafkas = kafkas
        .watches(Api::<Service>::all(operator.client.clone()), labelled(), |service| {
            let name = service.labels().get(CLUSTER_LABEL)?;
            Some(ObjectRef::new_with(name, kind("Kafka", "kafkas")).within(&service.namespace()?))
        })
        .watches(Api::<Secret>::all(operator.client.clone()), any(), certificates_of(store.clone()));
    let kafkas = kafkas.run(|o, c| step(cluster::reconcile(o, c)), |_, e, _| retry(e), operator.clone()).for_each(log);
    let users_run = Controller::new_with(api("KafkaUser", "kafkausers"), any(), kind("KafkaUser", "kafkausers"))
        .owns(Api::<Secret>::all(operator.client.clone()), any())
        .with_config(config())
        .run(|o, c| step(users::reconcile(o, c)), |_, e, _| retry(e), operator.clone())
        .for_each(log);
    let topics = Controller::new_with(api("KafkaTopic", "kafkatopics"), any(), kind("KafkaTopic", "kafkatopics"))
        .with_config(config())
        .run(|o, c| step(topics::reconcile(o, c)), |_, e, _| retry(e), operator.clone())
        .for_each(log);
    let gone_users = forget_users(operator.clone(), api("KafkaUser", "kafkausers"));
    tokio::join!(kafkas, users_run, topics, gone_users, sweep(operator.clone(), store));
}

/// The Kafkas whose listeners take their certificate from a Secret.
fn certificates_of(kafkas: Store<DynamicObject>) -> impl Fn(Secret) -> Vec<ObjectRef<DynamicObject>> + Send + Sync + 'static {
    move |secret| {
        let name = secret.name_any();
        let uses = |kafka: &&Arc<DynamicObject>| {
            let listeners = kafka.data.pointer("/spec/kafka/listeners").and_then(Value::as_array).into_iter().flatten();
            let mut names = listeners.filter_map(|one| one.pointer("/configuration/brokerCertChainAndKey/secretName")?.as_str());
            kafka.namespace() == secret.namespace() && names.any(|used| used == name)
        };
        let all = kafkas.state();
        all.iter().filter(uses).map(|kafka| ObjectRef::from_obj_with(&**kafka, kind("Kafka", "kafkas"))).collect()
    }
}

/// A user has no finalizer, as with the real operator, so its end is seen in the watch.
async fn forget_users(operator: Arc<Operator>, api: Api<DynamicObject>) {
    let events = watcher::watcher(api, watcher::Config::default().any_semantic());
    // An error is not the end: the watch begins anew.
    let events = kube::runtime::WatchStreamExt::default_backoff(events);
    events
        .for_each_concurrent(8, |event| async {
            match event {
                Ok(Event::Delete(user)) => {
                    if let Err(error) = users::forget(&operator, &user).await {
                        tracing::warn!("forget the user {}: {error:#}", user.name_any());
                    }
                }
                Ok(_) => {}
                Err(error) => tracing::debug!("watch users: {error}"),
            }
        })
        .await;
}

async fn sweep(operator: Arc<Operator>, store: Store<DynamicObject>) {
    if store.wait_until_ready().await.is_err() {
        return;
    }
    let report = |result: Result<Result<()>, tokio::task::JoinError>| match result {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!("remove what is left of a Kafka: {error:#}"),
        Err(error) => tracing::warn!("remove what is left of a Kafka: {error}"),
    };
    let there = |store: &Store<DynamicObject>| store.state().iter().filter_map(|k| k.uid()).collect::<HashSet<String>>();
    let (first, kafkas) = (operator.clone(), there(&store));
    report(tokio::task::spawn_blocking(move || first.sweep_leftovers(&kafkas)).await);
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let (operator, store) = (operator.clone(), store.clone());
        report(tokio::task::spawn_blocking(move || operator.sweep(&there(&store))).await);
    }
}

fn step(work: impl Future<Output = Result<Action>> + Send + 'static) -> futures::future::BoxFuture<'static, Result<Action, Failure>> {
    work.map(|result| result.map_err(Failure)).boxed()
}

fn retry(error: &Failure) -> Action {
    tracing::warn!("{error}");
    Action::requeue(SOON)
}

async fn log<T, E: std::fmt::Display>(result: Result<T, E>) {
    if let Err(error) = result {
        tracing::debug!("{error}");
    }
}
