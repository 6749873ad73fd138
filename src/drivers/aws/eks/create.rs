//! Making what is not there. Where EKS says that it is, it is looked at: what a lost answer left behind is as good as made.

use aws_sdk_eks::types;

use super::Eks;
use super::request::{encryption, every_cidr, keys, logging, scaling, scope, size, taint, unwished, update_config, upgrade_policy};
use crate::domain::eks::{EksVersion, PodIdentity, Wish, tags};
use crate::drivers::aws::{Error, Result};

impl Eks<'_> {
    pub(super) async fn create_cluster(&self, wish: &Wish, once: &str) -> Result<()> {
        let network = types::VpcConfigRequest::builder()
            .set_subnet_ids(Some(keys(&wish.subnet_ids)))
            .set_security_group_ids((!wish.security_group_ids.is_empty()).then(|| keys(&wish.security_group_ids)))
            .endpoint_public_access(wish.endpoint.public)
            .endpoint_private_access(wish.endpoint.private)
            .set_public_access_cidrs(wish.endpoint.public.then(|| every_cidr(&wish.endpoint)));
        // Entries of access only; and who makes the cluster may do everything in it, for the installation is theirs.
        let access = types::CreateAccessConfigRequest::builder()
            .authentication_mode(types::AuthenticationMode::Api)
            .bootstrap_cluster_creator_admin_permissions(true);
        let request = self
            .client
            .create_cluster()
            .name(self.cluster)
            .set_version(wish.version.map(|version| version.to_string()))
            .role_arn(&wish.role_arn)
            .resources_vpc_config(network.build())
            .set_kubernetes_network_config(
                wish.service_cidr.as_ref().map(|cidr| types::KubernetesNetworkConfigRequest::builder().service_ipv4_cidr(cidr).build()),
            )
            .set_logging((!wish.log_types.is_empty()).then(|| logging(&wish.log_types)))
            .set_encryption_config(wish.secrets_key_arn.as_deref().map(|key| vec![encryption(key)]))
            .access_config(access.build())
            .set_upgrade_policy(wish.support_type.map(upgrade_policy))
            .set_deletion_protection(wish.deletion_protection.then_some(true))
            .set_tags(Some(tags::new_cluster(wish).into_iter().collect()))
            .client_request_token(once);
        match request.send().await.map_err(self.failed(self.own_act("create"))) {
            Ok(_) => Ok(()),
            Err(error @ Error::Conflict { .. }) => {
                let owner = (!wish.owner.is_empty()).then_some(&wish.owner);
                let ours = self.control_plane().await?.filter(|found| tags::are_ours(&found.tags) && found.tags.get(tags::OWNER) == owner);
                ours.map(|_| ()).ok_or(error)
            }
            Err(error) => Err(error),
        }
    }

    pub(super) async fn create_node_group(&self, wish: &Wish, name: &str, group: &str, desired: u32, once: &str) -> Result<()> {
        let wished = wish.node_groups.get(name).ok_or_else(|| unwished(format!("node group {name:?}")))?;
        let shape = &wished.shape;
        let request = self
            .client
            .create_nodegroup()
            .cluster_name(self.cluster)
            .nodegroup_name(group)
            .node_role(&shape.role_arn)
            .set_subnets(Some(keys(&shape.subnet_ids)))
            .set_instance_types((!shape.instance_types.is_empty()).then(|| shape.instance_types.clone()))
            .set_ami_type(shape.ami_type.as_deref().map(types::AmiTypes::from))
            .set_capacity_type(shape.capacity_type.as_deref().map(types::CapacityTypes::from))
            .set_disk_size(shape.disk_gib.map(size))
            .scaling_config(scaling(wished.scaling, Some(desired)))
            .set_labels((!wished.labels.is_empty()).then(|| wished.labels.clone().into_iter().collect()))
            .set_taints((!wished.taints.is_empty()).then(|| wished.taints.iter().map(taint).collect()))
            .set_update_config(wished.max_unavailable.map(update_config))
            .set_tags(Some(tags::node_group(wish, name).into_iter().collect()))
            .client_request_token(once);
        let act = self.act(format_args!("create node group {group:?}"));
        match request.send().await.map_err(self.failed(act)) {
            Ok(_) => Ok(()),
            Err(error @ Error::Conflict { .. }) => self.node_group(group).await?.map(|_| ()).ok_or(error),
            Err(error) => Err(error),
        }
    }

    /// Without a version in the wish, EKS takes the one it holds best for the cluster's.
    pub(super) async fn create_add_on(&self, wish: &Wish, name: &str, kubernetes: EksVersion, once: &str) -> Result<()> {
        let wished = wish.add_ons.get(name).ok_or_else(|| unwished(format!("add-on {name:?}")))?;
        let request = self
            .client
            .create_addon()
            .cluster_name(self.cluster)
            .addon_name(name)
            .set_addon_version(wished.version.clone())
            .set_service_account_role_arn(wished.service_account_role_arn.clone())
            .set_configuration_values(wished.configuration.clone())
            // What EKS put into a new cluster by itself is taken over.
            .resolve_conflicts(types::ResolveConflicts::Overwrite)
            .set_tags(Some(tags::add_on(wish, name, kubernetes).into_iter().collect()))
            .client_request_token(once);
        let act = self.act(format_args!("create add-on {name:?}"));
        match request.send().await.map_err(self.failed(act)) {
            Ok(_) => Ok(()),
            Err(error @ Error::Conflict { .. }) => self.add_on(name).await?.map(|_| ()).ok_or(error),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn create_access_entry(&self, wish: &Wish, principal: &str, once: &str) -> Result<()> {
        let wished = wish.access_entries.get(principal).ok_or_else(|| unwished(format!("access entry {principal}")))?;
        let request = self
            .client
            .create_access_entry()
            .cluster_name(self.cluster)
            .principal_arn(principal)
            .set_kubernetes_groups((!wished.kubernetes_groups.is_empty()).then(|| keys(&wished.kubernetes_groups)))
            .set_tags(Some(tags::part(wish).into_iter().collect()))
            .client_request_token(once);
        match request.send().await.map_err(self.failed(self.act(format_args!("create the access entry {principal}")))) {
            Ok(_) | Err(Error::Conflict { .. }) => {}
            Err(error) => return Err(error),
        }
        for policy in wished.policies.keys() {
            self.associate_policy(wish, principal, policy).await?;
        }
        Ok(())
    }

    /// Of one that is associated already, it changes the scope.
    pub(super) async fn associate_policy(&self, wish: &Wish, principal: &str, policy: &str) -> Result<()> {
        let wished = wish.access_entries.get(principal).and_then(|entry| entry.policies.get(policy));
        let wished = wished.ok_or_else(|| unwished(format!("access policy {policy} of {principal}")))?;
        let request = self
            .client
            .associate_access_policy()
            .cluster_name(self.cluster)
            .principal_arn(principal)
            .policy_arn(policy)
            .access_scope(scope(wished));
        match request.send().await.map_err(self.failed(self.act(format_args!("give the access policy {policy} to {principal}")))) {
            Ok(_) => Ok(()),
            Err(Error::Conflict { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn create_pod_identity(&self, tags: tags::Tags, identity: &PodIdentity, once: &str) -> Result<()> {
        let request = self
            .client
            .create_pod_identity_association()
            .cluster_name(self.cluster)
            .namespace(&identity.namespace)
            .service_account(&identity.service_account)
            .role_arn(&identity.role_arn)
            .set_tags(Some(tags.into_iter().collect()))
            .client_request_token(once);
        let act = self.act(format_args!("create the pod identity of {}/{}", identity.namespace, identity.service_account));
        match request.send().await.map_err(self.failed(act)) {
            Ok(_) => Ok(()),
            // With another role, it is another's or has to go first.
            Err(error @ Error::Conflict { .. }) if is_there(&error) => {
                if self.pod_identities().await?.contains_key(identity) {
                    Ok(())
                } else {
                    Err(error)
                }
            }
            Err(error) => Err(error),
        }
    }
}

/// The other conflict is that IAM has not told EKS yet.
fn is_there(error: &Error) -> bool {
    error.answer().is_some_and(|answer| answer.code == "ResourceInUseException")
}
