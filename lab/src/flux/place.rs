//! One cluster with Strimzi's Deployment in it, and the operator that works while the Deployment wants a Pod.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Api, ApiResource, DynamicObject};
use kube::{Client, ResourceExt};
use serde::{Deserialize, Serialize};

use super::charts::STRIMZI_DEPLOYMENT;
use super::target::{self, Closed, Target, Whereabouts};
use super::workloads;
use crate::{process, strimzi};

/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(10);
/// A cluster without kubeconfig that did not answer so often is gone.
const GONE_AFTER: u32 = 3;
/// In its folder: where it is.
pub const FILE: &str = "place.json";

/// Where a Strimzi runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    pub whereabouts: Whereabouts,
    /// Of the Deployment.
    pub namespace: String,
}

/// One cluster, as last seen.
pub struct Cluster {
    management: Client,
    pretend_ready: bool,
    place: Place,
    folder: PathBuf,
    pub instance: Option<strimzi::Instance>,
    /// What the instance was made with: kubeconfig and version.
    made_with: (Option<String>, String),
    /// The last kubeconfig that was there.
    kubeconfig: Option<String>,
    silent: u32,
}

impl Cluster {
    /// Nothing is known of it yet.
    pub fn new(management: Client, pretend_ready: bool, place: Place, folder: PathBuf) -> Self {
        Self { management, pretend_ready, place, folder, instance: None, made_with: Default::default(), kubeconfig: None, silent: 0 }
    }

    /// One look. False when nothing is left to look after.
    pub async fn look(&mut self) -> Result<bool> {
        let place = serde_json::to_string(&self.place)?;
        std::fs::create_dir_all(&self.folder).with_context(|| format!("make {}", self.folder.display()))?;
        std::fs::write(self.folder.join(FILE), place).context("write where a Strimzi runs")?;
        let management = self.management.clone();
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
                pretend_ready: self.pretend_ready,
                operator_version: version.to_owned(),
            };
            tracing::info!("Strimzi {version} runs in {}", target.whereabouts.name());
            self.instance = Some(strimzi::Instance::new(client, options)?);
            self.made_with = wanted;
        }
        self.instance.as_mut().context("make a Strimzi stand-in")
    }

    /// Ends what still runs and removes the folder.
    pub async fn clean_up(mut self) {
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
