//! Access entries and their policies, and as whom a principal comes to Kubernetes.

use serde_json::{Map, Value, json};

use super::refusal::{Answer, Refusal};
use super::route::Action;
use super::state::{AccessEntry, Cluster, text};
use super::{Call, new_uuid, object, texts};

const POLICY_PREFIX: &str = "arn:aws:eks::aws:cluster-access-policy/";
const ADMIN: &str = "AmazonEKSClusterAdminPolicy";
/// Each with the role of Kubernetes it stands for.
pub const POLICIES: [(&str, &str); 5] = [
    (ADMIN, "cluster-admin"),
    ("AmazonEKSAdminPolicy", "admin"),
    ("AmazonEKSEditPolicy", "edit"),
    ("AmazonEKSViewPolicy", "view"),
    ("AmazonEKSAdminViewPolicy", "view"),
];

pub fn known_policies() -> Value {
    let all = POLICIES.map(|(name, _)| json!({"name": name, "arn": format!("{POLICY_PREFIX}{name}")}));
    json!({"accessPolicies": all})
}

/// Who makes a cluster is its administrator.
pub fn admit_creator(cluster: &mut Cluster, call: &Call<'_>) {
    let view = view(cluster, call, call.principal, "STANDARD");
    let arn = format!("{POLICY_PREFIX}{ADMIN}");
    let policy = associated(&arn, &json!({"type": "cluster", "namespaces": []}), call.now);
    let entry = AccessEntry { view, policies: [(arn, policy)].into() };
    cluster.access_entries.insert(call.principal.to_owned(), entry);
}

/// An access entry as AWS shows it.
pub fn view(cluster: &Cluster, call: &Call<'_>, principal: &str, kind: &str) -> Map<String, Value> {
    // arn:aws:iam::123456789012:role/name becomes role/123456789012/name/….
    let (kind_of, name) = principal.rsplit_once(':').and_then(|(_, rest)| rest.split_once('/')).unwrap_or(("user", principal));
    let account = principal.split(':').nth(4).unwrap_or(super::ACCOUNT);
    let username = match kind_of {
        "role" => format!("arn:aws:sts::{account}:assumed-role/{}/{{{{SessionName}}}}", name.rsplit('/').next().unwrap_or(name)),
        _ => principal.to_owned(),
    };
    object(json!({
        "clusterName": cluster.name(),
        "principalArn": principal,
        "kubernetesGroups": [],
        "accessEntryArn": call.arn(&format!("access-entry/{}/{kind_of}/{account}/{name}/{}", cluster.name(), new_uuid())),
        "createdAt": call.now,
        "modifiedAt": call.now,
        "tags": {},
        "username": username,
        "type": kind,
    }))
}

fn associated(arn: &str, scope: &Value, now: f64) -> Value {
    json!({"policyArn": arn, "accessScope": {"type": scope["type"], "namespaces": texts(scope.get("namespaces"))},
        "associatedAt": now, "modifiedAt": now})
}

pub fn answer(cluster: &mut Cluster, call: &Call<'_>) -> Answer<Value> {
    if cluster.view["accessConfig"]["authenticationMode"] == json!("CONFIG_MAP") {
        return Err(Refusal::request(
            "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this operation.",
        ));
    }
    match call.route.action {
        Action::CreateAccessEntry => create(cluster, call),
        Action::ListAccessEntries => Ok(json!({"accessEntries": cluster.access_entries.keys().collect::<Vec<_>>()})),
        Action::DescribeAccessEntry => find(cluster, call).map(|entry| json!({"accessEntry": entry.view})),
        Action::UpdateAccessEntry => update(cluster, call),
        Action::DeleteAccessEntry => {
            find(cluster, call)?;
            cluster.access_entries.remove(&call.route.item);
            cluster.forget(&super::Target::Other(call.route.item.clone()));
            Ok(json!({}))
        }
        Action::AssociateAccessPolicy => associate(cluster, call),
        Action::ListAssociatedAccessPolicies => {
            let policies: Vec<Value> = find(cluster, call)?.policies.values().cloned().collect();
            Ok(json!({"clusterName": cluster.name(), "principalArn": call.route.item, "associatedAccessPolicies": policies}))
        }
        _ => match find(cluster, call)?.policies.remove(&call.route.policy) {
            Some(_) => Ok(json!({})),
            None => Err(Refusal::not_found(format!("No associated access policy found: {}", call.route.policy))),
        },
    }
}

