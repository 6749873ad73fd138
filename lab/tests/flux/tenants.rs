//! Tenants with a cluster of their own: Cluster API makes it, Flux brings Strimzi into it, Strimzi runs Kafka in it.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use kaas_lab::cluster_api::{class, tenants};
use kaas_lab::{Options, Server, TemporaryLab};
use kube::api::DeleteParams;
use serde_json::json;

use super::kafka::{kafka, nodes, until_kafka};
use super::world::{Objects, condition, says};

const STRIMZI: &str = "strimzi-kafka-operator";

#[test]
fn each_tenant_has_its_own_strimzi_and_kafka_which_go_with_its_cluster() -> Result<()> {
    let options = Options { cluster_api: true, ..Options::named(&format!("flux-tenants-{}", std::process::id())) };
    let mut lab = TemporaryLab::with(&options)?;
    tokio::runtime::Runtime::new()?.block_on(story(&mut lab))?;
    lab.down()
}

async fn story(lab: &mut TemporaryLab) -> Result<()> {
    let management = |name: &str| {
        let (kubeconfig, namespace) = (lab.kubeconfig(), format!("kaas-{name}"));
        async move { anyhow::Ok(Objects::new(kaas_lab::client(&kubeconfig).await?, &namespace)) }
    };
    let (one, two) = (management("one").await?, management("two").await?);
    for (tenant, name) in [(&one, "one"), (&two, "two")] {
        begin(tenant, name).await?;
    }
    for (tenant, name) in [(&one, "one"), (&two, "two")] {
        tenant.ready(STRIMZI, "1.2.0").await?;
        let inside = inside(lab, name).await?;
        inside.make_namespace().await?;
        kafka(&inside).await?;
    }
    let mut ports = Vec::new();
    for name in ["one", "two"] {
        let ready = until_kafka(&inside(lab, name).await?, "ready", |k| condition(k, "Ready").is_some()).await?;
        ports.push(ready.data["status"]["listeners"][0]["bootstrapServers"].clone());
    }
    ensure!(ports[0] != ports[1] && nodes(lab).len() == 2, "each has its own: {ports:?}");

    lab.restart(Server::FluxStandIn)?;
    for name in ["one", "two"] {
        until_kafka(&inside(lab, name).await?, "ready again", |k| condition(k, "Ready").is_some()).await?;
    }
    let started = Instant::now();
    while nodes(lab).len() != 2 {
        ensure!(started.elapsed() < Duration::from_secs(60), "a new stand-in runs the same Kafkas: {:?}", nodes(lab));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }

    // In the order the provider keeps: releases, then the cluster. Its Kafka goes with its machines.
    one.delete(STRIMZI).await?;
    one.gone(&one.releases(), STRIMZI).await?;
    ensure!(nodes(lab).len() == 2, "Kafka outlives its operator");
    let clusters = one.api("cluster.x-k8s.io/v1beta2", "Cluster", &one.namespace);
    clusters.delete("one", &DeleteParams::default()).await?;
    one.gone(&clusters, "one").await?;
    let started = Instant::now();
    while nodes(lab).len() != 1 {
        ensure!(started.elapsed() < Duration::from_secs(60), "Kafka goes with its cluster: {:?}", nodes(lab));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    until_kafka(&inside(lab, "two").await?, "still ready", |k| condition(k, "Ready").is_some()).await?;

    // The other way round: without its cluster a release has nothing to uninstall from.
    let clusters = two.api("cluster.x-k8s.io/v1beta2", "Cluster", &two.namespace);
    clusters.delete("two", &DeleteParams::default()).await?;
    two.gone(&clusters, "two").await?;
    two.delete(STRIMZI).await?;
    two.gone(&two.releases(), STRIMZI).await
}

/// A Cluster and a release for it at once: the release waits for the cluster.
async fn begin(tenant: &Objects, name: &str) -> Result<()> {
    tenant.make_namespace().await?;
    tenant.source(STRIMZI, "1.2.0").await?;
    let secret = json!({"secretRef": {"name": format!("{name}-kubeconfig")}});
    tenant.release(STRIMZI, json!({"kubeConfig": secret, "install": {"remediation": {"retries": -1}}})).await?;
    tenant.until(STRIMZI, "waiting for its cluster", |o| says(o, "Ready") == "False RESTClientError").await?;
    tenant
        .apply(
            &json!({"apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Cluster", "metadata": {"name": name, "namespace": tenant.namespace},
            "spec": {"topology": {"classRef": {"name": class::CLASS, "namespace": class::NAMESPACE}, "version": "v1.36.3",
                "variables": [{"name": class::VARIABLE, "value": "cellar"}]}}}),
        )
        .await
}

/// The namespace of Kafka in a tenant's cluster.
async fn inside(lab: &TemporaryLab, name: &str) -> Result<Objects> {
    let file = tenants::kubeconfig_file(&lab.kubeconfig(), &format!("kaas-{name}"), name, lab.folder())?;
    Ok(Objects::new(kaas_lab::client(&file).await?, "kafka"))
}
