//! The end of a release whose target is not there any more, or does not answer.

use anyhow::{Result, ensure};
use kube::ResourceExt;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;

use super::world::{TENANT, World, message, says};

#[test]
fn the_end_of_a_release_depends_on_its_target() -> Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let mut world = runtime.block_on(World::up("flux-deletion", true))?;
    runtime.block_on(async {
        world.prepare().await?;
        without_secret(&world).await?;
        unreachable(&world).await?;
        suspended(&world).await
    })?;
    runtime.block_on(stopped(&mut world))?;
    drop(world.flux);
    world.lab.down()
}

async fn install(world: &World, chart: &str, secret: &str) -> Result<()> {
    world.secret(secret, &std::fs::read_to_string(world.lab.kubeconfig())?).await?;
    world.source(chart, "1.0.0").await?;
    world.release(chart, json!({"kubeConfig": {"secretRef": {"name": secret}}})).await?;
    world.ready(chart, "1.0.0").await?;
    Ok(())
}

/// The release goes in silence, and what it made stays where it is.
async fn without_secret(world: &World) -> Result<()> {
    install(world, "external-dns", "vanishes").await?;
    world.api("v1", "Secret", TENANT).delete("vanishes", &DeleteParams::default()).await?;
    world.delete("external-dns").await?;
    world.gone(&world.releases(), "external-dns").await?;
    world.deployments("external-dns-system").get("external-dns").await?;
    ensure!(world.records("external-dns-system").await?.len() == 1, "nothing was uninstalled");
    Ok(())
}

/// It blocks and says why, until the cluster answers again: the Secret is read anew each time.
async fn unreachable(world: &World) -> Result<()> {
    install(world, "cert-manager", "moves").await?;
    let right = std::fs::read_to_string(world.lab.kubeconfig())?;
    let port = world.lab.url().rsplit(':').next().unwrap_or_default().to_owned();
    world.secret("moves", &right.replace(&format!("127.0.0.1:{port}"), "127.0.0.1:1")).await?;
    world.delete("cert-manager").await?;
    let blocked = world.until("cert-manager", "blocked", |o| says(o, "Ready") == "False UninstallFailed").await?;
    ensure!(message(&blocked, "Ready").contains("Kubernetes cluster unreachable"), "{}", message(&blocked, "Ready"));
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    ensure!(world.releases().get("cert-manager").await?.finalizers().len() == 1, "it waits");
    world.secret("moves", &right).await?;
    world.gone(&world.releases(), "cert-manager").await?;
    ensure!(world.records("cert-manager-system").await?.is_empty(), "then it is uninstalled");
    Ok(())
}

async fn suspended(world: &World) -> Result<()> {
    install(world, "aws-ebs-csi-driver", "stays").await?;
    let suspend = Patch::Merge(json!({"spec": {"suspend": true}}));
    world.releases().patch("aws-ebs-csi-driver", &PatchParams::default(), &suspend).await?;
    world.delete("aws-ebs-csi-driver").await?;
    world.gone(&world.releases(), "aws-ebs-csi-driver").await?;
    world.deployments("aws-ebs-csi-driver-system").get("ebs-csi-controller").await?;
    Ok(())
}

/// Without the stand-in nothing happens; started again it goes on.
async fn stopped(world: &mut World) -> Result<()> {
    install(world, "kube-prometheus-stack", "stays").await?;
    world.flux.stop()?;
    world.delete("kube-prometheus-stack").await?;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    ensure!(world.releases().get("kube-prometheus-stack").await?.metadata.deletion_timestamp.is_some(), "the finalizer holds it");
    world.flux.restart()?;
    world.gone(&world.releases(), "kube-prometheus-stack").await
}
