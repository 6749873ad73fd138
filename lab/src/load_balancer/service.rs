//! One Service, from what it asks for to an address in its status, with the finalizer by which clouds hold it until its load balancer
//! is gone.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Service;
use kube::ResourceExt;
use kube::api::{Api, Patch, PatchParams};
use kube::runtime::controller::Action;
use serde_json::{Value, json};

use super::clusters::Cluster;
use super::forward::Rules;
use super::{HOST_NAME, NODE_ADDRESS, TARGETS, host_name};

/// Of Kubernetes' own service controller, and of the controllers of clouds.
const FINALIZER: &str = "service.kubernetes.io/load-balancer-cleanup";
/// The field manager of all it writes.
const MANAGER: &str = "load-balancer-stand-in";

/// Errors of a reconcile, as the controller wants them.
#[derive(Debug, thiserror::Error)]
#[error("{0:#}")]
pub struct Failure(#[from] anyhow::Error);

/// The class of Services that this stand-in leaves to somebody else, as clouds leave those of a class that is not theirs.
const NOBODYS: &str = "lab.kaas.dev/nobody";

/// What a Service asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    LoadBalancer,
    /// Its node port shall answer at the address.
    NodePort,
    Nothing,
}

fn asked(service: &Service) -> Asked {
    let kind = service.spec.as_ref().and_then(|spec| spec.type_.as_deref());
    match kind {
        _ if service.metadata.deletion_timestamp.is_some() => Asked::Nothing,
        Some("LoadBalancer") if service.spec.as_ref().is_some_and(|spec| spec.load_balancer_class.as_deref() == Some(NOBODYS)) => {
            Asked::Nothing
        }
        Some("LoadBalancer") => Asked::LoadBalancer,
        Some("NodePort") if service.annotations().contains_key(TARGETS) => Asked::NodePort,
        _ => Asked::Nothing,
    }
}

/// Brings one Service about.
pub async fn reconcile(service: Arc<Service>, cluster: Arc<Cluster>) -> Result<Action, Failure> {
    let uid = service.uid().unwrap_or_default();
    let asked = asked(&service);
    if asked != Asked::LoadBalancer {
        let held = service.finalizers().iter().any(|one| one == FINALIZER);
        if held || asked == Asked::Nothing {
            cluster.balancers.end(&uid).await?;
        }
        if held {
            release(&cluster, &service).await?;
            // What it was is told anew without the finalizer.
            return Ok(Action::await_change());
        }
    }
    if asked == Asked::Nothing {
        return Ok(Action::await_change());
    }
    if asked == Asked::LoadBalancer && !service.finalizers().iter().any(|one| one == FINALIZER) {
        // Nothing is made before it is there.
        write(&cluster, &service, json!({"finalizers": [FINALIZER]})).await?;
        return Ok(Action::await_change());
    }
    let (ports, rules) = wish(&service, asked)?;
    let address = cluster.balancers.serve(&cluster.file, &uid, &ports, rules).await?;
    report(&cluster, &service, asked, address).await?;
    Ok(Action::await_change())
}

/// The ports to listen on, and what to do with connections.
fn wish(service: &Service, asked: Asked) -> Result<(BTreeSet<u16>, Rules)> {
    let spec = service.spec.clone().unwrap_or_default();
    let ports = spec.ports.unwrap_or_default();
    let ports = ports.iter().filter(|port| port.protocol.as_deref().unwrap_or("TCP") == "TCP");
    let ports = ports.filter_map(|port| if asked == Asked::NodePort { port.node_port } else { Some(port.port) });
    let targets = service.annotations().get(TARGETS).map(String::as_str).unwrap_or_default();
    let targets = targets.split(',').map(str::trim).filter(|target| !target.is_empty());
    let targets: Result<Vec<SocketAddr>, _> = targets.map(str::parse).collect();
    let ranges = spec.load_balancer_source_ranges.filter(|_| asked == Asked::LoadBalancer).unwrap_or_default();
    let sources: Result<Vec<_>, String> = ranges.iter().map(|range| range.parse()).collect();
    let rules = Rules {
        targets: targets.with_context(|| format!("read the annotation {TARGETS}"))?,
        sources: sources.map_err(|error| anyhow::anyhow!("read loadBalancerSourceRanges: {error}"))?,
    };
    Ok((ports.filter_map(|port| u16::try_from(port).ok()).collect(), rules))
}

/// Says where it answers, unless that is said.
async fn report(cluster: &Cluster, service: &Service, asked: Asked, address: Ipv4Addr) -> Result<()> {
    if asked == Asked::NodePort {
        if service.annotations().get(NODE_ADDRESS) != Some(&address.to_string()) {
            write(cluster, service, json!({"annotations": {NODE_ADDRESS: address.to_string()}})).await?;
        }
        return Ok(());
    }
    let named = service.annotations().get(HOST_NAME).is_some_and(|value| value == "true");
    let (ip, name) = if named { (None, Some(host_name(address))) } else { (Some(address.to_string()), None) };
    let told = service.status.as_ref().and_then(|status| status.load_balancer.as_ref()?.ingress.as_ref()?.first());
    if told.is_some_and(|told| told.ip == ip && told.hostname == name) {
        return Ok(());
    }
    let entry = name.map_or_else(|| json!({"ip": ip}), |name| json!({"hostname": name}));
    tracing::info!("{}/{} is at {address}", service.namespace().unwrap_or_default(), service.name_any());
    status(cluster, service, json!([entry])).await
}

/// Takes the finalizer away, and from a Service that only turned into another kind its address.
async fn release(cluster: &Cluster, service: &Service) -> Result<()> {
    if service.metadata.deletion_timestamp.is_none() {
        status(cluster, service, Value::Null).await?;
    }
    let rest: Vec<&String> = service.finalizers().iter().filter(|one| *one != FINALIZER).collect();
    // By the version that was seen, as others add theirs; not by what this field manager owns, as the Service's maker may own it too.
    let seen = if service.metadata.deletion_timestamp.is_some() { service.resource_version() } else { None };
    let patch = json!({"metadata": {"finalizers": rest, "resourceVersion": seen}});
    forgive(api(cluster, service).patch(&service.name_any(), &PatchParams::default(), &Patch::Merge(&patch)).await, service)
}

async fn write(cluster: &Cluster, service: &Service, metadata: Value) -> Result<()> {
    let mut object = json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata});
    object["metadata"]["name"] = json!(service.name_any());
    // Else one that is gone by now would be asked for anew.
    object["metadata"]["uid"] = json!(service.uid());
    let params = PatchParams::apply(MANAGER).force();
    forgive(api(cluster, service).patch(&service.name_any(), &params, &Patch::Apply(&object)).await, service)
}

async fn status(cluster: &Cluster, service: &Service, ingress: Value) -> Result<()> {
    let patch = json!({"status": {"loadBalancer": {"ingress": ingress}}});
    forgive(api(cluster, service).patch_status(&service.name_any(), &PatchParams::default(), &Patch::Merge(&patch)).await, service)
}

fn api(cluster: &Cluster, service: &Service) -> Api<Service> {
    Api::namespaced(cluster.client.clone(), &service.namespace().unwrap_or_default())
}

/// It may be gone by now.
fn forgive(written: kube::Result<Service>, service: &Service) -> Result<()> {
    match written {
        Err(kube::Error::Api(error)) if error.code == 404 => Ok(()),
        other => other
            .map(|_| ())
            .with_context(|| format!("write the Service {}/{}", service.namespace().unwrap_or_default(), service.name_any())),
    }
}
