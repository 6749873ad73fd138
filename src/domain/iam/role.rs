//! Roles: what is wished of one, what one is, and the role by which a tenant's own EKS cluster writes the tenant's names into Route53.
//!
//! Source of the trust: EKS user guide, "Create IAM role with trust policy required by EKS Pod Identity" and "session tags". What EKS says of a pod when it
//! asks for the role are tags of the session: the cluster's ARN, which holds the account, the namespace and the service account.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{PolicyError, cert_manager, external_dns};
use crate::domain::eks::{EksId, PodIdentity, PodIdentitySeen, tags};
use crate::domain::names::{TENANT_LABEL, TenantName};
use crate::domain::releases::{Component, EXTERNAL_DNS_SERVICE_ACCOUNT};

/// The longest name of a role, in characters. Source: IAM user guide, IAM and STS quotas.
pub const MOST_NAME: usize = 64;

/// On what is made for a tenant's own EKS cluster: which that is.
pub const CLUSTER_TAG: &str = "kaas.dev/cluster";

/// The service account that the chart of cert-manager makes for its controller where nothing else is said.
const CERT_MANAGER_SERVICE_ACCOUNT: &str = "cert-manager";

pub type Tags = BTreeMap<String, String>;

/// What a role shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleWish {
    pub name: String,
    /// Begins and ends with `/`.
    pub path: String,
    pub description: String,
    /// Who may assume it, as the JSON text of a policy.
    pub trust: String,
    /// Inline policies by name, as JSON texts. Others that the role has are removed.
    pub policies: BTreeMap<String, String>,
    /// Those of the provider's own tell whether a role of this name is the same one.
    pub tags: Tags,
}

/// What a role is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenRole {
    pub arn: String,
    pub name: String,
    pub path: String,
    pub description: String,
    pub trust: String,
    /// Inline policies by name.
    pub policies: BTreeMap<String, String>,
    pub tags: Tags,
}

/// Whether what carries the tags `found` was made for what carries `wished`: it has all tags by which the provider knows things again, but for who made it,
/// which a takeover changes.
pub fn is_same(wished: &Tags, found: &Tags) -> bool {
    let mut own = wished.iter().filter(|(key, _)| key.starts_with(tags::PREFIX) && *key != tags::OWNER).peekable();
    own.peek().is_some() && own.all(|(key, value)| found.get(key) == Some(value))
}

/// Whether two policies say the same, however they are written.
pub fn is_same_policy(one: &str, other: &str) -> bool {
    let parsed = |text: &str| serde_json::from_str::<Value>(text).ok();
    one == other || parsed(one).is_some_and(|one| parsed(other) == Some(one))
}

/// The role of a tenant whose Kubernetes is an EKS cluster of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantRole {
    pub tenant: TenantName,
    /// The tenant's EKS cluster.
    pub cluster: EksId,
    /// Who makes the tenant.
    pub owner: String,
    /// The user's own.
    pub tags: Tags,
}

impl TenantRole {
    /// `kaas-payments-1f2e3d4c`: the same for the same cluster, and another one for a cluster in another region, for the names of roles are the account's.
    pub fn name(&self) -> String {
        format!("kaas-{}-{:08x}", self.tenant, hash(&self.cluster.to_string()))
    }

    /// The tags of the role and of all that leads to it.
    pub fn tags(&self) -> Tags {
        let mut all = self.tags.clone();
        let cluster = self.cluster.to_string();
        let own = [(TENANT_LABEL, self.tenant.as_str()), (CLUSTER_TAG, &cluster), (tags::OWNER, &self.owner)];
        all.extend(own.into_iter().filter(|(_, value)| !value.is_empty()).map(|(key, value)| (key.to_owned(), value.to_owned())));
        all
    }

    /// The role with which external-dns and cert-manager keep these names and no others. `cluster_arn`: that of the tenant's cluster.
    ///
    /// # Errors
    /// What is no id of a zone or no DNS name.
    pub fn wish(&self, cluster_arn: &str, names: &[Names]) -> Result<RoleWish, PolicyError> {
        let mut policies = BTreeMap::new();
        for (number, Names { zone_id, domain }) in (1..).zip(names) {
            let named = |program: &str| if number == 1 { program.to_owned() } else { format!("{program}-{number}") };
            policies.insert(named("external-dns"), external_dns(zone_id, domain)?);
            policies.insert(named("cert-manager"), cert_manager(zone_id, domain)?);
        }
        Ok(RoleWish {
            name: self.name(),
            path: "/".to_owned(),
            description: format!("Keeps the DNS records of the Kafka tenant {}", self.tenant),
            trust: trust(cluster_arn),
            policies,
            tags: self.tags(),
        })
    }
}

