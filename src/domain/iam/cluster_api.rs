//! What Cluster API's provider for AWS may do, to make and delete the clusters of tenants of the classes `kaas-eks` and `kaas-aws`.
//!
//! Source: the actions that the provider 2.13.0 asks for itself (`cmd/clusterawsadm/cloudformation/bootstrap/cluster_api_controller.go`). What is left out
//! belongs to what these classes do not use: machine pools, Fargate, local zones, IPv6, event bridges and S3. What its own policy lacks and it calls all the same is
//! added: `DeleteNetworkInterface` (`pkg/cloud/services/network/enis.go`), without which an interface that a machine left keeps a network from being
//! deleted. Describing is allowed by wildcards, for a managed policy holds 6144 characters.

use serde_json::{Value, json};

use super::{PolicyError, allow, allow_if, check_arns, check_keys, policy};

const EC2: [&str; 50] = [
    "Describe*",
    "GetSecurityGroupsForVpc",
    "AllocateAddress",
    "AssociateRouteTable",
    "AssociateVpcCidrBlock",
    "AttachInternetGateway",
    "AttachNetworkInterface",
    "AuthorizeSecurityGroupIngress",
    "CreateInternetGateway",
    "CreateLaunchTemplate",
    "CreateLaunchTemplateVersion",
    "CreateNatGateway",
    "CreateNetworkInterface",
    "CreateRoute",
    "CreateRouteTable",
    "CreateSecurityGroup",
    "CreateSubnet",
    "CreateTags",
    "CreateVpc",
    "CreateVpcEndpoint",
    "DeleteInternetGateway",
    "DeleteLaunchTemplate",
    "DeleteLaunchTemplateVersions",
    "DeleteNatGateway",
    "DeleteNetworkInterface",
    "DeleteRouteTable",
    "DeleteSecurityGroup",
    "DeleteSubnet",
    "DeleteTags",
    "DeleteVpc",
    "DeleteVpcEndpoints",
    "DetachInternetGateway",
    "DetachNetworkInterface",
    "DisassociateAddress",
    "DisassociateRouteTable",
    "DisassociateVpcCidrBlock",
    "ModifyInstanceAttribute",
    "ModifyInstanceMetadataOptions",
    "ModifyNetworkInterfaceAttribute",
    "ModifySubnetAttribute",
    "ModifyVpcAttribute",
    "ModifyVpcEndpoint",
    "AssignPrivateIpAddresses",
    "UnassignPrivateIpAddresses",
    "ReleaseAddress",
    "ReplaceRoute",
    "RevokeSecurityGroupEgress",
    "RevokeSecurityGroupIngress",
    "RunInstances",
    "TerminateInstances",
];

const LOAD_BALANCING: [&str; 19] = [
    "Describe*",
    "AddTags",
    "ApplySecurityGroupsToLoadBalancer",
    "ConfigureHealthCheck",
    "CreateListener",
    "CreateLoadBalancer",
    "CreateTargetGroup",
    "DeleteListener",
    "DeleteLoadBalancer",
    "DeleteTargetGroup",
    "DeregisterInstancesFromLoadBalancer",
    "DeregisterTargets",
    "ModifyLoadBalancerAttributes",
    "ModifyTargetGroupAttributes",
    "RegisterInstancesWithLoadBalancer",
    "RegisterTargets",
    "RemoveTags",
    "SetSecurityGroups",
    "SetSubnets",
];

const EKS: [&str; 33] = [
    "AssociateAccessPolicy",
    "AssociateEncryptionConfig",
    "AssociateIdentityProviderConfig",
    "CreateAccessEntry",
    "CreateAddon",
    "CreateCluster",
    "CreateNodegroup",
    "DeleteAccessEntry",
    "DeleteAddon",
    "DeleteCluster",
    "DeleteNodegroup",
    "DescribeAccessEntry",
    "DescribeAddon",
    "DescribeAddonVersions",
    "DescribeCluster",
    "DescribeIdentityProviderConfig",
    "DescribeNodegroup",
    "DisassociateAccessPolicy",
    "DisassociateIdentityProviderConfig",
    "ListAccessEntries",
    "ListAddons",
    "ListAssociatedAccessPolicies",
    "ListClusters",
    "ListIdentityProviderConfigs",
    "ListNodegroups",
    "TagResource",
    "UntagResource",
    "UpdateAccessEntry",
    "UpdateAddon",
    "UpdateClusterConfig",
    "UpdateClusterVersion",
    "UpdateNodegroupConfig",
    "UpdateNodegroupVersion",
];

/// The roles that the provider's own tool makes for machines and control planes.
const ROLES: &str = "arn:*:iam::*:role/*.cluster-api-provider-aws.sigs.k8s.io";

/// What the provider needs. `role_arns`: the roles that it gives to control planes and machines, wildcards included; none: those that its own tool makes
/// (`*.cluster-api-provider-aws.sigs.k8s.io`). `key_arns`: the KMS keys that tenants' Secrets and volumes are encrypted with.
///
/// # Errors
/// What is no ARN of a role or key, and more ARNs than a policy holds.
pub fn cluster_api(role_arns: &[String], key_arns: &[String]) -> Result<String, PolicyError> {
    check_arns(role_arns, "iam", "a role of IAM", "arn:aws:iam::123456789012:role/kafka-nodes")?;
    check_keys(key_arns)?;
    let all = ["*".to_owned()];
    let roles = if role_arns.is_empty() { vec![ROLES.to_owned()] } else { role_arns.to_vec() };
    let mut statements = vec![
        of_service("ec2", &EC2, &all),
        of_service("elasticloadbalancing", &LOAD_BALANCING, &all),
        of_service("eks", &EKS, &all),
        allow(&["tag:GetResources"], &all),
        allow(&["ssm:GetParameter"], &["arn:*:ssm:*:*:parameter/aws/service/eks/optimized-ami/*".to_owned()]),
        of_service(
            "secretsmanager",
            &["CreateSecret", "DeleteSecret", "TagResource"],
            &["arn:*:secretsmanager:*:*:secret:aws.cluster.x-k8s.io/*".to_owned()],
        ),
        allow(&["iam:GetRole", "iam:ListAttachedRolePolicies"], &["arn:*:iam::*:role/*".to_owned()]),
        allow(&["iam:GetPolicy"], &["arn:*:iam::aws:policy/AmazonEKSClusterPolicy".to_owned()]),
        allow_if(
            &["iam:PassRole"],
            &roles,
            json!({ "StringEquals": { "iam:PassedToService": ["ec2.amazonaws.com", "ec2.amazonaws.com.cn", "eks.amazonaws.com"] } }),
        ),
    ];
    statements.push(service_linked_roles());
    if !key_arns.is_empty() {
        statements.push(allow(&["kms:CreateGrant", "kms:DescribeKey"], key_arns));
    }
    policy(statements)
}

fn of_service(service: &str, actions: &[&str], resources: &[String]) -> Value {
    let actions: Vec<String> = actions.iter().map(|action| format!("{service}:{action}")).collect();
    json!({ "Effect": "Allow", "Action": actions, "Resource": resources })
}

/// Roles that AWS's services make for themselves, once in an account.
fn service_linked_roles() -> Value {
    let services = ["elasticloadbalancing", "spot", "eks", "eks-nodegroup"].map(|service| format!("{service}.amazonaws.com"));
    allow_if(
        &["iam:CreateServiceLinkedRole"],
        &["arn:*:iam::*:role/aws-service-role/*".to_owned()],
        json!({ "StringEquals": { "iam:AWSServiceName": services } }),
    )
}
