//! Releases that go well: installed in order, upgraded, left alone, uninstalled.

use anyhow::{Result, ensure};
use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::world::{TENANT, World, condition, is_ready, message, says};

#[test]
fn releases_are_installed_in_order_upgraded_and_uninstalled() -> Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let world = runtime.block_on(World::up("flux-life", true))?;
    runtime.block_on(async {
        world.prepare().await?;
        in_order(&world).await?;
        what_is_made(&world).await?;
        an_upgrade(&world).await?;
        by_repository(&world).await?;
        left_alone(&world).await?;
        unknown(&world).await?;
        uninstalled(&world).await
    })?;
    drop(world.flux);
    world.lab.down()
}

async fn in_order(world: &World) -> Result<()> {
    for (chart, tag) in [("cert-manager", "v1.21.1"), ("kube-prometheus-stack", "79.0.0")] {
        world.source(chart, tag).await?;
    }
    let back = json!({"secretRef": {"name": "back"}});
    let crds = json!({"createNamespace": true, "crds": "CreateReplace"});
    let after = json!([{"name": "cert-manager"}]);
    world.release("kube-prometheus-stack", json!({"kubeConfig": back, "dependsOn": after, "install": crds})).await?;
    let waits = world.until("kube-prometheus-stack", "waiting", |o| says(o, "Ready") == "False DependencyNotReady").await?;
    ensure!(message(&waits, "Ready").contains("cert-manager"), "it says for what: {}", message(&waits, "Ready"));
    ensure!(waits.data["status"]["observedGeneration"] != json!(1), "what waits has not observed its generation");
    world.release("cert-manager", json!({"values": {"crds": {"enabled": true}}})).await?;
    let first = world.ready("cert-manager", "1.21.1").await?;
    let second = world.ready("kube-prometheus-stack", "79.0.0").await?;
    ensure!(says(&first, "Ready") == "True InstallSucceeded" && says(&first, "Released") == "True InstallSucceeded");
    ensure!(condition(&second, "Reconciling").is_none() && condition(&second, "Stalled").is_none(), "{:#}", second.data["status"]);
    Ok(())
}

async fn what_is_made(world: &World) -> Result<()> {
    let release = world.releases().get("cert-manager").await?;
    ensure!(release.finalizers() == ["finalizers.fluxcd.io"], "{:?}", release.finalizers());
    let last = &release.data["status"]["history"][0];
    ensure!(last["status"] == "deployed" && last["version"] == 1 && last["chartName"] == "cert-manager", "{last:#}");
    // Flux puts the digest of the OCI artifact behind the version and drops the v before it.
    let version = last["chartVersion"].as_str().unwrap_or_default();
    ensure!(version.starts_with("1.21.1+") && version.len() == 19, "{version}");
    ensure!(release.data["status"]["lastAttemptedRevision"] == last["chartVersion"]);
    for name in ["cert-manager", "cert-manager-cainjector", "cert-manager-webhook"] {
        let made = world.deployments("cert-manager-system").get(name).await?;
        ensure!(made.data["status"]["availableReplicas"] == 1, "{name}: {:#}", made.data["status"]);
        ensure!(made.annotations()["meta.helm.sh/release-name"] == "cert-manager");
    }
    let records = world.records("cert-manager-system").await?;
    ensure!(records == ["sh.helm.release.v1.cert-manager.v1 deployed"], "{records:?}");
    let crds = world.api("apiextensions.k8s.io/v1", "CustomResourceDefinition", "");
    for name in ["certificates.cert-manager.io", "podmonitors.monitoring.coreos.com", "prometheusrules.monitoring.coreos.com"] {
        crds.get(name).await?;
    }
    Ok(())
}

/// The tag makes an upgrade; CRDs are replaced only where the policy says so.
async fn an_upgrade(world: &World) -> Result<()> {
    let crd = "podmonitors.monitoring.coreos.com";
    let crds = world.api("apiextensions.k8s.io/v1", "CustomResourceDefinition", "");
    let written = async || anyhow::Ok(crds.get(crd).await?.annotations().get("lab.kaas.dev/chart").cloned().unwrap_or_default());
    world.source("kube-prometheus-stack", "80.0.0").await?;
    let upgraded = world.ready("kube-prometheus-stack", "80.0.0").await?;
    ensure!(says(&upgraded, "Ready") == "True UpgradeSucceeded", "{:#}", upgraded.data["status"]);
    ensure!(upgraded.data["status"]["history"][1]["status"] == "superseded");
    ensure!(written().await? == "kube-prometheus-stack-79.0.0", "the default leaves CRDs alone");
    let spec = json!({"kubeConfig": {"secretRef": {"name": "back"}}, "install": {"crds": "CreateReplace"}, "upgrade": {"crds": "CreateReplace"},
        "values": {"grafana": {"enabled": false}}});
    world.release("kube-prometheus-stack", spec).await?;
    world.source("kube-prometheus-stack", "81.0.0").await?;
    world.ready("kube-prometheus-stack", "81.0.0").await?;
    ensure!(written().await? == "kube-prometheus-stack-81.0.0", "CreateReplace replaces them");
    let grafana = world.deployments("kube-prometheus-stack-system").get_opt("kube-prometheus-stack-grafana").await?;
    ensure!(grafana.is_none(), "what the values switch off goes with the upgrade");
    let records = world.records("kube-prometheus-stack-system").await?;
    ensure!(records.iter().filter(|r| r.ends_with("deployed")).count() == 1 && records.len() >= 3, "{records:?}");
    Ok(())
}

