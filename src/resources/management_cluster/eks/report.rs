//! An EKS cluster as it is seen, in terms of the block and of what is reported beside it. No I/O.
//!
//! What the state leaves to AWS stays unsaid; in the place of everything else stands what is there. So a field that was changed elsewhere is a difference of that
//! field in the next plan.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    domain::eks::{
        AccessEntry, AddOnSeen, ClusterSeen, ClusterStatus, Endpoint, NodeGroupSeen, PartStatus, Seen, Wish, compare, group, tags,
    },
    framework::attr::Attr,
    resources::management_cluster::{
        eks::{
            model::{
                AccessEntryBlock, AccessPolicyBlock, AddOnBlock, Eks, EndpointAccess, NodeGroupBlock, NodeGroupReport, PodIdentityBlock,
                StatusReport, TaintBlock,
            },
            wish::{SUPPORT_TYPES, TAINT_EFFECTS, written},
        },
        model::ManagementCluster,
    },
};

/// The block of a state, with what is there. `wish`: what the block means.
pub fn refreshed(state: &Eks, wish: &Wish, seen: &Seen) -> Eks {
    let Some(cluster) = &seen.cluster else { return state.clone() };
    Eks {
        name: state.name.clone(),
        region: state.region.clone(),
        version: said(&state.version, Some(cluster.version.to_string())),
        role_arn: cluster.role_arn.clone().into(),
        subnet_ids: cluster.subnet_ids.clone().into(),
        security_group_ids: group_of(&state.security_group_ids, &cluster.security_group_ids),
        service_cidr: said(&state.service_cidr, cluster.service_cidr.clone()),
        endpoint: endpoint(&state.endpoint, cluster),
        secrets_kms_key_arn: said(&state.secrets_kms_key_arn, cluster.secrets_key_arn.clone()),
        log_types: group_of(&state.log_types, &cluster.log_types),
        support_type: said(&state.support_type, cluster.support_type.and_then(|support| written(&support, &SUPPORT_TYPES))),
        // It guards the cluster in plans as well, so that only the configuration takes it away.
        deletion_protection: state.deletion_protection.clone(),
        tags: present(&state.tags, &cluster.tags),
        access_entry: each(&state.access_entry, |block| access_entry(block, seen)),
        node_group: node_groups(&state.node_group, wish, seen),
        add_on: each(&state.add_on, |block| {
            let name = block.name.known()?;
            seen.add_ons.get(name).filter(|found| found.status != PartStatus::Deleting).map(|found| add_on(block, wish, found))
        }),
        pod_identity: each(&state.pod_identity, |block| pod_identity(block, seen)),
    }
}

/// What is reported beside the block.
pub fn fill(state: &mut ManagementCluster, wish: Option<&Wish>, seen: &Seen) {
    let Some(cluster) = &seen.cluster else { return };
    facts(state, cluster);
    state.node_groups = Attr::Known(wish.map(|wish| group_reports(wish, seen)).unwrap_or_default());
    state.status = status(seen).into();
}

/// What is reported of a control plane alone. What the plan has promised stays: it is told by the next look.
pub fn facts(state: &mut ManagementCluster, cluster: &ClusterSeen) {
    for (place, value) in [
        (&mut state.arn, Some(&cluster.arn)),
        (&mut state.oidc_issuer, cluster.oidc_issuer.as_ref()),
        (&mut state.vpc_id, cluster.vpc_id.as_ref()),
        (&mut state.cluster_security_group_id, cluster.cluster_security_group_id.as_ref()),
        (&mut state.platform_version, cluster.platform_version.as_ref()),
    ] {
        if place.is_unknown() {
            *place = value.cloned().into();
        }
    }
}

