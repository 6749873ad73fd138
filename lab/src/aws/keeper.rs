//! Does outside what the state says: servers run and end, nodes come and go, and time passes.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use base64::Engine;
use serde_json::{Map, Value, json};

use super::eks::access_entries::{POLICIES, group_of};
use super::eks::advance::advance;
use super::eks::refusal::Refusal;
use super::eks::state::{Cluster, State, text};
use super::eks::{new_id, texts};
use super::facts;
use super::front::{Front, now};
use super::servers::{Place, Servers, end};
use super::{machines, nodes, platform, system};

/// How often it looks.
const TICK: Duration = Duration::from_millis(200);
/// Of how many looks one is for servers that run: one that died is started again.
const REST: u32 = 10;

/// Works until the process ends.
pub async fn keep(front: Arc<Front>) {
    let tended: Arc<Mutex<BTreeSet<String>>> = Arc::default();
    for tick in 0_u32.. {
        front.with_state(|state| advance(state, now()));
        let clusters: Vec<(String, Cluster)> =
            front.with_state(|state: &mut State| state.clusters.iter().map(|(key, cluster)| (key.clone(), cluster.clone())).collect());
        for (key, cluster) in clusters {
            // One that takes long keeps none of the others waiting.
            if !tended.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone()) {
                continue;
            }
            let (front, tended) = (front.clone(), tended.clone());
            tokio::spawn(async move {
                if let Err(error) = tend(&front, &key, &cluster, tick).await {
                    tracing::info!("{key}: {error:#}");
                }
                tended.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
            });
        }
        tokio::time::sleep(TICK).await;
    }
}

async fn tend(front: &Front, key: &str, cluster: &Cluster, tick: u32) -> Result<()> {
    let cidr = cluster.view["kubernetesNetworkConfig"]["serviceIpv4Cidr"].as_str().unwrap_or_default().to_owned();
    let place = Place { key: key.to_owned(), uid: cluster.uid.clone(), service_cidr: cidr };
    if cluster.status() == "DELETING" {
        return if now() >= cluster.due { remove(front, cluster, place).await } else { Ok(()) };
    }
    if cluster.fails {
        return Ok(());
    }
    if !cluster.ready || tick.is_multiple_of(REST) {
        let (url, authority, kubeconfig) = run(front, &place, !cluster.ready).await?;
        if !cluster.ready {
            let group = security_group(front, cluster).await?;
            bind_policies(kubeconfig).await?;
            add(front, key, cluster, &place).await?;
            front.with_cluster(key, &cluster.uid, |cluster| show(cluster, &url, &authority, &group));
        }
    }
    if cluster.ready {
        add(front, key, cluster, &place).await?;
        if tick.is_multiple_of(REST) {
            machines::tend(front, key, cluster, &place).await?;
        }
    }
    for (name, group) in &cluster.node_groups {
        if group.fails.is_none() && group.nodes != nodes::wish(&group.view) {
            join(front, &place, cluster, &group.view).await?;
            let wish = nodes::wish(&group.view);
            front.with_cluster(key, &cluster.uid, |cluster| {
                if let Some(group) = cluster.node_groups.get_mut(name) {
                    group.nodes = wish;
                }
            });
        }
    }
    Ok(())
}

/// Puts the objects of add-ons into the cluster that came since the last look.
async fn add(front: &Front, key: &str, cluster: &Cluster, place: &Place) -> Result<()> {
    let wanted = system::wanted(cluster);
    if wanted.is_subset(&cluster.system) {
        return Ok(());
    }
    let kubeconfig = super::servers::folder(&front.options.data_dir, &place.key).join("kubeconfig");
    system::install(kubeconfig, &wanted).await?;
    front.with_cluster(key, &cluster.uid, |cluster| cluster.system = wanted);
    Ok(())
}

/// Starts what does not run, in a cluster that `is_new` with what was ordered for such ones.
async fn run(front: &Front, place: &Place, is_new: bool) -> Result<(String, String, PathBuf)> {
    let (options, place) = (front.options.clone(), place.clone());
    let platform = front.with_state(|state| is_new.then_some(state.settings.platform));
    let start = move || {
        let mut servers = Servers::open(&options, &place)?;
        servers.run(&options)?;
        platform::keep(&options, servers.folder(), platform)?;
        Ok((servers.url(), servers.authority()?, servers.kubeconfig().to_owned()))
    };
    tokio::task::spawn_blocking(start).await.context("run the servers")?
}

/// What is known of a cluster once its API answers.
fn show(cluster: &mut Cluster, url: &str, authority: &str, group: &str) {
    let issuer = format!("https://oidc.eks.{}.amazonaws.com/id/{}", cluster.region, new_id(32).to_uppercase());
    let authority = base64::engine::general_purpose::STANDARD.encode(authority);
    cluster.view.insert("endpoint".to_owned(), json!(url));
    cluster.view.insert("certificateAuthority".to_owned(), json!({"data": authority}));
    cluster.view.insert("identity".to_owned(), json!({"oidc": {"issuer": issuer}}));
    if let Some(network) = cluster.view.get_mut("resourcesVpcConfig") {
        network["clusterSecurityGroupId"] = json!(group);
    }
    cluster.ready = true;
}

