//! The tags by which what kaas made in AWS is known again: everything that carries [`MANAGEMENT_CLUSTER`] is ours, all else is others'.

use std::collections::{BTreeMap, BTreeSet};

use super::seen::ClusterSeen;
use super::version::EksVersion;
use super::wish::Wish;

/// Keys that begin so are the provider's own.
pub const PREFIX: &str = "kaas.dev/";
/// On everything: the name of the cluster.
pub const MANAGEMENT_CLUSTER: &str = "kaas.dev/management-cluster";
/// On everything: who made it.
pub const OWNER: &str = "kaas.dev/owner";
/// On a cluster until all of it has been made for the first time.
pub const PHASE: &str = "kaas.dev/phase";
pub const CREATING: &str = "creating";
/// On a cluster that is being made: the run that makes it. The last to write it has the right to finish it.
pub const RUN: &str = "kaas.dev/run";
/// On a node group: what the user calls it.
pub const NODE_GROUP: &str = "kaas.dev/node-group";
/// On an add-on whose version the user leaves to AWS: the version of Kubernetes for which it was last chosen.
pub const KUBERNETES: &str = "kaas.dev/kubernetes-version";

/// How many tags of their own a user can give: AWS allows 50 on anything, and up to four are ours.
pub const MOST_OF_USER: usize = 46;

pub type Tags = BTreeMap<String, String>;

/// Of access entries and pod identities, and on everything else besides what is its own.
pub fn part(wish: &Wish) -> Tags {
    let mut tags = wish.tags.clone();
    tags.insert(MANAGEMENT_CLUSTER.to_owned(), wish.name.clone());
    if !wish.owner.is_empty() {
        tags.insert(OWNER.to_owned(), wish.owner.clone());
    }
    tags
}

/// Of a cluster that is about to be made.
pub fn new_cluster(wish: &Wish) -> Tags {
    let tags = with(part(wish), PHASE, CREATING);
    if wish.run.is_empty() { tags } else { with(tags, RUN, &wish.run) }
}

/// The keys by which a beginning is marked. `found`: the tags of the cluster.
pub fn of_beginning(found: &Tags) -> BTreeSet<String> {
    [PHASE, RUN].into_iter().filter(|key| found.contains_key(*key)).map(str::to_owned).collect()
}

/// Of a node group; `name`: as the user calls it.
pub fn node_group(wish: &Wish, name: &str) -> Tags {
    with(part(wish), NODE_GROUP, name)
}

/// Of an add-on that is made or was updated for this version of Kubernetes.
pub fn add_on(wish: &Wish, name: &str, kubernetes: EksVersion) -> Tags {
    let pinned = wish.add_ons.get(name).is_some_and(|add_on| add_on.version.is_some());
    if pinned { part(wish) } else { with(part(wish), KUBERNETES, &kubernetes.to_string()) }
}

/// Whether kaas made what carries these.
pub fn are_ours(tags: &Tags) -> bool {
    tags.contains_key(MANAGEMENT_CLUSTER)
}

/// Whether the cluster was begun, and not yet all of it was made.
pub fn is_unfinished(cluster: &ClusterSeen) -> bool {
    cluster.tags.get(PHASE).is_some_and(|phase| phase == CREATING)
}

/// What to set and to remove so that `found` carries all of `wanted` and none of `dropped`; None: it does.
pub fn difference(wanted: &Tags, dropped: &BTreeSet<String>, found: &Tags) -> Option<(Tags, BTreeSet<String>)> {
    let set: Tags =
        wanted.iter().filter(|(key, value)| found.get(*key) != Some(value)).map(|(key, value)| (key.clone(), value.clone())).collect();
    let remove: BTreeSet<String> = dropped.iter().filter(|key| !wanted.contains_key(*key) && found.contains_key(*key)).cloned().collect();
    (!set.is_empty() || !remove.is_empty()).then_some((set, remove))
}

fn with(mut tags: Tags, key: &str, value: &str) -> Tags {
    tags.insert(key.to_owned(), value.to_owned());
    tags
}
