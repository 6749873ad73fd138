//! What EKS answers, in the domain's words. What EKS may add one day is kept as its text.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::BuildHasher;

use aws_sdk_eks::types;
use base64::{Engine, engine::general_purpose::STANDARD};

use crate::domain::eks::{
    AccessPolicy, AddOnSeen, ClusterSeen, ClusterStatus, EksVersion, Endpoint, Issue, NodeGroupSeen, NodeShape, PartStatus, Scaling,
    SupportType, Taint, TaintEffect, Update,
};

/// The text of the version on failure.
pub(super) fn cluster(found: types::Cluster) -> Result<ClusterSeen, String> {
    let network = found.resources_vpc_config.unwrap_or_else(|| types::VpcConfigResponse::builder().build());
    let logging = found.logging.and_then(|logging| logging.cluster_logging).unwrap_or_default();
    let enabled = logging.into_iter().filter(|setup| setup.enabled == Some(true)).flat_map(|setup| setup.types.unwrap_or_default());
    let key = found.encryption_config.unwrap_or_default().into_iter().find_map(|config| config.provider?.key_arn);
    Ok(ClusterSeen {
        arn: found.arn.unwrap_or_default(),
        status: found.status.as_ref().map_or(ClusterStatus::Creating, cluster_status),
        version: version(found.version.as_deref().unwrap_or_default())?,
        platform_version: found.platform_version,
        endpoint: found.endpoint.filter(|endpoint| !endpoint.is_empty()),
        ca_certificate: found.certificate_authority.and_then(|authority| pem(&authority.data?)),
        oidc_issuer: found.identity.and_then(|identity| identity.oidc?.issuer),
        role_arn: found.role_arn.unwrap_or_default(),
        access_from: Endpoint {
            public: network.endpoint_public_access,
            private: network.endpoint_private_access,
            public_cidrs: cidrs(network.public_access_cidrs.unwrap_or_default()),
        },
        vpc_id: network.vpc_id,
        subnet_ids: set(network.subnet_ids),
        security_group_ids: set(network.security_group_ids),
        cluster_security_group_id: network.cluster_security_group_id,
        service_cidr: found.kubernetes_network_config.and_then(|config| config.service_ipv4_cidr.or(config.service_ipv6_cidr)),
        secrets_key_arn: key,
        log_types: enabled.map(|kind| kind.as_str().to_owned()).collect(),
        support_type: found.upgrade_policy.and_then(|policy| support_type(&policy.support_type?)),
        deletion_protection: found.deletion_protection == Some(true),
        tags: map(found.tags),
        issues: found.health.and_then(|health| health.issues).unwrap_or_default().into_iter().map(cluster_issue).collect(),
        updates: Vec::new(),
    })
}

/// The text of the version on failure.
pub(super) fn version(text: &str) -> Result<EksVersion, String> {
    text.parse().map_err(|_| text.to_owned())
}

fn cluster_status(status: &types::ClusterStatus) -> ClusterStatus {
    match status {
        types::ClusterStatus::Creating => ClusterStatus::Creating,
        types::ClusterStatus::Active => ClusterStatus::Active,
        types::ClusterStatus::Updating => ClusterStatus::Updating,
        types::ClusterStatus::Deleting => ClusterStatus::Deleting,
        types::ClusterStatus::Failed => ClusterStatus::Failed,
        other => ClusterStatus::Other(other.as_str().to_owned()),
    }
}

/// None of what is not a certificate: a connection will tell then that it trusts nobody.
fn pem(data: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(data).ok()?).ok().filter(|text| text.contains("-----BEGIN CERTIFICATE-----"))
}

/// AWS names everybody where the domain names nobody.
fn cidrs(found: Vec<String>) -> BTreeSet<String> {
    let found: BTreeSet<String> = found.into_iter().collect();
    if found.contains("0.0.0.0/0") { BTreeSet::new() } else { found }
}

fn support_type(found: &types::SupportType) -> Option<SupportType> {
    match found {
        types::SupportType::Standard => Some(SupportType::Standard),
        types::SupportType::Extended => Some(SupportType::Extended),
        _ => None,
    }
}

pub(super) fn node_group(found: types::Nodegroup) -> Result<NodeGroupSeen, String> {
    let scaling = found.scaling_config;
    let size =
        |pick: fn(&types::NodegroupScalingConfig) -> Option<i32>| scaling.as_ref().and_then(pick).and_then(|size| u32::try_from(size).ok());
    Ok(NodeGroupSeen {
        arn: found.nodegroup_arn.unwrap_or_default(),
        status: found.status.as_ref().map_or(PartStatus::Creating, |status| part_status(status.as_str())),
        version: found.version.as_deref().map(version).transpose()?,
        shape: NodeShape {
            role_arn: found.node_role.unwrap_or_default(),
            subnet_ids: set(found.subnets),
            instance_types: found.instance_types.unwrap_or_default(),
            ami_type: found.ami_type.map(|kind| kind.as_str().to_owned()),
            capacity_type: found.capacity_type.map(|kind| kind.as_str().to_owned()),
            disk_gib: found.disk_size.and_then(|gib| u32::try_from(gib).ok()),
        },
        scaling: Scaling {
            min: size(|config| config.min_size).unwrap_or_default(),
            max: size(|config| config.max_size).unwrap_or_default(),
            desired: size(|config| config.desired_size),
        },
        labels: map(found.labels),
        taints: found.taints.unwrap_or_default().into_iter().filter_map(taint).collect(),
        max_unavailable: found.update_config.and_then(|config| u32::try_from(config.max_unavailable?).ok()),
        tags: map(found.tags),
        issues: found.health.and_then(|health| health.issues).unwrap_or_default().into_iter().map(node_group_issue).collect(),
        updates: Vec::new(),
    })
}

