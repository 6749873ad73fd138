//! One HelmRelease, from its spec to what runs in its target: the order of steps, the conditions and the messages are those of Flux's
//! helm-controller 1.x.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::runtime::controller::Action;
use kube::{Client, ResourceExt};
use serde_json::json;

use super::api::{self, FINALIZER, FORCE_AT, REQUESTED_AT, RESET_AT, Spec, Status, helm_release};
use super::controller::Flux;
use super::sources::Artifact;
use super::status::{self, Conditions, MANAGER};
use super::target::{Closed, Target, Whereabouts};
use super::{RESYNC, RETRY, SOON, attempts, charts, deletion, digest, helm};

/// One look at a HelmRelease.
pub struct Pass<'a> {
    pub flux: &'a Flux,
    pub object: DynamicObject,
    pub namespace: String,
    pub name: String,
    pub spec: Spec,
    pub status: Status,
}

/// How a look ended.
pub enum End {
    /// For this generation all is done, or nothing more can be.
    Settled,
    /// To be looked at again.
    Waits(Duration),
}

/// Makes the release what its object says.
pub async fn reconcile(object: Arc<DynamicObject>, flux: Arc<Flux>) -> Result<Action> {
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    // Anew: what was counted in the last look may not have come back by the watch yet.
    let Some(object) = releases(&flux.client, &namespace).get_opt(&name).await.context("read a HelmRelease")? else {
        return Ok(Action::await_change());
    };
    let (spec, status) = (api::parse(&object, "spec")?, api::parse(&object, "status")?);
    let mut pass = Pass { flux: &flux, object, namespace, name, spec, status };
    if let Some(requested) = pass.annotation(REQUESTED_AT) {
        pass.status.last_handled_reconcile_at = requested;
    }
    if pass.object.metadata.deletion_timestamp.is_some() {
        return deletion::run(&mut pass).await;
    }
    if !pass.object.finalizers().iter().any(|f| f == FINALIZER) {
        let mut finalizers = pass.object.finalizers().to_vec();
        finalizers.push(FINALIZER.to_owned());
        pass.write_finalizers(&finalizers).await?;
        return Ok(Action::requeue(Duration::ZERO));
    }
    let end = if pass.spec.suspend { Ok(End::Settled) } else { run(&mut pass).await };
    if matches!(end, Ok(End::Settled)) {
        pass.status.observed_generation = pass.generation();
    }
    pass.write().await?;
    Ok(match end? {
        End::Settled if pass.spec.suspend => Action::await_change(),
        End::Settled => Action::requeue(RESYNC),
        End::Waits(time) => Action::requeue(time),
    })
}

async fn run(pass: &mut Pass<'_>) -> Result<End> {
    if pass.spec.chart.is_some() == pass.spec.chart_ref.is_some() {
        anyhow::bail!("invalid Chart reference: one of chart and chartRef must be set");
    }
    pass.template().await?;
    if let Some(missing) = pass.dependency().await? {
        pass.conditions().reconciling("Progressing", "Fulfilling prerequisites");
        return Ok(pass.not_ready("DependencyNotReady", &missing, SOON));
    }
    let artifact = match pass.artifact().await? {
        Ok(artifact) => artifact,
        Err((reason, message)) => {
            pass.conditions().reconciling("Progressing", "Fulfilling prerequisites");
            return Ok(pass.not_ready(reason, &message, SOON));
        }
    };
    if !pass.spec.values_from.is_empty() {
        return Ok(pass.not_ready("ValuesError", "the lab's stand-in for Flux does not read valuesFrom", RETRY));
    }
    let chart = match charts::by_name(&artifact.chart) {
        Ok(chart) => chart,
        Err(why) => return Ok(pass.not_ready("ArtifactFailed", &format!("Could not load chart: {why}"), RETRY)),
    };
    if pass.spec.kube_config.as_ref().is_some_and(|given| given.secret_ref.is_none()) {
        return Ok(pass.not_ready("RESTClientError", "the lab's stand-in for Flux reads kubeConfig.secretRef only", RETRY));
    }
    let target = match pass.whereabouts().open(&pass.flux.client).await {
        Ok(target) => target,
        Err(why) => return Ok(pass.not_ready("RESTClientError", &why.to_string(), RETRY)),
    };
    let names = helm::names(&pass.spec, &pass.namespace, &pass.name)?;
    if let Some(end) = moved(pass, &target, &names, chart.name).await? {
        return Ok(end);
    }
    pass.note_attempt(&artifact, &names.2);
    attempts::run(pass, &target, &names, chart, &artifact).await
}

