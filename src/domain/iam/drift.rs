//! What differs between a role and its pod identities as wished and as they are, one line for each. Managed policies are not looked at: none is ever attached.

use std::collections::BTreeMap;

use super::role::{RoleWish, SeenRole, Tags, is_same, is_same_policy, pod_identity_changes};
use crate::domain::eks::{PodIdentity, PodIdentitySeen};

/// What differs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Differing {
    /// What an apply mends.
    pub lines: Vec<String>,
    /// What is in its way, for somebody else made it.
    pub foreign: Vec<String>,
}

/// `IAM role kaas-payments-1f2e3d4c: policy "external-dns" is missing`. Tags of others are theirs.
pub fn of_role(wish: &RoleWish, seen: Option<&SeenRole>) -> Differing {
    let mut differing = Differing::default();
    let Some(seen) = seen else {
        differing.lines.push(format!("IAM role {}: missing", wish.name));
        return differing;
    };
    if !is_same(&wish.tags, &seen.tags) {
        differing.foreign.push(format!("IAM role {} lacks the tags by which kaas knows its own: put them back, or delete it", wish.name));
        return differing;
    }
    let mut found = Vec::new();
    if !is_same_policy(&seen.trust, &wish.trust) {
        found.push("who may assume it was changed".to_owned());
    }
    if seen.description != wish.description {
        found.push(format!("its description is {:?}, should be {:?}", seen.description, wish.description));
    }
    for (name, policy) in &wish.policies {
        match seen.policies.get(name) {
            None => found.push(format!("policy {name:?} is missing")),
            Some(live) if !is_same_policy(live, policy) => found.push(format!("policy {name:?} was changed")),
            Some(_) => {}
        }
    }
    let more = seen.policies.keys().filter(|name| !wish.policies.contains_key(*name));
    found.extend(more.map(|name| format!("policy {name:?} should not be there")));
    for (key, value) in wish.tags.iter().filter(|(key, value)| seen.tags.get(*key) != Some(value)) {
        let live = seen.tags.get(key).map_or_else(|| "missing".to_owned(), |live| format!("{live:?}"));
        found.push(format!("tag {key:?} is {live}, should be {value:?}"));
    }
    differing.lines.extend(found.into_iter().map(|what| format!("IAM role {}: {what}", wish.name)));
    differing
}

/// `pod identity of external-dns/external-dns: missing`. `tags`: those of what is made for the tenant.
pub fn of_pod_identities(wished: &[PodIdentity], found: &BTreeMap<PodIdentity, PodIdentitySeen>, tags: &Tags) -> Differing {
    let changes = pod_identity_changes(wished, found, tags);
    let of = |one: &PodIdentity| format!("pod identity of {}/{}", one.namespace, one.service_account);
    let is_stale = |seen: &PodIdentitySeen| changes.delete.contains(&seen.association_id);
    let stale: Vec<&PodIdentity> = found.iter().filter(|(_, seen)| is_stale(seen)).map(|(identity, _)| identity).collect();
    let is_missing = |wished: &&PodIdentity| {
        let same = |other: &PodIdentity| (&other.namespace, &other.service_account) == (&wished.namespace, &wished.service_account);
        !stale.iter().copied().chain(&changes.foreign).any(same)
    };
    let missing = changes.create.iter().filter(is_missing).map(|identity| format!("{}: missing", of(identity)));
    let lines = stale.iter().map(|identity| format!("{}: should not lead to {}", of(identity), identity.role_arn)).chain(missing).collect();
    let foreign = |identity: &PodIdentity| format!("{} leads to {}, and kaas did not make it: delete it", of(identity), identity.role_arn);
    Differing { lines, foreign: changes.foreign.iter().map(foreign).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::iam::role::pod_identities;

    fn texts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn wish() -> RoleWish {
        RoleWish {
            name: "r".into(),
            path: "/".into(),
            description: "d".into(),
            trust: "{\"a\":1}".into(),
            policies: texts(&[("one", "{\"b\":1}"), ("two", "{}")]),
            tags: texts(&[("kaas.dev/tenant", "payments"), ("team", "x")]),
        }
    }

    #[test]
    fn each_part_of_a_role_that_differs_is_a_line() {
        let RoleWish { name, path, description, policies, tags, .. } = wish();
        let mut seen = SeenRole { arn: "arn".into(), trust: "{ \"a\": 1 }".into(), name, path, description, policies, tags };
        seen.tags.insert("theirs".into(), "1".into());
        assert_eq!(of_role(&wish(), Some(&seen)), Differing::default());
        assert_eq!(of_role(&wish(), None).lines, ["IAM role r: missing"]);
        seen.trust = "{}".into();
        seen.description = "other".into();
        seen.policies = texts(&[("one", "{\"b\":2}"), ("three", "{}")]);
        seen.tags.insert("team".into(), "y".into());
        let told = of_role(&wish(), Some(&seen)).lines;
        let told: Vec<&str> = told.iter().map(|line| line.strip_prefix("IAM role r: ").unwrap()).collect();
        assert_eq!(
            told,
            [
                "who may assume it was changed",
                "its description is \"other\", should be \"d\"",
                "policy \"one\" was changed",
                "policy \"two\" is missing",
                "policy \"three\" should not be there",
                "tag \"team\" is \"y\", should be \"x\"",
            ]
        );
        seen.tags.remove("kaas.dev/tenant");
        let told = of_role(&wish(), Some(&seen));
        assert!(told.lines.is_empty() && told.foreign[0].contains("lacks the tags"), "{told:?}");
    }

    #[test]
    fn pod_identities_that_are_missing_or_lead_elsewhere_are_told() {
        let (wished, tags) = (pod_identities("arn:new"), texts(&[("kaas.dev/tenant", "payments")]));
        let seen = |id: &str, tags: &Tags| PodIdentitySeen { association_id: id.into(), arn: String::new(), tags: tags.clone() };
        let well = BTreeMap::from([(wished[0].clone(), seen("a", &tags)), (wished[1].clone(), seen("b", &tags))]);
        assert_eq!(of_pod_identities(&wished, &well, &tags), Differing::default());
        let stale = BTreeMap::from([(pod_identities("arn:old")[0].clone(), seen("a", &tags))]);
        assert_eq!(
            of_pod_identities(&wished, &stale, &tags).lines,
            ["pod identity of external-dns/external-dns: should not lead to arn:old", "pod identity of cert-manager/cert-manager: missing"]
        );
        let others = BTreeMap::from([(pod_identities("arn:theirs")[1].clone(), seen("a", &Tags::new()))]);
        let told = of_pod_identities(&wished, &others, &tags);
        assert_eq!(told.lines, ["pod identity of external-dns/external-dns: missing"]);
        assert_eq!(told.foreign, ["pod identity of cert-manager/cert-manager leads to arn:theirs, and kaas did not make it: delete it"]);
    }
}
