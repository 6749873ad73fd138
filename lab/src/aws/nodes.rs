//! Nodes: objects in the cluster's API that say they are Ready. Those of node groups are made here, one per desired node, with no machine behind them.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Node;
use kube::Client;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
use serde_json::{Map, Value, json};

use super::eks::state::text;
use super::eks::{texts, versions};
use crate::nodes::{resources, untaint};

/// The label EKS gives the nodes of a group.
pub const GROUP: &str = "eks.amazonaws.com/nodegroup";
const MANAGER: &str = "aws-eks-stand-in";

/// Changes with whatever of a node group its nodes are made of. Empty: no nodes.
pub fn wish(view: &Map<String, Value>) -> String {
    if text(view, "status") == "DELETING" {
        return String::new();
    }
    ["nodegroupArn", "scalingConfig", "labels", "taints", "version"].map(|field| view[field].to_string()).join(" ")
}

/// Makes the nodes of a group as `view` says and removes its others.
///
/// # Errors
/// When the API server refuses something.
pub async fn sync(client: &Client, view: &Map<String, Value>, zones: &[String], region: &str) -> Result<()> {
    let api: Api<Node> = Api::all(client.clone());
    let group = text(view, "nodegroupName");
    let wanted = if text(view, "status") == "DELETING" { Vec::new() } else { manifests(view, zones, region) };
    let names: BTreeSet<String> = wanted.iter().filter_map(|node| node["metadata"]["name"].as_str().map(str::to_owned)).collect();
    for node in &wanted {
        put(&api, node).await?;
    }
    let present = api.list(&ListParams::default().labels(&format!("{GROUP}={group}"))).await.context("list the nodes")?;
    for name in present.items.into_iter().filter_map(|node| node.metadata.name).filter(|name| !names.contains(name)) {
        remove(&api, &name).await?;
    }
    Ok(())
}

/// Makes a node, or makes it what it should be, Ready.
///
/// # Errors
/// When the API server refuses something.
pub async fn put(api: &Api<Node>, node: &Value) -> Result<()> {
    let params = PatchParams::apply(MANAGER).force();
    let name = node["metadata"]["name"].as_str().unwrap_or_default();
    let mut spec = node.clone();
    let status = spec.as_object_mut().and_then(|fields| fields.remove("status")).unwrap_or_default();
    api.patch(name, &params, &Patch::Apply(&spec)).await.with_context(|| format!("make the node {name}"))?;
    // Admission may have put a taint on a node that was not ready; the status takes effect by itself.
    let status = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "status": status});
    api.patch_status(name, &params, &Patch::Apply(&status)).await.with_context(|| format!("report the node {name} ready"))?;
    untaint(api, name).await
}

/// Removes a node; it may be gone.
///
/// # Errors
/// When the API server refuses.
pub async fn remove(api: &Api<Node>, name: &str) -> Result<()> {
    match api.delete(name, &DeleteParams::default()).await {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        other => other.map(|_| ()).with_context(|| format!("remove the node {name}")),
    }
}

fn manifests(view: &Map<String, Value>, zones: &[String], region: &str) -> Vec<Value> {
    let desired = view["scalingConfig"]["desiredSize"].as_u64().unwrap_or_default();
    (0..desired).map(|index| manifest(view, zones, region, index)).collect()
}

fn manifest(view: &Map<String, Value>, zones: &[String], region: &str, index: u64) -> Value {
    // Another version is another machine.
    let machine = digest(&(text(view, "nodegroupArn"), text(view, "version"), index));
    let [a, b, c, ..] = machine.to_be_bytes();
    let name = format!("ip-10-{a}-{b}-{c}.{region}.compute.internal");
    let zone = zones.get(usize::try_from(index).unwrap_or_default() % zones.len().max(1)).map_or("", String::as_str);
    let kind = texts(view.get("instanceTypes")).into_iter().next().unwrap_or_else(|| "t3.medium".to_owned());
    let mut labels = super::eks::object(view["labels"].clone());
    let given = [(GROUP, text(view, "nodegroupName")), ("eks.amazonaws.com/capacityType", text(view, "capacityType"))];
    labels.extend(given.map(|(key, value)| (key.to_owned(), json!(value))));
    Machine {
        id: &format!("i-0{machine:016x}"),
        name: &name,
        address: &format!("10.{a}.{b}.{c}"),
        kind: &kind,
        zone,
        region,
        arm: text(view, "amiType").contains("ARM_64"),
        version: text(view, "version"),
    }
    .node(labels, &taints(view))
}

/// A machine of EC2 that is a node.
pub struct Machine<'a> {
    pub id: &'a str,
    pub name: &'a str,
    pub address: &'a str,
    /// `m7g.large`.
    pub kind: &'a str,
    pub zone: &'a str,
    pub region: &'a str,
    pub arm: bool,
    /// `1.36`.
    pub version: &'a str,
}

