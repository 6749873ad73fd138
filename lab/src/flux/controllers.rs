//! The cert-managers and external-dnses this process runs in clusters, in a lab with DNS: each works while its release's Deployment is there and wants a Pod, with
//! the arguments of that Deployment. They outlive the process as Pods would; what runs where is on disk, so a new process goes on with it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Api, ListParams};
use kube::{Client, ResourceExt};
use serde::{Deserialize, Serialize};

use super::target::{self, Closed, Whereabouts};
use super::workloads::OF_RELEASE;
use crate::dns::Settings;
use crate::dns::controllers::{self, Controller};
use crate::{pki, record};

/// How often each is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(10);
const FILE: &str = "place.json";

/// Where one of them runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    controller: Controller,
    whereabouts: Whereabouts,
    namespace: String,
    release: String,
}

/// All of them.
pub struct Controllers {
    management: Client,
    folder: PathBuf,
    /// None in a lab without DNS: then none is run.
    settings: Option<Settings>,
    known: Mutex<HashMap<String, Place>>,
}

impl Controllers {
    /// With those an earlier process ran.
    ///
    /// # Errors
    /// When the settings or what it left cannot be read.
    pub fn open(management: Client, data_dir: &Path, settings: Option<&Path>) -> Result<Arc<Self>> {
        let folder = data_dir.join("controllers");
        std::fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
        let mut known = HashMap::new();
        for entry in std::fs::read_dir(&folder)?.flatten() {
            if let Some(place) = record::read(&entry.path().join(FILE))? {
                known.insert(entry.file_name().to_string_lossy().into_owned(), place);
            }
        }
        Ok(Arc::new(Self { management, folder, settings: settings.map(Settings::read).transpose()?, known: Mutex::new(known) }))
    }

    /// Looks from now on after what the release of the chart made in a cluster. Those of the management cluster are the lab's own.
    ///
    /// # Errors
    /// When it cannot be written down.
    pub fn run(&self, chart: &str, whereabouts: &Whereabouts, namespace: &str, release: &str) -> Result<()> {
        let Some(controller) = Controller::ALL.into_iter().find(|controller| controller.name() == chart) else { return Ok(()) };
        let Whereabouts::Secret { namespace: home, reference } = whereabouts else { return Ok(()) };
        if self.settings.is_none() {
            return Ok(());
        }
        let id = format!("{chart}.{home}.{}.{namespace}.{release}", reference.name);
        let place = Place { controller, whereabouts: whereabouts.clone(), namespace: namespace.to_owned(), release: release.to_owned() };
        if self.known().get(&id) != Some(&place) {
            let folder = self.folder.join(&id);
            std::fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
            record::write(&folder.join(FILE), &place)?;
            self.known().insert(id, place);
        }
        Ok(())
    }

    /// Works for ever.
    pub async fn look_after(&self) {
        let mut troubles: HashMap<String, String> = HashMap::new();
        loop {
            let known = self.known().clone();
            let looks = known.iter().map(async |(id, place)| (id.clone(), self.look(id, place).await));
            for (id, looked) in futures::future::join_all(looks).await {
                let now = looked.err().map(|error| format!("{error:#}")).unwrap_or_default();
                if troubles.insert(id.clone(), now.clone()).unwrap_or_default() != now && !now.is_empty() {
                    tracing::warn!("look after {id}: {now}");
                }
            }
            troubles.retain(|id, _| known.contains_key(id));
            tokio::time::sleep(LOOK).await;
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<String, Place>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn look(&self, id: &str, place: &Place) -> Result<()> {
        let Some(settings) = &self.settings else { return Ok(()) };
        let folder = self.folder.join(id);
        let kubeconfig = match place.whereabouts.kubeconfig(&self.management).await {
            Ok(Some(text)) => text,
            // The cluster is gone, and with it whoever ran in it.
            Ok(None) | Err(Closed::NoSecret(..)) => return self.forget(id, folder).await,
            Err(Closed::Other(error)) => return Err(error),
        };
        let api: Api<Deployment> = Api::namespaced(target::client(&kubeconfig, Some(ANSWER)).await?, &place.namespace);
        let all = api.list(&ListParams::default()).await.context("list Deployments")?.items;
        let Some(found) = all.into_iter().find(|found| place.is_made_of(found)) else { return self.forget(id, folder).await };
        let wants = found.metadata.deletion_timestamp.is_none() && found.spec.as_ref().is_some_and(|spec| spec.replicas != Some(0));
        let file = folder.join("kubeconfig");
        let recipe = place.controller.recipe(settings, &file, &folder, &args(&found));
        let act = move || {
            if !wants {
                return controllers::stop(&folder);
            }
            // It reads its credentials once, at its start.
            if std::fs::read_to_string(&file).unwrap_or_default() != kubeconfig {
                controllers::stop(&folder)?;
                pki::write_private(&file, &kubeconfig)?;
            }
            controllers::keep(&folder, &recipe)
        };
        tokio::task::spawn_blocking(act).await.context("run it")?
    }

    /// Ends it and removes what is left of it. A release that is made anew asks again.
    async fn forget(&self, id: &str, folder: PathBuf) -> Result<()> {
        tracing::info!("{id} ends");
        self.known().remove(id);
        let clear = move || crate::process::clear(&folder, Duration::from_secs(5));
        tokio::task::spawn_blocking(clear).await.context("end it")?
    }
}

impl Place {
    /// Whether a Deployment is that of the program, made by the release.
    fn is_made_of(&self, found: &Deployment) -> bool {
        let image = match self.controller {
            Controller::CertManager => "/cert-manager-controller:",
            Controller::ExternalDns => "/external-dns:",
        };
        let runs = containers(found).iter().any(|c| c.image.as_deref().is_some_and(|given| given.contains(image)));
        runs && found.annotations().get(OF_RELEASE) == Some(&self.release)
    }
}

fn containers(deployment: &Deployment) -> &[k8s_openapi::api::core::v1::Container] {
    deployment.spec.as_ref().and_then(|spec| spec.template.spec.as_ref()).map_or(&[], |pod| &pod.containers)
}

fn args(deployment: &Deployment) -> Vec<String> {
    containers(deployment).first().and_then(|container| container.args.clone()).unwrap_or_default()
}
