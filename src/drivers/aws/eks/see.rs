//! What is there: the cluster, and then all that belongs to it at once.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt, stream};

use super::begun::Owner;
use super::{Eks, read};
use crate::domain::eks::{ClusterSeen, ClusterStatus, Seen, Update};
use crate::drivers::aws::{Aws, Error, Result};

/// How many requests of one kind are under way at once.
pub(super) const AT_ONCE: usize = 4;

impl Aws {
    /// The control plane alone, by one request; None: there is no such cluster. Its updates are not asked for.
    ///
    /// # Errors
    /// When AWS cannot be asked.
    pub async fn eks_cluster(&self, region: &str, name: &str) -> Result<Option<ClusterSeen>> {
        Eks::of(self, region, name).await.control_plane().await
    }

    /// Names of the Fargate profiles of a cluster, which nothing else here asks for; none where there is no such cluster.
    ///
    /// # Errors
    /// When AWS cannot be asked.
    pub async fn eks_fargate_profiles(&self, region: &str, name: &str) -> Result<BTreeSet<String>> {
        let eks = Eks::of(self, region, name).await;
        let listed = eks.client.list_fargate_profiles().cluster_name(name).into_paginator().items().send().try_collect().await;
        match listed.map_err(eks.failed(eks.act("list the Fargate profiles"))) {
            Ok(names) => Ok(names.into_iter().collect()),
            Err(Error::NotFound { .. }) => Ok(BTreeSet::new()),
            Err(error) => Err(error),
        }
    }

    /// Names of all clusters in a region.
    ///
    /// # Errors
    /// When AWS cannot be asked.
    pub async fn eks_names(&self, region: &str) -> Result<Vec<String>> {
        let listed = self.eks(region).await.list_clusters().into_paginator().items().send().try_collect().await;
        listed.map_err(self.failed(format!("list the EKS clusters in {region}")))
    }

    /// ARNs of the clusters in a region that carry all of these tags, and of their node groups, access entries and pod identities that do.
    ///
    /// # Errors
    /// When AWS cannot be asked.
    pub async fn eks_tagged(&self, region: &str, wanted: &BTreeMap<String, String>) -> Result<Vec<String>> {
        let names = self.eks_names(region).await?;
        let is_meant = |tags: &BTreeMap<String, String>| wanted.iter().all(|(key, value)| tags.get(key) == Some(value));
        let mut found = Vec::new();
        for name in names {
            let eks = Eks::of(self, region, &name).await;
            let Some(cluster) = eks.control_plane().await?.filter(|cluster| is_meant(&cluster.tags)) else { continue };
            found.push(cluster.arn.clone());
            let Seen { node_groups, access_entries, pod_identities, .. } = eks.parts(cluster).await?;
            let groups = node_groups.into_values().map(|group| (group.arn, group.tags));
            let entries = access_entries.into_values().map(|entry| (entry.arn, entry.tags));
            let identities = pod_identities.into_values().map(|identity| (identity.arn, identity.tags));
            found.extend(groups.chain(entries).chain(identities).filter(|(_, tags)| is_meant(tags)).map(|(arn, _)| arn));
        }
        Ok(found)
    }

    /// The cluster and all that belongs to it. Of updates: those under way, and those that failed after this process began them or saw them under way.
    ///
    /// # Errors
    /// When AWS cannot be asked.
    pub async fn eks_seen(&self, region: &str, name: &str) -> Result<Seen> {
        let eks = Eks::of(self, region, name).await;
        let Some(cluster) = eks.control_plane().await? else { return Ok(Seen::default()) };
        match eks.parts(cluster).await {
            // The parts' lists are only not found when the cluster went while it was looked at.
            Err(Error::NotFound { .. }) => Ok(Seen { cluster: eks.control_plane().await?, ..Seen::default() }),
            other => other,
        }
    }
}

