//! What AWS says has failed, told with its own words and a way out. No I/O.

use crate::{
    domain::eks::{Fault, Wish},
    framework::diagnostic::Diagnostics,
    resources::{
        management_cluster::{eks::model::Eks, eks::place::at},
        wishes::capitalised,
    },
};

/// Ways out of what EKS reports, by its codes. Source: EKS API reference, `Issue` and `ClusterIssue`.
const WAYS_OUT: [(&[&str], &str); 9] = [
    (
        &["NodeCreationFailure"],
        "The nodes started but did not join. See that their subnets reach the Kubernetes API and the registries (a NAT gateway, or endpoints in the VPC), and that \
         their role may what AmazonEKSWorkerNodePolicy and AmazonEC2ContainerRegistryPullOnly allow.",
    ),
    (
        &["AsgInstanceLaunchFailures", "InstanceLimitExceeded", "Ec2InstanceTypeDoesNotExist", "AmiIdNotFound"],
        "EC2 did not start the nodes: choose other instance_types, capacity_type or subnets, or have the account's quota raised.",
    ),
    (
        &["InsufficientFreeAddresses", "InsufficientFreeAddressesInSubnet"],
        "The subnets have too few free addresses: give larger or further ones.",
    ),
    (
        &["Ec2SubnetNotFound", "Ec2SubnetInvalidConfiguration", "Ec2SubnetMissingIpv6Assignment", "SubnetNotFound", "VpcIdNotFound"],
        "Correct the subnets: they must exist, and those of nodes need a way to the internet or endpoints in the VPC.",
    ),
    (
        &["IamNodeRoleNotFound", "IamInstanceProfileNotFound", "IamRoleNotFound", "NodeTerminationFailure"],
        "See that the role and its instance profile exist and are not changed while the nodes use them.",
    ),
    (
        &["AccessDenied", "IamLimitExceeded", "StsRegionalEndpointDisabled", "ResourceNotAccessible"],
        "See that the roles trust their services and may what EKS needs, and that STS is switched on for the region.",
    ),
    (&["Ec2SecurityGroupNotFound", "Ec2SecurityGroupDeletionFailure", "ClusterUnreachable"], "See the security groups of the cluster."),
    (
        &["KmsKeyNotFound", "KmsKeyDisabled", "KmsKeyMarkedForDeletion", "KmsGrantRevoked", "AmiKmsKeyNotFound"],
        "The KMS key must be there, enabled, and granted to the role.",
    ),
    (
        &[
            "AdmissionRequestDenied",
            "UnsupportedAddonModification",
            "ConfigurationConflict",
            "InsufficientNumberOfReplicas",
            "AddonPermissionFailure",
            "AddonSubscriptionNeeded",
        ],
        "See the add-on's pods in kube-system, its configuration and its role.",
    ),
];

/// The fault as errors, one for each issue.
pub fn told(fault: &Fault, wish: &Wish, summary: &str) -> Diagnostics {
    let Fault { what, status, issues } = fault;
    let issue = |code: &str| WAYS_OUT.iter().find(|(codes, _)| codes.contains(&code)).map(|(_, way_out)| *way_out);
    let said = if issues.is_empty() {
        "AWS gives no reason.".to_owned()
    } else {
        issues.iter().map(|issue| format!("{}.", issue.to_string().trim_end_matches('.'))).collect::<Vec<_>>().join(" ")
    };
    let mut ways: Vec<&str> = issues.iter().filter_map(|found| issue(&found.code)).collect();
    ways.dedup();
    let ways = if ways.is_empty() { "Correct what it says.".to_owned() } else { ways.join(" ") };
    let detail = format!(
        "{} of the EKS cluster {:?} is {status}. {said} {ways} Then apply again: it goes on from here.",
        capitalised(what),
        wish.name
    );
    let mut found = Diagnostics::none();
    let field = if what.starts_with("node group") {
        Some(Eks::NODE_GROUP)
    } else if what.starts_with("add-on") {
        Some(Eks::ADD_ON)
    } else {
        None
    };
    match field {
        Some(field) => found.error_at(at(field), summary, detail),
        None => found.error(summary, detail),
    }
    found
}