/// A domain in a hosted zone; while a tenant moves to another, it has both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    pub zone_id: String,
    pub domain: String,
}

/// What only pods of that cluster, under the two service accounts, can fulfil.
fn trust(cluster_arn: &str) -> String {
    let of = |part: fn(&(String, String)) -> &String| accounts().iter().map(part).cloned().collect::<Vec<_>>();
    json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": { "Service": "pods.eks.amazonaws.com" },
        "Action": ["sts:AssumeRole", "sts:TagSession"],
        "Condition": { "StringEquals": {
            "aws:RequestTag/eks-cluster-arn": cluster_arn,
            "aws:RequestTag/kubernetes-namespace": of(|(namespace, _)| namespace),
            "aws:RequestTag/kubernetes-service-account": of(|(_, account)| account),
        } },
    }] })
    .to_string()
}

/// Namespaces and names of the service accounts that act on Route53 in a tenant's own cluster.
fn accounts() -> [(String, String); 2] {
    let account = |component: Component, name: &str| (component.namespace().to_owned(), name.to_owned());
    [account(Component::ExternalDns, EXTERNAL_DNS_SERVICE_ACCOUNT), account(Component::CertManager, CERT_MANAGER_SERVICE_ACCOUNT)]
}

/// The pod identities with which that role is taken in the cluster.
pub fn pod_identities(role_arn: &str) -> [PodIdentity; 2] {
    accounts().map(|(namespace, service_account)| PodIdentity { namespace, service_account, role_arn: role_arn.to_owned() })
}

/// What to do so that a cluster has the wished pod identities and none of ours besides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodIdentityChanges {
    /// Association ids of ours that lead elsewhere. They go first: a service account has one.
    pub delete: Vec<String>,
    pub create: Vec<PodIdentity>,
    /// Service accounts that somebody else has given another role; they stay.
    pub foreign: Vec<PodIdentity>,
}

/// `tags`: those of what is made for the tenant.
pub fn pod_identity_changes(wished: &[PodIdentity], found: &BTreeMap<PodIdentity, PodIdentitySeen>, tags: &Tags) -> PodIdentityChanges {
    let mut changes = PodIdentityChanges::default();
    for (identity, seen) in found.iter().filter(|(identity, _)| !wished.contains(identity)) {
        let same_account =
            |wished: &&PodIdentity| (&wished.namespace, &wished.service_account) == (&identity.namespace, &identity.service_account);
        match (is_same(tags, &seen.tags), wished.iter().find(same_account)) {
            (true, _) => changes.delete.push(seen.association_id.clone()),
            (false, Some(_)) => changes.foreign.push(identity.clone()),
            (false, None) => {}
        }
    }
    changes.create = wished.iter().filter(|wished| !found.contains_key(wished)).cloned().collect();
    changes
}