fn find<'a>(cluster: &'a mut Cluster, call: &Call<'_>) -> Answer<&'a mut AccessEntry> {
    let principal = &call.route.item;
    let missing = || Refusal::not_found(format!("The specified principalArn could not be found: {principal}"));
    cluster.access_entries.get_mut(principal).ok_or_else(missing)
}

fn create(cluster: &mut Cluster, call: &Call<'_>) -> Answer<Value> {
    let principal = call.field("principalArn");
    if !principal.starts_with("arn:aws:iam::") {
        return Err(Refusal::parameter(format!("The principalArn parameter format is not valid: {principal}")));
    }
    if cluster.access_entries.contains_key(principal) {
        return Err(Refusal::in_use("The specified access entry resource is already in use on this cluster."));
    }
    let kind = match call.field("type") {
        "" => "STANDARD",
        given => given,
    };
    let mut view = view(cluster, call, principal, kind);
    view.insert("tags".to_owned(), call.or("tags", json!({})));
    fill(&mut view, call)?;
    let answer = json!({"accessEntry": view});
    cluster.access_entries.insert(principal.to_owned(), AccessEntry { view, ..AccessEntry::default() });
    Ok(answer)
}

fn update(cluster: &mut Cluster, call: &Call<'_>) -> Answer<Value> {
    let entry = find(cluster, call)?;
    fill(&mut entry.view, call)?;
    entry.view.insert("modifiedAt".to_owned(), json!(call.now));
    Ok(json!({"accessEntry": entry.view}))
}

fn fill(view: &mut Map<String, Value>, call: &Call<'_>) -> Answer<()> {
    if call.body.contains_key("kubernetesGroups") {
        let groups = call.list("kubernetesGroups");
        if let Some(group) = groups.iter().find(|group| group.starts_with("system:")) {
            return Err(Refusal::parameter(format!("The kubernetes group name {group} is invalid, it cannot start with system:")));
        }
        view.insert("kubernetesGroups".to_owned(), json!(groups));
    }
    if !call.field("username").is_empty() {
        view.insert("username".to_owned(), json!(call.field("username")));
    }
    Ok(())
}

fn associate(cluster: &mut Cluster, call: &Call<'_>) -> Answer<Value> {
    let arn = call.field("policyArn");
    if !POLICIES.iter().any(|(name, _)| arn == format!("{POLICY_PREFIX}{name}")) {
        return Err(Refusal::parameter(format!("The policyArn parameter format is not valid: {arn}")));
    }
    let scope = call.or("accessScope", json!({}));
    match scope["type"].as_str() {
        Some("cluster") => {}
        Some("namespace") if !texts(scope.get("namespaces")).is_empty() => {}
        _ => return Err(Refusal::parameter("The accessScope must be of type cluster, or of type namespace with namespaces")),
    }
    let policy = associated(arn, &scope, call.now);
    let entry = find(cluster, call)?;
    if text(&entry.view, "type") != "STANDARD" {
        return Err(Refusal::request("Access policies can be associated with access entries of type STANDARD only"));
    }
    entry.policies.insert(arn.to_owned(), policy.clone());
    Ok(json!({"clusterName": cluster.name(), "principalArn": call.route.item, "associatedAccessPolicy": policy}))
}

/// As whom a principal comes: user name and groups, if it has an entry. `session`: of an assumed role.
pub fn identity(cluster: &Cluster, principal: &str, session: &str) -> Option<(String, Vec<String>)> {
    let entry = cluster.access_entries.get(principal)?;
    let username = text(&entry.view, "username").replace("{{SessionName}}", session);
    let mut groups = texts(entry.view.get("kubernetesGroups"));
    for policy in entry.policies.values().filter(|policy| policy["accessScope"]["type"] == "cluster") {
        let name = policy["policyArn"].as_str().and_then(|arn| arn.strip_prefix(POLICY_PREFIX)).unwrap_or_default();
        groups.push(if name == ADMIN { "system:masters".to_owned() } else { group_of(name) });
    }
    Some((username, groups))
}

/// The group in Kubernetes of those who have an access policy.
pub fn group_of(policy: &str) -> String {
    format!("lab.kaas.dev:{policy}")
}
