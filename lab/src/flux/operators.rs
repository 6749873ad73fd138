//! The Strimzi stand-ins this process runs, one per cluster with Strimzi's Deployment in it: each works while that Deployment wants a Pod,
//! however it came there, and Kafka nodes outlive it as Pods would. What runs where is on disk, so a new process goes on with it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use kube::Client;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::Options;
use super::place::{Cluster, FILE, Place};
use super::target::Whereabouts;

/// How often each cluster is looked at.
const LOOK: Duration = Duration::from_secs(1);
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

async fn supervise(operators: Arc<Operators>, id: String, place: Place, asked: Arc<AtomicU64>) {
    let folder = operators.folder().join(&id);
    let mut stop = operators.stop.subscribe();
    let mut cluster = Cluster::new(operators.management.clone(), operators.options.pretend_ready, place, folder);
    let mut trouble = String::new();
    loop {
        let seen = asked.load(Ordering::SeqCst);
        tokio::select! {
            looked = cluster.look() => match looked {
                Ok(true) => {}
                Ok(false) if operators.forget(&id, seen) => return cluster.clean_up().await,
                Ok(false) => {}
                Err(error) => {
                    let now = format!("{error:#}");
                    if now != std::mem::replace(&mut trouble, now.clone()) {
                        tracing::warn!("look after Strimzi in {id}: {now}");
                    }
                }
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
