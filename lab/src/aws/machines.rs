//! Machines of EC2 that become nodes of a cluster. Moto runs nothing on them: **this stands in for what a machine's image does with its user data**, nodeadm and
//! the kubelet. A machine joins when its user data names the cluster, its address and its authority, and when the cluster lets its role in.

use std::collections::BTreeMap;
use std::io::Read;

use anyhow::{Context, Result, ensure};
use base64::Engine;
use k8s_openapi::api::core::v1::{ConfigMap, Node};
use kube::Client;
use kube::api::Api;
use serde_json::{Map, Value, json};

use super::eks::state::{Cluster, text};
use super::front::Front;
use super::keys::element;
use super::nodes::{self, Machine};
use super::servers::{self, Place};

/// The type of the part of the user data that nodeadm reads.
const NODE_CONFIG: &str = "application/node.eks.aws";
/// What a role's access entry is of, so that machines join by it.
const OF_MACHINES: &str = "EC2_LINUX";

/// Lets machines join that run since the last look, and removes the nodes of those that do not run any more, as EKS' cloud controller does.
///
/// # Errors
/// When moto or the cluster's API server does not answer.
pub async fn tend(front: &Front, key: &str, cluster: &Cluster, place: &Place) -> Result<()> {
    let running = running(front, cluster).await?;
    let gone: Vec<&String> = cluster.machines.keys().filter(|id| !running.contains_key(*id)).collect();
    let new: Vec<(&String, &String)> = running.iter().filter(|(id, _)| !cluster.machines.contains_key(*id)).collect();
    if gone.is_empty() && new.is_empty() {
        return Ok(());
    }
    let client = crate::kubernetes::client(&servers::folder(&front.options.data_dir, &place.key).join("kubeconfig")).await?;
    let api: Api<Node> = Api::all(client.clone());
    for id in gone {
        nodes::remove(&api, &cluster.machines[id]).await?;
        tracing::info!("{key}: the machine {id} is gone, so is its node");
        front.with_cluster(key, &cluster.uid, |cluster| cluster.machines.retain(|joined, _| joined != id));
    }
    for (id, shown) in new {
        match node(front, cluster, &client, id, shown).await {
            Ok(node) => {
                nodes::put(&api, &node).await?;
                let name = node["metadata"]["name"].as_str().unwrap_or_default().to_owned();
                tracing::info!("{key}: the machine {id} is the node {name}");
                front.with_cluster(key, &cluster.uid, |cluster| {
                    cluster.machines.insert(id.clone(), name);
                });
            }
            Err(error) => tracing::info!("{key}: the machine {id} does not join: {error:#}"),
        }
    }
    Ok(())
}

/// The running machines that are tagged as the cluster's, by their ids: what EC2 shows of each.
async fn running(front: &Front, cluster: &Cluster) -> Result<BTreeMap<String, String>> {
    let tag = format!("tag:kubernetes.io/cluster/{}", cluster.name());
    let asked = [
        ("Action", "DescribeInstances"),
        ("Filter.1.Name", tag.as_str()),
        ("Filter.1.Value.1", "owned"),
        ("Filter.2.Name", "instance-state-name"),
        ("Filter.2.Value.1", "running"),
    ];
    let xml = front.moto.query("ec2", &cluster.region, &asked).await.context("list the machines of the cluster")?;
    Ok(instances(&xml))
}

/// Each in a set of its own, as Cluster API asks for them.
fn instances(xml: &str) -> BTreeMap<String, String> {
    let sets = xml.split("<instancesSet>").skip(1);
    sets.filter_map(|shown| Some((element(shown, "instanceId")?.to_owned(), shown.to_owned()))).collect()
}

/// The node that a machine becomes.
async fn node(front: &Front, cluster: &Cluster, client: &Client, id: &str, shown: &str) -> Result<Value> {
    let asked = [("Action", "DescribeInstanceAttribute"), ("InstanceId", id), ("Attribute", "userData")];
    let xml = front.moto.query("ec2", &cluster.region, &asked).await.context("read its user data")?;
    let data = element(&xml, "value").context("it has no user data")?;
    let config = node_config(data)?;
    of_cluster(&config, &cluster.view)?;
    let profile = element(shown, "iamInstanceProfile").and_then(|profile| element(profile, "arn")).context("it has no instance profile")?;
    let role = role(front, profile).await?;
    ensure!(is_let_in(cluster, client, &role).await?, "neither an access entry nor the ConfigMap aws-auth lets the role {role} in");
    // What comes before the id, but for the architecture, is of its volumes and interfaces.
    let own = shown.split_once("</instanceId>").map_or("", |(_, own)| own);
    let part = |tag: &str| element(own, tag).unwrap_or_default();
    let machine = Machine {
        id,
        name: part("privateDnsName"),
        address: part("privateIpAddress"),
        kind: part("instanceType"),
        zone: part("availabilityZone"),
        region: &cluster.region,
        arm: element(shown, "architecture") == Some("arm64"),
        version: cluster.version(),
    };
    let flags = flags(&config);
    Ok(machine.node(labels(&flags), &taints(&flags)))
}