pub(super) fn add_on(found: types::Addon) -> AddOnSeen {
    AddOnSeen {
        arn: found.addon_arn.unwrap_or_default(),
        status: found.status.as_ref().map_or(PartStatus::Creating, |status| part_status(status.as_str())),
        version: found.addon_version,
        service_account_role_arn: found.service_account_role_arn.filter(|arn| !arn.is_empty()),
        configuration: found.configuration_values.filter(|values| !values.is_empty()),
        tags: map(found.tags),
        issues: found.health.and_then(|health| health.issues).unwrap_or_default().into_iter().map(add_on_issue).collect(),
    }
}

/// Of node groups and add-ons, which use the same words.
fn part_status(status: &str) -> PartStatus {
    match status {
        "CREATING" => PartStatus::Creating,
        "ACTIVE" => PartStatus::Active,
        "UPDATING" => PartStatus::Updating,
        "DELETING" => PartStatus::Deleting,
        "CREATE_FAILED" => PartStatus::CreateFailed,
        "UPDATE_FAILED" => PartStatus::UpdateFailed,
        "DELETE_FAILED" => PartStatus::DeleteFailed,
        "DEGRADED" => PartStatus::Degraded,
        other => PartStatus::Other(other.to_owned()),
    }
}

/// None of an effect that Kubernetes does not know either.
pub(super) fn taint(found: types::Taint) -> Option<Taint> {
    let effect = match found.effect? {
        types::TaintEffect::NoSchedule => TaintEffect::NoSchedule,
        types::TaintEffect::NoExecute => TaintEffect::NoExecute,
        types::TaintEffect::PreferNoSchedule => TaintEffect::PreferNoSchedule,
        _ => return None,
    };
    Some(Taint { key: found.key.unwrap_or_default(), value: found.value.filter(|value| !value.is_empty()), effect })
}

pub(super) fn access_policy(found: types::AssociatedAccessPolicy) -> Option<(String, AccessPolicy)> {
    let namespaces =
        found.access_scope.filter(|scope| scope.r#type == Some(types::AccessScopeType::Namespace)).and_then(|scope| scope.namespaces);
    Some((found.policy_arn?, AccessPolicy { namespaces: set(namespaces) }))
}

/// None of one that is over and went well; whether it is over.
pub(super) fn update(found: types::Update) -> (Option<Update>, bool) {
    let failed = matches!(found.status, Some(types::UpdateStatus::Failed | types::UpdateStatus::Cancelled));
    let ended = failed || found.status == Some(types::UpdateStatus::Successful);
    let update = Update {
        id: found.id.unwrap_or_default(),
        kind: found.r#type.map(|kind| kind.as_str().to_owned()).unwrap_or_default(),
        failed,
        issues: found.errors.unwrap_or_default().into_iter().map(update_error).collect(),
    };
    ((failed || !ended).then_some(update), ended)
}

fn cluster_issue(found: types::ClusterIssue) -> Issue {
    issue(found.code.map(|code| code.as_str().to_owned()), found.message, found.resource_ids)
}

fn node_group_issue(found: types::Issue) -> Issue {
    issue(found.code.map(|code| code.as_str().to_owned()), found.message, found.resource_ids)
}

fn add_on_issue(found: types::AddonIssue) -> Issue {
    issue(found.code.map(|code| code.as_str().to_owned()), found.message, found.resource_ids)
}

fn update_error(found: types::ErrorDetail) -> Issue {
    issue(found.error_code.map(|code| code.as_str().to_owned()), found.error_message, found.resource_ids)
}

fn issue(code: Option<String>, message: Option<String>, resource_ids: Option<Vec<String>>) -> Issue {
    Issue { code: code.unwrap_or_default(), message: message.unwrap_or_default(), resource_ids: resource_ids.unwrap_or_default() }
}

pub(super) fn set(found: Option<Vec<String>>) -> BTreeSet<String> {
    found.unwrap_or_default().into_iter().collect()
}

pub(super) fn map<S: BuildHasher>(found: Option<HashMap<String, String, S>>) -> BTreeMap<String, String> {
    found.map(|found| found.into_iter().collect()).unwrap_or_default()
}
