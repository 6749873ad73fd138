//! What is written on everything in AWS, and which tags were written before.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    domain::eks::Wish,
    framework::parts::Call,
    resources::{connection::Settings, management_cluster::model::ManagementCluster},
};

/// Key of the private data under which the keys of the tags are kept that the last apply wrote.
const TAGS: &str = "tags";

/// What everything in AWS is tagged with, whatever the block says.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    pub owner: String,
    /// The provider's `default_tags`.
    pub tags: BTreeMap<String, String>,
}

impl Marks {
    pub fn of(settings: &Settings) -> Self {
        Self { owner: settings.owner.clone(), tags: settings.labels.clone() }
    }
}

/// Notes which tags are written.
pub fn remember(wish: &Wish, call: &mut Call) {
    // No key of a tag holds a line break.
    call.private.insert(TAGS.to_owned(), wish.tags.keys().cloned().collect::<Vec<_>>().join("\n"));
}

/// Tags that were written and are not wished any more. Those of others are left alone, so it is to be known which were ours.
pub fn dropped(wish: &Wish, prior: Option<&ManagementCluster>, call: &Call) -> BTreeSet<String> {
    let noted = call.private.get(TAGS).into_iter().flat_map(|tags| tags.lines()).map(str::to_owned);
    let block = prior.and_then(|prior| prior.eks.known()).and_then(|eks| eks.tags.known());
    let told = block.into_iter().flatten().map(|(key, _)| key.clone());
    noted.chain(told).filter(|key| !key.is_empty() && !wish.tags.contains_key(key)).collect()
}
