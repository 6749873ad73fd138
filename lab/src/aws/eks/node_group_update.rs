//! Changes of a node group: scaling, labels, taints, how it is updated, its version.

use serde_json::{Map, Value, json};

use super::node_groups::{find, scaling};
use super::refusal::{Answer, Refusal};
use super::state::{Cluster, Part, Target, text};
use super::{Call, texts, updates, versions};

pub fn config(cluster: &mut Cluster, call: &Call<'_>, delay: f64) -> Answer<Value> {
    let group = changeable(cluster, call)?;
    let (mut change, mut params) = (Map::new(), Vec::new());
    if let Some(sizes) = call.body.get("scalingConfig") {
        let sizes = scaling(sizes, &group.view["scalingConfig"])?;
        params.extend(
            [("MinSize", "minSize"), ("MaxSize", "maxSize"), ("DesiredSize", "desiredSize")]
                .map(|(kind, field)| (kind, sizes[field].clone())),
        );
        change.insert("scalingConfig".to_owned(), sizes);
    }
    if let Some(labels) = call.body.get("labels") {
        change.insert("labels".to_owned(), Value::Object(relabelled(&group.view, labels)));
        params.push(("LabelsToAdd", labels["addOrUpdateLabels"].clone()));
    }
    if let Some(taints) = call.body.get("taints") {
        change.insert("taints".to_owned(), Value::Array(retainted(&group.view, taints)));
        params.push(("TaintsToAdd", taints["addOrUpdateTaints"].clone()));
    }
    if let Some(update) = call.body.get("updateConfig") {
        params.push(("MaxUnavailable", update["maxUnavailable"].clone()));
        change.insert("updateConfig".to_owned(), update.clone());
    }
    if change.is_empty() {
        return Err(Refusal::parameter("No changes needed: nothing to update was given."));
    }
    change.insert("modifiedAt".to_owned(), json!(call.now));
    let target = Target::NodeGroup(call.route.item.clone());
    Ok(updates::begin(cluster, target, "ConfigUpdate", &params, change, (call.now, call.now + delay)))
}

fn relabelled(view: &Map<String, Value>, change: &Value) -> Map<String, Value> {
    let mut labels = super::object(view["labels"].clone());
    labels.retain(|key, _| !texts(change.get("removeLabels")).contains(key));
    labels.extend(super::object(change["addOrUpdateLabels"].clone()));
    labels
}

fn retainted(view: &Map<String, Value>, change: &Value) -> Vec<Value> {
    let same = |a: &Value, b: &Value| a["key"] == b["key"] && a["effect"] == b["effect"];
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let (add, remove) = (list(&change["addOrUpdateTaints"]), list(&change["removeTaints"]));
    let mut taints = list(&view["taints"]);
    taints.retain(|taint| !add.iter().chain(&remove).any(|other| same(taint, other)));
    taints.extend(add);
    taints
}

pub fn version(cluster: &mut Cluster, call: &Call<'_>, delay: f64) -> Answer<Value> {
    let highest = cluster.version().to_owned();
    let group = changeable(cluster, call)?;
    let wanted = match call.field("version") {
        "" => highest.clone(),
        given => given.to_owned(),
    };
    let (to, from) = (versions::minor(&wanted)?, versions::minor(text(&group.view, "version"))?);
    if to > versions::minor(&highest)? {
        return Err(Refusal::parameter(format!("Nodegroup version {wanted} can't be above the cluster's version {highest}")));
    }
    if to < from || to > from + 1 {
        return Err(Refusal::parameter(format!(
            "Requested Nodegroup version {wanted} is not supported: it can go from 1.{from} to 1.{} only",
            from + 1
        )));
    }
    let release = versions::release(&wanted);
    let change = super::object(json!({"version": wanted, "releaseVersion": release, "modifiedAt": call.now}));
    let params = [("Version", json!(wanted)), ("ReleaseVersion", json!(release))];
    let target = Target::NodeGroup(call.route.item.clone());
    Ok(updates::begin(cluster, target, "VersionUpdate", &params, change, (call.now, call.now + delay)))
}

fn changeable<'a>(cluster: &'a mut Cluster, call: &Call<'_>) -> Answer<&'a mut Part> {
    let name = &call.route.item;
    let group = find(cluster, name)?;
    match group.status() {
        "ACTIVE" | "DEGRADED" => Ok(group),
        status => {
            Err(Refusal::in_use(format!("Nodegroup {name} cannot be updated as it is currently not in Active State, it is {status}")))
        }
    }
}
