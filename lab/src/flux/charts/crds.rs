//! The CRDs of a chart, and applying them by the policy of a HelmRelease.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, DeleteParams, Patch, PatchParams};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};

use super::{Chart, Place, STRIMZI};
use crate::custom_resources::{Crd, Family};
use crate::flux::api::CrdPolicy;
use crate::flux::status::MANAGER;
use crate::strimzi_api;

/// How long the API server may take to serve a new CRD.
const ESTABLISHED: Duration = Duration::from_secs(30);
/// On every CRD the stand-in wrote: the chart and its version.
const WRITTEN_BY: &str = "lab.kaas.dev/chart";
/// Helm leaves an object with this annotation when it uninstalls.
const KEEP: &str = "helm.sh/resource-policy";

/// The CRDs of `chart`. Generates them if the cache lacks them, which blocks.
///
/// # Errors
/// When they cannot be generated.
pub fn crds(chart: &Chart) -> Result<Vec<Crd>> {
    match chart.name {
        STRIMZI => strimzi_api::crds(),
        "cert-manager" => Family::CertManager.crds(),
        "kube-prometheus-stack" => Family::PrometheusOperator.crds(),
        _ => Ok(Vec::new()),
    }
}

/// What to do with the CRDs of `chart` rendered at `place`: as its values say if they are part of its templates, else by `policy`.
pub fn policy(chart: &Chart, place: &Place, policy: CrdPolicy) -> CrdPolicy {
    match chart.crds_in_templates {
        true if place.is("/crds/enabled", false) || place.is("/installCRDs", false) => CrdPolicy::CreateReplace,
        true => CrdPolicy::Skip,
        false => policy,
    }
}

/// Applies the CRDs, for a HelmRelease by its namespace and name, and waits until they are served.
pub async fn apply(client: &Client, chart: &'static Chart, place: &Place<'_>, policy: CrdPolicy, of: (&str, &str)) -> Result<()> {
    if policy == CrdPolicy::Skip {
        return Ok(());
    }
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    let crds = tokio::task::spawn_blocking(|| crds(chart)).await??;
    let apply = async |crd: &Crd| {
        if policy == CrdPolicy::Create && api.get_opt(&crd.name).await.context("look for a CRD")?.is_some() {
            return anyhow::Ok(());
        }
        let manifest = manifest(crd, chart, place, of)?;
        let params = PatchParams::apply(MANAGER).force();
        api.patch(&crd.name, &params, &Patch::Apply(&manifest)).await.with_context(|| format!("apply the CRD {}", crd.name))?;
        Ok(())
    };
    futures::future::try_join_all(crds.iter().map(apply)).await?;
    let started = Instant::now();
    for Crd { name, .. } in &crds {
        while !established(&api.get(name).await.with_context(|| format!("read the CRD {name}"))?) {
            ensure!(started.elapsed() < ESTABLISHED, "the CRD {name} is not served after {} s", ESTABLISHED.as_secs());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    Ok(())
}

/// Removes what goes with the release: CRDs of templates that are not kept. Those of a chart's `crds/` folder Helm never removes.
pub async fn remove(client: &Client, chart: &'static Chart) -> Result<()> {
    if !chart.crds_in_templates {
        return Ok(());
    }
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    for crd in tokio::task::spawn_blocking(|| crds(chart)).await?? {
        let Some(there) = api.get_opt(&crd.name).await.with_context(|| format!("read the CRD {}", crd.name))? else { continue };
        let annotations = there.annotations();
        if annotations.contains_key(WRITTEN_BY) && annotations.get(KEEP).is_none_or(|policy| policy != "keep") {
            api.delete(&crd.name, &DeleteParams::default()).await.with_context(|| format!("delete the CRD {}", crd.name))?;
        }
    }
    Ok(())
}

/// A CRD marked with the chart it comes from and, as helm-controller marks it, with the HelmRelease.
fn manifest(crd: &Crd, chart: &Chart, place: &Place<'_>, of: (&str, &str)) -> Result<Value> {
    let text = std::fs::read_to_string(&crd.file).with_context(|| format!("read {}", crd.file.display()))?;
    let mut manifest: Value = serde_norway::from_str(&text).with_context(|| format!("understand {}", crd.file.display()))?;
    manifest["metadata"]["labels"]["helm.toolkit.fluxcd.io/namespace"] = json!(of.0);
    manifest["metadata"]["labels"]["helm.toolkit.fluxcd.io/name"] = json!(of.1);
    let annotations = &mut manifest["metadata"]["annotations"];
    annotations[WRITTEN_BY] = json!(format!("{}-{}", chart.name, place.version));
    if chart.crds_in_templates && place.is("/crds/keep", true) {
        annotations[KEEP] = json!("keep");
    }
    Ok(manifest)
}

fn established(crd: &CustomResourceDefinition) -> bool {
    let conditions = crd.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions.is_some_and(|all| all.iter().any(|c| c.type_ == "Established" && c.status == "True"))
}
