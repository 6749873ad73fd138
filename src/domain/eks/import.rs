//! The wish that describes a cluster that is there, for import. Only parts that carry our tag are in it.

use std::collections::BTreeMap;

use super::compare::reach;
use super::group::user_name;
use super::seen::{AddOnSeen, ClusterSeen, NodeGroupSeen, Seen};
use super::tags;
use super::wish::{AddOn, NodeGroup, Scaling, Wish};

/// A default wish where there is no cluster. Numbers of nodes are left to the autoscaler, and tags in namespaces of AWS or of the provider to them.
pub fn wish_of(seen: &Seen) -> Wish {
    let Some(cluster) = &seen.cluster else { return Wish::default() };
    let entries = seen.access_entries.iter().filter(|(_, found)| tags::are_ours(&found.tags));
    let identities = seen.pod_identities.iter().filter(|(_, found)| tags::are_ours(&found.tags));
    let add_ons = seen.add_ons.iter().filter(|(_, found)| tags::are_ours(&found.tags));
    Wish {
        access_entries: entries.map(|(principal, found)| (principal.clone(), found.entry.clone())).collect(),
        node_groups: node_groups(seen),
        add_ons: add_ons.map(|(name, found)| (name.clone(), add_on(found))).collect(),
        pod_identities: identities.map(|(identity, _)| identity.clone()).collect(),
        ..control_plane(cluster)
    }
}

fn control_plane(cluster: &ClusterSeen) -> Wish {
    let users = cluster.tags.iter().filter(|(key, _)| !key.starts_with(tags::PREFIX) && !key.starts_with("aws:"));
    Wish {
        name: cluster.arn.rsplit('/').next().unwrap_or_default().to_owned(),
        owner: cluster.tags.get(tags::OWNER).cloned().unwrap_or_default(),
        version: Some(cluster.version),
        role_arn: cluster.role_arn.clone(),
        subnet_ids: cluster.subnet_ids.clone(),
        security_group_ids: cluster.security_group_ids.clone(),
        service_cidr: cluster.service_cidr.clone(),
        endpoint: reach(&cluster.access_from),
        secrets_key_arn: cluster.secrets_key_arn.clone(),
        log_types: cluster.log_types.clone(),
        support_type: cluster.support_type,
        deletion_protection: cluster.deletion_protection,
        tags: users.map(|(key, value)| (key.clone(), value.clone())).collect(),
        ..Wish::default()
    }
}

/// While one takes the place of another, both have the user's name: the one that was made last is not known, so the first by name stands for them.
fn node_groups(seen: &Seen) -> BTreeMap<String, NodeGroup> {
    let mut groups = BTreeMap::new();
    for found in seen.node_groups.values().filter(|found| tags::are_ours(&found.tags)) {
        if let Some(name) = user_name(found) {
            groups.entry(name.to_owned()).or_insert_with(|| node_group(found));
        }
    }
    groups
}

fn node_group(found: &NodeGroupSeen) -> NodeGroup {
    NodeGroup {
        shape: found.shape.clone(),
        scaling: Scaling { desired: None, ..found.scaling },
        labels: found.labels.clone(),
        taints: found.taints.clone(),
        max_unavailable: found.max_unavailable,
    }
}

/// Where AWS chose the version, it goes on to do so.
fn add_on(found: &AddOnSeen) -> AddOn {
    AddOn {
        version: found.version.clone().filter(|_| !found.tags.contains_key(tags::KUBERNETES)),
        service_account_role_arn: found.service_account_role_arn.clone(),
        configuration: found.configuration.clone().filter(|text| !text.is_empty()),
    }
}
