//! Where clients outside the cluster find a Kafka: read from its Services once these have addresses, told to the brokers, to certificates
//! and to the status.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use k8s_openapi::api::core::v1::Service;
use kube::{Client, ResourceExt};
use serde_json::{Value, json};

use super::api::Refusal;
use super::cluster::Pass;
use super::listener::{Broker, Listener};
use super::properties::{Model, Node};
use super::{rollout, services};
use crate::load_balancer::NODE_ADDRESS;

const POLL: Duration = Duration::from_millis(200);

/// Host and port.
type Address = (String, u16);

/// The addresses of a Kafka's listeners that have Services of their own.
#[derive(Debug, Clone, Default)]
pub struct Addresses {
    /// For bootstrap, by the name of the listener.
    bootstrap: BTreeMap<String, Vec<Address>>,
    /// What a broker tells its clients, by node id and Kafka's name of the listener.
    advertised: BTreeMap<(i32, String), Address>,
    bootstrap_names: BTreeSet<String>,
    broker_names: BTreeMap<i32, BTreeSet<String>>,
}

/// What a look at the Services gave.
pub enum Seen {
    All(Addresses),
    /// The name of a Service that has no address yet.
    Waiting(String),
}

impl Addresses {
    /// Lets brokers tell their clients these addresses.
    pub fn advertise(&self, nodes: &mut [Node]) {
        for node in nodes {
            let own = self.advertised.iter().filter(|((id, _), _)| *id == node.id);
            node.advertised = own.map(|((_, listener), (host, port))| (listener.clone(), format!("{host}:{port}"))).collect();
        }
    }

    /// Names and addresses that the certificate of a node has to hold.
    pub fn names(&self, node: i32) -> Vec<String> {
        self.bootstrap_names.iter().chain(self.broker_names.get(&node).into_iter().flatten()).cloned().collect()
    }

    /// The status of a listener without its certificates.
    pub fn status(&self, listener: &Listener, nodes: &[Node]) -> Value {
        let local = || nodes.iter().filter(|n| n.broker).map(|n| ("127.0.0.1".to_owned(), n.port(&listener.kafka_name()))).collect();
        let all: Vec<Address> = self.bootstrap.get(&listener.name).cloned().unwrap_or_else(local);
        json!({
            "name": listener.name,
            "addresses": all.iter().map(|(host, port)| json!({"host": host, "port": port})).collect::<Vec<_>>(),
            "bootstrapServers": all.iter().map(|(host, port)| format!("{host}:{port}")).collect::<Vec<_>>().join(","),
        })
    }
}

/// Reads the Services of a Kafka.
pub async fn look(client: &Client, model: &Model) -> Result<Seen> {
    let outside: Vec<&Listener> = model.listeners.iter().filter(|listener| listener.service_type().is_some()).collect();
    if outside.is_empty() {
        return Ok(Seen::All(Addresses::default()));
    }
    let all = services::of_kafka(client, &model.namespace, &model.cluster).await?;
    let all: BTreeMap<String, Service> = all.into_iter().map(|service| (service.name_any(), service)).collect();
    let mut found = Addresses::default();
    for listener in outside {
        if let Some(missing) = found.read(listener, model, &all)? {
            return Ok(Seen::Waiting(missing));
        }
    }
    Ok(Seen::All(found))
}

impl Addresses {
    /// Takes in what is seen of one listener; answers the Service that has no address yet.
    fn read(&mut self, listener: &Listener, model: &Model, all: &BTreeMap<String, Service>) -> Result<Option<String>> {
        let (cluster, key) = (&model.cluster, listener.kafka_name());
        let mut bootstrap = Vec::new();
        if let Some(name) = listener.bootstrap_service(cluster) {
            let Some(address) = all.get(&name).and_then(|service| address(service, listener)) else { return Ok(Some(name)) };
            self.bootstrap_names.insert(address.0.clone());
            bootstrap.push(address);
        }
        let bootstrap_port = bootstrap.first().map(|(_, port)| *port);
        let mut hosts = BTreeSet::new();
        for node in model.nodes.iter().filter(|node| node.broker) {
            let pod = node.pod(cluster);
            let broker = Broker { id: node.id, pod: &pod };
            let name = listener.broker_service(cluster, &node.pool, node.id);
            let Some((seen, port)) = all.get(&name).and_then(|service| address(service, listener)) else { return Ok(Some(name)) };
            let names = self.broker_names.entry(node.id).or_default();
            names.insert(seen.clone());
            let told = listener.advertised_host(broker);
            names.extend(told.clone());
            hosts.extend(told.clone());
            if bootstrap_port.is_none() {
                bootstrap.push((seen.clone(), port));
            }
            let address = (told.unwrap_or(seen), listener.advertised_port(broker)?.unwrap_or(port));
            self.advertised.insert((node.id, key.clone()), address);
        }
        // Of node ports the real one tells the hosts that brokers advertise, where these are given.
        if let (Some(port), "nodeport", false) = (bootstrap_port, listener.kind.as_str(), hosts.is_empty()) {
            bootstrap = hosts.into_iter().map(|host| (host, port)).collect();
        }
        self.bootstrap.insert(listener.name.clone(), bootstrap);
        Ok(None)
    }
}

/// The address of a Service as clients outside use it; none while it has none, or while it goes.
fn address(service: &Service, listener: &Listener) -> Option<Address> {
    if service.metadata.deletion_timestamp.is_some() {
        return None;
    }
    if listener.service_type() == Some("NodePort") {
        let port = service.spec.as_ref()?.ports.as_ref()?.first()?.node_port?;
        return Some((service.annotations().get(NODE_ADDRESS)?.clone(), u16::try_from(port).ok()?));
    }
    let ingress = service.status.as_ref()?.load_balancer.as_ref()?.ingress.as_ref()?.first()?.clone();
    Some((ingress.hostname.or(ingress.ip)?, listener.port))
}

/// Waits until every Service has an address. Until then the Kafka is as it was, as with the real operator.
pub async fn wait(pass: &Pass<'_>) -> Result<Addresses> {
    let started = Instant::now();
    loop {
        let name = match look(&pass.operator.client, &pass.model).await? {
            Seen::All(addresses) => return Ok(addresses),
            Seen::Waiting(name) => name,
        };
        if pass.nodes.is_closed() {
            bail!("the Kafka is gone");
        }
        if started.elapsed() > rollout::OPERATION {
            let (ms, namespace) = (rollout::OPERATION.as_millis(), &pass.model.namespace);
            let message =
                format!("Exceeded timeout of {ms}ms while waiting for Service resource {name} in namespace {namespace} to be addressable");
            return Err(Refusal { reason: "TimeoutException", message }.into());
        }
        let nodes = pass.nodes.clone();
        tokio::task::spawn_blocking(move || rollout::revive(&nodes)).await??;
        tokio::time::sleep(POLL).await;
    }
}
