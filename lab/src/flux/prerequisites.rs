//! What has to be there before a release is attempted: its dependencies and its chart.

use anyhow::{Context, Result};
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use serde_json::json;

use super::api::{self, Status, source};
use super::release::{Pass, releases};
use super::sources::{self, Artifact};
use super::status::MANAGER;

impl Pass<'_> {
    /// The name of the HelmChart that stands for `spec.chart`, and its namespace.
    pub fn helm_chart(&self) -> Option<(String, String)> {
        let reference = &self.spec.chart.as_ref()?.spec.source_ref;
        let namespace = reference.namespace.clone().unwrap_or_else(|| self.namespace.clone());
        Some((namespace, format!("{}-{}", self.namespace, self.name)))
    }

    /// Keeps the HelmChart for `spec.chart`.
    pub async fn template(&mut self) -> Result<()> {
        let (Some(template), Some((namespace, name))) = (&self.spec.chart, self.helm_chart()) else {
            self.status.helm_chart.clear();
            return Ok(());
        };
        let of = &template.spec;
        let chart = json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "HelmChart",
            "metadata": {"name": name, "labels": {"helm.toolkit.fluxcd.io/name": self.name, "helm.toolkit.fluxcd.io/namespace": self.namespace}},
            "spec": {"chart": of.chart, "version": of.version.as_deref().unwrap_or("*"), "interval": of.interval.as_ref().unwrap_or(&self.spec.interval),
                "sourceRef": {"kind": of.source_ref.kind, "name": of.source_ref.name}},
        });
        let api: Api<DynamicObject> = Api::namespaced_with(self.flux.client.clone(), &namespace, &source("HelmChart"));
        api.patch(&name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(&chart))
            .await
            .with_context(|| format!("write HelmChart {namespace}/{name}"))?;
        self.status.helm_chart = format!("{namespace}/{name}");
        Ok(())
    }

    /// The first dependency that is not ready, in Flux's words.
    pub async fn dependency(&self) -> Result<Option<String>> {
        for wanted in &self.spec.depends_on {
            let namespace = wanted.namespace.as_ref().unwrap_or(&self.namespace);
            let full = format!("{namespace}/{}", wanted.name);
            let Some(found) = releases(&self.flux.client, namespace).get_opt(&wanted.name).await? else {
                let what = format!("helmreleases.helm.toolkit.fluxcd.io \"{}\" not found", wanted.name);
                return Ok(Some(format!("unable to get '{full}' dependency: {what}")));
            };
            let status: Status = api::parse(&found, "status")?;
            let ready = status.conditions.iter().any(|c| c.kind == "Ready" && c.status == "True");
            if !ready || found.metadata.generation != Some(status.observed_generation) {
                return Ok(Some(format!("dependency '{full}' is not ready")));
            }
        }
        Ok(None)
    }

    /// The chart its source has, or the reason and message why there is none.
    pub async fn artifact(&self) -> Result<Result<Artifact, (&'static str, String)>> {
        let (kind, namespace, name) = match (&self.spec.chart_ref, self.helm_chart()) {
            (Some(r), _) => (r.kind.as_str(), r.namespace.clone().unwrap_or_else(|| self.namespace.clone()), r.name.clone()),
            (None, Some((namespace, name))) => ("HelmChart", namespace, name),
            (None, None) => anyhow::bail!("invalid Chart reference"),
        };
        let api: Api<DynamicObject> = Api::namespaced_with(self.flux.client.clone(), &namespace, &source(kind));
        let Some(found) = api.get_opt(&name).await? else {
            let what = format!("{}.source.toolkit.fluxcd.io \"{name}\" not found", source(kind).plural);
            return Ok(Err(("ArtifactFailed", format!("could not get Source object: {what}"))));
        };
        Ok(match sources::readiness(&found)? {
            Err(why) => Err(("SourceNotReady", why)),
            Ok(revision) if kind == "OCIRepository" => sources::oci_chart(&found, &revision)?.map_err(|why| ("ChartMutateError", why)),
            Ok(revision) => Ok(sources::repository_chart(&found, &revision)?),
        })
    }
}