/// FNV-1a of 32 bits: the same on every machine and in every build.
fn hash(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLUSTER: &str = "arn:aws:eks:eu-central-1:123456789012:cluster/kaas-payments_payments-x7k2p";

    fn role(region: &str) -> TenantRole {
        TenantRole {
            tenant: "payments".parse().unwrap(),
            cluster: EksId { region: region.to_owned(), name: "kaas-payments_payments-x7k2p".to_owned() },
            owner: "us".to_owned(),
            tags: [("team".to_owned(), "kafka".to_owned())].into(),
        }
    }

    fn names(zone_id: &str, domain: &str) -> Names {
        Names { zone_id: zone_id.to_owned(), domain: domain.to_owned() }
    }

    fn identity(role_arn: &str) -> PodIdentity {
        pod_identities(role_arn)[0].clone()
    }

    fn seen(id: &str, tags: &Tags) -> PodIdentitySeen {
        PodIdentitySeen { association_id: id.to_owned(), arn: String::new(), tags: tags.clone() }
    }

    #[test]
    fn the_role_can_be_taken_by_two_service_accounts_of_one_cluster_for_the_names_of_one_tenant() {
        let wish = role("eu-central-1").wish(CLUSTER, &[names("Z0123456789", "payments.kafka.example.com")]).unwrap();
        let trust: Value = serde_json::from_str(&wish.trust).unwrap();
        let statement = &trust["Statement"][0];
        assert_eq!(statement["Principal"], json!({ "Service": "pods.eks.amazonaws.com" }));
        assert_eq!(statement["Action"], json!(["sts:AssumeRole", "sts:TagSession"]));
        let asked = &statement["Condition"]["StringEquals"];
        assert_eq!(asked["aws:RequestTag/eks-cluster-arn"], CLUSTER);
        assert_eq!(asked["aws:RequestTag/kubernetes-namespace"], json!(["external-dns", "cert-manager"]));
        assert_eq!(asked["aws:RequestTag/kubernetes-service-account"], json!(["external-dns", "cert-manager"]));
        assert_eq!(wish.policies.keys().collect::<Vec<_>>(), ["cert-manager", "external-dns"]);
        assert!(
            wish.policies.values().all(|policy| policy.contains("hostedzone/Z0123456789") && policy.contains("payments.kafka.example.com"))
        );
        assert!(role("eu-central-1").wish(CLUSTER, &[names("*", "payments.kafka.example.com")]).is_err());
        let moving = [names("Z0123456789", "payments.kafka.example.com"), names("Z9", "payments.example.org")];
        let moving = role("eu-central-1").wish(CLUSTER, &moving).unwrap().policies;
        assert_eq!(moving.keys().collect::<Vec<_>>(), ["cert-manager", "cert-manager-2", "external-dns", "external-dns-2"]);
        let wanted = [
            ("kaas.dev/cluster", "eks/eu-central-1/kaas-payments_payments-x7k2p"),
            ("kaas.dev/owner", "us"),
            ("kaas.dev/tenant", "payments"),
            ("team", "kafka"),
        ];
        assert_eq!(wish.tags, wanted.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
    }

    #[test]
    fn names_are_another_for_another_cluster_and_fit() {
        let here = role("eu-central-1").name();
        assert!(here.starts_with("kaas-payments-") && here == role("eu-central-1").name(), "{here}");
        assert_ne!(here, role("eu-west-1").name());
        let longest = TenantRole { tenant: "a".repeat(40).parse().unwrap(), ..role("eu-central-1") };
        assert!(longest.name().len() <= MOST_NAME, "{}", longest.name());
        // All inline policies together may have 10,240 characters. Source: IAM and STS quotas.
        let domain = format!("{}.{}", "a".repeat(40), ["b".repeat(60), "c".repeat(60), "d".repeat(60)].join("."));
        let policies =
            longest.wish(CLUSTER, &[names("Z0123456789ABCDEFGHIJ", &domain), names("Z0123456789ABCDEFGHIJ", &domain)]).unwrap().policies;
        assert!(policies.values().map(String::len).sum::<usize>() <= 10_240);
    }

    #[test]
    fn a_role_is_the_same_one_by_the_providers_own_tags_whoever_made_it() {
        let ours = role("eu-central-1").tags();
        let taken_over = TenantRole { owner: "them".to_owned(), tags: Tags::new(), ..role("eu-central-1") }.tags();
        assert!(is_same(&ours, &taken_over) && is_same(&taken_over, &ours));
        assert!(!is_same(&ours, &role("eu-west-1").tags()) && !is_same(&ours, &Tags::new()));
        assert!(!is_same(&[("team".to_owned(), "kafka".to_owned())].into(), &ours), "without a tag of its own, nothing is known again");
    }

    #[test]
    fn policies_are_compared_by_what_they_say() {
        assert!(is_same_policy("{\"a\": [1], \"b\": 2}", "{\"b\":2,\"a\":[1]}"));
        assert!(!is_same_policy("{\"a\":1}", "{\"a\":2}") && !is_same_policy("{", "}"));
    }

    #[test]
    fn pod_identities_that_lead_elsewhere_are_made_anew_and_those_of_others_stay() {
        let (ours, others) = (role("eu-central-1").tags(), Tags::new());
        let wished = pod_identities("arn:new");
        let nothing = pod_identity_changes(&wished, &BTreeMap::new(), &ours);
        assert_eq!((nothing.create.as_slice(), nothing.delete.len()), (wished.as_slice(), 0));

        let there = BTreeMap::from([(identity("arn:old"), seen("a-1", &ours)), (wished[1].clone(), seen("a-2", &ours))]);
        let moved = pod_identity_changes(&wished, &there, &ours);
        assert_eq!(moved, PodIdentityChanges { delete: vec!["a-1".into()], create: vec![identity("arn:new")], foreign: Vec::new() });

        let elsewhere = PodIdentity { namespace: "app".into(), service_account: "app".into(), role_arn: "arn:app".into() };
        let there = BTreeMap::from([(identity("arn:theirs"), seen("a-1", &others)), (elsewhere, seen("a-3", &others))]);
        let blocked = pod_identity_changes(&wished, &there, &ours);
        assert_eq!((blocked.foreign.as_slice(), blocked.delete.len()), ([identity("arn:theirs")].as_slice(), 0));
    }
}