impl Eks<'_> {
    pub(super) async fn control_plane(&self) -> Result<Option<ClusterSeen>> {
        let act = self.own_act("read");
        let found = match self.client.describe_cluster().name(self.cluster).send().await.map_err(self.failed(act.clone())) {
            Ok(answer) => answer.cluster.ok_or_else(self.incomplete(act.clone()))?,
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        read::cluster(found).map(Some).map_err(|version| Error::decode(act, format!("version {version:?}")))
    }

    async fn parts(&self, mut cluster: ClusterSeen) -> Result<Seen> {
        match cluster.status {
            // Nothing can belong to it yet, or any more, and EKS need not answer for it.
            ClusterStatus::Creating | ClusterStatus::Deleting => return Ok(Seen { cluster: Some(cluster), ..Seen::default() }),
            ClusterStatus::Failed => return Ok(Seen { node_groups: self.node_groups().await?, cluster: Some(cluster), ..Seen::default() }),
            ClusterStatus::Active | ClusterStatus::Updating | ClusterStatus::Other(_) => {}
        }
        let (mut node_groups, add_ons, access_entries, pod_identities, updates) = tokio::try_join!(
            self.node_groups(),
            self.add_ons(),
            self.access_entries(),
            self.pod_identities(),
            self.updates(&cluster.status)
        )?;
        for (owner, update) in updates {
            match owner {
                Owner::NodeGroup(group) => {
                    if let Some(group) = node_groups.get_mut(&group) {
                        group.updates.push(update);
                    }
                }
                Owner::Cluster => cluster.updates.push(update),
                // An add-on says itself what became of its update.
                Owner::AddOn(_) => {}
            }
        }
        Ok(Seen { cluster: Some(cluster), node_groups, add_ons, access_entries, pod_identities })
    }

    /// Of the cluster and its node groups.
    async fn updates(&self, status: &ClusterStatus) -> Result<Vec<(Owner, Update)>> {
        let begun = &self.aws.inner.begun;
        let mut asked: BTreeSet<(Owner, String)> = begun.open(self.region, self.cluster).into_iter().collect();
        // Somebody else's.
        if *status == ClusterStatus::Updating && !asked.iter().any(|(owner, _)| *owner == Owner::Cluster) {
            let act = self.act("list the updates");
            let listed = self.client.list_updates().name(self.cluster).into_paginator().items().send().try_collect().await;
            let listed = listed.map_err(self.failed(act))?.into_iter().map(|id| (Owner::Cluster, id));
            asked.extend(listed.filter(|(owner, id)| !begun.has_ended(self.region, self.cluster, owner, id)));
        }
        let running = stream::iter(asked).map(|(owner, id)| async move {
            let update = self.update(&owner, &id).await?;
            Ok(update.map(|update| (owner, update)))
        });
        let running: Vec<Option<(Owner, Update)>> = running.buffer_unordered(AT_ONCE).try_collect().await?;
        Ok(begun.failed(self.region, self.cluster).into_iter().chain(running.into_iter().flatten()).collect())
    }

    /// None of one that is over; a failure of one that ran is kept.
    async fn update(&self, owner: &Owner, id: &str) -> Result<Option<Update>> {
        let begun = &self.aws.inner.begun;
        let (group, add_on) = match owner {
            Owner::Cluster => (None, None),
            Owner::NodeGroup(name) => (Some(name.clone()), None),
            Owner::AddOn(name) => (None, Some(name.clone())),
        };
        let act = self.act(format_args!("read update {id:?}"));
        let request = self.client.describe_update().name(self.cluster).update_id(id).set_nodegroup_name(group).set_addon_name(add_on);
        let answer = match request.send().await.map_err(self.failed(act.clone())) {
            Ok(answer) => answer.update.ok_or_else(self.incomplete(act))?,
            // What it belonged to is gone.
            Err(Error::NotFound { .. }) => {
                begun.end(self.region, self.cluster, owner, id, None);
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let (update, ended) = read::update(answer);
        if ended {
            begun.end(self.region, self.cluster, owner, id, update);
            return Ok(None);
        }
        begun.add(self.region, self.cluster, owner.clone(), id);
        Ok(update)
    }
}
