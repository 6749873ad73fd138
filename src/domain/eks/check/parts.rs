//! Of the parts of a cluster: who gets in, node groups, add-ons, pod identities.

use std::collections::BTreeMap;

use serde_json::Value;

use super::values::{Service, has_prefix, is_reserved, label_key, label_value, taint_value};
use super::{AddOnPart, Errors, Field, NodeGroupPart};
use crate::domain::eks::group::{MOST_NAME, SUFFIX};
use crate::domain::eks::wish::{AddOn, NodeGroup, NodeShape, Scaling, Wish};
use crate::domain::tenant::{is_dns_label, is_dns_name};

/// Source: AMITypes of the EKS API. CUSTOM needs a launch template, which a node group here has not.
pub const AMI_TYPES: [&str; 22] = [
    "AL2023_x86_64_STANDARD",
    "AL2023_ARM_64_STANDARD",
    "AL2023_x86_64_NEURON",
    "AL2023_x86_64_NVIDIA",
    "AL2023_ARM_64_NVIDIA",
    "AL2_x86_64",
    "AL2_x86_64_GPU",
    "AL2_ARM_64",
    "BOTTLEROCKET_x86_64",
    "BOTTLEROCKET_ARM_64",
    "BOTTLEROCKET_x86_64_FIPS",
    "BOTTLEROCKET_ARM_64_FIPS",
    "BOTTLEROCKET_x86_64_NVIDIA",
    "BOTTLEROCKET_ARM_64_NVIDIA",
    "BOTTLEROCKET_x86_64_NVIDIA_FIPS",
    "BOTTLEROCKET_ARM_64_NVIDIA_FIPS",
    "WINDOWS_CORE_2019_x86_64",
    "WINDOWS_FULL_2019_x86_64",
    "WINDOWS_CORE_2022_x86_64",
    "WINDOWS_FULL_2022_x86_64",
    "WINDOWS_CORE_2025_x86_64",
    "WINDOWS_FULL_2025_x86_64",
];

/// Source: CapacityTypes of the EKS API, without CAPACITY_BLOCK, which needs a launch template.
pub const CAPACITY_TYPES: [&str; 2] = ["ON_DEMAND", "SPOT"];

pub fn access_entries(wish: &Wish, errors: &mut Errors) {
    for (principal, entry) in &wish.access_entries {
        let field = || Field::AccessEntry { principal_arn: principal.clone() };
        errors.arn(field(), principal, Service::IamPrincipal);
        for group in entry.kubernetes_groups.iter().filter(|group| group.is_empty() || group.starts_with("system:")) {
            errors.invalid(
                field(),
                group,
                "no group that EKS takes: groups that begin with \"system:\" are Kubernetes' own; give an access policy instead",
            );
        }
        for (policy, scope) in &entry.policies {
            errors.arn(field(), policy, Service::AccessPolicy);
            // EKS lets a "*" stand for any end.
            let is_namespace =
                |name: &str| is_dns_label(&name.strip_suffix('*').map_or_else(|| name.to_owned(), |start| format!("{start}x")));
            for namespace in scope.namespaces.iter().filter(|name| !is_namespace(name)) {
                errors.invalid(field(), namespace, "no name of a namespace");
            }
        }
    }
}

pub fn node_group(name: &str, group: &NodeGroup, errors: &mut Errors) {
    let at = |part| Field::NodeGroup { name: name.to_owned(), part };
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let most = MOST_NAME - SUFFIX;
    if name.len() > most || !name.starts_with(|c: char| c.is_ascii_alphanumeric()) || !name.chars().all(inner) {
        let why = format!(
            "no name: 1 to {most} letters, digits, \"-\" and \"_\", the first a letter or digit; EKS takes {MOST_NAME}, and {SUFFIX} are added"
        );
        errors.invalid(at(NodeGroupPart::Name), name, why);
    }
    shape(&group.shape, at, errors);
    scaling(group.scaling, at, errors);
    labels(&group.labels, at, errors);
    taints(group, at, errors);
    if let Some(found) = group.max_unavailable.filter(|found| !(1..=100).contains(found)) {
        errors.invalid(at(NodeGroupPart::MaxUnavailable), found, "outside of 1 to 100");
    }
}

fn shape(shape: &NodeShape, at: impl Fn(NodeGroupPart) -> Field, errors: &mut Errors) {
    errors.arn(at(NodeGroupPart::RoleArn), &shape.role_arn, Service::IamRole);
    if shape.subnet_ids.is_empty() {
        errors.conflict(at(NodeGroupPart::SubnetIds), "none given");
    }
    for id in shape.subnet_ids.iter().filter(|id| !has_prefix(id, "subnet-")) {
        errors.invalid(at(NodeGroupPart::SubnetIds), id, "no id of a subnet, such as \"subnet-0a1b2c3d\"");
    }
    if shape.instance_types.len() > 20 {
        errors.conflict(at(NodeGroupPart::InstanceTypes), "EKS takes 20 at most");
    }
    for (index, instance_type) in shape.instance_types.iter().enumerate() {
        let is_type = instance_type.split_once('.').is_some_and(|(family, size)| !family.is_empty() && !size.is_empty());
        if !is_type || instance_type.contains(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.')) {
            errors.invalid(at(NodeGroupPart::InstanceTypes), instance_type, "no instance type, such as \"m6i.large\"");
        } else if shape.instance_types[..index].contains(instance_type) {
            errors.invalid(at(NodeGroupPart::InstanceTypes), instance_type, "named twice");
        }
    }
    if let Some(found) = shape.ami_type.as_ref().filter(|found| !AMI_TYPES.contains(&found.as_str())) {
        errors.invalid(at(NodeGroupPart::AmiType), found, format!("no AMI type; there are {}", AMI_TYPES.join(", ")));
    }
    if let Some(found) = shape.capacity_type.as_ref().filter(|found| !CAPACITY_TYPES.contains(&found.as_str())) {
        errors.invalid(at(NodeGroupPart::CapacityType), found, format!("no capacity type; there are {}", CAPACITY_TYPES.join(", ")));
    }
    // EBS: gp3 holds up to 16 TiB; EKS's Linux images take 20 GiB unless told otherwise, Bottlerocket fewer.
    if let Some(found) = shape.disk_gib.filter(|found| !(1..=16_384).contains(found)) {
        errors.invalid(at(NodeGroupPart::DiskGib), found, "outside of 1 to 16384 GiB");
    }
}

