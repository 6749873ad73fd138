//! Add-ons: their versions, made, changed, deleted. Nothing of them runs in the cluster.

use serde_json::{Map, Value, json};

use super::cluster::must_be_active;
use super::refusal::{Answer, Refusal};
use super::state::{Cluster, Part, Target};
use super::{Call, new_uuid, object, updates, versions};

/// The add-ons that are known, each with its versions, the first of which is the default.
const KNOWN: [(&str, &[&str]); 6] = [
    ("vpc-cni", &["v1.21.1-eksbuild.1", "v1.22.3-eksbuild.1", "v1.21.1-eksbuild.3", "v1.20.4-eksbuild.2", "v1.20.4-eksbuild.1"]),
    ("coredns", &["v1.12.4-eksbuild.1", "v1.14.3-eksbuild.3", "v1.13.2-eksbuild.1", "v1.12.3-eksbuild.1"]),
    ("kube-proxy", &["v1.35.0-eksbuild.2", "v1.36.0-eksbuild.13", "v1.34.1-eksbuild.2"]),
    ("aws-ebs-csi-driver", &["v1.54.0-eksbuild.1", "v1.63.1-eksbuild.1", "v1.53.0-eksbuild.1"]),
    ("eks-pod-identity-agent", &["v1.3.10-eksbuild.1", "v1.3.10-eksbuild.3", "v1.3.9-eksbuild.3"]),
    ("metrics-server", &["v0.8.0-eksbuild.5", "v0.8.0-eksbuild.3"]),
];

fn known(name: &str) -> Answer<&'static [&'static str]> {
    let found = KNOWN.iter().find(|(known, _)| *known == name).map(|(_, versions)| *versions);
    found.ok_or_else(|| Refusal::parameter(format!("Addon {name} specified is not supported")))
}

fn check(name: &str, version: &str, configuration: &str) -> Answer<()> {
    if !known(name)?.contains(&version) {
        return Err(Refusal::parameter(format!("Addon version specified is not supported: {name} {version}")));
    }
    if !configuration.is_empty() && serde_norway::from_str::<Map<String, Value>>(configuration).is_err() {
        return Err(Refusal::parameter("ConfigurationValue is not in valid JSON or YAML format"));
    }
    Ok(())
}

/// The answer to `DescribeAddonVersions`.
pub fn versions(call: &Call<'_>) -> Value {
    let compatible = match call.parameter("kubernetesVersion") {
        Some(version) => json!(version),
        None => json!(versions::DEFAULT),
    };
    let one = |(name, versions): &(&str, &[&str])| {
        let version = |(at, version): (usize, &&str)| {
            json!({"addonVersion": version, "architecture": ["amd64", "arm64"],
                "compatibilities": [{"clusterVersion": compatible, "platformVersions": ["*"], "defaultVersion": at == 0}]})
        };
        json!({"addonName": name, "type": "networking", "owner": "aws", "publisher": "eks",
            "addonVersions": versions.iter().enumerate().map(version).collect::<Vec<_>>()})
    };
    let asked = KNOWN.iter().filter(|(name, _)| call.parameter("addonName").is_none_or(|asked| asked == *name));
    json!({"addons": asked.map(one).collect::<Vec<_>>()})
}

pub fn create(cluster: &mut Cluster, call: &Call<'_>, delay: f64) -> Answer<Value> {
    let name = call.field("addonName");
    if cluster.add_ons.contains_key(name) {
        return Err(Refusal::in_use("Addon already exists."));
    }
    if cluster.status() != "UPDATING" {
        must_be_active(cluster)?;
    }
    let version = match call.field("addonVersion") {
        "" => known(name)?[0],
        given => given,
    };
    check(name, version, call.field("configurationValues"))?;
    let mut view = object(json!({
        "addonName": name,
        "clusterName": cluster.name(),
        "status": "CREATING",
        "addonVersion": version,
        "health": {"issues": []},
        "addonArn": call.arn(&format!("addon/{}/{name}/{}", cluster.name(), new_uuid())),
        "createdAt": call.now,
        "modifiedAt": call.now,
        "tags": call.or("tags", json!({})),
    }));
    take_over(&mut view, call);
    let answer = json!({"addon": view});
    cluster.add_ons.insert(name.to_owned(), Part { view, due: call.now + delay, ..Part::default() });
    Ok(answer)
}

fn take_over(view: &mut Map<String, Value>, call: &Call<'_>) {
    for field in ["serviceAccountRoleArn", "configurationValues"] {
        if let Some(value) = call.body.get(field).filter(|value| !value.is_null()) {
            view.insert(field.to_owned(), value.clone());
        }
    }
}

fn find<'a>(cluster: &'a mut Cluster, name: &str) -> Answer<&'a mut Part> {
    let missing = Refusal::not_found(format!("No addon: {name} found in cluster: {}", cluster.name()));
    cluster.add_ons.get_mut(name).ok_or(missing)
}

pub fn describe(cluster: &mut Cluster, call: &Call<'_>) -> Answer<Value> {
    find(cluster, &call.route.item).map(|add_on| json!({"addon": add_on.view}))
}

pub fn update(cluster: &mut Cluster, call: &Call<'_>, delay: f64) -> Answer<Value> {
    let name = &call.route.item;
    let add_on = find(cluster, name)?;
    if matches!(add_on.status(), "CREATING" | "UPDATING" | "DELETING") {
        return Err(Refusal::in_use(format!("Addon {name} cannot be updated as it is currently in {} state", add_on.status())));
    }
    let mut change = Map::new();
    take_over(&mut change, call);
    let mut params = Vec::new();
    let present = super::text(&add_on.view, "addonVersion").to_owned();
    let version = call.or("addonVersion", json!(present));
    check(name, version.as_str().unwrap_or_default(), call.field("configurationValues"))?;
    params.push(("AddonVersion", version.clone()));
    // A working update mends what was degraded.
    change.extend(object(json!({"addonVersion": version, "modifiedAt": call.now, "health": {"issues": []}})));
    let target = Target::AddOn(name.clone());
    Ok(updates::begin(cluster, target, "AddonUpdate", &params, change, (call.now, call.now + delay)))
}

pub fn delete(cluster: &mut Cluster, call: &Call<'_>, delay: f64) -> Answer<Value> {
    let add_on = find(cluster, &call.route.item)?;
    if matches!(add_on.status(), "CREATING" | "UPDATING") {
        return Err(Refusal::in_use(format!(
            "Addon {} cannot be deleted as it is currently in {} state",
            call.route.item,
            add_on.status()
        )));
    }
    add_on.view.insert("status".to_owned(), json!("DELETING"));
    add_on.due = call.now + delay;
    Ok(json!({"addon": add_on.view}))
}