/// What nodeadm is told.
fn node_config(data: &str) -> Result<Value> {
    let bytes = base64::engine::general_purpose::STANDARD.decode(data.trim()).context("its user data is not base64")?;
    let text = if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut text = String::new();
        flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).context("its user data is not what gzip makes")?;
        text
    } else {
        String::from_utf8(bytes).context("its user data is no text")?
    };
    let (_, part) = text.split_once(NODE_CONFIG).with_context(|| format!("its user data has no part {NODE_CONFIG}"))?;
    let (_, part) = part.split_once("\n\n").context("the part for nodeadm is empty")?;
    let yaml = part.split("\n--//").next().unwrap_or_default().trim_start_matches("---\n");
    serde_norway::from_str(yaml).context("what nodeadm is told is no YAML")
}

/// Whether a machine is told the truth about the cluster.
fn of_cluster(config: &Value, view: &Map<String, Value>) -> Result<()> {
    let told = &config["spec"]["cluster"];
    let authority = view["certificateAuthority"]["data"].as_str().unwrap_or_default();
    for (what, wanted) in [("name", text(view, "name")), ("apiServerEndpoint", text(view, "endpoint")), ("certificateAuthority", authority)]
    {
        ensure!(told[what] == wanted, "it is told another {what}: {}", told[what]);
    }
    Ok(())
}

async fn role(front: &Front, profile: &str) -> Result<String> {
    let name = profile.rsplit('/').next().unwrap_or_default();
    let asked = [("Action", "GetInstanceProfile"), ("InstanceProfileName", name)];
    let xml = front.moto.query("iam", "us-east-1", &asked).await.context("look up its instance profile")?;
    let roles = element(&xml, "Roles").with_context(|| format!("the instance profile {name} has no role"))?;
    element(roles, "Arn").map(str::to_owned).with_context(|| format!("the instance profile {name} has no role"))
}

async fn is_let_in(cluster: &Cluster, client: &Client, role: &str) -> Result<bool> {
    if cluster.access_entries.get(role).is_some_and(|entry| text(&entry.view, "type") == OF_MACHINES) {
        return Ok(true);
    }
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), "kube-system");
    let map = maps.get_opt("aws-auth").await.context("read the ConfigMap aws-auth")?;
    let roles = map.and_then(|map| map.data?.remove("mapRoles")).unwrap_or_default();
    let roles: Vec<Value> = serde_norway::from_str(&roles).unwrap_or_default();
    Ok(roles
        .iter()
        .any(|mapped| mapped["rolearn"] == role && mapped["groups"].as_array().is_some_and(|g| g.contains(&json!("system:nodes")))))
}

/// The values of the kubelet's flags by their names.
fn flags(config: &Value) -> BTreeMap<String, String> {
    let all = config["spec"]["kubelet"]["flags"].as_array().into_iter().flatten().filter_map(Value::as_str);
    all.filter_map(|flag| flag.split_once('=')).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn labels(flags: &BTreeMap<String, String>) -> Map<String, Value> {
    let given = flags.get("--node-labels").map(String::as_str).unwrap_or_default();
    given.split(',').filter_map(|label| label.split_once('=')).map(|(key, value)| (key.to_owned(), json!(value))).collect()
}

/// `key=value:NoSchedule`.
fn taints(flags: &BTreeMap<String, String>) -> Vec<Value> {
    let given = flags.get("--register-with-taints").map(String::as_str).unwrap_or_default();
    let taint = |taint: &str| {
        let (label, effect) = taint.rsplit_once(':')?;
        let (key, value) = label.split_once('=').unwrap_or((label, ""));
        Some(json!({"key": key, "value": value, "effect": effect}))
    };
    given.split(',').filter_map(taint).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLD: &str = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"//\"\n\n\n--//\nContent-Type: application/node.eks.aws\n\n---\n\
        apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec:\n  cluster:\n    name: blue\n    apiServerEndpoint: https://127.0.0.1:1\n    \
        certificateAuthority: Q0E=\n    cidr: 172.20.0.0/16\n  kubelet:\n    flags:\n       - \"--node-labels=a=b,c=d\"\n       \
        - \"--register-with-taints=a=b:NoSchedule\"\n\n--//--";

    #[test]
    fn machines_are_told_apart_in_the_answer_of_ec2() {
        let one = |id: &str| format!("<instancesSet><item><a>b</a><instanceId>{id}</instanceId></item></instancesSet>");
        let found = instances(&format!("<reservationSet>{}{}</reservationSet>", one("i-1"), one("i-2")));
        assert_eq!(found.into_keys().collect::<Vec<_>>(), ["i-1", "i-2"]);
    }

    #[test]
    fn a_machine_is_told_its_cluster_and_its_labels() {
        let config = node_config(&base64::engine::general_purpose::STANDARD.encode(TOLD)).unwrap();
        let flags = flags(&config);
        assert_eq!(Value::Object(labels(&flags)), json!({"a": "b", "c": "d"}));
        assert_eq!(taints(&flags), [json!({"key": "a", "value": "b", "effect": "NoSchedule"})]);
        let view = |name: &str| {
            super::super::eks::object(json!({"name": name, "endpoint": "https://127.0.0.1:1", "certificateAuthority": {"data": "Q0E="}}))
        };
        of_cluster(&config, &view("blue")).unwrap();
        assert!(of_cluster(&config, &view("green")).unwrap_err().to_string().contains("another name"));
        assert!(node_config("aGVsbG8=").unwrap_err().to_string().contains("no part"));
    }
}
