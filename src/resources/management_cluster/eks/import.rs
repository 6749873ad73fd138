//! The block that would make a cluster as it is: what an import puts into the state. No I/O.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    domain::eks::{self, EksId, Endpoint, NodeGroup, Seen, Wish, compare},
    framework::attr::Attr,
    resources::management_cluster::eks::{
        marks::Marks,
        model::{AccessEntryBlock, AccessPolicyBlock, AddOnBlock, Eks, EndpointAccess, NodeGroupBlock, PodIdentityBlock, TaintBlock},
        wish::{DEFAULT_ADD_ONS, SUPPORT_TYPES, TAINT_EFFECTS, written},
    },
};

/// The whole of what is there and this provider's.
pub fn block(id: &EksId, seen: &Seen, marks: &Marks) -> Eks {
    let wish = eks::wish_of(seen);
    let tags: BTreeMap<String, String> = wish
        .tags
        .iter()
        .filter(|(key, value)| marks.tags.get(*key) != Some(value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    Eks {
        name: id.name.clone().into(),
        region: id.region.clone().into(),
        version: wish.version.map(|version| version.to_string()).into(),
        role_arn: wish.role_arn.clone().into(),
        subnet_ids: wish.subnet_ids.clone().into(),
        security_group_ids: some(wish.security_group_ids.clone()),
        service_cidr: wish.service_cidr.clone().into(),
        endpoint: endpoint(&wish.endpoint),
        secrets_kms_key_arn: wish.secrets_key_arn.clone().into(),
        log_types: some(wish.log_types.clone()),
        support_type: wish.support_type.and_then(|support| written(&support, &SUPPORT_TYPES)).into(),
        deletion_protection: wish.deletion_protection.into(),
        tags: (!tags.is_empty()).then_some(tags).into(),
        access_entry: access_entries(&wish),
        node_group: Attr::Known(wish.node_groups.iter().map(|(name, group)| node_group(name, group, &wish)).collect()),
        add_on: add_ons(&wish),
        pod_identity: pod_identities(&wish),
    }
}

fn endpoint(endpoint: &Endpoint) -> Attr<EndpointAccess> {
    let now = compare::reach(endpoint);
    if now == Endpoint::default() {
        return Attr::Null;
    }
    EndpointAccess { public: now.public.into(), private: now.private.into(), public_cidrs: some(now.public_cidrs) }.into()
}

fn access_entries(wish: &Wish) -> Attr<Vec<AccessEntryBlock>> {
    let entries = wish.access_entries.iter().map(|(principal, entry)| {
        let policies = entry.policies.iter();
        let policies =
            policies.map(|(arn, policy)| AccessPolicyBlock { policy_arn: arn.clone().into(), namespaces: some(policy.namespaces.clone()) });
        AccessEntryBlock {
            principal_arn: principal.clone().into(),
            kubernetes_groups: some(entry.kubernetes_groups.clone()),
            policy: Attr::Known(policies.collect()),
        }
    });
    Attr::Known(entries.collect())
}

fn node_group(name: &str, group: &NodeGroup, wish: &Wish) -> NodeGroupBlock {
    let NodeGroup { shape, scaling, labels, taints, max_unavailable } = group;
    let subnet_ids = (shape.subnet_ids != wish.subnet_ids).then(|| shape.subnet_ids.clone());
    let taint = taints.iter().map(|taint| TaintBlock {
        key: taint.key.clone().into(),
        value: taint.value.clone().filter(|value| !value.is_empty()).into(),
        effect: written(&taint.effect, &TAINT_EFFECTS).into(),
    });
    NodeGroupBlock {
        name: name.into(),
        role_arn: shape.role_arn.clone().into(),
        subnet_ids: subnet_ids.into(),
        instance_types: (!shape.instance_types.is_empty()).then(|| shape.instance_types.clone()).into(),
        ami_type: shape.ami_type.clone().into(),
        capacity_type: shape.capacity_type.clone().into(),
        disk_gib: shape.disk_gib.into(),
        min_size: scaling.min.into(),
        max_size: scaling.max.into(),
        desired_size: scaling.desired.into(),
        labels: (!labels.is_empty()).then(|| labels.clone()).into(),
        taint: Attr::Known(taint.collect()),
        max_unavailable: (*max_unavailable).into(),
    }
}

/// The add-ons that come by themselves are not written.
fn add_ons(wish: &Wish) -> Attr<Vec<AddOnBlock>> {
    let is_default = wish.add_ons.keys().map(String::as_str).collect::<BTreeSet<_>>() == BTreeSet::from(DEFAULT_ADD_ONS)
        && wish.add_ons.values().all(|add_on| *add_on == eks::AddOn::default());
    if is_default {
        return Attr::Known(Vec::new());
    }
    let blocks = wish.add_ons.iter().map(|(name, add_on)| AddOnBlock {
        name: name.clone().into(),
        version: add_on.version.clone().into(),
        service_account_role_arn: add_on.service_account_role_arn.clone().into(),
        configuration: add_on.configuration.clone().into(),
    });
    Attr::Known(blocks.collect())
}

fn pod_identities(wish: &Wish) -> Attr<Vec<PodIdentityBlock>> {
    let blocks = wish.pod_identities.iter().map(|identity| PodIdentityBlock {
        namespace: identity.namespace.clone().into(),
        service_account: identity.service_account.clone().into(),
        role_arn: identity.role_arn.clone().into(),
    });
    Attr::Known(blocks.collect())
}

fn some(set: BTreeSet<String>) -> Attr<BTreeSet<String>> {
    (!set.is_empty()).then_some(set).into()
}
