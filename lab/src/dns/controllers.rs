//! cert-manager and external-dns as processes of a lab: each works for one cluster by a kubeconfig of it, is started again when it dies, and outlives the
//! process that keeps it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::settings::Settings;
use super::{OWNER, Options};
use crate::process::{self, Handle, Recipe};
use crate::record;

/// How often it is looked whether they run.
const LOOK: Duration = Duration::from_millis(500);
/// How long one may take to end by itself.
const GRACE: Duration = Duration::from_secs(5);
const RECORD: &str = "process.json";

/// Which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Controller {
    CertManager,
    ExternalDns,
}

#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    recipe: Recipe,
    handle: Handle,
}

impl Controller {
    /// Both.
    pub const ALL: [Self; 2] = [Self::CertManager, Self::ExternalDns];

    /// What charts and folders call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::CertManager => "cert-manager",
            Self::ExternalDns => "external-dns",
        }
    }

    /// How it is started for the cluster of `kubeconfig`. `own`: the arguments of its Deployment; those a lab decides give way.
    pub fn recipe(self, settings: &Settings, kubeconfig: &Path, folder: &Path, own: &[String]) -> Recipe {
        let (program, env) = match self {
            Self::CertManager => (&settings.programs.cert_manager, &settings.cert_manager),
            Self::ExternalDns => (&settings.programs.external_dns, &settings.external_dns),
        };
        let mut args = vec![format!("--kubeconfig={}", kubeconfig.display())];
        args.extend(self.decided(settings));
        let decided: BTreeSet<String> = args.iter().map(|arg| flag(arg).to_owned()).collect();
        args.extend(own.iter().filter(|arg| !decided.contains(flag(arg))).cloned());
        Recipe { program: program.clone(), args, env: env.clone(), log: folder.join(format!("{}.log", self.name())) }
    }

    /// What is other here than in a cloud: where things are, and how soon they are looked at.
    fn decided(self, settings: &Settings) -> Vec<String> {
        let args: &[&str] = match self {
            Self::CertManager => &[
                "--dns01-check-retry-period=1s",
                "--certificate-request-minimum-backoff-duration=10s",
                "--certificate-request-maximum-backoff-duration=1m",
                "-v=2",
            ],
            Self::ExternalDns => &[
                "--provider=aws",
                "--interval=2s",
                "--min-event-sync-interval=500ms",
                "--aws-batch-change-interval=200ms",
                "--events",
                "--metrics-address=127.0.0.1:0",
            ],
        };
        let mut args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
        if self == Self::CertManager {
            args.push(format!("--dns01-recursive-nameservers=127.0.0.1:{}", settings.ports.dns));
        }
        args
    }

    /// Its arguments on the management cluster.
    fn on_management(self, settings: &Settings) -> Vec<String> {
        match self {
            Self::CertManager => vec!["--cluster-resource-namespace=cert-manager".to_owned()],
            Self::ExternalDns => vec![
                "--source=service".to_owned(),
                "--policy=sync".to_owned(),
                "--registry=txt".to_owned(),
                format!("--txt-owner-id={OWNER}"),
                format!("--domain-filter={}", settings.zone_name),
            ],
        }
    }
}

/// The name of a flag, without its value.
fn flag(arg: &str) -> &str {
    arg.split('=').next().unwrap_or(arg)
}

/// Lets the process of `folder` run by `recipe`: starts it if it does not run, or anew if it runs by another.
///
/// # Errors
/// When it cannot be started, or the one before does not end.
pub fn keep(folder: &Path, recipe: &Recipe) -> Result<()> {
    let file = folder.join(RECORD);
    if record::read::<Kept>(&file)?.is_some_and(|kept| kept.handle.alive() && kept.recipe == *recipe) {
        return Ok(());
    }
    std::fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    stop(folder)?;
    tracing::info!("starting {} for {}", recipe.program.display(), folder.display());
    let handle = recipe.start(folder)?;
    record::write(&file, &Kept { recipe: recipe.clone(), handle })
}

/// Ends the process of `folder`, one that was started and not written down included.
///
/// # Errors
/// When it does not end.
pub fn stop(folder: &Path) -> Result<()> {
    process::stop(&process::marked(folder), GRACE)
}

/// Keeps both on the management cluster until the process ends.
pub async fn keep_on_management(settings: Arc<Settings>, options: Options) {
    let mut trouble = String::new();
    loop {
        let (settings, options) = (settings.clone(), options.clone());
        let looked = tokio::task::spawn_blocking(move || {
            for controller in Controller::ALL {
                let folder = options.data_dir.join(controller.name());
                keep(&folder, &controller.recipe(&settings, &options.kubeconfig, &folder, &controller.on_management(&settings)))?;
            }
            anyhow::Ok(())
        });
        if let Err(error) = looked.await.context("look after the controllers").flatten() {
            let now = format!("{error:#}");
            if now != std::mem::replace(&mut trouble, now.clone()) {
                tracing::warn!("{now}");
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}
