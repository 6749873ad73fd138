//! Pod identity associations. No pod runs, so nobody uses them.

use serde_json::{Map, Value, json};

use super::cluster::must_be_active;
use super::refusal::{Answer, Refusal};
use super::route::Action;
use super::state::{Cluster, Target, text};
use super::{Call, new_id, object};

pub fn answer(cluster: &mut Cluster, call: &Call<'_>) -> Answer<Value> {
    match call.route.action {
        Action::CreatePodIdentityAssociation => create(cluster, call),
        Action::ListPodIdentityAssociations => Ok(list(cluster, call)),
        Action::DescribePodIdentityAssociation => find(cluster, call).map(|found| json!({"association": found})),
        Action::UpdatePodIdentityAssociation => {
            let (role, now) = (call.or("roleArn", Value::Null), call.now);
            let found = find(cluster, call)?;
            if !role.is_null() {
                found.insert("roleArn".to_owned(), role);
            }
            found.insert("modifiedAt".to_owned(), json!(now));
            Ok(json!({"association": found}))
        }
        _ => {
            let gone = json!({"association": find(cluster, call)?});
            cluster.pod_identities.remove(&call.route.item);
            cluster.forget(&Target::Other(call.route.item.clone()));
            Ok(gone)
        }
    }
}

fn create(cluster: &mut Cluster, call: &Call<'_>) -> Answer<Value> {
    if cluster.status() != "UPDATING" {
        must_be_active(cluster)?;
    }
    let (namespace, account) = (call.field("namespace"), call.field("serviceAccount"));
    let same = |view: &Map<String, Value>| text(view, "namespace") == namespace && text(view, "serviceAccount") == account;
    if let Some((id, _)) = cluster.pod_identities.iter().find(|(_, view)| same(view)) {
        return Err(Refusal::in_use(format!("Association already exists: {id}")));
    }
    let id = format!("a-{}", new_id(17));
    let view = object(json!({
        "clusterName": cluster.name(),
        "namespace": namespace,
        "serviceAccount": account,
        "roleArn": call.field("roleArn"),
        "associationArn": call.arn(&format!("podidentityassociation/{}/{id}", cluster.name())),
        "associationId": id,
        "tags": call.or("tags", json!({})),
        "createdAt": call.now,
        "modifiedAt": call.now,
    }));
    let answer = json!({"association": view});
    cluster.pod_identities.insert(id, view);
    Ok(answer)
}

/// Without the roles, as AWS.
fn list(cluster: &Cluster, call: &Call<'_>) -> Value {
    let asked = |view: &&Map<String, Value>| {
        ["namespace", "serviceAccount"].iter().all(|field| call.parameter(field).is_none_or(|value| value == text(view, field)))
    };
    let summary = |view: &Map<String, Value>| {
        let fields = ["clusterName", "namespace", "serviceAccount", "associationArn", "associationId"];
        Value::Object(fields.iter().map(|field| ((*field).to_owned(), view[*field].clone())).collect())
    };
    json!({"associations": cluster.pod_identities.values().filter(asked).map(summary).collect::<Vec<_>>()})
}

fn find<'a>(cluster: &'a mut Cluster, call: &Call<'_>) -> Answer<&'a mut Map<String, Value>> {
    let id = &call.route.item;
    cluster.pod_identities.get_mut(id).ok_or_else(|| Refusal::not_found(format!("No association found: {id}")))
}
