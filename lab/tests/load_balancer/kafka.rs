//! A real Kafka reached by its public name: one story, because its start is what costs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use kaas_lab::Server;
use kaas_lab::kafka::{Client, Names, Security};
use kube::ResourceExt;
use kube::api::{DeleteParams, DynamicObject};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use super::producer::Producer;
use super::world::{Authority, CERTIFICATE, DOMAIN, NS, World, address, condition, kafka, pool};

#[tokio::test(flavor = "multi_thread")]
async fn a_kafka_is_reached_by_its_public_name_through_renewal_and_change() {
    story().await.unwrap();
}

async fn story() -> Result<()> {
    let world = Arc::new(World::up("outside", false).await?);
    let (first, second) = (Authority::new()?, Authority::new()?);
    begin(&world, &first).await?;
    messages(&world, &first, &second).await?;
    renewal(&world, &first, &second).await?;
    let roots = second.pem();
    brokers(&world, &roots).await?;
    ranges(&world, &roots).await?;
    restart(&world, &roots).await?;
    end(&world).await
}

/// Without its certificate the Kafka says so, with addresses already there; with it, it becomes ready at once.
async fn begin(world: &World, authority: &Authority) -> Result<()> {
    world.apply("KafkaNodePool", "brokers", pool(3, "broker")).await?;
    world.apply("KafkaNodePool", "controllers", pool(1, "controller")).await?;
    world.apply("Kafka", "demo", kafka(&json!({}))).await?;
    let refused = |kafka: &DynamicObject| condition(kafka, "NotReady").filter(|c| c["reason"] == "InvalidResourceException").cloned();
    let told = world.until("refused without its certificate", refused).await?;
    let expected =
        format!("Failed to process Secrets with custom certificates: [Secret {CERTIFICATE} with custom TLS certificate does not exist.]");
    ensure!(told["message"] == expected, "{told}");
    let bootstrap = world.service("demo-kafka-external-bootstrap").await?;
    ensure!(bootstrap.labels()["part"] == "bootstrap" && bootstrap.owner_references()[0].kind == "Kafka", "{bootstrap:?}");
    let broker = world.service("demo-brokers-0").await?;
    ensure!(broker.labels()["pod"] == "demo-brokers-0" && broker.owner_references()[0].kind == "KafkaNodePool", "{broker:?}");
    world.write_certificate(&authority.wildcard()?).await?;
    let listener = world.ready("ready", |_| true).await?;
    let ip = address(&bootstrap).unwrap();
    ensure!(listener["bootstrapServers"] == format!("{ip}:9094"), "{listener}");
    ensure!(listener["addresses"] == json!([{"host": ip, "port": 9094}]), "{listener}");
    Ok(())
}

async fn messages(world: &World, authority: &Authority, stranger: &Authority) -> Result<()> {
    let mut client = world.client(&authority.pem()).await?;
    let brokers = client.brokers().await?;
    let expected: BTreeMap<i32, String> = (0..3).map(|id| (id, format!("broker-{id}.{DOMAIN}:9094"))).collect();
    ensure!(brokers == expected, "brokers tell their public names: {brokers:?}");
    client.create_topic("orders", 3, 3, &BTreeMap::new()).await?;
    for partition in 0..3 {
        client.produce("orders", partition, &["x".into()]).await?;
        let read = client.consume("orders", partition, 0, 1, Duration::from_secs(20)).await?;
        ensure!(read == ["x"], "{read:?}");
    }
    ensure!(world.client(&stranger.pem()).await.is_err(), "the chain is checked against the roots that were given");
    let ip = world.names().await?[&format!("bootstrap.{DOMAIN}")];
    let unnamed = Client::connect_with(&format!("{ip}:9094"), Security::tls(&authority.pem(), None)?).await;
    ensure!(unnamed.is_err(), "the certificate is for names, not for the address");
    let other = Names::Listed(Arc::new(BTreeMap::from([("bootstrap.example.test".to_owned(), ip)])));
    let misnamed = Client::connect_with("bootstrap.example.test:9094", Security::tls(&authority.pem(), None)?.with_names(other)).await;
    ensure!(misnamed.is_err(), "the certificate is for other names");
    Ok(())
}

