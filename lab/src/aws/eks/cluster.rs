//! Clusters: made, listed, deleted.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::refusal::{Answer, Refusal};
use super::state::{Cluster, State, text};
use super::{Call, access_entries, check_name, new_uuid, object, texts, versions};

/// The kinds of logs a control plane can write.
pub const LOG_TYPES: [&str; 5] = ["api", "audit", "authenticator", "controllerManager", "scheduler"];

pub fn create(state: &mut State, call: &Call<'_>) -> Answer<Value> {
    let name = call.field("name");
    check_name("cluster name", name, 100)?;
    if state.clusters.contains_key(&call.key()) {
        return Err(Refusal::in_use(format!("Cluster already exists with name: {name}")));
    }
    let network = call.body.get("resourcesVpcConfig").and_then(Value::as_object).cloned().unwrap_or_default();
    let vpc = vpc_of(call, &texts(network.get("subnetIds")))?;
    let version = match call.field("version") {
        "" => versions::DEFAULT,
        given => given,
    };
    versions::minor(version)?;
    let mut cluster = Cluster {
        region: call.region.to_owned(),
        uid: new_uuid(),
        view: view(call, version, &network, &vpc)?,
        due: call.now + state.settings.delay_s,
        fails: state.faults.cluster(),
        bare: call.body.get("bootstrapSelfManagedAddons") == Some(&json!(false)),
        ..Cluster::default()
    };
    if bootstraps_admin(&cluster.view) {
        access_entries::admit_creator(&mut cluster, call);
    }
    let answer = json!({"cluster": cluster.view});
    state.clusters.insert(call.key(), cluster);
    Ok(answer)
}

/// The network that `subnets` are in, which have to be in two zones.
pub fn vpc_of(call: &Call<'_>, subnets: &[String]) -> Answer<String> {
    let known: Vec<_> = subnets.iter().filter_map(|id| call.facts.subnets.get(id)).collect();
    let zones: BTreeSet<&str> = known.iter().map(|subnet| subnet.zone.as_str()).collect();
    if zones.len() < 2 {
        return Err(Refusal::parameter("Subnets specified must be in at least two different AZs"));
    }
    let vpcs: BTreeSet<&str> = known.iter().map(|subnet| subnet.vpc.as_str()).collect();
    match vpcs.into_iter().collect::<Vec<_>>().as_slice() {
        [only] => Ok((*only).to_owned()),
        _ => Err(Refusal::parameter("Subnets specified must be in the same VPC")),
    }
}

fn view(call: &Call<'_>, version: &str, network: &Map<String, Value>, vpc: &str) -> Answer<Map<String, Value>> {
    let access = call.body.get("accessConfig");
    let access = |field: &str, otherwise: Value| access.and_then(|config| config.get(field)).cloned().unwrap_or(otherwise);
    let cidr = call.body.get("kubernetesNetworkConfig").and_then(|config| config["serviceIpv4Cidr"].as_str()).unwrap_or("172.20.0.0/16");
    let or = |field: &str, otherwise: Value| network.get(field).cloned().unwrap_or(otherwise);
    let mut public_cidrs = texts(network.get("publicAccessCidrs"));
    if public_cidrs.is_empty() {
        public_cidrs.push("0.0.0.0/0".to_owned());
    }
    let (public, private) = (or("endpointPublicAccess", json!(true)), or("endpointPrivateAccess", json!(false)));
    if public == json!(false) && private == json!(false) {
        return Err(Refusal::parameter("Private and public endpoint access cannot be false"));
    }
    let logging = call.body.get("logging").map_or_else(BTreeSet::new, |logging| logged(&BTreeSet::new(), logging));
    Ok(object(json!({
        "name": call.field("name"),
        "arn": call.arn(&format!("cluster/{}", call.field("name"))),
        "createdAt": call.now,
        "version": version,
        "platformVersion": "eks.1",
        "roleArn": call.field("roleArn"),
        "status": "CREATING",
        "tags": call.or("tags", json!({})),
        "resourcesVpcConfig": {"subnetIds": or("subnetIds", json!([])), "securityGroupIds": or("securityGroupIds", json!([])), "vpcId": vpc,
            "endpointPublicAccess": public, "endpointPrivateAccess": private, "publicAccessCidrs": public_cidrs},
        "kubernetesNetworkConfig": {"serviceIpv4Cidr": cidr, "ipFamily": "ipv4", "elasticLoadBalancing": {"enabled": false}},
        "logging": logging_view(&logging),
        "encryptionConfig": call.or("encryptionConfig", json!([])),
        "accessConfig": {
            "bootstrapClusterCreatorAdminPermissions": access("bootstrapClusterCreatorAdminPermissions", json!(true)),
            "authenticationMode": access("authenticationMode", json!("CONFIG_MAP")),
        },
        "upgradePolicy": call.or("upgradePolicy", json!({"supportType": "EXTENDED"})),
        "deletionProtection": call.or("deletionProtection", json!(false)),
        "health": {"issues": []},
    })))
}