fn scaling(scaling: Scaling, at: impl Fn(NodeGroupPart) -> Field, errors: &mut Errors) {
    let Scaling { min, max, desired } = scaling;
    if max < 1 {
        errors
            .conflict(at(NodeGroupPart::Scaling), "max is 0, and EKS takes 1 at least; to have no nodes for now, set min and desired to 0");
    } else if min > max {
        errors.conflict(at(NodeGroupPart::Scaling), format!("min {min} is above max {max}"));
    } else if let Some(desired) = desired.filter(|desired| !(min..=max).contains(desired)) {
        errors.conflict(at(NodeGroupPart::Scaling), format!("desired {desired} is outside of min {min} to max {max}"));
    }
}

fn labels(labels: &BTreeMap<String, String>, at: impl Fn(NodeGroupPart) -> Field, errors: &mut Errors) {
    for (key, value) in labels {
        key_of(key, NodeGroupPart::Labels, &at, errors);
        if !label_value(value) {
            let why = "no value of a label: 1 to 63 letters, digits, \"-\", \"_\" and \".\", the first and last a letter or digit";
            errors.invalid(at(NodeGroupPart::Labels), value, why);
        }
    }
}

fn taints(group: &NodeGroup, at: impl Fn(NodeGroupPart) -> Field, errors: &mut Errors) {
    // Source: service quotas of EKS.
    if group.taints.len() > 50 {
        errors.conflict(at(NodeGroupPart::Taints), "EKS takes 50 at most");
    }
    let mut named = Vec::new();
    for taint in &group.taints {
        key_of(&taint.key, NodeGroupPart::Taints, &at, errors);
        if let Some(value) = taint.value.as_ref().filter(|value| !taint_value(value)) {
            let why = "no value of a taint: at most 63 letters, digits, \"-\", \"_\" and \".\", the first and last a letter or digit";
            errors.invalid(at(NodeGroupPart::Taints), value, why);
        }
        if named.contains(&(&taint.key, taint.effect)) {
            errors.invalid(at(NodeGroupPart::Taints), &taint.key, "there twice with one effect");
        }
        named.push((&taint.key, taint.effect));
    }
}

fn key_of(key: &str, part: NodeGroupPart, at: &impl Fn(NodeGroupPart) -> Field, errors: &mut Errors) {
    if let Err(why) = label_key(key) {
        errors.invalid(at(part), key, why);
    } else if is_reserved(key) {
        errors.invalid(at(part), key, "reserved: Kubernetes and EKS set keys of these domains themselves; use a domain of your own");
    }
}

pub fn add_on(name: &str, add_on: &AddOn, errors: &mut Errors) {
    let at = |part| Field::AddOn { name: name.to_owned(), part };
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || !name.chars().all(inner) {
        errors.invalid(at(AddOnPart::Name), name, "no name of an add-on, such as \"vpc-cni\"");
    }
    if let Some(version) = add_on.version.as_ref().filter(|version| !version.starts_with('v') || version.contains(char::is_whitespace)) {
        errors.invalid(at(AddOnPart::Version), version, "no version of an add-on, such as \"v1.21.1-eksbuild.1\"");
    }
    if let Some(role) = &add_on.service_account_role_arn {
        errors.arn(at(AddOnPart::ServiceAccountRoleArn), role, Service::IamRole);
    }
    if let Some(text) = &add_on.configuration {
        match serde_json::from_str::<Value>(text) {
            Ok(Value::Object(_)) => {}
            Ok(_) => errors.conflict(at(AddOnPart::Configuration), "JSON, but no object; write it by jsonencode({ … })"),
            Err(error) => errors.conflict(at(AddOnPart::Configuration), format!("no JSON ({error}); write it by jsonencode({{ … }})")),
        }
    }
}

/// EKS keeps one association for a service account.
pub fn pod_identities(wish: &Wish, errors: &mut Errors) {
    let mut named = BTreeMap::new();
    for identity in &wish.pod_identities {
        let (namespace, service_account) = (&identity.namespace, &identity.service_account);
        let field = || Field::PodIdentity { namespace: namespace.clone(), service_account: service_account.clone() };
        if !is_dns_label(namespace) {
            errors.invalid(field(), namespace, "no name of a namespace");
        }
        if !is_dns_name(service_account) {
            errors.invalid(field(), service_account, "no name of a service account");
        }
        errors.arn(field(), &identity.role_arn, Service::IamRole);
        if let Some(other) = named.insert((namespace, service_account), &identity.role_arn) {
            errors.conflict(field(), format!("it has two roles, {other} and {}; EKS gives a service account one", identity.role_arn));
        }
    }
}
