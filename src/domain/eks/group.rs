//! Which node group in EKS is which of the user's, and how it is called there.
//!
//! The shape of a group cannot be changed, so another shape is another group: its name in EKS carries a hash of the shape it was made for.

use std::collections::BTreeMap;

use super::seen::{NodeGroupSeen, PartStatus, Seen};
use super::tags;
use super::wish::{NodeShape, Wish};

/// The longest name EKS takes for a node group.
pub const MOST_NAME: usize = 63;
/// `-` and six digits.
pub const SUFFIX: usize = 7;

/// The name in EKS of a group that the user calls `name`: "system-1f2e3d".
pub fn group_name(name: &str, shape: &NodeShape) -> String {
    format!("{name}-{:06x}", hash(shape) & 0x00ff_ffff)
}

/// FNV-1a of 32 bits, folded: the same on every machine and in every build.
fn hash(shape: &NodeShape) -> u32 {
    let NodeShape { role_arn, subnet_ids, instance_types, ami_type, capacity_type, disk_gib } = shape;
    let subnets: Vec<&str> = subnet_ids.iter().map(String::as_str).collect();
    let optional = |text: &Option<String>| text.clone().unwrap_or_default();
    let disk = disk_gib.map(|gib| gib.to_string()).unwrap_or_default();
    let parts = [role_arn.clone(), subnets.join(","), instance_types.join(","), optional(ami_type), optional(capacity_type), disk];
    let fold = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    let hash = parts.join(";").bytes().fold(0x811c_9dc5, fold);
    (hash >> 24) ^ hash
}

/// Whether a group of shape `found` is what `wished` asks for: what the wish leaves open may be anything.
pub fn meets(wished: &NodeShape, found: &NodeShape) -> bool {
    let open = |wished: &Option<String>, found: &Option<String>| wished.is_none() || wished == found;
    wished.role_arn == found.role_arn
        && wished.subnet_ids == found.subnet_ids
        && (wished.instance_types.is_empty() || wished.instance_types == found.instance_types)
        && open(&wished.ami_type, &found.ami_type)
        && open(&wished.capacity_type, &found.capacity_type)
        && (wished.disk_gib.is_none() || wished.disk_gib == found.disk_gib)
}

/// The node groups of a cluster, told apart.
#[derive(Debug, Default)]
pub struct Sorted<'a> {
    /// By the user's name: the name in EKS of the group that is as wished but for what can be changed. Absent: there is none.
    pub current: BTreeMap<&'a str, &'a str>,
    /// Ours that nobody wishes, or that another shape takes the place of; with the name the user gave.
    pub former: BTreeMap<&'a str, &'a str>,
    /// Of others.
    pub foreign: Vec<&'a str>,
}

/// A group without our tag is ours too if it has the very name that we would give it: its tags were lost.
pub fn sort<'a>(wish: &'a Wish, seen: &'a Seen) -> Sorted<'a> {
    let mut sorted = Sorted::default();
    for (name, wished) in &wish.node_groups {
        let exact = group_name(name, &wished.shape);
        let candidates = seen.node_groups.iter().filter(|(group, found)| {
            let is_named = if tags::are_ours(&found.tags) { user_name(found) == Some(name) } else { **group == exact };
            is_named && found.status != PartStatus::Deleting && meets(&wished.shape, &found.shape)
        });
        let rank = |(group, found): &(&String, &NodeGroupSeen)| (**group != exact, is_broken(&found.status), (*group).clone());
        if let Some((group, _)) = candidates.min_by_key(rank) {
            sorted.current.insert(name, group);
        }
    }
    for (group, found) in &seen.node_groups {
        if sorted.current.values().any(|current| current == group) {
        } else if tags::are_ours(&found.tags) {
            sorted.former.insert(group, user_name(found).unwrap_or(group));
        } else {
            sorted.foreign.push(group);
        }
    }
    sorted
}

/// What the user calls it.
pub fn user_name(found: &NodeGroupSeen) -> Option<&str> {
    found.tags.get(tags::NODE_GROUP).map(String::as_str)
}

fn is_broken(status: &PartStatus) -> bool {
    matches!(status, PartStatus::CreateFailed | PartStatus::DeleteFailed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(instance_type: &str) -> NodeShape {
        NodeShape { role_arn: "r".to_owned(), instance_types: vec![instance_type.to_owned()], ..NodeShape::default() }
    }

    #[test]
    fn another_shape_is_another_name_and_the_same_shape_the_same() {
        assert_eq!(group_name("system", &shape("m6i.large")), group_name("system", &shape("m6i.large")));
        assert_ne!(group_name("system", &shape("m6i.large")), group_name("system", &shape("m7i.large")));
        assert_eq!(group_name("system", &shape("m6i.large")).len(), "system".len() + SUFFIX);
        assert_eq!(group_name("system", &NodeShape::default()), "system-e0b71e");
    }

    #[test]
    fn what_the_wish_leaves_open_is_met_by_what_aws_took() {
        let found = NodeShape { ami_type: Some("AL2023_x86_64_STANDARD".to_owned()), disk_gib: Some(20), ..shape("m6i.large") };
        assert!(meets(&shape("m6i.large"), &found));
        assert!(meets(&NodeShape { instance_types: vec![], ..shape("") }, &found));
        assert!(!meets(&NodeShape { disk_gib: Some(50), ..shape("m6i.large") }, &found));
        assert!(!meets(&shape("m7i.large"), &found));
    }

    #[test]
    fn a_group_that_lost_its_tags_is_known_by_its_name() {
        let mut wish = Wish::default();
        let wished = super::super::NodeGroup { shape: shape("m6i.large"), ..Default::default() };
        wish.node_groups.insert("system".to_owned(), wished.clone());
        let exact = group_name("system", &wished.shape);
        let found = NodeGroupSeen { shape: wished.shape, ..NodeGroupSeen::default() };
        let mut seen = Seen::default();
        seen.node_groups.insert("system".to_owned(), found.clone());
        assert_eq!(sort(&wish, &seen).foreign, ["system"]);
        seen.node_groups.insert(exact.clone(), found);
        assert_eq!(sort(&wish, &seen).current.get("system"), Some(&exact.as_str()));
    }
}
