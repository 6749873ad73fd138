//! Changing what is there. EKS refuses a change to what is so already; that is no failure here.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_eks::types;

use super::Eks;
use super::begun::Owner;
use super::request::{encryption, every_cidr, keys, labels, logging, scaling, taints, unwished, update_config, upgrade_policy};
use crate::domain::eks::{EksVersion, Wish, tags};
use crate::drivers::aws::{Error, Result};

type UpdateConfig = aws_sdk_eks::operation::update_cluster_config::builders::UpdateClusterConfigFluentBuilder;

impl Eks<'_> {
    pub(super) async fn update_version(&self, to: EksVersion, once: &str) -> Result<()> {
        let act = self.act(format_args!("update the version to {to}"));
        let request = self.client.update_cluster_version().name(self.cluster).version(to.to_string()).client_request_token(once);
        let answer = request.send().await.map_err(self.failed(act))?;
        self.began(Owner::Cluster, answer.update);
        Ok(())
    }

    pub(super) async fn update_endpoint(&self, wish: &Wish, once: &str) -> Result<()> {
        let network = types::VpcConfigRequest::builder()
            .endpoint_public_access(wish.endpoint.public)
            .endpoint_private_access(wish.endpoint.private)
            .set_public_access_cidrs(wish.endpoint.public.then(|| every_cidr(&wish.endpoint)));
        self.update_config("change the endpoint", once, |request| request.resources_vpc_config(network.build())).await
    }

    pub(super) async fn update_network(&self, wish: &Wish, once: &str) -> Result<()> {
        let network = types::VpcConfigRequest::builder()
            .set_subnet_ids(Some(keys(&wish.subnet_ids)))
            .set_security_group_ids(Some(keys(&wish.security_group_ids)));
        self.update_config("change the network", once, |request| request.resources_vpc_config(network.build())).await
    }

    pub(super) async fn update_logging(&self, wish: &Wish, once: &str) -> Result<()> {
        self.update_config("change the logging", once, |request| request.logging(logging(&wish.log_types))).await
    }

    /// Without a wish, nothing is asked for.
    pub(super) async fn update_support(&self, wish: &Wish, once: &str) -> Result<()> {
        let Some(wished) = wish.support_type else { return Ok(()) };
        self.update_config("change the support type", once, |request| request.upgrade_policy(upgrade_policy(wished))).await
    }

    pub(super) async fn update_deletion_protection(&self, to: bool, once: &str) -> Result<()> {
        self.update_config("change the deletion protection", once, |request| request.deletion_protection(to)).await
    }

    async fn update_config(&self, what: &str, once: &str, with: impl FnOnce(UpdateConfig) -> UpdateConfig) -> Result<()> {
        let request = with(self.client.update_cluster_config().name(self.cluster).client_request_token(once));
        match request.send().await.map_err(self.failed(self.act(what))) {
            Ok(answer) => {
                self.began(Owner::Cluster, answer.update);
                Ok(())
            }
            Err(error) if is_so_already(&error) => Ok(()),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn encrypt_secrets(&self, wish: &Wish, once: &str) -> Result<()> {
        let key = wish.secrets_key_arn.as_deref().ok_or_else(|| unwished("encryption of secrets".to_owned()))?;
        let request = self.client.associate_encryption_config().cluster_name(self.cluster).encryption_config(encryption(key));
        let answer = request.client_request_token(once).send().await.map_err(self.failed(self.act("encrypt the Secrets")))?;
        self.began(Owner::Cluster, answer.update);
        Ok(())
    }

    pub(super) async fn update_access_entry(&self, wish: &Wish, principal: &str, once: &str) -> Result<()> {
        let wished = wish.access_entries.get(principal).ok_or_else(|| unwished(format!("access entry {principal}")))?;
        let request = self.client.update_access_entry().cluster_name(self.cluster).principal_arn(principal);
        let request = request.set_kubernetes_groups(Some(keys(&wished.kubernetes_groups))).client_request_token(once);
        request.send().await.map_err(self.failed(self.act(format_args!("change the access entry {principal}"))))?;
        Ok(())
    }

    /// Looks first, for labels and taints are removed by their names.
    pub(super) async fn update_node_group(&self, wish: &Wish, name: &str, group: &str, desired: Option<u32>, once: &str) -> Result<()> {
        let wished = wish.node_groups.get(name).ok_or_else(|| unwished(format!("node group {name:?}")))?;
        let found = self.node_group(group).await?.unwrap_or_default();
        let request = self
            .client
            .update_nodegroup_config()
            .cluster_name(self.cluster)
            .nodegroup_name(group)
            .scaling_config(scaling(wished.scaling, desired))
            .set_labels(labels(wished, &found))
            .set_taints(taints(wished, &found))
            .set_update_config(wished.max_unavailable.map(update_config))
            .client_request_token(once);
        match request.send().await.map_err(self.failed(self.act(format_args!("change node group {group:?}")))) {
            Ok(answer) => {
                self.began(Owner::NodeGroup(group.to_owned()), answer.update);
                Ok(())
            }
            Err(error) if is_so_already(&error) => Ok(()),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn update_node_group_version(&self, group: &str, to: EksVersion, once: &str) -> Result<()> {
        let act = self.act(format_args!("update node group {group:?} to version {to}"));
        let request = self.client.update_nodegroup_version().cluster_name(self.cluster).nodegroup_name(group);
        let answer = request.version(to.to_string()).client_request_token(once).send().await.map_err(self.failed(act))?;
        self.began(Owner::NodeGroup(group.to_owned()), answer.update);
        Ok(())
    }

    /// Without a version in the wish, to the one that EKS holds best for `kubernetes`; a tag keeps for which that was.
    pub(super) async fn update_add_on(&self, wish: &Wish, name: &str, kubernetes: EksVersion, once: &str) -> Result<()> {
        let wished = wish.add_ons.get(name).ok_or_else(|| unwished(format!("add-on {name:?}")))?;
        let version = match &wished.version {
            Some(version) => version.clone(),
            None => self.best_version(name, kubernetes).await?,
        };
        let act = self.act(format_args!("change add-on {name:?}"));
        let request = self
            .client
            .update_addon()
            .cluster_name(self.cluster)
            .addon_name(name)
            .addon_version(version)
            .set_service_account_role_arn(wished.service_account_role_arn.clone())
            .set_configuration_values(wished.configuration.clone())
            .resolve_conflicts(types::ResolveConflicts::Overwrite)
            .client_request_token(once);
        match request.send().await.map_err(self.failed(act)) {
            Ok(answer) => self.began(Owner::AddOn(name.to_owned()), answer.update),
            Err(error) if is_so_already(&error) => {}
            Err(error) => return Err(error),
        }
        let Some(found) = self.add_on(name).await?.filter(|_| wished.version.is_none()) else { return Ok(()) };
        self.tag(&found.arn, &BTreeMap::from([(tags::KUBERNETES.to_owned(), kubernetes.to_string())]), &BTreeSet::new()).await
    }

    async fn best_version(&self, name: &str, kubernetes: EksVersion) -> Result<String> {
        let act = self.act(format_args!("list the versions of add-on {name:?} for Kubernetes {kubernetes}"));
        let request = self.client.describe_addon_versions().addon_name(name).kubernetes_version(kubernetes.to_string());
        let found = request.into_paginator().items().send().try_collect().await.map_err(self.failed(act.clone()))?;
        let versions = found
            .into_iter()
            .filter(|add_on| add_on.addon_name() == Some(name))
            .flat_map(|add_on| add_on.addon_versions.unwrap_or_default());
        let best = |version: &types::AddonVersionInfo| {
            let wanted = kubernetes.to_string();
            version.compatibilities().iter().any(|of| of.default_version && of.cluster_version() == Some(&wanted))
        };
        versions.into_iter().find(best).and_then(|version| version.addon_version).ok_or_else(|| Error::Config {
            message: format!("{act}: AWS has none that it takes by itself"),
            way_out: format!("Set version of the add-on {name:?}."),
        })
    }
}

fn is_so_already(error: &Error) -> bool {
    let Error::BadRequest { source, .. } = error else { return false };
    // "Cluster is already at the desired configuration with …", "No changes needed for the logging config provided".
    source.message.contains("already at the desired configuration") || source.message.contains("No changes needed")
}
