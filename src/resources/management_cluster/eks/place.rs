//! Where things of `eks {}` stand in the configuration, and where the cluster is that a configuration names. No I/O.

use crate::{
    domain::eks::{self, EksId, NodeGroupPart, check::AddOnPart},
    framework::{attr::Attr, model::Field, path::Path},
    resources::management_cluster::{
        eks::model::{AddOnBlock, Eks, EndpointAccess, NodeGroupBlock, PodIdentityBlock},
        model::{Existing, ManagementCluster},
    },
};

/// The path of a field of the block.
pub fn at(field: Field) -> Path {
    ManagementCluster::EKS.then(field)
}

/// The path of a field of `endpoint {}`.
pub fn endpoint(field: Field) -> Path {
    at(Eks::ENDPOINT).join(&field.into())
}

/// Name and region as a configuration gives them; None where it names no EKS cluster.
pub fn named(config: &ManagementCluster) -> Option<(&Attr<String>, &Attr<String>)> {
    if let Some(eks) = config.eks.known() {
        return Some((&eks.name, &eks.region));
    }
    config.existing.known().filter(|existing| !existing.eks_name.is_null()).map(|existing| (&existing.eks_name, &existing.region))
}

/// Where name and region stand.
pub const fn fields(config: &ManagementCluster) -> (Field, Field, Field) {
    match config.eks {
        Attr::Null => (ManagementCluster::EXISTING, Existing::EKS_NAME, Existing::REGION),
        _ => (ManagementCluster::EKS, Eks::NAME, Eks::REGION),
    }
}

/// The EKS cluster that a configuration names, as far as it is known. A region that is not written is the one the cluster is in, else the provider's.
pub fn wanted(config: &ManagementCluster, prior: Option<&EksId>, provider_region: Option<&str>) -> Option<EksId> {
    let (name, region) = named(config)?;
    let name = name.known()?;
    let region = match region {
        Attr::Unknown => return None,
        Attr::Known(region) => region.clone(),
        Attr::Null => {
            let kept = prior.filter(|prior| prior.name == *name).map(|prior| prior.region.as_str());
            kept.or(provider_region)?.to_owned()
        }
    };
    Some(EksId { region, name: name.clone() })
}

/// The EKS cluster that a state is of.
pub fn of_state(state: &ManagementCluster) -> Option<EksId> {
    state.id.known()?.parse().ok()
}

/// Where what the domain names stands.
pub fn of(block: &Eks, field: &eks::Field) -> Path {
    match field {
        eks::Field::Name => at(Eks::NAME),
        eks::Field::Version => at(Eks::VERSION),
        eks::Field::RoleArn => at(Eks::ROLE_ARN),
        eks::Field::SubnetIds => at(Eks::SUBNET_IDS),
        eks::Field::SecurityGroupIds => at(Eks::SECURITY_GROUP_IDS),
        eks::Field::ServiceCidr => at(Eks::SERVICE_CIDR),
        eks::Field::Endpoint => at(Eks::ENDPOINT),
        eks::Field::PublicCidrs => endpoint(EndpointAccess::PUBLIC_CIDRS),
        eks::Field::SecretsKeyArn => at(Eks::SECRETS_KMS_KEY_ARN),
        eks::Field::LogTypes => at(Eks::LOG_TYPES),
        eks::Field::Tags => at(Eks::TAGS),
        eks::Field::AccessEntry { principal_arn } => {
            among(&block.access_entry, Eks::ACCESS_ENTRY, |entry| entry.principal_arn.known() == Some(principal_arn), None)
        }
        eks::Field::NodeGroup { name, part } => {
            among(&block.node_group, Eks::NODE_GROUP, |group| group.name.known() == Some(name), Some(of_node_group(*part)))
        }
        eks::Field::AddOn { name, part } => {
            among(&block.add_on, Eks::ADD_ON, |add_on| add_on.name.known() == Some(name), Some(of_add_on(*part)))
        }
        eks::Field::PodIdentity { namespace, service_account } => {
            let is_it = |identity: &PodIdentityBlock| {
                identity.namespace.known() == Some(namespace) && identity.service_account.known() == Some(service_account)
            };
            among(&block.pod_identity, Eks::POD_IDENTITY, is_it, None)
        }
    }
}

/// The place of one of several blocks; that of all where it is not known which.
fn among<T>(blocks: &Attr<Vec<T>>, list: Field, is_it: impl Fn(&T) -> bool, field: Option<Field>) -> Path {
    let index = blocks.known().and_then(|blocks| blocks.iter().position(is_it));
    match (index, field) {
        (Some(index), Some(field)) => at(list).index(index).join(&field.into()),
        (Some(index), None) => at(list).index(index),
        (None, _) => at(list),
    }
}

const fn of_node_group(part: NodeGroupPart) -> Field {
    match part {
        NodeGroupPart::Name => NodeGroupBlock::NAME,
        NodeGroupPart::RoleArn => NodeGroupBlock::ROLE_ARN,
        NodeGroupPart::SubnetIds => NodeGroupBlock::SUBNET_IDS,
        NodeGroupPart::InstanceTypes => NodeGroupBlock::INSTANCE_TYPES,
        NodeGroupPart::AmiType => NodeGroupBlock::AMI_TYPE,
        NodeGroupPart::CapacityType => NodeGroupBlock::CAPACITY_TYPE,
        NodeGroupPart::DiskGib => NodeGroupBlock::DISK_GIB,
        NodeGroupPart::Scaling => NodeGroupBlock::MAX_SIZE,
        NodeGroupPart::Labels => NodeGroupBlock::LABELS,
        NodeGroupPart::Taints => NodeGroupBlock::TAINT,
        NodeGroupPart::MaxUnavailable => NodeGroupBlock::MAX_UNAVAILABLE,
    }
}

const fn of_add_on(part: AddOnPart) -> Field {
    match part {
        AddOnPart::Name => AddOnBlock::NAME,
        AddOnPart::Version => AddOnBlock::VERSION,
        AddOnPart::ServiceAccountRoleArn => AddOnBlock::SERVICE_ACCOUNT_ROLE_ARN,
        AddOnPart::Configuration => AddOnBlock::CONFIGURATION,
    }
}
