//! The end of a HelmRelease: uninstalling in its target, or not.

use anyhow::{Context, Result};
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, DynamicObject};
use kube::runtime::controller::Action;

use super::RETRY;
use super::api::{FINALIZER, source};
use super::helm::Release;
use super::release::{Pass, secret_is_gone};
use super::target::Target;

/// Uninstalls unless suspended, then lets go of the object. A target whose Secret is gone is taken for gone; one that does not answer is waited for.
pub async fn run(pass: &mut Pass<'_>) -> Result<Action> {
    if !pass.object.finalizers().iter().any(|f| f == FINALIZER) {
        return Ok(Action::await_change());
    }
    if !pass.spec.suspend {
        if let Some(left) = pass.flux.pause(pass) {
            return Ok(Action::requeue(left));
        }
        if !release_is_gone(pass).await? {
            pass.write().await?;
            return Ok(Action::requeue(RETRY));
        }
        remove_chart(pass).await?;
    }
    let left: Vec<String> = pass.object.finalizers().iter().filter(|f| *f != FINALIZER).cloned().collect();
    pass.write_finalizers(&left).await?;
    Ok(Action::await_change())
}

async fn release_is_gone(pass: &mut Pass<'_>) -> Result<bool> {
    if pass.status.storage_namespace.is_empty() || pass.status.history.is_empty() {
        return Ok(true);
    }
    let target = match pass.whereabouts().open(&pass.flux.client).await {
        Ok(target) => target,
        Err(closed) if secret_is_gone(&closed) => {
            tracing::info!("skip the uninstallation of {}/{}: {closed}", pass.namespace, pass.name);
            return Ok(true);
        }
        Err(closed) => {
            let message = format!("failed to build REST client getter to uninstall release: {closed}");
            pass.conditions().set("Ready", "False", "UninstallFailed", &message);
            return Ok(false);
        }
    };
    match uninstall(pass, &target).await {
        Ok(()) => Ok(true),
        Err(error) => {
            tracing::warn!("uninstall {}/{}: {error:#}", pass.namespace, pass.name);
            pass.report_uninstall_failure(&error);
            pass.flux.failed(pass);
            Ok(false)
        }
    }
}

/// Removes the release the history names.
pub async fn uninstall(pass: &Pass<'_>, target: &Target) -> Result<()> {
    let Some(last) = pass.status.history.first() else { return Ok(()) };
    let storage_namespace = &pass.status.storage_namespace;
    let release = Release { target, of: (&pass.namespace, &pass.name), name: &last.name, namespace: &last.namespace, storage_namespace };
    let records = release.storage().list().await?;
    tracing::info!("uninstall {}/{} of {}/{}", last.namespace, last.name, pass.namespace, pass.name);
    release.uninstall(&records).await
}

async fn remove_chart(pass: &Pass<'_>) -> Result<()> {
    let Some((namespace, name)) = pass.helm_chart() else { return Ok(()) };
    let api: Api<DynamicObject> = Api::namespaced_with(pass.flux.client.clone(), &namespace, &source("HelmChart"));
    match api.delete(&name, &DeleteParams::default()).await {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        other => other.map(|_| ()).with_context(|| format!("delete HelmChart {namespace}/{name}")),
    }
}
