//! Changes of a control plane: configuration, version, encryption.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::cluster::{LOG_TYPES, logged, logging_view, must_be_active, vpc_of};
use super::refusal::{Answer, Refusal};
use super::state::{Cluster, Target};
use super::{Call, object, texts, updates, versions};

/// A change of configuration: its type, its parameters, the fields that change.
struct Change {
    kind: &'static str,
    params: Vec<(&'static str, Value)>,
    fields: Map<String, Value>,
}

pub fn config(cluster: &mut Cluster, call: &Call<'_>, delay: f64) -> Answer<Value> {
    must_be_active(cluster)?;
    let mut changes = Vec::new();
    if let Some(network) = call.body.get("resourcesVpcConfig").and_then(Value::as_object) {
        if ["subnetIds", "securityGroupIds"].iter().any(|field| network.contains_key(*field)) {
            changes.push(subnets(cluster, call, network)?);
        }
        if ["endpointPublicAccess", "endpointPrivateAccess", "publicAccessCidrs"].iter().any(|field| network.contains_key(*field)) {
            changes.push(endpoint(cluster, network)?);
        }
    }
    if let Some(logging) = call.body.get("logging") {
        changes.push(logging_change(cluster, logging)?);
    }
    if let Some(policy) = call.body.get("upgradePolicy") {
        changes.push(whole(cluster, "UpgradePolicyUpdate", "UpgradePolicy", "upgradePolicy", policy)?);
    }
    if let Some(protection) = call.body.get("deletionProtection") {
        changes.push(whole(cluster, "DeletionProtectionUpdate", "DeletionProtection", "deletionProtection", protection)?);
    }
    if let Some(access) = call.body.get("accessConfig") {
        changes.push(authentication(cluster, access)?);
    }
    match <[Change; 1]>::try_from(changes) {
        Ok([change]) => {
            Ok(updates::begin(cluster, Target::Cluster, change.kind, &change.params, change.fields, (call.now, call.now + delay)))
        }
        Err(none) if none.is_empty() => Err(Refusal::parameter("No changes needed: nothing to update was given.")),
        Err(_) => Err(Refusal::parameter("Only one type of update can be allowed.")),
    }
}

fn subnets(cluster: &Cluster, call: &Call<'_>, network: &Map<String, Value>) -> Answer<Change> {
    let mut whole = object(cluster.view["resourcesVpcConfig"].clone());
    let mut params = Vec::new();
    for (field, kind) in [("subnetIds", "Subnets"), ("securityGroupIds", "SecurityGroups")] {
        if let Some(value) = network.get(field) {
            whole.insert(field.to_owned(), value.clone());
            params.push((kind, value.clone()));
        }
    }
    if network.contains_key("subnetIds") {
        let vpc = vpc_of(call, &texts(network.get("subnetIds")))?;
        if whole["vpcId"] != json!(vpc) {
            return Err(Refusal::parameter("Subnets specified must be in the same VPC as the cluster"));
        }
    }
    refuse_same(&cluster.view["resourcesVpcConfig"], &json!(whole), "the subnets and security groups")?;
    Ok(Change { kind: "VpcConfigUpdate", params, fields: object(json!({"resourcesVpcConfig": whole})) })
}

fn endpoint(cluster: &Cluster, network: &Map<String, Value>) -> Answer<Change> {
    let before = &cluster.view["resourcesVpcConfig"];
    let mut whole = object(before.clone());
    for field in ["endpointPublicAccess", "endpointPrivateAccess", "publicAccessCidrs"] {
        if let Some(value) = network.get(field) {
            whole.insert(field.to_owned(), value.clone());
        }
    }
    if whole["endpointPublicAccess"] == json!(false) && whole["endpointPrivateAccess"] == json!(false) {
        return Err(Refusal::parameter("Private and public endpoint access cannot be false"));
    }
    if same_endpoint(before, &whole) {
        return Err(Refusal::parameter(format!(
            "Cluster is already at the desired configuration with endpointPrivateAccess: {} , endpointPublicAccess: {}, and Public Endpoint Restrictions: {}",
            whole["endpointPrivateAccess"], whole["endpointPublicAccess"], whole["publicAccessCidrs"]
        )));
    }
    let params = vec![
        ("EndpointPublicAccess", whole["endpointPublicAccess"].clone()),
        ("EndpointPrivateAccess", whole["endpointPrivateAccess"].clone()),
        ("PublicAccessCidrs", whole["publicAccessCidrs"].clone()),
    ];
    Ok(Change { kind: "EndpointAccessUpdate", params, fields: object(json!({"resourcesVpcConfig": whole})) })
}

fn same_endpoint(before: &Value, after: &Map<String, Value>) -> bool {
    let cidrs = |value: Option<&Value>| texts(value).into_iter().collect::<BTreeSet<_>>();
    ["endpointPublicAccess", "endpointPrivateAccess"].iter().all(|field| before.get(field) == after.get(*field))
        && cidrs(before.get("publicAccessCidrs")) == cidrs(after.get("publicAccessCidrs"))
}

fn logging_change(cluster: &Cluster, logging: &Value) -> Answer<Change> {
    let all = logged(&BTreeSet::new(), &cluster.view["logging"]);
    let after = logged(&all, logging);
    if let Some(unknown) = after.iter().find(|kind| !LOG_TYPES.contains(&kind.as_str())) {
        return Err(Refusal::parameter(format!("Invalid log type: {unknown}")));
    }
    if after == all {
        return Err(Refusal::parameter("No changes needed for the logging config provided"));
    }
    Ok(Change {
        kind: "LoggingUpdate",
        params: vec![("ClusterLogging", logging.clone())],
        fields: object(json!({"logging": logging_view(&after)})),
    })
}

fn whole(cluster: &Cluster, kind: &'static str, param: &'static str, field: &'static str, value: &Value) -> Answer<Change> {
    refuse_same(&cluster.view[field], value, field)?;
    Ok(Change { kind, params: vec![(param, value.clone())], fields: object(json!({field: value})) })
}

/// `CONFIG_MAP` to `API_AND_CONFIG_MAP` to `API` and never back.
fn authentication(cluster: &Cluster, access: &Value) -> Answer<Change> {
    let order = |mode: &Value| ["CONFIG_MAP", "API_AND_CONFIG_MAP", "API"].iter().position(|known| mode == known);
    let (before, after) = (&cluster.view["accessConfig"]["authenticationMode"], &access["authenticationMode"]);
    refuse_same(before, after, "authenticationMode")?;
    if order(after).is_none() || order(after) < order(before) {
        return Err(Refusal::parameter(format!("Unsupported authentication mode update from {before} to {after}")));
    }
    let mut whole = object(cluster.view["accessConfig"].clone());
    whole.insert("authenticationMode".to_owned(), after.clone());
    Ok(Change {
        kind: "AccessConfigUpdate",
        params: vec![("AuthenticationMode", after.clone())],
        fields: object(json!({"accessConfig": whole})),
    })
}

fn refuse_same(before: &Value, after: &Value, what: &str) -> Answer<()> {
    if before == after {
        return Err(Refusal::parameter(format!("Cluster is already at the desired configuration of {what}")));
    }
    Ok(())
}

pub fn version(cluster: &mut Cluster, call: &Call<'_>, delay: f64) -> Answer<Value> {
    must_be_active(cluster)?;
    let wanted = call.field("version");
    let (from, to) = (versions::minor(cluster.version())?, versions::minor(wanted)?);
    if to == from {
        return Err(Refusal::parameter(format!("Cluster is already at version {wanted}")));
    }
    if to != from + 1 {
        return Err(Refusal::parameter(format!("Unsupported Kubernetes minor version update from {} to {wanted}", cluster.version())));
    }
    // A kubelet may be three minors behind its API server.
    let behind = cluster
        .node_groups
        .values()
        .filter_map(|group| versions::minor(super::text(&group.view, "version")).ok())
        .find(|minor| minor + 3 < to);
    if let Some(minor) = behind {
        return Err(Refusal::request(format!("Nodegroups at version 1.{minor} must be updated before the cluster can go to {wanted}")));
    }
    let params = [("Version", json!(wanted)), ("PlatformVersion", json!("eks.1"))];
    let change = object(json!({"version": wanted}));
    Ok(updates::begin(cluster, Target::Cluster, "VersionUpdate", &params, change, (call.now, call.now + delay)))
}

pub fn encryption(cluster: &mut Cluster, call: &Call<'_>, delay: f64) -> Answer<Value> {
    must_be_active(cluster)?;
    if cluster.view["encryptionConfig"].as_array().is_some_and(|present| !present.is_empty()) {
        return Err(Refusal::parameter("Cluster already has an encryption configuration"));
    }
    let config = call.or("encryptionConfig", json!([]));
    let params = [("EncryptionConfig", config.clone())];
    let change = object(json!({"encryptionConfig": config}));
    Ok(updates::begin(cluster, Target::Cluster, "AssociateEncryptionConfig", &params, change, (call.now, call.now + delay)))
}
