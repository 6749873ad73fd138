//! Managed node groups: made, described, deleted.

use serde_json::{Map, Value, json};

use super::cluster::must_be_active;
use super::refusal::{Answer, Refusal};
use super::state::{AccessEntry, Cluster, Part, State, text};
use super::{Call, check_name, new_id, new_uuid, object, versions};

pub fn create(state: &mut State, call: &Call<'_>) -> Answer<Value> {
    let delay = state.settings.delay_s;
    let missing = || Refusal::not_found(format!("No cluster found for name: {}.", call.route.cluster));
    let cluster = state.clusters.get_mut(&call.key()).ok_or_else(missing)?;
    let name = call.field("nodegroupName");
    check_name("nodegroup name", name, 63)?;
    if cluster.node_groups.contains_key(name) {
        return Err(Refusal::in_use(format!("NodeGroup already exists with name {name} and cluster name {}", cluster.name())));
    }
    if cluster.status() != "UPDATING" {
        must_be_active(cluster)?;
    }
    let mut view = view(cluster, call)?;
    check_network(cluster, call)?;
    // Only a node group that is really made takes the fault.
    let fails = state.faults.node_group();
    view.insert("createdAt".to_owned(), json!(call.now));
    admit_nodes(cluster, call);
    let answer = json!({"nodegroup": view});
    cluster.node_groups.insert(name.to_owned(), Part { view, due: call.now + delay, fails, nodes: String::new() });
    Ok(answer)
}

fn view(cluster: &Cluster, call: &Call<'_>) -> Answer<Map<String, Value>> {
    let name = call.field("nodegroupName");
    let version = match call.field("version") {
        "" => cluster.version(),
        given => given,
    };
    if versions::minor(version)? > versions::minor(cluster.version())? {
        return Err(Refusal::parameter(format!(
            "Requested Nodegroup version {version} is not supported: it is above the version {} of cluster {}",
            cluster.version(),
            cluster.name()
        )));
    }
    let scaling = scaling(&call.or("scalingConfig", json!({"minSize": 1, "maxSize": 2, "desiredSize": 2})), &Value::Null)?;
    let uid = new_uuid();
    Ok(object(json!({
        "nodegroupName": name,
        "nodegroupArn": call.arn(&format!("nodegroup/{}/{name}/{uid}", cluster.name())),
        "clusterName": cluster.name(),
        "version": version,
        "releaseVersion": versions::release(version),
        "modifiedAt": call.now,
        "status": "CREATING",
        "capacityType": call.or("capacityType", json!("ON_DEMAND")),
        "scalingConfig": scaling,
        "instanceTypes": call.or("instanceTypes", json!(["t3.medium"])),
        "subnets": call.or("subnets", json!([])),
        "amiType": call.or("amiType", json!("AL2023_x86_64_STANDARD")),
        "nodeRole": call.field("nodeRole"),
        "labels": call.or("labels", json!({})),
        "taints": call.or("taints", json!([])),
        "resources": {"autoScalingGroups": [{"name": format!("eks-{name}-{}", new_id(8))}]},
        "diskSize": call.or("diskSize", json!(20)),
        "health": {"issues": []},
        "updateConfig": call.or("updateConfig", json!({"maxUnavailable": 1})),
        "tags": call.or("tags", json!({})),
    })))
}

fn check_network(cluster: &Cluster, call: &Call<'_>) -> Answer<()> {
    let subnets = call.list("subnets");
    if subnets.is_empty() {
        return Err(Refusal::parameter("Subnets can't be empty"));
    }
    let vpc = &cluster.view["resourcesVpcConfig"]["vpcId"];
    match subnets.iter().find(|id| call.facts.subnets.get(*id).is_none_or(|subnet| *vpc != json!(subnet.vpc))) {
        Some(strange) => Err(Refusal::parameter(format!("Subnet {strange} is not in the VPC of the cluster"))),
        None => Ok(()),
    }
}

/// The sizes after `change` to those `before`; a desired size that is not given stays within the new bounds.
pub fn scaling(change: &Value, before: &Value) -> Answer<Value> {
    let number = |field: &str| change[field].as_i64().or_else(|| before[field].as_i64());
    let (min, max) = (number("minSize").unwrap_or(1), number("maxSize").unwrap_or(2));
    let desired = number("desiredSize").unwrap_or(min);
    if max < 1 || min < 0 {
        return Err(Refusal::parameter(format!("Maximum capacity {max} must be at least 1 and minimum capacity {min} at least 0")));
    }
    if min > max || max < desired {
        return Err(Refusal::parameter(format!(
            "Maximum capacity {max} can't be less than minimum capacity {min} or desired capacity {desired}"
        )));
    }
    if min > desired {
        return Err(Refusal::parameter(format!("Minimum capacity {min} can't be greater than desired size {desired}")));
    }
    Ok(json!({"minSize": min, "maxSize": max, "desiredSize": desired}))
}

/// EKS makes an access entry for the role of the nodes.
fn admit_nodes(cluster: &mut Cluster, call: &Call<'_>) {
    let role = call.field("nodeRole");
    if cluster.access_entries.contains_key(role) {
        return;
    }
    let mut view = super::access_entries::view(cluster, call, role, "EC2_LINUX");
    view.insert("username".to_owned(), json!("system:node:{{EC2PrivateDNSName}}"));
    view.insert("kubernetesGroups".to_owned(), json!(["system:nodes"]));
    cluster.access_entries.insert(role.to_owned(), AccessEntry { view, ..AccessEntry::default() });
}

pub fn find<'a>(cluster: &'a mut Cluster, name: &str) -> Answer<&'a mut Part> {
    cluster.node_groups.get_mut(name).ok_or_else(|| Refusal::not_found(format!("No node group found for name: {name}.")))
}

pub fn describe(cluster: &mut Cluster, call: &Call<'_>) -> Answer<Value> {
    find(cluster, &call.route.item).map(|group| json!({"nodegroup": group.view}))
}

pub fn delete(cluster: &mut Cluster, call: &Call<'_>, delay: f64) -> Answer<Value> {
    let group = find(cluster, &call.route.item)?;
    match group.status() {
        "DELETING" => return Err(Refusal::in_use(format!("Nodegroup {} is currently being deleted", call.route.item))),
        "CREATING" | "UPDATING" => {
            let status = text(&group.view, "status");
            return Err(Refusal::in_use(format!("Nodegroup cannot be deleted while it is {status}")));
        }
        _ => {}
    }
    group.view.insert("status".to_owned(), json!("DELETING"));
    group.due = call.now + delay;
    Ok(json!({"nodegroup": group.view}))
}
