//! The Strimzi stand-ins this process runs, one per cluster with Strimzi's Deployment in it: each works while that Deployment wants a Pod,
//! however it came there, and Kafka nodes outlive it as Pods would. What runs where is on disk, so a new process goes on with it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Api, ApiResource, DynamicObject};
use kube::{Client, ResourceExt};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::charts::STRIMZI_DEPLOYMENT;
use super::target::{self, Closed, Target, Whereabouts};
use super::{Options, workloads};
use crate::{process, strimzi};

/// How often each cluster is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(10);
/// A cluster without kubeconfig that did not answer so often is gone.
const GONE_AFTER: u32 = 3;
const FILE: &str = "place.json";

/// Where a Strimzi runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    whereabouts: Whereabouts,
    /// Of the Deployment.
    namespace: String,
}

/// All of them.
pub struct Operators {
    management: Client,
    options: Options,
    stop: watch::Sender<bool>,
    known: Mutex<HashMap<String, Known>>,
}

struct Known {
    task: JoinHandle<()>,
    /// Raised whenever a release asks for the operator, so that its end is not decided on an older look.
    asked: Arc<AtomicU64>,
}

impl Operators {
    pub fn new(management: Client, options: Options) -> Arc<Self> {
        Arc::new(Self { management, options, stop: watch::Sender::new(false), known: Mutex::default() })
    }

    fn folder(&self) -> PathBuf {
        self.options.data_dir.join("strimzi")
    }

    /// Goes on with what an earlier process ran.
    ///
    /// # Errors
    /// When what it left cannot be read.
    pub fn resume(self: &Arc<Self>) -> Result<()> {
        std::fs::create_dir_all(self.folder()).with_context(|| format!("make {}", self.folder().display()))?;
        for entry in std::fs::read_dir(self.folder())?.flatten() {
            let Ok(text) = std::fs::read(entry.path().join(FILE)) else { continue };
            let place: Place = serde_json::from_slice(&text).with_context(|| format!("read {}", entry.path().join(FILE).display()))?;
            self.run(&place.whereabouts, &place.namespace);
        }
        Ok(())
    }

    /// Looks from now on after the Deployment of Strimzi in `namespace` of a cluster.
    pub fn run(self: &Arc<Self>, whereabouts: &Whereabouts, namespace: &str) {
        if *whereabouts == Whereabouts::Here && self.options.strimzi_runs_here {
            return;
        }
        let id = id(whereabouts);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(there) = known.get(&id).filter(|there| !there.task.is_finished()) {
            there.asked.fetch_add(1, Ordering::SeqCst);
            return;
        }
        let place = Place { whereabouts: whereabouts.clone(), namespace: namespace.to_owned() };
        let asked = Arc::new(AtomicU64::new(0));
        let work = supervise(self.clone(), id.clone(), place, asked.clone());
        known.insert(id, Known { task: tokio::spawn(work), asked });
    }

    /// Stops all operators and their Kafka nodes; their data stays.
    pub async fn shut_down(&self) {
        self.stop.send_replace(true);
        let tasks: Vec<_> = self.known.lock().unwrap_or_else(PoisonError::into_inner).drain().collect();
        for (_, known) in tasks {
            if let Err(error) = known.task.await {
                tracing::warn!("stop a Strimzi stand-in: {error}");
            }
        }
    }

    /// Forgets a cluster, unless it was asked for since `seen`.
    fn forget(&self, id: &str, seen: u64) -> bool {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = known.get(id).map(|there| there.asked.load(Ordering::SeqCst));
        if asked.is_none_or(|asked| asked == seen) {
            known.remove(id);
            return true;
        }
        false
    }
}

fn id(whereabouts: &Whereabouts) -> String {
    match whereabouts {
        Whereabouts::Here => "management".to_owned(),
        Whereabouts::Secret { namespace, reference } => format!("{namespace}.{}", reference.name),
    }
}

/// One cluster, as last seen.
struct Cluster {
    operators: Arc<Operators>,
    place: Place,
    folder: PathBuf,
    instance: Option<strimzi::Instance>,
    /// What the instance was made with: kubeconfig and version.
    made_with: (Option<String>, String),
    /// The last kubeconfig that was there.
    kubeconfig: Option<String>,
    silent: u32,
}

async fn supervise(operators: Arc<Operators>, id: String, place: Place, asked: Arc<AtomicU64>) {
    let folder = operators.folder().join(&id);
    let mut stop = operators.stop.subscribe();
    let mut cluster =
        Cluster { operators: operators.clone(), place, folder, instance: None, made_with: Default::default(), kubeconfig: None, silent: 0 };
    loop {
        let seen = asked.load(Ordering::SeqCst);
        tokio::select! {
            looked = cluster.look() => match looked {
                Ok(true) => {}
                Ok(false) if operators.forget(&id, seen) => return cluster.clean_up().await,
                Ok(false) => {}
                Err(error) => tracing::warn!("look after Strimzi in {id}: {error:#}"),
            },
            () = asked_to(&mut stop) => break,
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = asked_to(&mut stop) => break,
        }
    }
    if let Some(instance) = cluster.instance.take()
        && let Err(error) = instance.shut_down().await
    {
        tracing::warn!("stop the Kafka nodes of {id}: {error:#}");
    }
}

