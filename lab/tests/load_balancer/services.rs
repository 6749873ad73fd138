//! Services and their addresses, without Kafka.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::Service;
use kaas_lab::load_balancer::{HOST_NAME, NODE_ADDRESS, TARGETS, address_of};
use kube::ResourceExt;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::world::{World, address, kafka, pool};

const FINALIZER: &str = "service.kubernetes.io/load-balancer-cleanup";

#[tokio::test(flavor = "multi_thread")]
async fn services_get_addresses_that_lead_to_their_targets() {
    story().await.unwrap();
}

async fn story() -> Result<()> {
    let world = World::up("balancers", true).await?;
    let server = TcpListener::bind("127.0.0.1:0").await?;
    let target = server.local_addr()?.to_string();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = server.accept().await {
            client.write_u8(7).await.unwrap();
        }
    });
    load_balancers(&world, &target).await?;
    node_port(&world, &target).await?;
    pretended(&world).await
}

async fn write(world: &World, name: &str, kind: &str, annotations: Value) -> Result<()> {
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "annotations": annotations},
        "spec": {"type": kind, "ports": [{"name": "a", "port": 9094, "protocol": "TCP"}]}});
    world.services().patch(name, &PatchParams::apply("test").force(), &Patch::Apply(&service)).await?;
    Ok(())
}

/// Waits until `seen` gives something of a Service.
async fn until<T>(world: &World, name: &str, what: &str, seen: impl Fn(&Service) -> Option<T>) -> Result<T> {
    let started = Instant::now();
    loop {
        let service = world.services().get(name).await?;
        if let Some(found) = seen(&service) {
            return Ok(found);
        }
        ensure!(started.elapsed() < Duration::from_secs(60), "the Service {name} has no {what}: {service:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn hear(host: &str, port: u16) -> Option<u8> {
    TcpStream::connect((host, port)).await.ok()?.read_u8().await.ok()
}

async fn load_balancers(world: &World, target: &str) -> Result<()> {
    write(world, "first", "LoadBalancer", json!({TARGETS: target})).await?;
    write(world, "second", "LoadBalancer", json!({TARGETS: target, HOST_NAME: "true"})).await?;
    let first = until(world, "first", "address", address).await?;
    let named = |service: &Service| service.status.as_ref()?.load_balancer.as_ref()?.ingress.as_ref()?.first()?.hostname.clone();
    let host = until(world, "second", "host name", named).await?;
    let second = address_of(&host).unwrap().to_string();
    ensure!(first != second && first.starts_with("127."), "{first} {second}");
    ensure!(hear(&first, 9094).await == Some(7) && hear(&second, 9094).await == Some(7), "both lead to the target");
    ensure!(world.services().get("first").await?.finalizers().contains(&FINALIZER.to_owned()), "the Service is held");
    write(world, "first", "LoadBalancer", json!({TARGETS: ""})).await?;
    let started = Instant::now();
    while hear(&first, 9094).await.is_some() {
        ensure!(started.elapsed() < Duration::from_secs(20), "without targets nobody answers");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    write(world, "second", "ClusterIP", json!({TARGETS: target})).await?;
    until(world, "second", "end of its load balancer", |service| service.finalizers().is_empty().then_some(())).await?;
    ensure!(named(&world.services().get("second").await?).is_none(), "it has no host name any more");
    world.services().delete("first", &DeleteParams::default()).await?;
    while world.services().get_opt("first").await?.is_some() {
        ensure!(started.elapsed() < Duration::from_secs(60), "a deleted Service goes");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for ip in [first, second] {
        ensure!(TcpStream::connect((ip.as_str(), 9094)).await.is_err(), "{ip} is still listened on");
    }
    Ok(())
}

async fn node_port(world: &World, target: &str) -> Result<()> {
    write(world, "third", "NodePort", json!({TARGETS: target})).await?;
    let node = until(world, "third", "address", |service| service.annotations().get(NODE_ADDRESS).cloned()).await?;
    let port = world.services().get("third").await?.spec.and_then(|spec| spec.ports?.first()?.node_port).unwrap();
    ensure!(hear(&node, u16::try_from(port)?).await == Some(7), "{node}:{port} leads to the target");
    Ok(())
}

/// A pretended Kafka has the Services of a real one, and their addresses in its status.
async fn pretended(world: &World) -> Result<()> {
    world.apply("KafkaNodePool", "brokers", pool(2, "broker")).await?;
    world.apply("KafkaNodePool", "controllers", pool(1, "controller")).await?;
    let mut spec = kafka(&json!({"createBootstrapService": false}));
    spec["kafka"]["listeners"][1]["configuration"].as_object_mut().unwrap().remove("brokerCertChainAndKey");
    spec["kafka"]["listeners"][1]["name"] = json!("public");
    world.apply("Kafka", "demo", spec).await?;
    let listeners = world.until("pretended", |kafka| kafka.data.pointer("/status/listeners").cloned()).await?;
    let mut expected = Vec::new();
    for name in ["demo-brokers-public-0", "demo-brokers-public-1"] {
        expected.push(json!({"host": address(&world.service(name).await?).unwrap(), "port": 9094}));
    }
    ensure!(listeners[1]["addresses"] == json!(expected), "{listeners}");
    ensure!(world.services().get_opt("demo-kafka-public-bootstrap").await?.is_none(), "no bootstrap Service is made");
    Ok(())
}
