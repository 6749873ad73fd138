//! One step: which request it is, and which refusals mean that there is nothing left to do.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::begun::Owner;
use super::{Eks, once};
use crate::domain::eks::{ClusterStatus, PartStatus, Step, Wish, tags};
use crate::drivers::aws::{Aws, Error, Result};

/// How long IAM may take to tell EKS of a role that was just made, and how long to wait between tries.
const PROPAGATION: Duration = if cfg!(test) { Duration::from_secs(1) } else { Duration::from_secs(120) };
const PROPAGATION_PAUSE: Duration = if cfg!(test) { Duration::from_millis(5) } else { Duration::from_secs(5) };

impl Aws {
    /// Asks EKS for one step towards `wish`. What EKS then takes minutes for is seen by [`Aws::eks_seen`].
    ///
    /// `token_seed`: one for each run of a resource. The same step of the same run is the same request to EKS: it is carried out once.
    ///
    /// # Errors
    /// When AWS refuses or cannot be asked.
    pub async fn eks_perform(&self, region: &str, wish: &Wish, step: &Step, token_seed: &str) -> Result<()> {
        let eks = Eks::of(self, region, &wish.name).await;
        let once = once::token(token_seed, step, wish);
        until_propagated(|| eks.perform(wish, step, &once)).await
    }
}

/// Asks again while EKS does not know of a role what IAM does.
pub(super) async fn until_propagated<F: Future<Output = Result<()>>>(ask: impl Fn() -> F) -> Result<()> {
    let begin = Instant::now();
    loop {
        match ask().await {
            Err(error) if is_propagating(&error) && begin.elapsed() + PROPAGATION_PAUSE < PROPAGATION => {
                tracing::debug!(error = %error.report(), "trying again when IAM has told EKS");
                sleep(PROPAGATION_PAUSE).await;
            }
            outcome => return outcome,
        }
    }
}