/// How the cluster is, as AWS tells it.
pub fn status(seen: &Seen) -> StatusReport {
    let mut issues = Vec::new();
    let mut is_moving = false;
    if let Some(cluster) = &seen.cluster {
        issues.extend(cluster.issues.iter().map(|issue| format!("cluster: {issue}")));
        for update in &cluster.updates {
            if update.failed {
                issues.extend(update.issues.iter().map(|issue| format!("{} of the cluster: {issue}", update.kind)));
            } else {
                is_moving = true;
            }
        }
    }
    let groups = seen.node_groups.iter().filter(|(_, group)| tags::are_ours(&group.tags));
    let groups = groups.map(|(name, group)| (format!("node group {name:?}"), &group.status, &group.issues));
    let add_ons = seen.add_ons.iter().filter(|(_, add_on)| tags::are_ours(&add_on.tags));
    let add_ons = add_ons.map(|(name, add_on)| (format!("add-on {name:?}"), &add_on.status, &add_on.issues));
    for (what, status, found) in groups.chain(add_ons) {
        is_moving |= matches!(status, PartStatus::Creating | PartStatus::Updating | PartStatus::Deleting);
        if found.is_empty() && is_broken(status) {
            issues.push(format!("{what} is {status}"));
        }
        issues.extend(found.iter().map(|issue| format!("{what}: {issue}")));
    }
    let phase = phase(seen.cluster.as_ref(), !issues.is_empty(), is_moving);
    StatusReport { phase: phase.into(), issues: Attr::Known(issues) }
}

fn phase(cluster: Option<&ClusterSeen>, has_issues: bool, is_moving: bool) -> &'static str {
    match cluster.map(|cluster| &cluster.status) {
        None | Some(ClusterStatus::Deleting) => "Deleting",
        Some(ClusterStatus::Failed) => "Failed",
        Some(ClusterStatus::Creating) => "Creating",
        _ if has_issues => "Degraded",
        _ if cluster.is_some_and(tags::is_unfinished) => "Creating",
        Some(ClusterStatus::Active) if !is_moving => "Ready",
        _ => "Updating",
    }
}

const fn is_broken(status: &PartStatus) -> bool {
    matches!(status, PartStatus::CreateFailed | PartStatus::UpdateFailed | PartStatus::DeleteFailed | PartStatus::Degraded)
}

/// The wished groups that are there, by their names.
fn group_reports(wish: &Wish, seen: &Seen) -> Vec<NodeGroupReport> {
    let sorted = group::sort(wish, seen);
    let found = sorted.current.iter().filter_map(|(name, group)| Some((name, group, seen.node_groups.get(*group)?)));
    found
        .map(|(name, group, found)| NodeGroupReport {
            name: (*name).into(),
            eks_name: (*group).into(),
            arn: found.arn.clone().into(),
            version: found.version.map(|version| version.to_string()).into(),
            status: found.status.to_string().into(),
        })
        .collect()
}

fn endpoint(state: &Attr<EndpointAccess>, cluster: &ClusterSeen) -> Attr<EndpointAccess> {
    let Attr::Known(before) = state else { return state.clone() };
    let cidrs = |public: bool, cidrs: &BTreeSet<String>| {
        compare::reach(&Endpoint { public, private: true, public_cidrs: cidrs.clone() }).public_cidrs
    };
    let now = compare::reach(&cluster.access_from);
    let had = before.public_cidrs.known().map(|had| cidrs(now.public, had)).unwrap_or_default();
    // Everybody can be said in two ways, and a list for an endpoint that is off means nothing.
    let public_cidrs = if had == now.public_cidrs { before.public_cidrs.clone() } else { now.public_cidrs.into() };
    EndpointAccess { public: now.public.into(), private: now.private.into(), public_cidrs }.into()
}

/// None: it is gone.
fn access_entry(block: &AccessEntryBlock, seen: &Seen) -> Option<AccessEntryBlock> {
    let AccessEntry { kubernetes_groups, policies } = &seen.access_entries.get(block.principal_arn.known()?)?.entry;
    let mut listed: Vec<AccessPolicyBlock> = Vec::new();
    for policy in block.policy.known().into_iter().flatten() {
        let Some(found) = policy.policy_arn.known().and_then(|arn| policies.get(arn)) else { continue };
        listed.push(AccessPolicyBlock { namespaces: group_of(&policy.namespaces, &found.namespaces), ..policy.clone() });
    }
    let is_listed = |arn: &String| listed.iter().any(|policy| policy.policy_arn.known() == Some(arn));
    let others = policies
        .iter()
        .filter(|(arn, _)| !is_listed(arn))
        .map(|(arn, policy)| AccessPolicyBlock { policy_arn: arn.clone().into(), namespaces: group_of(&Attr::Null, &policy.namespaces) });
    let others: Vec<AccessPolicyBlock> = others.collect();
    listed.extend(others);
    Some(AccessEntryBlock {
        principal_arn: block.principal_arn.clone(),
        kubernetes_groups: group_of(&block.kubernetes_groups, kubernetes_groups),
        policy: Attr::Known(listed),
    })
}