/// Ends when the process is to end.
async fn asked_to(stop: &mut watch::Receiver<bool>) {
    // A sender that is gone means the same.
    let _ = stop.wait_for(|stop| *stop).await.is_ok();
}

impl Cluster {
    /// One look. False when nothing is left to look after.
    async fn look(&mut self) -> Result<bool> {
        let place = serde_json::to_string(&self.place)?;
        std::fs::create_dir_all(&self.folder).with_context(|| format!("make {}", self.folder.display()))?;
        std::fs::write(self.folder.join(FILE), place).context("write where a Strimzi runs")?;
        let management = self.operators.management.clone();
        let has_secret = match self.place.whereabouts.kubeconfig(&management).await {
            Ok(text) => {
                self.kubeconfig = text;
                true
            }
            Err(Closed::NoSecret(..)) => false,
            Err(Closed::Other(error)) => return Err(error),
        };
        let here = self.place.whereabouts == Whereabouts::Here;
        let client = match &self.kubeconfig {
            Some(text) => target::client(text, Some(ANSWER)).await?,
            None if here => management,
            None => return Ok(false),
        };
        let target = Target { client, whereabouts: self.place.whereabouts.clone() };
        match self.deployment(&target).await {
            Ok(found) => {
                self.silent = 0;
                self.follow(&target, found).await
            }
            Err(error) if has_secret => Err(error),
            Err(_) => {
                self.silent += 1;
                Ok(self.silent < GONE_AFTER)
            }
        }
    }

    async fn deployment(&self, target: &Target) -> Result<Option<DynamicObject>> {
        let kind = ApiResource::erase::<Deployment>(&());
        let api: Api<DynamicObject> = Api::namespaced_with(target.client.clone(), &self.place.namespace, &kind);
        api.get_opt(STRIMZI_DEPLOYMENT).await.context("look for the Deployment of Strimzi")
    }

    async fn follow(&mut self, target: &Target, deployment: Option<DynamicObject>) -> Result<bool> {
        let wants = |d: &DynamicObject| d.metadata.deletion_timestamp.is_none() && d.data["spec"]["replicas"].as_i64() != Some(0);
        if let Some(found) = deployment.as_ref().filter(|d| wants(d)) {
            let version = found.labels().get("app.kubernetes.io/version").cloned().unwrap_or_else(|| strimzi::VERSION.to_owned());
            self.instance(target, &version).await?.start();
            workloads::available(&target.client, found, true).await?;
            return Ok(true);
        }
        let version = self.made_with.1.clone();
        let instance = self.instance(target, &version).await?;
        if instance.stop().await {
            tracing::info!("Strimzi ends in {}", target.whereabouts.name());
        }
        let kafkas = instance.tend().await?;
        match &deployment {
            Some(found) => workloads::available(&target.client, found, false).await.map(|()| true),
            None => Ok(kafkas > 0),
        }
    }

    /// The instance for the kubeconfig and version of now.
    async fn instance(&mut self, target: &Target, version: &str) -> Result<&mut strimzi::Instance> {
        let wanted = (self.kubeconfig.clone(), version.to_owned());
        if self.made_with != wanted
            && let Some(mut old) = self.instance.take()
        {
            old.stop().await;
        }
        if self.instance.is_none() {
            // Watches last, so this client's answers have no bound of their own.
            let client = match &self.kubeconfig {
                Some(text) => target::client(text, None).await?,
                None => target.client.clone(),
            };
            let options = strimzi::Options {
                kubeconfig: PathBuf::new(),
                data_dir: self.folder.join("kafka"),
                pretend_ready: self.operators.options.pretend_ready,
                operator_version: version.to_owned(),
            };
            tracing::info!("Strimzi {version} runs in {}", target.whereabouts.name());
            self.instance = Some(strimzi::Instance::new(client, options)?);
            self.made_with = wanted;
        }
        self.instance.as_mut().context("make a Strimzi stand-in")
    }

    /// Ends what still runs and removes the folder.
    async fn clean_up(mut self) {
        if let Some(mut instance) = self.instance.take() {
            instance.stop().await;
        }
        let folder = self.folder;
        let done = tokio::task::spawn_blocking(move || remove(&folder)).await;
        if let Ok(Err(error)) = done {
            tracing::warn!("remove what is left of a Strimzi: {error:#}");
        }
    }
}

fn remove(folder: &Path) -> Result<()> {
    process::stop(&process::marked(folder), Duration::ZERO)?;
    std::fs::remove_dir_all(folder).with_context(|| format!("remove {}", folder.display()))
}
