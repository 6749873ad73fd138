//! The updates that this process began or saw under way. EKS says of an update that failed nothing more than its id, so who wants to know has to keep it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::eks::Update;

/// Whose update it is: of the cluster, or of the node group or add-on of that name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Owner {
    Cluster,
    NodeGroup(String),
    AddOn(String),
}

/// By region, cluster, owner and id.
type Key = (String, String, Owner, String);

/// Updates by their ids. Shared by the clones of a client.
#[derive(Default)]
pub(in crate::drivers::aws) struct Begun {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// Those to ask for.
    open: BTreeSet<Key>,
    /// Those that failed, for as long as the process lives.
    failed: BTreeMap<Key, Update>,
    /// Those that ended in whatever way, which are not asked for again.
    ended: BTreeSet<Key>,
}

impl Begun {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, region: &str, cluster: &str, owner: Owner, id: &str) {
        let key = (region.to_owned(), cluster.to_owned(), owner, id.to_owned());
        let mut kept = self.kept();
        if !kept.ended.contains(&key) {
            kept.open.insert(key);
        }
    }

    /// Owners and ids of the updates of a cluster that may still run.
    pub(super) fn open(&self, region: &str, cluster: &str) -> Vec<(Owner, String)> {
        let kept = self.kept();
        let of_cluster = kept.open.iter().filter(|key| key.0 == region && key.1 == cluster);
        of_cluster.map(|(_, _, owner, id)| (owner.clone(), id.clone())).collect()
    }

    pub(super) fn has_ended(&self, region: &str, cluster: &str, owner: &Owner, id: &str) -> bool {
        self.kept().ended.contains(&(region.to_owned(), cluster.to_owned(), owner.clone(), id.to_owned()))
    }

    /// It is over; `failed`: what went wrong, worth telling only of updates that were open here.
    pub(super) fn end(&self, region: &str, cluster: &str, owner: &Owner, id: &str, failed: Option<Update>) {
        let key = (region.to_owned(), cluster.to_owned(), owner.clone(), id.to_owned());
        let mut kept = self.kept();
        if kept.open.remove(&key)
            && let Some(update) = failed
        {
            kept.failed.insert(key.clone(), update);
        }
        kept.ended.insert(key);
    }

    pub(super) fn failed(&self, region: &str, cluster: &str) -> Vec<(Owner, Update)> {
        let kept = self.kept();
        let of_cluster = kept.failed.iter().filter(|(key, _)| key.0 == region && key.1 == cluster);
        of_cluster.map(|((_, _, owner, _), update)| (owner.clone(), update.clone())).collect()
    }
}
