//! Updates: changes that take their time, each with an id to ask after.

use serde_json::{Map, Value, json};

use super::refusal::{Answer, Refusal};
use super::state::{Cluster, Target, Update, text};
use super::{Call, new_uuid, object};

/// Begins a change of `target` to the fields in `change`, and answers with the update.
pub fn begin(
    cluster: &mut Cluster,
    target: Target,
    kind: &str,
    params: &[(&str, Value)],
    change: Map<String, Value>,
    due: (f64, f64),
) -> Value {
    let (now, due) = due;
    let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let params: Vec<Value> = params.iter().map(|(kind, value)| json!({"type": kind, "value": shown(value)})).collect();
    let view = object(json!({"id": new_uuid(), "status": "InProgress", "type": kind, "params": params, "createdAt": now, "errors": []}));
    if let Some(whole) = cluster.view_of(&target) {
        whole.insert("status".to_owned(), json!("UPDATING"));
    }
    let answer = json!({"update": view});
    cluster.updates.push(Update { target, view, due, fails: None, change });
    answer
}

pub fn list(cluster: &Cluster, call: &Call<'_>) -> Answer<Value> {
    let target = asked_for(call);
    let ids = cluster.updates.iter().filter(|update| update.target == target).map(|update| text(&update.view, "id"));
    Ok(json!({"updateIds": ids.collect::<Vec<_>>()}))
}

pub fn describe(cluster: &Cluster, call: &Call<'_>) -> Answer<Value> {
    let (target, id) = (asked_for(call), &call.route.item);
    let found = cluster.updates.iter().find(|update| update.target == target && text(&update.view, "id") == id);
    found.map(|update| json!({"update": update.view})).ok_or_else(|| Refusal::not_found(format!("No update found for ID: {id}")))
}

fn asked_for(call: &Call<'_>) -> Target {
    match (call.parameter("nodegroupName"), call.parameter("addonName")) {
        (Some(name), _) => Target::NodeGroup(name.to_owned()),
        (None, Some(name)) => Target::AddOn(name.to_owned()),
        (None, None) => Target::Cluster,
    }
}