impl Eks<'_> {
    async fn perform(&self, wish: &Wish, step: &Step, once: &str) -> Result<()> {
        match step {
            Step::CreateCluster => self.create_cluster(wish, once).await,
            Step::Tag { arn, set, remove } => self.tag(arn, set, remove).await,
            Step::UpdateVersion { to } => self.update_version(*to, once).await,
            Step::UpdateEndpoint => self.update_endpoint(wish, once).await,
            Step::UpdateNetwork => self.update_network(wish, once).await,
            Step::UpdateLogging => self.update_logging(wish, once).await,
            Step::UpdateSupport => self.update_support(wish, once).await,
            Step::UpdateDeletionProtection { to } => self.update_deletion_protection(*to, once).await,
            Step::EncryptSecrets => self.encrypt_secrets(wish, once).await,
            Step::CreateAccessEntry { principal_arn } => self.create_access_entry(wish, principal_arn, once).await,
            Step::UpdateAccessEntry { principal_arn } => self.update_access_entry(wish, principal_arn, once).await,
            Step::DeleteAccessEntry { principal_arn } => self.delete_access_entry(principal_arn).await,
            Step::AssociatePolicy { principal_arn, policy_arn } => self.associate_policy(wish, principal_arn, policy_arn).await,
            Step::DisassociatePolicy { principal_arn, policy_arn } => self.disassociate_policy(principal_arn, policy_arn).await,
            Step::CreateNodeGroup { name, group, desired } => self.create_node_group(wish, name, group, *desired, once).await,
            Step::UpdateNodeGroup { name, group, desired } => self.update_node_group(wish, name, group, *desired, once).await,
            Step::UpdateNodeGroupVersion { group, to } => self.update_node_group_version(group, *to, once).await,
            Step::DeleteNodeGroup { group } => self.delete_node_group(group).await,
            Step::CreateAddOn { name, kubernetes } => self.create_add_on(wish, name, *kubernetes, once).await,
            Step::UpdateAddOn { name, kubernetes } => self.update_add_on(wish, name, *kubernetes, once).await,
            Step::DeleteAddOn { name } => self.delete_add_on(name).await,
            Step::CreatePodIdentity { identity } => self.create_pod_identity(tags::part(wish), identity, once).await,
            Step::DeletePodIdentity { association_id } => self.delete_pod_identity(association_id).await,
            Step::DeleteCluster => self.delete_cluster().await,
        }
    }

    /// Keeps the id of an update that EKS has begun.
    pub(super) fn began(&self, owner: Owner, update: Option<aws_sdk_eks::types::Update>) {
        if let Some(id) = update.and_then(|update| update.id) {
            self.aws.inner.begun.add(self.region, self.cluster, owner, &id);
        }
    }

    pub(super) async fn tag(&self, arn: &str, set: &BTreeMap<String, String>, remove: &BTreeSet<String>) -> Result<()> {
        if !set.is_empty() {
            let request = self.client.tag_resource().resource_arn(arn).set_tags(Some(set.clone().into_iter().collect()));
            request.send().await.map_err(self.failed(self.act(format_args!("tag {arn}"))))?;
        }
        if !remove.is_empty() {
            let request = self.client.untag_resource().resource_arn(arn).set_tag_keys(Some(remove.iter().cloned().collect()));
            request.send().await.map_err(self.failed(self.act(format_args!("remove tags from {arn}"))))?;
        }
        Ok(())
    }

    async fn delete_access_entry(&self, principal: &str) -> Result<()> {
        let act = self.act(format_args!("delete the access entry {principal}"));
        let request = self.client.delete_access_entry().cluster_name(self.cluster).principal_arn(principal);
        gone(request.send().await.map_err(self.failed(act)))
    }

    async fn disassociate_policy(&self, principal: &str, policy: &str) -> Result<()> {
        let act = self.act(format_args!("take the access policy {policy} from {principal}"));
        let request = self.client.disassociate_access_policy().cluster_name(self.cluster).principal_arn(principal).policy_arn(policy);
        gone(request.send().await.map_err(self.failed(act)))
    }

    async fn delete_node_group(&self, group: &str) -> Result<()> {
        let act = self.act(format_args!("delete node group {group:?}"));
        let request = self.client.delete_nodegroup().cluster_name(self.cluster).nodegroup_name(group);
        match gone(request.send().await.map_err(self.failed(act))) {
            Err(error @ Error::Conflict { .. }) => {
                let going = self.node_group(group).await?.is_none_or(|found| found.status == PartStatus::Deleting);
                if going { Ok(()) } else { Err(error) }
            }
            other => other,
        }
    }

    async fn delete_add_on(&self, name: &str) -> Result<()> {
        let act = self.act(format_args!("delete add-on {name:?}"));
        let request = self.client.delete_addon().cluster_name(self.cluster).addon_name(name);
        match gone(request.send().await.map_err(self.failed(act))) {
            Err(error @ Error::Conflict { .. }) => {
                let going = self.add_on(name).await?.is_none_or(|found| found.status == PartStatus::Deleting);
                if going { Ok(()) } else { Err(error) }
            }
            other => other,
        }
    }

    pub(super) async fn delete_pod_identity(&self, id: &str) -> Result<()> {
        let act = self.act(format_args!("delete pod identity {id:?}"));
        let request = self.client.delete_pod_identity_association().cluster_name(self.cluster).association_id(id);
        gone(request.send().await.map_err(self.failed(act)))
    }

    async fn delete_cluster(&self) -> Result<()> {
        match gone(self.client.delete_cluster().name(self.cluster).send().await.map_err(self.failed(self.own_act("delete")))) {
            Err(error @ Error::Conflict { .. }) => {
                let going = self.control_plane().await?.is_none_or(|found| found.status == ClusterStatus::Deleting);
                if going { Ok(()) } else { Err(error) }
            }
            other => other,
        }
    }
}

fn gone<T>(answer: Result<T>) -> Result<()> {
    match answer {
        Ok(_) | Err(Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Whether EKS does not know yet what IAM does: roles made by the same apply. Source of the messages: the aws provider, which has met them.
fn is_propagating(error: &Error) -> bool {
    match error {
        Error::Conflict { source, .. } => source.code == "ResourcePropagationDelayException",
        Error::BadRequest { source, .. } => {
            let message = source.message.to_ascii_lowercase();
            [
                "error in role params",
                "role could not be assumed because the trusted entity is not correct",
                "doesn't have the amazon eks managed policies associated with it",
                "iam role's policy must include",
                "specified principalarn is invalid: invalid principal",
            ]
            .iter()
            .any(|known| message.contains(known))
                || (message.contains("role") && message.contains("does not exist"))
        }
        _ => false,
    }
}