/// The security group that EKS makes for a cluster and its nodes.
async fn security_group(front: &Front, cluster: &Cluster) -> Result<String> {
    let name = group_name(cluster);
    let vpc = cluster.view["resourcesVpcConfig"]["vpcId"].as_str().unwrap_or_default();
    let description = "EKS created security group applied to ENI that is attached to EKS Control Plane master nodes";
    let tags: Vec<(String, String)> = (1..)
        .zip(group_tags(cluster))
        .flat_map(|(number, (key, value))| {
            let field = |part: &str| format!("TagSpecification.1.Tag.{number}.{part}");
            [(field("Key"), key), (field("Value"), value)]
        })
        .collect();
    let mut parameters = vec![("Action", "CreateSecurityGroup"), ("GroupName", name.as_str()), ("GroupDescription", description)];
    parameters.extend([("VpcId", vpc), ("TagSpecification.1.ResourceType", "security-group")]);
    parameters.extend(tags.iter().map(|(field, value)| (field.as_str(), value.as_str())));
    let xml = front.moto.query("ec2", &cluster.region, &parameters).await.context("make the security group of the cluster")?;
    super::keys::element(&xml, "groupId").map(str::to_owned).context("find the security group in moto's answer")
}

fn group_name(cluster: &Cluster) -> String {
    format!("eks-cluster-sg-{}-{}", cluster.name(), &cluster.uid[..8])
}

/// By the last one Cluster API's provider for AWS finds it.
fn group_tags(cluster: &Cluster) -> [(String, String); 3] {
    [
        ("aws:eks:cluster-name".to_owned(), cluster.name().to_owned()),
        ("Name".to_owned(), group_name(cluster)),
        (format!("kubernetes.io/cluster/{}", cluster.name()), "owned".to_owned()),
    ]
}

async fn remove(front: &Front, cluster: &Cluster, place: Place) -> Result<()> {
    if let Some(group) = cluster.view["resourcesVpcConfig"]["clusterSecurityGroupId"].as_str() {
        // moto would keep the tags of a group that is gone, and takes away those that are named.
        let keys: Vec<(String, String)> =
            (1..).zip(group_tags(cluster)).map(|(number, (key, _))| (format!("Tag.{number}.Key"), key)).collect();
        let mut untag = vec![("Action", "DeleteTags"), ("ResourceId.1", group)];
        untag.extend(keys.iter().map(|(field, key)| (field.as_str(), key.as_str())));
        // Somebody may have removed it, or moto was started anew.
        for parameters in [untag, vec![("Action", "DeleteSecurityGroup"), ("GroupId", group)]] {
            if let Err(error) = front.moto.query("ec2", &cluster.region, &parameters).await {
                tracing::warn!("remove the security group {group}: {error:#}");
            }
        }
    }
    let options = front.options.clone();
    let key = place.key.clone();
    tokio::task::spawn_blocking(move || end(&options, &place)).await.context("end the servers")??;
    front.with_state(|state| state.clusters.remove(&key));
    tracing::info!("{key} is gone");
    Ok(())
}

/// Lets the groups of those who have an access policy do what it says.
async fn bind_policies(kubeconfig: PathBuf) -> Result<()> {
    let roles: BTreeSet<(&str, &str)> = POLICIES.into_iter().collect();
    let binding = |(policy, role): (&str, &str)| {
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": {"name": format!("eks-access-policy-{}", policy.to_lowercase())},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group_of(policy)}]})
    };
    let bindings: Vec<Value> = roles.into_iter().map(binding).collect();
    tokio::task::spawn_blocking(move || crate::kubernetes::apply(&kubeconfig, &bindings)).await.context("bind access policies")?
}

async fn join(front: &Front, place: &Place, cluster: &Cluster, group: &Map<String, Value>) -> Result<()> {
    let found = facts::subnets(front.moto, &cluster.region, &texts(group.get("subnets"))).await;
    let found = found.map_err(|refusal: Refusal| anyhow::anyhow!("{refusal}"))?;
    let zones: BTreeSet<String> = found.subnets.into_values().map(|subnet| subnet.zone).collect();
    let zones: Vec<String> = zones.into_iter().collect();
    let kubeconfig = super::servers::folder(&front.options.data_dir, &place.key).join("kubeconfig");
    let client = crate::kubernetes::client(&kubeconfig).await?;
    nodes::sync(&client, group, &zones, &cluster.region).await.with_context(|| format!("the nodes of {}", text(group, "nodegroupName")))
}
