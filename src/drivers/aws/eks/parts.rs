//! What belongs to a cluster, each kind by one list and a request for each item. What goes between the two is left out.

use std::collections::BTreeMap;
use std::future::Future;

use futures::{StreamExt, TryStreamExt, future, stream};

use super::see::AT_ONCE;
use super::{Eks, read};
use crate::domain::eks::{AccessEntry, AccessEntrySeen, AddOnSeen, NodeGroupSeen, PodIdentity, PodIdentitySeen};
use crate::drivers::aws::{Error, Result};

impl Eks<'_> {
    pub(super) async fn node_groups(&self) -> Result<BTreeMap<String, NodeGroupSeen>> {
        let act = self.act("list the node groups");
        let names = self.client.list_nodegroups().cluster_name(self.cluster).into_paginator().items().send().try_collect().await;
        each(names.map_err(self.failed(act))?, |name| async move { Ok(self.node_group(&name).await?.map(|found| (name, found))) }).await
    }

    /// None: there is no such node group.
    pub(super) async fn node_group(&self, name: &str) -> Result<Option<NodeGroupSeen>> {
        let act = self.act(format_args!("read node group {name:?}"));
        let request = self.client.describe_nodegroup().cluster_name(self.cluster).nodegroup_name(name);
        let Some(answer) = unless_gone(request.send().await.map_err(self.failed(act.clone())))? else { return Ok(None) };
        let found = answer.nodegroup.ok_or_else(self.incomplete(act.clone()))?;
        read::node_group(found).map(Some).map_err(|version| Error::decode(act, format!("version {version:?}")))
    }

    pub(super) async fn add_ons(&self) -> Result<BTreeMap<String, AddOnSeen>> {
        let act = self.act("list the add-ons");
        let names = self.client.list_addons().cluster_name(self.cluster).into_paginator().items().send().try_collect().await;
        each(names.map_err(self.failed(act))?, |name| async move { Ok(self.add_on(&name).await?.map(|found| (name, found))) }).await
    }

    /// None: there is no such add-on.
    pub(super) async fn add_on(&self, name: &str) -> Result<Option<AddOnSeen>> {
        let act = self.act(format_args!("read add-on {name:?}"));
        let request = self.client.describe_addon().cluster_name(self.cluster).addon_name(name);
        let Some(answer) = unless_gone(request.send().await.map_err(self.failed(act.clone())))? else { return Ok(None) };
        Ok(Some(read::add_on(answer.addon.ok_or_else(self.incomplete(act))?)))
    }

    /// By ARN of the principal; none of a cluster that keeps its access in a ConfigMap.
    pub(super) async fn access_entries(&self) -> Result<BTreeMap<String, AccessEntrySeen>> {
        let act = self.act("list the access entries");
        let listed = self.client.list_access_entries().cluster_name(self.cluster).into_paginator().items().send().try_collect().await;
        let principals: Vec<String> = match listed.map_err(self.failed(act)) {
            Ok(principals) => principals,
            Err(Error::BadRequest { source, .. }) if source.message.contains("authentication mode") => Vec::new(),
            Err(error) => return Err(error),
        };
        each(principals, |arn| async move { Ok(self.access_entry(&arn).await?.map(|found| (arn, found))) }).await
    }

    async fn access_entry(&self, principal: &str) -> Result<Option<AccessEntrySeen>> {
        let act = self.act(format_args!("read the access entry {principal}"));
        let entry = self.client.describe_access_entry().cluster_name(self.cluster).principal_arn(principal);
        let entry = async { unless_gone(entry.send().await.map_err(self.failed(act.clone()))) };
        let policies = self.client.list_associated_access_policies().cluster_name(self.cluster).principal_arn(principal);
        let policies = async {
            let listed = policies.into_paginator().items().send().try_collect().await;
            unless_gone(listed.map_err(self.failed(self.act(format_args!("list the access policies of {principal}")))))
        };
        let (Some(answer), Some(policies)) = future::try_join(entry, policies).await? else { return Ok(None) };
        let found = answer.access_entry.ok_or_else(self.incomplete(act))?;
        let policies = policies.into_iter().filter_map(read::access_policy).collect();
        Ok(Some(AccessEntrySeen {
            arn: found.access_entry_arn.unwrap_or_default(),
            entry: AccessEntry { kubernetes_groups: read::set(found.kubernetes_groups), policies },
            tags: read::map(found.tags),
        }))
    }

    pub(super) async fn pod_identities(&self) -> Result<BTreeMap<PodIdentity, PodIdentitySeen>> {
        let act = self.act("list the pod identities");
        let request = self.client.list_pod_identity_associations().cluster_name(self.cluster);
        let listed = request.into_paginator().items().send().try_collect().await.map_err(self.failed(act))?;
        // The list does not say the role.
        let ids = listed.into_iter().filter_map(|association| association.association_id).collect();
        each(ids, |id| async move { self.pod_identity(&id).await }).await
    }

    async fn pod_identity(&self, id: &str) -> Result<Option<(PodIdentity, PodIdentitySeen)>> {
        let act = self.act(format_args!("read pod identity {id:?}"));
        let request = self.client.describe_pod_identity_association().cluster_name(self.cluster).association_id(id);
        let Some(answer) = unless_gone(request.send().await.map_err(self.failed(act.clone())))? else { return Ok(None) };
        let found = answer.association.ok_or_else(self.incomplete(act))?;
        let identity = PodIdentity {
            namespace: found.namespace.unwrap_or_default(),
            service_account: found.service_account.unwrap_or_default(),
            role_arn: found.role_arn.unwrap_or_default(),
        };
        let seen =
            PodIdentitySeen { association_id: id.to_owned(), arn: found.association_arn.unwrap_or_default(), tags: read::map(found.tags) };
        Ok(Some((identity, seen)))
    }
}

async fn each<K, V, F>(items: Vec<String>, ask: impl Fn(String) -> F) -> Result<BTreeMap<K, V>>
where
    K: Ord,
    F: Future<Output = Result<Option<(K, V)>>>,
{
    stream::iter(items).map(ask).buffer_unordered(AT_ONCE).try_filter_map(future::ok).try_collect().await
}

fn unless_gone<T>(answer: Result<T>) -> Result<Option<T>> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
