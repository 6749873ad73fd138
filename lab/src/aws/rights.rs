//! Whether IAM lets a user or role do something: the policies of its own and those attached to it, by their actions. Groups, resources and conditions of policies
//! are not looked at.

use anyhow::{Context, Result};
use serde_json::Value;

use super::eks::refusal::{Answer, Refusal};
use super::eks::texts;
use super::keys::{Key, element, elements};
use super::moto::Moto;
use super::signature::decode;

/// Refuses what the owner of `key` may not do to `resource`.
pub async fn check(moto: Moto, key: &Key, action: &str, resource: &str) -> Answer<()> {
    let documents = documents(moto, &key.principal).await.map_err(|error| Refusal::server(format!("{error:#}")))?;
    if allowed(&documents, action) {
        return Ok(());
    }
    Err(Refusal::denied(format!("User: {} is not authorized to perform: {action} on resource: {resource}", key.caller)))
}

async fn documents(moto: Moto, principal: &str) -> Result<Vec<Value>> {
    let (kind, name) = if principal.contains(":role/") { ("Role", principal) } else { ("User", principal) };
    let name = name.rsplit('/').next().unwrap_or_default();
    let owner = format!("{kind}Name");
    let ask = async |action: &str, more: &[(&str, &str)]| {
        let parameters: Vec<(&str, &str)> = [("Action", action)].into_iter().chain(more.iter().copied()).collect();
        moto.query("iam", "us-east-1", &parameters).await.with_context(|| format!("look up the policies of {principal}"))
    };
    let of = (owner.as_str(), name);
    let mut found = Vec::new();
    let own = ask(&format!("List{kind}Policies"), &[of]).await?;
    for policy in elements(&own, "member") {
        found.push(document(&ask(&format!("Get{kind}Policy"), &[of, ("PolicyName", policy)]).await?, "PolicyDocument"));
    }
    let attached = ask(&format!("ListAttached{kind}Policies"), &[of]).await?;
    for arn in elements(&attached, "PolicyArn") {
        let policy = ask("GetPolicy", &[("PolicyArn", arn)]).await?;
        let version = element(&policy, "DefaultVersionId").unwrap_or("v1").to_owned();
        found.push(document(&ask("GetPolicyVersion", &[("PolicyArn", arn), ("VersionId", &version)]).await?, "Document"));
    }
    Ok(found)
}

/// The policy in an answer, where it is encoded for URLs, in some of moto's for XML.
fn document(xml: &str, tag: &str) -> Value {
    let text = element(xml, tag).unwrap_or_default().replace("&quot;", "\"").replace("&#34;", "\"");
    serde_json::from_str(&text).or_else(|_| serde_json::from_str(&decode(&text))).unwrap_or_default()
}

fn allowed(documents: &[Value], action: &str) -> bool {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
    let statements: Vec<Value> = documents.iter().flat_map(|document| list(&document["Statement"])).collect();
    let says = |effect: &str| {
        let names = |statement: &Value| texts(Some(&Value::Array(list(&statement["Action"])))).iter().any(|pattern| fits(pattern, action));
        statements.iter().any(|statement| statement["Effect"] == effect && names(statement))
    };
    says("Allow") && !says("Deny")
}

/// Whether `eks:Describe*` covers an action.
fn fits(pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.to_lowercase(), action.to_lowercase());
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| action.strip_prefix(first)) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_action_is_allowed_by_a_pattern_and_forbidden_by_any_deny() {
        let all = json!({"Statement": [{"Effect": "Allow", "Action": ["eks:*", "iam:PassRole"]}]});
        let deny = json!({"Statement": {"Effect": "Deny", "Action": "eks:Delete*"}});
        assert!(allowed(std::slice::from_ref(&all), "eks:CreateCluster"));
        assert!(!allowed(&[], "eks:CreateCluster"));
        assert!(!allowed(&[all.clone(), deny.clone()], "eks:DeleteCluster"));
        assert!(allowed(&[all, deny], "iam:PassRole"));
        assert!(fits("*", "eks:X") && fits("e*:*Clus*r", "eks:CreateCluster") && !fits("eks:Create", "eks:CreateCluster"));
    }
}
