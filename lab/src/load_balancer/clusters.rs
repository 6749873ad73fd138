//! The clusters a process looks after, found by their kubeconfigs: one in a folder, and those of the process provider and of the lab's EKS below it.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use futures::StreamExt;
use k8s_openapi::api::core::v1::Service;
use kube::api::Api;
use kube::runtime::controller::{Action, Config, Controller};
use kube::runtime::reflector::Store;
use kube::runtime::watcher;
use kube::{Client, ResourceExt};
use tokio::task::JoinSet;

use super::addresses::Balancers;
use super::{Options, service};
use crate::{Server, aws, kubernetes};

/// How often is looked for clusters and Services that came or went.
const LOOK: Duration = Duration::from_millis(500);
/// How soon a reconcile that failed is repeated.
const RETRY: Duration = Duration::from_secs(1);
const PARALLEL: u16 = 16;

/// What reconciles of one cluster share.
pub struct Cluster {
    pub client: Client,
    /// Its kubeconfig, by which it is known.
    pub file: PathBuf,
    pub balancers: Arc<Balancers>,
}

/// Looks after all clusters of a folder, for ever.
pub async fn watch(options: &Options, balancers: Arc<Balancers>) {
    // A cluster made anew under the name of another has other keys.
    let mut known: BTreeMap<PathBuf, (String, JoinSet<()>)> = BTreeMap::new();
    loop {
        let found = kubeconfigs(&options.cluster_dir);
        known.retain(|file, (text, _)| found.get(file) == Some(text));
        for (file, text) in &found {
            if let Entry::Vacant(new) = known.entry(file.clone()) {
                let mut work = JoinSet::new();
                work.spawn(tend(file.clone(), balancers.clone()));
                new.insert((text.clone(), work));
            }
        }
        if let Err(error) = balancers.keep_clusters(&found.into_keys().collect::<BTreeSet<_>>()).await {
            tracing::warn!("end the load balancers of clusters that are gone: {error:#}");
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The kubeconfigs of the cluster in `folder` and of those below it, with their text.
fn kubeconfigs(folder: &Path) -> BTreeMap<PathBuf, String> {
    let below = [folder.join(Server::ProcessProvider.name()), aws::clusters(&folder.join(Server::AwsEks.name()))];
    let below = below.into_iter().flat_map(|folder| std::fs::read_dir(folder).into_iter().flatten().flatten());
    let folders = below.map(|entry| entry.path()).chain([folder.to_owned()]);
    folders.filter_map(|folder| Some((folder.join("kubeconfig"), std::fs::read_to_string(folder.join("kubeconfig")).ok()?))).collect()
}

/// Looks after one cluster, for ever.
async fn tend(file: PathBuf, balancers: Arc<Balancers>) {
    let client = loop {
        match reach(&file).await {
            Ok(client) => break client,
            // Its servers are still starting.
            Err(error) => tracing::debug!("reach the cluster of {}: {error:#}", file.display()),
        }
        tokio::time::sleep(LOOK).await;
    };
    tracing::info!("watching the Services of the cluster of {}", file.display());
    let cluster = Arc::new(Cluster { client: client.clone(), file, balancers });
    let services = Controller::new(Api::<Service>::all(client), watcher::Config::default().any_semantic());
    let store = services.store();
    let services = services.with_config(Config::default().concurrency(PARALLEL)).run(service::reconcile, retry, cluster.clone());
    tokio::join!(services.for_each(|_| async {}), sweep(store, cluster));
}

async fn reach(file: &Path) -> Result<Client> {
    let client = kubernetes::client(file).await?;
    client.apiserver_version().await?;
    Ok(client)
}

fn retry(service: Arc<Service>, error: &service::Failure, _: Arc<Cluster>) -> Action {
    tracing::warn!("look after the Service {}: {error}", service.name_any());
    Action::requeue(RETRY)
}

/// Ends the load balancers of Services that went without waiting for it, also while nobody looked.
async fn sweep(services: Store<Service>, cluster: Arc<Cluster>) {
    if services.wait_until_ready().await.is_err() {
        return;
    }
    loop {
        let there: HashSet<String> = services.state().iter().filter_map(|service| service.uid()).collect();
        if let Err(error) = cluster.balancers.keep_services(&cluster.file, &there).await {
            tracing::warn!("end the load balancers of Services that are gone: {error:#}");
        }
        tokio::time::sleep(LOOK).await;
    }
}