fn node_groups(blocks: &Attr<Vec<NodeGroupBlock>>, wish: &Wish, seen: &Seen) -> Attr<Vec<NodeGroupBlock>> {
    let sorted = group::sort(wish, seen);
    each(blocks, |block| {
        let name = block.name.known()?.as_str();
        if let Some(found) = sorted.current.get(name).and_then(|group| seen.node_groups.get(*group)) {
            return Some(node_group(block, found));
        }
        // Of another shape: with that, the plan shows what it would be replaced for.
        let (group, _) = sorted.former.iter().find(|(_, former)| **former == name)?;
        let found = seen.node_groups.get(*group).filter(|found| found.status != PartStatus::Deleting)?;
        Some(shaped(node_group(block, found), found, wish))
    })
}

fn node_group(block: &NodeGroupBlock, found: &NodeGroupSeen) -> NodeGroupBlock {
    let meant: BTreeSet<_> = found
        .taints
        .iter()
        .map(|taint| (&taint.key, taint.value.clone().unwrap_or_default(), written(&taint.effect, &TAINT_EFFECTS)))
        .collect();
    let told: BTreeSet<_> = block
        .taint
        .known()
        .into_iter()
        .flatten()
        .filter_map(|taint| Some((taint.key.known()?, taint.value.known().cloned().unwrap_or_default(), taint.effect.known().cloned())))
        .collect();
    let taint = if meant == told { block.taint.clone() } else { taints(found) };
    NodeGroupBlock {
        min_size: found.scaling.min.into(),
        max_size: found.scaling.max.into(),
        desired_size: said(&block.desired_size, found.scaling.desired),
        labels: map_of(&block.labels, &found.labels),
        taint,
        max_unavailable: said(&block.max_unavailable, found.max_unavailable),
        ..block.clone()
    }
}

/// The block with the shape that the group has.
fn shaped(block: NodeGroupBlock, found: &NodeGroupSeen, wish: &Wish) -> NodeGroupBlock {
    let shape = &found.shape;
    let is_default = block.subnet_ids.is_null() && shape.subnet_ids == wish.subnet_ids;
    NodeGroupBlock {
        role_arn: shape.role_arn.clone().into(),
        subnet_ids: if is_default { Attr::Null } else { shape.subnet_ids.clone().into() },
        instance_types: said(&block.instance_types, Some(shape.instance_types.clone())),
        ami_type: said(&block.ami_type, shape.ami_type.clone()),
        capacity_type: said(&block.capacity_type, shape.capacity_type.clone()),
        disk_gib: said(&block.disk_gib, shape.disk_gib),
        ..block
    }
}

fn taints(found: &NodeGroupSeen) -> Attr<Vec<TaintBlock>> {
    let blocks = found.taints.iter().map(|taint| TaintBlock {
        key: taint.key.clone().into(),
        value: taint.value.clone().filter(|value| !value.is_empty()).into(),
        effect: written(&taint.effect, &TAINT_EFFECTS).into(),
    });
    Attr::Known(blocks.collect())
}

fn add_on(block: &AddOnBlock, wish: &Wish, found: &AddOnSeen) -> AddOnBlock {
    let wished = block.name.known().and_then(|name| wish.add_ons.get(name));
    let is_same = wished
        .is_some_and(|wished| compare::is_same_json(wished.configuration.as_deref().unwrap_or_default(), found.configuration.as_deref()));
    AddOnBlock {
        name: block.name.clone(),
        version: said(&block.version, found.version.clone()),
        service_account_role_arn: said(&block.service_account_role_arn, found.service_account_role_arn.clone()),
        configuration: if is_same { block.configuration.clone() } else { said(&block.configuration, found.configuration.clone()) },
    }
}

