//! The Node of a machine, in the tenant's own cluster: it joins as kubeadm and the kubelet would let it, says that it is Ready, and goes. No pod runs on it.

use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::{Node, Secret};
use kube::Client;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Map, Value, json};

use super::objects::MANAGER;
use crate::kubernetes;
use crate::nodes::{resources, untaint};

/// How long everything that is asked of a tenant's cluster may take.
const ANSWER: Duration = Duration::from_secs(10);
/// With it every node begins that the bootstrap controller's data lets join; Cluster API takes it away.
const UNINITIALIZED: &str = "node.cluster.x-k8s.io/uninitialized";

/// What a machine brings when it joins.
pub struct Joining {
    /// Of the machine and of its node.
    pub name: String,
    /// As `spec.providerID`.
    pub id: String,
    /// Its failure domain.
    pub zone: String,
    /// What its size follows from.
    pub instance_type: String,
    /// Of Kubernetes.
    pub version: String,
    /// `nodeRegistration` of its bootstrap configuration.
    pub registration: Value,
}

/// A client for the cluster by the Secret of the contract; None: there is no such Secret.
pub async fn client(management: &Client, namespace: &str, cluster: &str) -> Result<Option<Client>> {
    let api: Api<Secret> = Api::namespaced(management.clone(), namespace);
    let name = format!("{cluster}-kubeconfig");
    let secret = api.get_opt(&name).await.with_context(|| format!("read the Secret {namespace}/{name}"))?;
    let Some(text) = secret.and_then(|secret| secret.data?.remove("value")) else { return Ok(None) };
    let text = String::from_utf8(text.0).with_context(|| format!("read the kubeconfig in {namespace}/{name}"))?;
    Ok(Some(kubernetes::brief_client(&text).await?))
}

/// Makes the node, unless it is there, and reports it Ready.
pub async fn join(client: &Client, joining: &Joining) -> Result<()> {
    tokio::time::timeout(ANSWER, joined(client, joining)).await.context("wait for the tenant's API server")?
}

async fn joined(client: &Client, joining: &Joining) -> Result<()> {
    let (api, name) = (Api::<Node>::all(client.clone()), &joining.name);
    let found = api.get_opt(name).await.with_context(|| format!("read the node {name}"))?;
    let is_ready = |node: &Node| {
        let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
        conditions.is_some_and(|all| all.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True"))
    };
    if found.as_ref().is_some_and(is_ready) {
        return Ok(());
    }
    if found.is_none() {
        let node = serde_json::from_value(manifest(joining)).context("write a node")?;
        // Labels and taints are others' to change from then on.
        api.create(&PostParams::default(), &node).await.with_context(|| format!("make the node {name}"))?;
        tracing::info!("the node {name} joins");
    }
    untaint(&api, name).await?;
    let status = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "status": status(joining)});
    let params = PatchParams::apply(MANAGER).force();
    api.patch_status(name, &params, &Patch::Apply(&status)).await.with_context(|| format!("report the node {name} ready"))?;
    Ok(())
}

/// Removes the node if it is there.
pub async fn leave(client: &Client, name: &str) -> Result<()> {
    let api: Api<Node> = Api::all(client.clone());
    let params = DeleteParams::default();
    match tokio::time::timeout(ANSWER, api.delete(name, &params)).await.context("wait for the tenant's API server")? {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        other => other.map(|_| ()).with_context(|| format!("remove the node {name}")),
    }
}

fn manifest(joining: &Joining) -> Value {
    let Joining { name, id, zone, instance_type, registration, .. } = joining;
    let mut labels = Map::from_iter(given(registration));
    let own = [
        ("kubernetes.io/hostname", name.as_str()),
        ("kubernetes.io/os", "linux"),
        ("node.kubernetes.io/instance-type", instance_type),
        ("topology.kubernetes.io/zone", zone),
    ];
    labels.extend(own.map(|(key, value)| (key.to_owned(), json!(value))));
    let mut taints = registration["taints"].as_array().cloned().unwrap_or_default();
    taints.push(json!({"key": UNINITIALIZED, "effect": "NoSchedule"}));
    json!({
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels},
        "spec": {"providerID": id, "taints": taints},
    })
}

/// The labels among the kubelet's arguments: `a=b,c=d`.
fn given(registration: &Value) -> Vec<(String, Value)> {
    let arguments = registration["kubeletExtraArgs"].as_array().into_iter().flatten();
    let texts = arguments.filter(|argument| argument["name"] == "node-labels").filter_map(|argument| argument["value"].as_str());
    let pairs = texts.flat_map(|text| text.split(',')).filter_map(|pair| pair.split_once('='));
    pairs.map(|(key, value)| (key.to_owned(), json!(value))).collect()
}

fn status(joining: &Joining) -> Value {
    let resources = resources(&joining.instance_type);
    let condition =
        |kind: &str, status: &str, reason: &str| json!({"type": kind, "status": status, "reason": reason, "message": "told by a stand-in"});
    json!({
        "conditions": [
            condition("Ready", "True", "KubeletReady"),
            condition("MemoryPressure", "False", "KubeletHasSufficientMemory"),
            condition("DiskPressure", "False", "KubeletHasNoDiskPressure"),
            condition("PIDPressure", "False", "KubeletHasSufficientPID"),
        ],
        "capacity": resources, "allocatable": resources,
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}, {"type": "Hostname", "address": joining.name}],
        "nodeInfo": {"kubeletVersion": joining.version, "kubeProxyVersion": "", "architecture": "arm64", "operatingSystem": "linux",
            "osImage": "none", "kernelVersion": "none", "containerRuntimeVersion": "none://0", "machineID": joining.id,
            "systemUUID": joining.id, "bootID": joining.id},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_joins_with_the_labels_and_taints_of_its_bootstrap_configuration() {
        let joining = Joining {
            name: "a".to_owned(),
            id: "process:///x/1".to_owned(),
            zone: "x".to_owned(),
            instance_type: "m7g.xlarge".to_owned(),
            version: "v1.36.3".to_owned(),
            registration: json!({"kubeletExtraArgs": [{"name": "v", "value": "4"}, {"name": "node-labels", "value": "k=v,other=w"}],
                "taints": [{"key": "k", "value": "v", "effect": "NoSchedule"}]}),
        };
        let node = manifest(&joining);
        let labels = &node["metadata"]["labels"];
        assert_eq!([&labels["k"], &labels["other"], &labels["topology.kubernetes.io/zone"]], [&json!("v"), &json!("w"), &json!("x")]);
        let taints: Vec<_> = node["spec"]["taints"].as_array().unwrap().iter().map(|taint| taint["key"].as_str().unwrap()).collect();
        assert_eq!(taints, ["k", UNINITIALIZED]);
        assert_eq!(status(&joining)["allocatable"]["cpu"], "4");
        assert!(serde_json::from_value::<Node>(node).is_ok());
        let bare = Joining { registration: Value::Null, ..joining };
        assert_eq!(manifest(&bare)["spec"]["taints"].as_array().unwrap().len(), 1);
    }
}