/// A chart by HelmRepository goes by way of a HelmChart, which goes with the release.
async fn by_repository(world: &World) -> Result<()> {
    world
        .apply(
            &json!({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "HelmRepository", "metadata": {"name": "dns", "namespace": TENANT},
            "spec": {"interval": "1h", "url": "https://charts.invalid/external-dns/"}}),
        )
        .await?;
    let chart = json!({"spec": {"chart": "external-dns", "version": "1.21.1", "sourceRef": {"kind": "HelmRepository", "name": "dns"}}});
    let spec = json!({"interval": "10m", "targetNamespace": TENANT, "chart": chart});
    let release = json!({"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "metadata": {"name": "dns", "namespace": TENANT}, "spec": spec});
    world.apply(&release).await?;
    let ready = world.ready("dns", "1.21.1").await?;
    ensure!(ready.data["status"]["helmChart"] == format!("{TENANT}/{TENANT}-dns"), "{:#}", ready.data["status"]);
    world.deployments(TENANT).get(&format!("{TENANT}-dns-external-dns")).await?;
    world.delete("dns").await?;
    world.gone(&world.releases(), "dns").await?;
    let charts = world.api("source.toolkit.fluxcd.io/v1", "HelmChart", TENANT);
    ensure!(charts.get_opt(&format!("{TENANT}-dns")).await?.is_none(), "the HelmChart goes with the release");
    Ok(())
}

/// A suspended release and one whose stand-in is stopped stay as they are; afterwards they catch up.
async fn left_alone(world: &World) -> Result<()> {
    let suspend = |on: bool| Patch::Merge(json!({"spec": {"suspend": on}}));
    world.releases().patch("cert-manager", &PatchParams::default(), &suspend(true)).await?;
    world.until("cert-manager", "observed", |o| o.data["status"]["observedGeneration"].as_i64() == o.metadata.generation).await?;
    world.source("cert-manager", "v1.22.0").await?;
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    let still = world.releases().get("cert-manager").await?;
    ensure!(still.data["status"]["history"][0]["version"] == 1, "suspended means left alone");
    world.releases().patch("cert-manager", &PatchParams::default(), &suspend(false)).await?;
    world.ready("cert-manager", "1.22.0").await?;
    let asked = Patch::Merge(json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": "now-1"}}}));
    world.releases().patch("cert-manager", &PatchParams::default(), &asked).await?;
    world.until("cert-manager", "asked", |o| o.data["status"]["lastHandledReconcileAt"] == "now-1" && is_ready(o)).await?;
    Ok(())
}

async fn unknown(world: &World) -> Result<()> {
    world.source("nginx", "1.0.0").await?;
    world.release("nginx", json!({})).await?;
    let failed = world.until("nginx", "refused", |o| says(o, "Ready") == "False ArtifactFailed").await?;
    ensure!(message(&failed, "Ready").contains("knows no chart 'nginx'"), "{}", message(&failed, "Ready"));
    world.delete("nginx").await?;
    world.gone(&world.releases(), "nginx").await?;
    world.source("cert-manager", "latest-is-no-version").await?;
    world.until("cert-manager", "without version", |o| says(o, "Ready") == "False ChartMutateError").await?;
    Ok(())
}

/// Helm removes what it made, keeps the CRDs, and leaves no record.
async fn uninstalled(world: &World) -> Result<()> {
    for (chart, crd) in [("cert-manager", "certificates.cert-manager.io"), ("kube-prometheus-stack", "podmonitors.monitoring.coreos.com")] {
        let namespace = format!("{chart}-system");
        world.delete(chart).await?;
        world.gone(&world.releases(), chart).await?;
        let left: Vec<Value> =
            world.deployments(&namespace).list(&Default::default()).await?.items.into_iter().map(|d| json!(d.name_any())).collect();
        ensure!(left.is_empty() && world.records(&namespace).await?.is_empty(), "{left:?}");
        world.api("apiextensions.k8s.io/v1", "CustomResourceDefinition", "").get(crd).await?;
    }
    Ok(())
}