/// With the role that the account has now.
fn pod_identity(block: &PodIdentityBlock, seen: &Seen) -> Option<PodIdentityBlock> {
    let (namespace, account) = (block.namespace.known()?, block.service_account.known()?);
    let roles = seen.pod_identities.keys().filter(|found| found.namespace == *namespace && found.service_account == *account);
    let role = roles.map(|found| &found.role_arn).min_by_key(|role| Some(*role) != block.role_arn.known())?;
    Some(PodIdentityBlock { role_arn: role.clone().into(), ..block.clone() })
}

/// The blocks whose things are there, with what is there.
fn each<T: Clone>(blocks: &Attr<Vec<T>>, look: impl Fn(&T) -> Option<T>) -> Attr<Vec<T>> {
    blocks.as_ref().map(|blocks| blocks.iter().filter_map(&look).collect())
}

/// What is there of a thing that the state says; what it leaves open stays open.
fn said<T: Clone>(state: &Attr<T>, found: Option<T>) -> Attr<T> {
    if state.is_null() { Attr::Null } else { found.into() }
}

/// Of a collection, absent and empty are the same.
fn group_of(state: &Attr<BTreeSet<String>>, found: &BTreeSet<String>) -> Attr<BTreeSet<String>> {
    let is_none = state.known().is_none_or(BTreeSet::is_empty);
    if is_none && found.is_empty() { state.clone() } else { found.clone().into() }
}

fn map_of(state: &Attr<BTreeMap<String, String>>, found: &BTreeMap<String, String>) -> Attr<BTreeMap<String, String>> {
    let is_none = state.known().is_none_or(BTreeMap::is_empty);
    if is_none && found.is_empty() { state.clone() } else { found.clone().into() }
}

/// What of the user's tags is there; those of others do not count.
fn present(state: &Attr<BTreeMap<String, String>>, found: &BTreeMap<String, String>) -> Attr<BTreeMap<String, String>> {
    state.as_ref().map(|tags| tags.keys().filter_map(|key| Some((key.clone(), found.get(key)?.clone()))).collect())
}

/// Says that there is something to go on with.
pub fn unsettled(state: &mut ManagementCluster, phase: &str, why: &str) {
    let mut issues = state.status.known().and_then(|status| status.issues.known().cloned()).unwrap_or_default();
    issues.push(why.to_owned());
    let told = state.status.known().and_then(|status| status.phase.known().cloned()).filter(|told| told != "Ready");
    state.status = StatusReport { phase: told.unwrap_or_else(|| phase.to_owned()).into(), issues: Attr::Known(issues) }.into();
}

/// What only the Kubernetes API tells, where it was not asked: as it was, else as AWS has it.
pub fn without_kubernetes(state: &mut ManagementCluster, prior: Option<&ManagementCluster>, seen: &Seen) {
    let cluster = seen.cluster.as_ref();
    let version = prior.and_then(|prior| prior.kubernetes_version.known().cloned());
    let version = version.or_else(|| cluster.map(|cluster| format!("v{}", cluster.version)));
    for (place, value) in [
        (&mut state.endpoint, cluster.and_then(|cluster| cluster.endpoint.clone())),
        (&mut state.ca_certificate, cluster.and_then(|cluster| cluster.ca_certificate.clone())),
        (&mut state.kubernetes_version, version),
        (&mut state.arn, None),
        (&mut state.oidc_issuer, None),
        (&mut state.vpc_id, None),
        (&mut state.cluster_security_group_id, None),
        (&mut state.platform_version, None),
    ] {
        if place.is_unknown() {
            *place = value.into();
        }
    }
    if state.components.is_unknown() {
        state.components = prior.map_or(Attr::Null, |prior| prior.components.clone());
    }
    if state.cluster_classes.is_unknown() {
        state.cluster_classes = prior.map_or(Attr::Null, |prior| prior.cluster_classes.clone());
    }
    if state.changes.is_unknown() {
        state.changes = Attr::Known(Vec::new());
    }
}