/// The certificate is renewed by another authority while a client that trusts both goes on.
async fn renewal(world: &Arc<World>, first: &Authority, second: &Authority) -> Result<()> {
    let both = format!("{}{}", first.pem(), second.pem());
    world.client(&both).await?.create_topic("renewal", 3, 3, &BTreeMap::new()).await?;
    let producer = Producer::start(world, &both, "renewal", 3);
    producer.go_on(30).await?;
    let renewed = second.wildcard()?;
    world.write_certificate(&renewed).await?;
    world.ready("of a renewed certificate", |listener| listener["certificates"][0] == renewed.certificate.as_str()).await?;
    producer.go_on(30).await?;
    let confirmed = producer.end().await?;
    ensure!(world.client(&first.pem()).await.is_err(), "the old certificate is gone");
    let mut client = world.client(&second.pem()).await?;
    let mut found = BTreeSet::new();
    for partition in 0..3 {
        let end = usize::try_from(client.end_offset("renewal", partition).await?)?;
        // Each partition is read from its leader, so that all brokers show the new certificate.
        for value in client.consume("renewal", partition, 0, end, Duration::from_secs(60)).await? {
            found.insert(String::from_utf8(value.to_vec())?.parse::<u64>()?);
        }
    }
    let lost: Vec<u64> = (0..confirmed).filter(|number| !found.contains(number)).collect();
    println!("{confirmed} messages were confirmed during the renewal");
    ensure!(confirmed > 60 && lost.is_empty(), "{} of {confirmed} messages are lost: {lost:?}", lost.len());
    Ok(())
}

/// Services come and go with brokers, and the others keep their addresses.
async fn brokers(world: &World, roots: &str) -> Result<()> {
    let before = world.names().await?;
    world.apply("KafkaNodePool", "brokers", pool(4, "broker")).await?;
    let added = world.service("demo-brokers-4").await?;
    let started = Instant::now();
    while !world.client(roots).await?.brokers().await?.contains_key(&4) {
        ensure!(started.elapsed() < Duration::from_secs(120), "the new broker joins");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let names = world.names().await?;
    ensure!(names[&format!("broker-4.{DOMAIN}")].to_string() == address(&added).unwrap(), "{names:?}");
    ensure!(before.iter().all(|(name, ip)| names.get(name) == Some(ip)), "addresses are stable: {before:?} {names:?}");
    world.apply("KafkaNodePool", "brokers", pool(3, "broker")).await?;
    while world.services().get_opt("demo-brokers-4").await?.is_some() {
        ensure!(started.elapsed() < Duration::from_secs(240), "the Service of the broker that goes goes too");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    world.ready("of three brokers", |_| true).await?;
    ensure!(world.names().await? == before, "the others are as before");
    Ok(())
}

async fn ranges(world: &World, roots: &str) -> Result<()> {
    for (ranges, admitted) in [(json!(["10.0.0.0/8"]), false), (json!(["10.0.0.0/8", "127.0.0.1/32"]), true), (json!([]), true)] {
        world.apply("Kafka", "demo", kafka(&json!({"loadBalancerSourceRanges": ranges}))).await?;
        let started = Instant::now();
        while world.client(roots).await.is_ok() != admitted {
            ensure!(started.elapsed() < Duration::from_secs(60), "with {ranges} clients are admitted: {admitted}");
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }
    Ok(())
}

/// The next stand-in listens on the same addresses.
async fn restart(world: &Arc<World>, roots: &str) -> Result<()> {
    let before = world.names().await?;
    let running = world.lab.servers().iter().find(|one| one.server == Server::LoadBalancerStandIn).unwrap().clone();
    kill(Pid::from_raw(running.handle.pid), Signal::SIGKILL)?;
    let started = Instant::now();
    while world.client(roots).await.is_ok() {
        ensure!(started.elapsed() < Duration::from_secs(10), "nobody listens while it is away");
    }
    let again = running.recipe.start(world.lab.folder())?;
    while world.client(roots).await.is_err() {
        ensure!(started.elapsed() < Duration::from_secs(60) && again.alive(), "it listens again");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    ensure!(world.names().await? == before, "addresses are kept");
    let read = world.client(roots).await?.consume("orders", 0, 0, 1, Duration::from_secs(20)).await?;
    ensure!(read == ["x"], "{read:?}");
    Ok(())
}

/// Nothing is left of the Services, and nobody listens on their addresses.
async fn end(world: &World) -> Result<()> {
    let addresses = world.names().await?;
    world.api("Kafka").delete("demo", &DeleteParams::foreground()).await?;
    for name in ["brokers", "controllers"] {
        world.api("KafkaNodePool").delete(name, &DeleteParams::foreground()).await?;
    }
    let started = Instant::now();
    let left = loop {
        let left: Vec<String> = world.services().list(&Default::default()).await?.iter().map(ResourceExt::name_any).collect();
        if left.is_empty() || started.elapsed() > Duration::from_secs(60) {
            break left;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    ensure!(left.is_empty(), "Services are left in {NS}: {left:?}");
    for (name, ip) in addresses {
        ensure!(tokio::net::TcpStream::connect((ip, 9094)).await.is_err(), "{name} at {ip} is still listened on");
    }
    let kept: Value = serde_json::from_slice(&std::fs::read(world.lab.folder().join("load-balancer-stand-in").join("addresses.json"))?)?;
    ensure!(kept == json!({}), "addresses are kept for nobody: {kept}");
    Ok(())
}
