//! Whether EKS takes a wish: everything that is wrong, at once, each at its field. What only AWS can know (that a subnet exists) is not asked here.

mod parts;
#[cfg(test)]
mod tests;
mod values;

use std::fmt;

use thiserror::Error;

use self::values::{Service, arn, cidr};
use super::tags;
use super::wish::Wish;

/// What a message is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    Name,
    Version,
    RoleArn,
    SubnetIds,
    SecurityGroupIds,
    ServiceCidr,
    Endpoint,
    PublicCidrs,
    SecretsKeyArn,
    LogTypes,
    Tags,
    AccessEntry { principal_arn: String },
    NodeGroup { name: String, part: NodeGroupPart },
    AddOn { name: String, part: AddOnPart },
    PodIdentity { namespace: String, service_account: String },
}

/// Of a node group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NodeGroupPart {
    Name,
    RoleArn,
    SubnetIds,
    InstanceTypes,
    AmiType,
    CapacityType,
    DiskGib,
    Scaling,
    Labels,
    Taints,
    MaxUnavailable,
}

/// Of an add-on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AddOnPart {
    Name,
    Version,
    ServiceAccountRoleArn,
    Configuration,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "the name",
            Self::Version => "the version",
            Self::RoleArn => "the role of the control plane",
            Self::SubnetIds => "the subnets",
            Self::SecurityGroupIds => "the security groups",
            Self::ServiceCidr => "the network of Services",
            Self::Endpoint => "the endpoint",
            Self::PublicCidrs => "the networks that reach the public endpoint",
            Self::SecretsKeyArn => "the key of Secrets",
            Self::LogTypes => "the log types",
            Self::Tags => "the tags",
            Self::AccessEntry { principal_arn } => return write!(f, "the access of {principal_arn:?}"),
            Self::NodeGroup { name, part } => return write!(f, "{part} of node group {name:?}"),
            Self::AddOn { name, part } => return write!(f, "{part} of add-on {name:?}"),
            Self::PodIdentity { namespace, service_account } => return write!(f, "the pod identity of {namespace}/{service_account}"),
        })
    }
}

impl fmt::Display for NodeGroupPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "the name",
            Self::RoleArn => "the role",
            Self::SubnetIds => "the subnets",
            Self::InstanceTypes => "the instance types",
            Self::AmiType => "the AMI type",
            Self::CapacityType => "the capacity type",
            Self::DiskGib => "the disk",
            Self::Scaling => "the scaling",
            Self::Labels => "the labels",
            Self::Taints => "the taints",
            Self::MaxUnavailable => "max_unavailable",
        })
    }
}

impl fmt::Display for AddOnPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "the name",
            Self::Version => "the version",
            Self::ServiceAccountRoleArn => "the role",
            Self::Configuration => "the configuration",
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WishError {
    /// `why` goes on: "… is no ARN of an IAM role".
    #[error("{field}: {found:?} is {why}")]
    Invalid { field: Field, found: String, why: String },
    /// What does not stand alone: `why` is a sentence.
    #[error("{field}: {why}")]
    Conflict { field: Field, why: String },
}

impl WishError {
    pub const fn field(&self) -> &Field {
        match self {
            Self::Invalid { field, .. } | Self::Conflict { field, .. } => field,
        }
    }
}

/// The log types of the control plane. Source: LogType of the EKS API.
pub const LOG_TYPES: [&str; 5] = ["api", "audit", "authenticator", "controllerManager", "scheduler"];

/// All that is wrong with a wish.
pub fn check(wish: &Wish) -> Vec<WishError> {
    let mut errors = Errors::default();
    control_plane(wish, &mut errors);
    network(wish, &mut errors);
    user_tags(wish, &mut errors);
    parts::access_entries(wish, &mut errors);
    for (name, group) in &wish.node_groups {
        parts::node_group(name, group, &mut errors);
    }
    for (name, add_on) in &wish.add_ons {
        parts::add_on(name, add_on, &mut errors);
    }
    parts::pod_identities(wish, &mut errors);
    errors.0
}

/// What was found so far.
#[derive(Default)]
struct Errors(Vec<WishError>);

impl Errors {
    fn invalid(&mut self, field: Field, found: impl ToString, why: impl Into<String>) {
        self.0.push(WishError::Invalid { field, found: found.to_string(), why: why.into() });
    }

