//! Whether a cluster can be made from what the user says: everything that is wrong, at once, each at its setting.

use std::fmt;

use serde_json::Value;
use thiserror::Error;

use super::workers::{broker_counts, broker_machine_type, control_plane_machine_type, is_arm, system_machine_type};
use super::{AWS_CLASS, Class, ClusterSpec, EKS_CLASS};
use crate::domain::cluster_class::{self, own_variables};
use crate::domain::sizing::{Sizing, instance};
use crate::domain::tenant::{is_dns_label, is_dns_name};

/// What a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Setting {
    Class,
    ClassNamespace,
    KubernetesVersion,
    Region,
    SshKeyName,
    ControlPlaneMachineType,
    NodeMachineType,
    SystemMachineType,
    KmsKeyArn,
    Zones,
    Variables,
    BrokerWorkerClass,
    SystemWorkerClass,
    ControlPlaneReplicas,
    PodCidr,
}

impl Setting {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Class => "class",
            Self::ClassNamespace => "class_namespace",
            Self::KubernetesVersion => "kubernetes_version",
            Self::Region => "region",
            Self::SshKeyName => "ssh_key_name",
            Self::ControlPlaneMachineType => "control_plane_machine_type",
            Self::NodeMachineType => "node_machine_type",
            Self::SystemMachineType => "system_machine_type",
            Self::KmsKeyArn => "kms_key_arn",
            Self::Zones => "zones",
            Self::Variables => "variables",
            Self::BrokerWorkerClass => "broker_worker_class",
            Self::SystemWorkerClass => "system_worker_class",
            Self::ControlPlaneReplicas => "control_plane_replicas",
            Self::PodCidr => "pod_cidr",
        }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ClusterError {
    #[error("class {class} needs a region")]
    NoRegion { class: String },
    #[error(
        "class {class:?} is your own, so say in class_namespace where it is; the classes that come with the provider are {EKS_CLASS} and {AWS_CLASS}"
    )]
    NoClassNamespace { class: String },
    #[error("class {class} has no use for {setting}: {way_out}")]
    NotForClass { setting: Setting, class: String, way_out: &'static str },
    #[error("{setting} = {found:?} is {why}")]
    Invalid { setting: Setting, found: String, why: &'static str },
    #[error("{} names variable {name:?}, which class {class} does not have; it has {}", Setting::Variables, known.join(", "))]
    UnknownVariable { name: String, class: String, known: Vec<String> },
    #[error("variable {name:?} of class {class} is set by {setting}; set that instead")]
    OwnSetting { name: String, class: String, setting: Setting },
    #[error(
        "node_machine_type = {found:?} cannot hold a broker that is sized for {wanted}: it has {vcpus} vCPUs and {memory_gib} GiB of memory; take a larger \
         one, or give the sizing this instance type"
    )]
    NodeTooSmall { found: String, wanted: String, vcpus: u32, memory_gib: u64 },
    #[error(
        "variable imageId is one image for all machines, but {arm} has an Arm processor and {other} has none; choose machine types of one kind"
    )]
    MixedProcessors { arm: String, other: String },
    #[error(
        "there are no pinned add-on versions for Kubernetes {version} on EKS; name them in variables.addons, as `aws eks describe-addon-versions` lists them"
    )]
    NoAddons { version: String },
}

impl ClusterError {
    pub const fn setting(&self) -> Setting {
        match self {
            Self::NoRegion { .. } => Setting::Region,
            Self::NoClassNamespace { .. } => Setting::ClassNamespace,
            Self::NotForClass { setting, .. } | Self::Invalid { setting, .. } => *setting,
            Self::UnknownVariable { .. } | Self::OwnSetting { .. } | Self::MixedProcessors { .. } | Self::NoAddons { .. } => {
                Setting::Variables
            }
            Self::NodeTooSmall { .. } => Setting::NodeMachineType,
        }
    }
}

const OWN_CLASS_SETS_IT: &str = "give it to your class by variables, under the name it has there";
const IS_OWN_ONLY: &str = "the provider's classes have their own";
const AWS_RUNS_IT: &str = "AWS runs the control plane";

