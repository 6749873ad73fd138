//! Attempts that fail: counted, undone, given up, begun anew.

use anyhow::{Result, ensure};
use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::world::{TENANT, World, condition, message, says};

#[test]
fn failed_attempts_are_counted_undone_and_given_up() -> Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let world = runtime.block_on(World::up("flux-failure", true))?;
    runtime.block_on(async {
        world.prepare().await?;
        an_install_that_succeeds_at_last(&world).await?;
        an_install_that_is_given_up(&world).await?;
        an_upgrade_that_is_rolled_back(&world).await?;
        somebody_elses_object(&world).await
    })?;
    drop(world.flux);
    world.lab.down()
}

/// The order lies in a file, so that it is there before the object.
async fn an_install_that_succeeds_at_last(world: &World) -> Result<()> {
    std::fs::write(world.flux.data().join("fail").join(format!("{TENANT}.external-dns")), "2")?;
    world.source("external-dns", "1.21.1").await?;
    world.release("external-dns", json!({"install": {"remediation": {"retries": 3}}})).await?;
    let failing = world.until("external-dns", "failing", |o| o.data["status"]["installFailures"] == 1).await?;
    ensure!(says(&failing, "Released") == "False InstallFailed", "{:#}", failing.data["status"]);
    let ready = world.ready("external-dns", "1.21.1").await?;
    ensure!(
        ready.data["status"].get("installFailures").is_none() && condition(&ready, "Remediated").is_none(),
        "{:#}",
        ready.data["status"]
    );
    ensure!(ready.data["status"]["history"][0]["version"] == 1, "what was uninstalled begins anew");
    Ok(())
}

async fn an_install_that_is_given_up(world: &World) -> Result<()> {
    std::fs::write(world.flux.data().join("fail").join(format!("{TENANT}.aws-ebs-csi-driver")), "99")?;
    world.source("aws-ebs-csi-driver", "2.50.0").await?;
    world.release("aws-ebs-csi-driver", json!({"install": {"remediation": {"retries": 1}}})).await?;
    let stalled = world.until("aws-ebs-csi-driver", "stalled", |o| says(o, "Stalled") == "True RetriesExceeded").await?;
    let status = &stalled.data["status"];
    ensure!(status["installFailures"] == 2 && status["observedGeneration"] == 1, "{status:#}");
    ensure!(says(&stalled, "Ready") == "False InstallFailed" && condition(&stalled, "Reconciling").is_none(), "{status:#}");
    ensure!(message(&stalled, "Stalled") == "Failed to install after 2 attempt(s)", "{}", message(&stalled, "Stalled"));
    std::fs::remove_file(world.flux.data().join("fail").join(format!("{TENANT}.aws-ebs-csi-driver")))?;
    // A change of the spec, not time, begins anew.
    world.release("aws-ebs-csi-driver", json!({"install": {"remediation": {"retries": 2}}})).await?;
    world.ready("aws-ebs-csi-driver", "2.50.0").await?;
    world.api("storage.k8s.io/v1", "CSIDriver", "").get("ebs.csi.aws.com").await?;
    Ok(())
}

/// The order stands in an annotation.
async fn an_upgrade_that_is_rolled_back(world: &World) -> Result<()> {
    let order = |n: Option<&str>| Patch::Merge(json!({"metadata": {"annotations": {"lab.kaas.dev/fail": n}}}));
    world.releases().patch("external-dns", &PatchParams::default(), &order(Some("1"))).await?;
    std::fs::remove_file(world.flux.data().join("fail").join(format!("{TENANT}.external-dns")))?;
    world.release("external-dns", json!({"upgrade": {"remediation": {"retries": 1}}})).await?;
    world.source("external-dns", "1.22.0").await?;
    let rolled = world.until("external-dns", "rolled back", |o| says(o, "Remediated") == "True RollbackSucceeded").await?;
    ensure!(says(&rolled, "Ready") == "False RollbackSucceeded", "{:#}", rolled.data["status"]);
    let version = |o: &kube::api::DynamicObject| o.data["status"]["history"][0]["chartVersion"].as_str().unwrap_or_default().to_owned();
    ensure!(version(&rolled).starts_with("1.21.1+"), "the old chart runs again");
    world.ready("external-dns", "1.22.0").await?;
    world.releases().patch("external-dns", &PatchParams::default(), &order(None)).await?;
    Ok(())
}

/// Helm takes over nothing it did not make.
async fn somebody_elses_object(world: &World) -> Result<()> {
    let labels = json!({"app": "x"});
    world.apply(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "cert-manager-system"}})).await?;
    world
        .apply(
            &json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "cert-manager", "namespace": "cert-manager-system"},
            "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels},
                "spec": {"containers": [{"name": "x", "image": "x"}]}}}}),
        )
        .await?;
    world.source("cert-manager", "v1.21.1").await?;
    world.release("cert-manager", json!({})).await?;
    let failed = world.until("cert-manager", "stalled", |o| says(o, "Stalled") == "True RetriesExceeded").await?;
    ensure!(message(&failed, "Ready").contains("invalid ownership metadata"), "{}", message(&failed, "Ready"));
    Ok(())
}
