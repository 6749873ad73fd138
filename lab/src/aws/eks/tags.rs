//! Tags of what has an ARN.

use serde_json::{Map, Value, json};

use super::refusal::{Answer, Refusal};
use super::route::Action;
use super::state::{Cluster, State, text};
use super::{Call, object};

pub fn answer(state: &mut State, call: &Call<'_>) -> Answer<Value> {
    let arn = &call.route.cluster;
    let view = state.clusters.values_mut().find_map(|cluster| owner(cluster, arn));
    let view = view.ok_or_else(|| Refusal::not_found(format!("No resource found for ARN: {arn}")))?;
    let mut tags = object(view.get("tags").cloned().unwrap_or_default());
    match call.route.action {
        Action::ListTagsForResource => return Ok(json!({"tags": tags})),
        Action::TagResource => {
            tags.extend(object(call.or("tags", json!({}))));
            if tags.len() > 50 {
                return Err(Refusal::parameter("A resource can have 50 tags at most"));
            }
        }
        _ => {
            let gone = |key: &String| call.query.iter().any(|(name, value)| name == "tagKeys" && value == key);
            tags.retain(|key, _| !gone(key));
        }
    }
    view.insert("tags".to_owned(), Value::Object(tags));
    Ok(json!({}))
}

fn owner<'a>(cluster: &'a mut Cluster, arn: &str) -> Option<&'a mut Map<String, Value>> {
    let whole = std::iter::once(&mut cluster.view);
    let groups = cluster.node_groups.values_mut().map(|part| &mut part.view);
    let add_ons = cluster.add_ons.values_mut().map(|part| &mut part.view);
    let entries = cluster.access_entries.values_mut().map(|entry| &mut entry.view);
    let mut all = whole.chain(groups).chain(add_ons).chain(entries).chain(cluster.pod_identities.values_mut());
    all.find(|view| ["arn", "nodegroupArn", "addonArn", "accessEntryArn", "associationArn"].iter().any(|field| text(view, field) == arn))
}