/// Everything that is wrong with a cluster. `sizing` is of the tenant it is for.
pub fn check(cluster: &ClusterSpec, sizing: &Sizing) -> Vec<ClusterError> {
    let mut errors = texts(cluster);
    match cluster.class() {
        Class::Own => errors.extend(own(cluster)),
        shipped => errors.extend(shipped_class(cluster, shipped)),
    }
    errors.extend(machine(cluster, sizing));
    errors.extend(processors(cluster, sizing));
    for (name, _) in broker_counts(cluster, sizing) {
        if name.len() > 63 {
            errors.push(invalid(Setting::Zones, &name, "too long: Kubernetes labels hold 63 characters"));
        }
    }
    errors
}

fn invalid(setting: Setting, found: &str, why: &'static str) -> ClusterError {
    ClusterError::Invalid { setting, found: found.to_owned(), why }
}

/// What is wrong whatever the class.
fn texts(cluster: &ClusterSpec) -> Vec<ClusterError> {
    let mut errors = Vec::new();
    if !is_dns_name(&cluster.class) {
        errors.push(invalid(Setting::Class, &cluster.class, "no name of a ClusterClass: lower case letters, digits, \"-\" and \".\""));
    }
    let labels = [
        (Setting::ClassNamespace, &cluster.class_namespace),
        (Setting::BrokerWorkerClass, &cluster.broker_worker_class),
        (Setting::SystemWorkerClass, &cluster.system_worker_class),
    ];
    for (setting, name) in labels {
        if let Some(name) = name.as_deref().filter(|name| !is_dns_label(name)) {
            errors.push(invalid(setting, name, "no such name: up to 63 lower case letters, digits and \"-\""));
        }
    }
    for (at, zone) in cluster.zones.iter().enumerate() {
        if !is_dns_label(zone) {
            errors.push(invalid(Setting::Zones, zone, "no zone: lower case letters, digits and \"-\", such as \"eu-central-1a\""));
        } else if cluster.zones[..at].contains(zone) {
            errors.push(invalid(Setting::Zones, zone, "named twice"));
        }
    }
    if let Some(replicas) = cluster.control_plane_replicas.filter(|replicas| replicas % 2 == 0) {
        let why = "not an odd number: the control plane's etcd needs a majority";
        errors.push(invalid(Setting::ControlPlaneReplicas, &replicas.to_string(), why));
    }
    if let Some(cidr) = cluster.pod_cidr.as_deref().filter(|cidr| !is_cidr(cidr)) {
        errors.push(invalid(Setting::PodCidr, cidr, "no network, such as \"192.168.0.0/16\""));
    }
    errors
}

fn is_cidr(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else { return false };
    let most = match address.parse::<std::net::IpAddr>() {
        Ok(address) if address.is_ipv4() => 32,
        Ok(_) => 128,
        Err(_) => return false,
    };
    bits.parse::<u8>().is_ok_and(|bits| bits <= most)
}

/// A class of the user's own takes variables, and nothing that only our classes know what to do with.
fn own(cluster: &ClusterSpec) -> Vec<ClusterError> {
    let mut errors = Vec::new();
    if cluster.class_namespace.is_none() {
        errors.push(ClusterError::NoClassNamespace { class: cluster.class.clone() });
    }
    let settings = [
        (Setting::Region, &cluster.region),
        (Setting::SshKeyName, &cluster.ssh_key_name),
        (Setting::ControlPlaneMachineType, &cluster.control_plane_machine_type),
        (Setting::NodeMachineType, &cluster.node_machine_type),
        (Setting::SystemMachineType, &cluster.system_machine_type),
        (Setting::KmsKeyArn, &cluster.kms_key_arn),
    ];
    for (setting, _) in settings.iter().filter(|(_, value)| value.is_some()) {
        errors.push(ClusterError::NotForClass { setting: *setting, class: cluster.class.clone(), way_out: OWN_CLASS_SETS_IT });
    }
    if !cluster.zones.is_empty() && cluster.broker_worker_class.is_none() {
        let way_out = "name its worker class in broker_worker_class, or leave the zones to the class";
        errors.push(ClusterError::NotForClass { setting: Setting::Zones, class: cluster.class.clone(), way_out });
    }
    errors
}