fn bootstraps_admin(view: &Map<String, Value>) -> bool {
    view["accessConfig"]["bootstrapClusterCreatorAdminPermissions"] == json!(true)
}

/// The types of logs that are written after `change` to those `before`.
pub fn logged(before: &BTreeSet<String>, change: &Value) -> BTreeSet<String> {
    let mut after = before.clone();
    for setup in change["clusterLogging"].as_array().into_iter().flatten() {
        for kind in texts(setup.get("types")) {
            if setup["enabled"] == json!(true) {
                after.insert(kind);
            } else {
                after.remove(&kind);
            }
        }
    }
    after
}

/// Logging as `DescribeCluster` shows it.
pub fn logging_view(on: &BTreeSet<String>) -> Value {
    let off: Vec<&str> = LOG_TYPES.into_iter().filter(|kind| !on.contains(*kind)).collect();
    let mut setups = Vec::new();
    if !on.is_empty() {
        setups.push(json!({"types": on, "enabled": true}));
    }
    if !off.is_empty() {
        setups.push(json!({"types": off, "enabled": false}));
    }
    json!({"clusterLogging": setups})
}

pub fn list(state: &State, call: &Call<'_>) -> Value {
    let here = state.clusters.values().filter(|cluster| cluster.region == call.region);
    json!({"clusters": here.map(|cluster| text(&cluster.view, "name")).collect::<Vec<_>>()})
}

pub fn delete(cluster: &mut Cluster, call: &Call<'_>, delay: f64) -> Answer<Value> {
    let name = cluster.name().to_owned();
    if cluster.view["deletionProtection"] == json!(true) && matches!(cluster.status(), "ACTIVE" | "UPDATING") {
        return Err(Refusal::request(format!("Cannot delete cluster {name} because deletion protection is enabled on it")));
    }
    match cluster.status() {
        "CREATING" => return Err(Refusal::in_use(format!("Cannot delete because cluster {name} is being created"))),
        "UPDATING" => return Err(Refusal::in_use(format!("Cannot delete because cluster {name} currently has an update in progress"))),
        "DELETING" => return Ok(json!({"cluster": cluster.view})),
        _ => {}
    }
    if !cluster.node_groups.is_empty() {
        return Err(Refusal::in_use("Cluster has nodegroups attached"));
    }
    cluster.view.insert("status".to_owned(), json!("DELETING"));
    cluster.due = call.now + delay;
    Ok(json!({"cluster": cluster.view}))
}

/// Refuses what only an active cluster takes.
pub fn must_be_active(cluster: &Cluster) -> Answer<()> {
    match cluster.status() {
        "ACTIVE" => Ok(()),
        "UPDATING" => Err(Refusal::in_use(format!("Cluster {} currently has an update in progress", cluster.name()))),
        status => Err(Refusal::request(format!("Cluster '{}' is not in ACTIVE status, it is {status}", cluster.name()))),
    }
}