/// A release whose name, namespace or chart changed is another one: the old goes first.
async fn moved(pass: &mut Pass<'_>, target: &Target, names: &(String, String, String), chart: &str) -> Result<Option<End>> {
    let Some(last) = pass.status.history.first().cloned() else { return Ok(None) };
    let same =
        (&last.name, &last.namespace) == (&names.0, &names.1) && pass.status.storage_namespace == names.2 && last.chart_name == chart;
    if same {
        return Ok(None);
    }
    if let Some(left) = pass.flux.pause(pass) {
        return Ok(Some(End::Waits(left)));
    }
    if let Err(error) = deletion::uninstall(pass, target).await {
        pass.report_uninstall_failure(&error);
        pass.flux.failed(pass);
        return Ok(Some(End::Waits(RETRY)));
    }
    pass.status.history.clear();
    pass.status.storage_namespace.clear();
    pass.clear_failures();
    Ok(Some(End::Waits(Duration::ZERO)))
}

impl Pass<'_> {
    pub fn generation(&self) -> i64 {
        self.object.metadata.generation.unwrap_or_default()
    }

    pub fn annotation(&self, key: &str) -> Option<String> {
        self.object.annotations().get(key).cloned()
    }

    pub fn conditions(&mut self) -> Conditions<'_> {
        let generation = self.generation();
        Conditions { all: &mut self.status.conditions, generation }
    }

    pub fn whereabouts(&self) -> Whereabouts {
        Whereabouts::of(&self.namespace, self.spec.secret_ref())
    }

    /// Ready=False, to be looked at again.
    pub fn not_ready(&mut self, reason: &str, message: &str, again: Duration) -> End {
        self.conditions().set("Ready", "False", reason, message);
        End::Waits(again)
    }

    pub fn clear_failures(&mut self) {
        (self.status.failures, self.status.install_failures, self.status.upgrade_failures) = (0, 0, 0);
    }

    /// Whether `key` asks, together with `requestedAt`, for something not done yet.
    pub fn requested(&self, key: &str, handled: &str) -> Option<String> {
        let value = self.annotation(key)?;
        (value != handled && self.annotation(REQUESTED_AT).as_ref() == Some(&value)).then_some(value)
    }

    /// Whether a release is to be made although nothing changed.
    pub fn forced(&mut self) -> bool {
        let Some(value) = self.requested(FORCE_AT, &self.status.last_handled_force_at) else { return false };
        self.status.last_handled_force_at = value;
        true
    }

    pub async fn write(&self) -> Result<()> {
        status::write(&self.flux.client, &helm_release(), &self.object, MANAGER, &json!(self.status)).await
    }

    pub async fn write_finalizers(&self, finalizers: &[String]) -> Result<()> {
        let patch = json!({"metadata": {"finalizers": finalizers, "resourceVersion": self.object.metadata.resource_version}});
        let written = releases(&self.flux.client, &self.namespace).patch(&self.name, &PatchParams::default(), &Patch::Merge(&patch)).await;
        match written {
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            other => other.map(|_| ()).context("write the finalizers of a HelmRelease"),
        }
    }

    /// Says that the old release could not be removed.
    pub fn report_uninstall_failure(&mut self, error: &anyhow::Error) {
        let last = self.status.history.first().cloned().unwrap_or_default();
        let message = format!(
            "Helm uninstall failed for release {}/{}.v{} with chart {}@{}: {error:#}",
            last.namespace, last.name, last.version, last.chart_name, last.chart_version
        );
        self.status.failures += 1;
        let mut conditions = self.conditions();
        conditions.set("Released", "False", "UninstallFailed", &message);
        conditions.set("Ready", "False", "UninstallFailed", &message);
    }

    /// Counts failures anew when what is wanted changed.
    fn note_attempt(&mut self, artifact: &Artifact, storage_namespace: &str) {
        let (generation, values) = (self.generation(), digest::of_values(&self.spec.values));
        let reset = self.requested(RESET_AT, &self.status.last_handled_reset_at);
        let status = &mut self.status;
        let changed = status.last_attempted_generation != generation
            || status.last_attempted_revision != artifact.version
            || status.last_attempted_config_digest != values
            || reset.is_some();
        if changed {
            (status.failures, status.install_failures, status.upgrade_failures) = (0, 0, 0);
        }
        if let Some(reset) = reset {
            status.last_handled_reset_at = reset;
        }
        storage_namespace.clone_into(&mut status.storage_namespace);
        status.last_attempted_generation = generation;
        status.last_attempted_revision.clone_from(&artifact.version);
        status.last_attempted_revision_digest = artifact.oci_digest.clone().unwrap_or_default();
        status.last_attempted_config_digest = values;
    }
}

/// Whether the Secret with the kubeconfig is gone.
pub fn secret_is_gone(closed: &Closed) -> bool {
    matches!(closed, Closed::NoSecret(..))
}

pub fn releases(client: &Client, namespace: &str) -> Api<DynamicObject> {
    Api::namespaced_with(client.clone(), namespace, &helm_release())
}