impl Machine<'_> {
    /// As its kubelet reports it, with these labels besides those that every node has.
    pub fn node(&self, mut labels: Map<String, Value>, taints: &[Value]) -> Value {
        let Self { id, name, address, kind, zone, region, .. } = *self;
        let architecture = if self.arm { "arm64" } else { "amd64" };
        let given = [
            ("kubernetes.io/arch", architecture),
            ("kubernetes.io/hostname", name),
            ("kubernetes.io/os", "linux"),
            ("node.kubernetes.io/instance-type", kind),
            ("topology.kubernetes.io/region", region),
            ("topology.kubernetes.io/zone", zone),
        ];
        labels.extend(given.map(|(key, value)| (key.to_owned(), json!(value))));
        let resources = resources(kind);
        let machine = digest(&id);
        let pressures =
            ["MemoryPressure", "DiskPressure", "PIDPressure"].map(|kind| json!({"type": kind, "status": "False", "reason": "Kubelet"}));
        let ready = json!({"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "kubelet is posting ready status"});
        let conditions: Vec<Value> = pressures.into_iter().chain([ready]).collect();
        json!({
            "apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels},
            "spec": {"providerID": format!("aws:///{zone}/{id}"), "taints": taints},
            "status": {
                "conditions": conditions,
                "capacity": resources, "allocatable": resources,
                "addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}],
                "nodeInfo": {"kubeletVersion": versions::kubelet(self.version), "kubeProxyVersion": "", "architecture": architecture,
                    "operatingSystem": "linux", "osImage": "Amazon Linux 2023", "kernelVersion": "6.12", "containerRuntimeVersion": "containerd://2.1",
                    "machineID": format!("{machine:x}"), "systemUUID": format!("{machine:x}"), "bootID": format!("{machine:x}")},
            },
        })
    }
}

/// EKS writes `NO_SCHEDULE`, Kubernetes `NoSchedule`.
fn taints(view: &Map<String, Value>) -> Vec<Value> {
    let effect = |name: &Value| match name.as_str() {
        Some("NO_EXECUTE") => "NoExecute",
        Some("PREFER_NO_SCHEDULE") => "PreferNoSchedule",
        _ => "NoSchedule",
    };
    let taint = |taint: &Value| json!({"key": taint["key"], "value": taint["value"].as_str().unwrap_or_default(), "effect": effect(&taint["effect"])});
    view["taints"].as_array().into_iter().flatten().map(taint).collect()
}

fn digest(of: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group() -> Map<String, Value> {
        super::super::eks::object(json!({"nodegroupName": "g", "nodegroupArn": "arn:g", "version": "1.35", "status": "ACTIVE",
            "instanceTypes": ["r7g.2xlarge"], "scalingConfig": {"desiredSize": 3}, "labels": {"a": "b"},
            "taints": [{"key": "k", "value": "v", "effect": "NO_EXECUTE"}]}))
    }

    #[test]
    fn nodes_stand_in_the_zones_in_turn_and_carry_labels_and_taints() {
        let nodes = manifests(&group(), &["x-1a".to_owned(), "x-1b".to_owned()], "x-1");
        let zones: Vec<_> = nodes.iter().map(|node| node["metadata"]["labels"]["topology.kubernetes.io/zone"].clone()).collect();
        assert_eq!(zones, ["x-1a", "x-1b", "x-1a"]);
        assert_eq!(nodes[0]["metadata"]["labels"]["a"], "b");
        assert_eq!(nodes[0]["spec"]["taints"], json!([{"key": "k", "value": "v", "effect": "NoExecute"}]));
        assert_eq!(nodes[0]["status"]["capacity"]["memory"], "64Gi");
        assert!(nodes[0]["spec"]["providerID"].as_str().unwrap().starts_with("aws:///x-1a/i-0"));
    }

    #[test]
    fn a_new_version_is_new_machines_and_more_nodes_keep_the_present_ones() {
        let (before, mut view) = (manifests(&group(), &[], "x"), group());
        view["scalingConfig"]["desiredSize"] = json!(4);
        let more = manifests(&view, &[], "x");
        assert_eq!(
            more[..3].iter().map(|n| &n["metadata"]["name"]).collect::<Vec<_>>(),
            before.iter().map(|n| &n["metadata"]["name"]).collect::<Vec<_>>()
        );
        view["version"] = json!("1.36");
        assert!(
            manifests(&view, &[], "x").iter().all(|node| more.iter().all(|other| other["metadata"]["name"] != node["metadata"]["name"]))
        );
    }
}