fn shipped_class(cluster: &ClusterSpec, class: Class) -> Vec<ClusterError> {
    let mut errors = Vec::new();
    let name = || cluster.class.clone();
    let mut useless = |setting, way_out| errors.push(ClusterError::NotForClass { setting, class: cluster.class.clone(), way_out });
    if cluster.broker_worker_class.is_some() {
        useless(Setting::BrokerWorkerClass, IS_OWN_ONLY);
    }
    if cluster.system_worker_class.is_some() {
        useless(Setting::SystemWorkerClass, IS_OWN_ONLY);
    }
    if class == Class::Eks {
        if cluster.control_plane_machine_type.is_some() {
            useless(Setting::ControlPlaneMachineType, AWS_RUNS_IT);
        }
        if cluster.control_plane_replicas.is_some() {
            useless(Setting::ControlPlaneReplicas, AWS_RUNS_IT);
        }
        if cluster.pod_cidr.is_some() {
            useless(Setting::PodCidr, "pods have addresses of the VPC");
        }
        if cluster_class::pinned_addons(cluster.version()).is_none() && !cluster.variables.contains_key("addons") {
            errors.push(ClusterError::NoAddons { version: cluster.version().to_string() });
        }
    }
    match cluster.region.as_deref() {
        None => errors.push(ClusterError::NoRegion { class: name() }),
        Some(region) if !is_region(region) => errors.push(invalid(Setting::Region, region, "no region of AWS, such as \"eu-central-1\"")),
        Some(_) => {}
    }
    if let Some(arn) = cluster.kms_key_arn.as_deref().filter(|arn| !(arn.starts_with("arn:aws") && arn.contains(":kms:"))) {
        errors.push(invalid(Setting::KmsKeyArn, arn, "no ARN of a KMS key, such as \"arn:aws:kms:eu-central-1:111122223333:key/…\""));
    }
    errors.extend(variables(cluster, class));
    errors
}

fn variables(cluster: &ClusterSpec, class: Class) -> Vec<ClusterError> {
    let set_by = [
        ("region", Setting::Region),
        ("sshKeyName", Setting::SshKeyName),
        ("kmsKeyArn", Setting::KmsKeyArn),
        ("controlPlaneMachineType", Setting::ControlPlaneMachineType),
        ("nodeMachineType", Setting::NodeMachineType),
        ("systemMachineType", Setting::SystemMachineType),
    ];
    let known = own_variables(class);
    let wrong = |name: &String, value: &Value| {
        if let Some((_, setting)) = set_by.iter().find(|(variable, _)| variable == name) {
            return Some(ClusterError::OwnSetting { name: name.clone(), class: cluster.class.clone(), setting: *setting });
        }
        if !known.contains(&name.as_str()) {
            let known = known.iter().map(|name| (*name).to_owned()).collect();
            return Some(ClusterError::UnknownVariable { name: name.clone(), class: cluster.class.clone(), known });
        }
        value.is_null().then(|| invalid(Setting::Variables, name, "null; leave it out instead"))
    };
    cluster.variables.iter().filter_map(|(name, value)| wrong(name, value)).collect()
}

fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let (Some(first), Some(last)) = (parts.first(), parts.last()) else { return false };
    let words = parts.get(1..parts.len() - 1).unwrap_or_default();
    first.len() == 2
        && !words.is_empty()
        && parts[..parts.len() - 1].iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase()))
        && last.len() == 1
        && last.bytes().all(|b| b.is_ascii_digit())
}

/// A machine that the table of sizes knows must hold what the brokers are sized for; of any other the user knows best.
fn machine(cluster: &ClusterSpec, sizing: &Sizing) -> Option<ClusterError> {
    if cluster.class() == Class::Own {
        return None;
    }
    let (found, wanted) = (instance::find(broker_machine_type(cluster, sizing))?, instance::find(&sizing.instance_type)?);
    (found.vcpus < wanted.vcpus || found.memory_gib < wanted.memory_gib).then(|| ClusterError::NodeTooSmall {
        found: found.name(),
        wanted: wanted.name(),
        vcpus: found.vcpus,
        memory_gib: found.memory_gib,
    })
}

/// An image runs on one kind of processor. Without one of the user's own it is looked up for each machine.
fn processors(cluster: &ClusterSpec, sizing: &Sizing) -> Option<ClusterError> {
    if cluster.class() != Class::Aws || !cluster.variables.contains_key("imageId") {
        return None;
    }
    let brokers = broker_machine_type(cluster, sizing).to_owned();
    let (arm, other): (Vec<String>, Vec<String>) =
        [brokers, system_machine_type(cluster, sizing), control_plane_machine_type(cluster, sizing)]
            .into_iter()
            .partition(|name| is_arm(name));
    let (Some(arm), Some(other)) = (arm.into_iter().next(), other.into_iter().next()) else { return None };
    Some(ClusterError::MixedProcessors { arm, other })
}