    fn conflict(&mut self, field: Field, why: impl Into<String>) {
        self.0.push(WishError::Conflict { field, why: why.into() });
    }

    fn arn(&mut self, field: Field, found: &str, service: Service) {
        if !arn(found, service) {
            self.invalid(field, found, format!("no {}", service.example()));
        }
    }
}

fn control_plane(wish: &Wish, errors: &mut Errors) {
    let is_name = |name: &str| {
        let inner = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        name.len() <= 100 && name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(inner)
    };
    if !is_name(&wish.name) {
        errors.invalid(
            Field::Name,
            &wish.name,
            "no name of a cluster: 1 to 100 letters, digits, \"-\" and \"_\", the first a letter or digit",
        );
    }
    errors.arn(Field::RoleArn, &wish.role_arn, Service::IamRole);
    if let Some(key) = &wish.secrets_key_arn {
        errors.arn(Field::SecretsKeyArn, key, Service::KmsKey);
    }
    for log_type in wish.log_types.iter().filter(|log_type| !LOG_TYPES.contains(&log_type.as_str())) {
        errors.invalid(Field::LogTypes, log_type, format!("no log of the control plane; there are {}", LOG_TYPES.join(", ")));
    }
}

fn network(wish: &Wish, errors: &mut Errors) {
    let found = wish.subnet_ids.len();
    if found < 2 {
        errors.conflict(Field::SubnetIds, format!("{found} given, and EKS needs at least two, in two zones"));
    }
    for id in wish.subnet_ids.iter().filter(|id| !values::has_prefix(id, "subnet-")) {
        errors.invalid(Field::SubnetIds, id, "no id of a subnet, such as \"subnet-0a1b2c3d\"");
    }
    if wish.security_group_ids.len() > 5 {
        errors.conflict(Field::SecurityGroupIds, "EKS takes five at most");
    }
    for id in wish.security_group_ids.iter().filter(|id| !values::has_prefix(id, "sg-")) {
        errors.invalid(Field::SecurityGroupIds, id, "no id of a security group, such as \"sg-0a1b2c3d\"");
    }
    if let Some(text) = &wish.service_cidr
        && let Err(why) = cidr(text).and_then(values::service_network)
    {
        errors.invalid(Field::ServiceCidr, text, why);
    }
    if !wish.endpoint.public && !wish.endpoint.private {
        errors.conflict(Field::Endpoint, "neither public nor private, so nothing could reach the Kubernetes API");
    }
    if !wish.endpoint.public && !wish.endpoint.public_cidrs.is_empty() {
        errors.conflict(Field::PublicCidrs, "there is no public endpoint; switch it on, or leave them out");
    }
    for text in &wish.endpoint.public_cidrs {
        if let Err(why) = cidr(text) {
            errors.invalid(Field::PublicCidrs, text, why);
        }
    }
    if wish.endpoint.public_cidrs.len() > 40 {
        errors.conflict(Field::PublicCidrs, "EKS takes 40 at most");
    }
}

/// Source: "TagMap" of the EKS API.
fn user_tags(wish: &Wish, errors: &mut Errors) {
    if wish.tags.len() > tags::MOST_OF_USER {
        let why = format!("{} given; AWS takes 50, and up to {} are the provider's", wish.tags.len(), 50 - tags::MOST_OF_USER);
        errors.conflict(Field::Tags, why);
    }
    for (key, value) in &wish.tags {
        let reserved = ["aws:", tags::PREFIX].into_iter().find(|prefix| key.to_ascii_lowercase().starts_with(prefix));
        if let Some(prefix) = reserved {
            let owner = if prefix == "aws:" { "AWS" } else { "this provider" };
            errors.invalid(Field::Tags, key, format!("reserved: keys that begin with {prefix:?} are {owner}'s"));
        } else if key.is_empty() || key.chars().count() > 128 || !values::is_tag_text(key) {
            errors.invalid(Field::Tags, key, format!("no key of a tag: 1 to 128 characters, {}", values::TAG_TEXT));
        }
        if value.chars().count() > 256 || !values::is_tag_text(value) {
            errors.invalid(Field::Tags, value, format!("no value of a tag: at most 256 characters, {}", values::TAG_TEXT));
        }
    }
}
