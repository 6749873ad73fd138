//! What an EKS cluster is in a configuration: `eks {}`.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    domain::eks::EksId,
    framework::{attr::Attr, model::Model},
};

/// Makes an EKS cluster with its node groups, add-ons and access, from subnets, roles and keys that other modules make.
///
/// What is not written is left to AWS when the cluster is made, and as it is later. Node groups, add-ons, access entries and tags of others are left alone.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct Eks {
    /// Name of the cluster, unique in its account and region: up to 100 letters, digits, `-` and `_`, beginning with a letter or digit.
    #[tf(required)]
    pub name: Attr<String>,
    /// AWS region. Unset, it is that of the provider's `aws` block or of the environment; of a cluster that is made, the one it is in.
    #[tf(optional)]
    pub region: Attr<String>,
    /// Kubernetes version, such as `1.34`. Unset, AWS takes its default when the cluster is made. It is raised in place, one minor version at a time: the control
    /// plane, then the node groups, then the add-ons. It never goes back.
    #[tf(optional)]
    pub version: Attr<String>,
    /// ARN of the IAM role of the control plane. Another one needs a new cluster.
    #[tf(required)]
    pub role_arn: Attr<String>,
    /// Subnets of the control plane, in at least two availability zones of one VPC.
    #[tf(required)]
    pub subnet_ids: Attr<BTreeSet<String>>,
    /// Security groups of the control plane's network interfaces, besides the one that EKS makes.
    #[tf(optional)]
    pub security_group_ids: Attr<BTreeSet<String>>,
    /// Addresses of Services, such as `172.20.0.0/16`. Another range needs a new cluster.
    #[tf(optional)]
    pub service_cidr: Attr<String>,
    /// From where the Kubernetes API can be reached. Unset: from everywhere, and from the VPC directly.
    #[tf(block)]
    pub endpoint: Attr<EndpointAccess>,
    /// ARN of the KMS key that encrypts Kubernetes' Secrets. It can be added later, but neither changed nor taken away.
    #[tf(optional)]
    pub secrets_kms_key_arn: Attr<String>,
    /// Logs of the control plane that go to CloudWatch: `api`, `audit`, `authenticator`, `controllerManager`, `scheduler`.
    #[tf(optional)]
    pub log_types: Attr<BTreeSet<String>>,
    /// `STANDARD`: AWS upgrades the cluster when the support of its version ends; `EXTENDED`: a year later, for a higher price.
    #[tf(optional)]
    pub support_type: Attr<String>,
    /// Whether a plan that destroys or replaces the cluster is refused, and AWS refuses to delete it.
    #[tf(optional, default = true)]
    pub deletion_protection: Attr<bool>,
    /// Tags of everything made in AWS, besides the provider's `default_tags` and its own, which begin with `kaas.dev/`.
    #[tf(optional)]
    pub tags: Attr<BTreeMap<String, String>>,
    /// Principals of IAM that may use the Kubernetes API. The one that makes the cluster may everything.
    #[tf(block)]
    pub access_entry: Attr<Vec<AccessEntryBlock>>,
    /// Managed node groups. Removing one drains and deletes its nodes.
    #[tf(block)]
    pub node_group: Attr<Vec<NodeGroupBlock>>,
    /// Add-ons. Where none is written: `vpc-cni`, `coredns`, `kube-proxy`, `aws-ebs-csi-driver` and `eks-pod-identity-agent`, each in the version that AWS takes
    /// for the cluster's. The EBS driver makes volumes with the role of a `pod_identity` for `kube-system` and `ebs-csi-controller-sa`.
    #[tf(block)]
    pub add_on: Attr<Vec<AddOnBlock>>,
    /// IAM roles of pods, given by the add-on `eks-pod-identity-agent`.
    #[tf(block)]
    pub pod_identity: Attr<Vec<PodIdentityBlock>>,
}

/// From where the Kubernetes API can be reached.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct EndpointAccess {
    /// From the internet.
    #[tf(optional, default = true)]
    pub public: Attr<bool>,
    /// From the VPC, without leaving it. Where this is the only way, the provider has to run in the VPC or in a network that is connected to it.
    #[tf(optional, default = true)]
    pub private: Attr<bool>,
    /// Addresses that may reach the public endpoint, such as `203.0.113.0/24`. Unset: all.
    #[tf(optional)]
    pub public_cidrs: Attr<BTreeSet<String>>,
}

/// What a principal of IAM may do in the cluster.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct AccessEntryBlock {
    /// ARN of the IAM role or user.
    #[tf(required)]
    pub principal_arn: Attr<String>,
    /// Kubernetes groups it is in, for RoleBindings of your own.
    #[tf(optional)]
    pub kubernetes_groups: Attr<BTreeSet<String>>,
    /// Access policies of EKS.
    #[tf(block)]
    pub policy: Attr<Vec<AccessPolicyBlock>>,
}

/// An access policy of EKS.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct AccessPolicyBlock {
    /// ARN of the policy, such as `arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy`.
    #[tf(required)]
    pub policy_arn: Attr<String>,
    /// Namespaces in which it holds. Unset: in the whole cluster.
    #[tf(optional)]
    pub namespaces: Attr<BTreeSet<String>>,
}

/// A managed node group. Role, subnets, instance types, image, capacity and disk are fixed once it is made: with others, a new group is made and
/// the former one goes when the new one is there.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct NodeGroupBlock {
    /// Name, unique in the cluster. In EKS the group is called by it and a few letters that stand for what is fixed, such as `system-1f2e3d`.
    #[tf(required)]
    pub name: Attr<String>,
    /// ARN of the IAM role of the nodes.
    #[tf(required)]
    pub role_arn: Attr<String>,
    /// Subnets of the nodes. Unset: those of the cluster, whose change is then one of the nodes' too.
    #[tf(optional)]
    pub subnet_ids: Attr<BTreeSet<String>>,
    /// EC2 instance types, in order of preference. Unset, AWS chooses.
    #[tf(optional)]
    pub instance_types: Attr<Vec<String>>,
    /// Image of the nodes, such as `AL2023_x86_64_STANDARD`, `AL2023_ARM_64_STANDARD` or `BOTTLEROCKET_x86_64`. Unset, AWS chooses by the instance types.
    #[tf(optional)]
    pub ami_type: Attr<String>,
    /// `ON_DEMAND`, or `SPOT` for spare capacity that AWS takes back at short notice.
    #[tf(optional)]
    pub capacity_type: Attr<String>,
    /// GiB of each node's disk.
    #[tf(optional)]
    pub disk_gib: Attr<u32>,
    /// Nodes at least.
    #[tf(required)]
    pub min_size: Attr<u32>,
    /// Nodes at most.
    #[tf(required)]
    pub max_size: Attr<u32>,
    /// Nodes now. Unset, the number stays as it is between `min_size` and `max_size`, as an autoscaler sets it.
    #[tf(optional)]
    pub desired_size: Attr<u32>,
    /// Labels of the nodes.
    #[tf(optional)]
    pub labels: Attr<BTreeMap<String, String>>,
    /// Taints of the nodes.
    #[tf(block)]
    pub taint: Attr<Vec<TaintBlock>>,
    /// How many nodes an upgrade replaces at once. Unset: one.
    #[tf(optional)]
    pub max_unavailable: Attr<u32>,
}

/// A taint, which keeps pods off that do not tolerate it.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct TaintBlock {
    /// Key.
    #[tf(required)]
    pub key: Attr<String>,
    /// Value.
    #[tf(optional)]
    pub value: Attr<String>,
    /// `NO_SCHEDULE`, `NO_EXECUTE` or `PREFER_NO_SCHEDULE`.
    #[tf(required)]
    pub effect: Attr<String>,
}

/// An add-on of EKS.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct AddOnBlock {
    /// Name, such as `vpc-cni`.
    #[tf(required)]
    pub name: Attr<String>,
    /// Version, such as `v1.21.1-eksbuild.1`. Unset, AWS takes the one for the cluster's version when the add-on is made, and after an upgrade of the cluster.
    #[tf(optional)]
    pub version: Attr<String>,
    /// ARN of the IAM role of its service account, by the cluster's OIDC provider.
    #[tf(optional)]
    pub service_account_role_arn: Attr<String>,
    /// Configuration as JSON: `jsonencode({ … })`. Which keys there are is told by `aws eks describe-addon-configuration`.
    #[tf(optional)]
    pub configuration: Attr<String>,
}

/// The IAM role of the pods of one service account.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct PodIdentityBlock {
    /// Namespace of the service account.
    #[tf(required)]
    pub namespace: Attr<String>,
    /// Name of the service account.
    #[tf(required)]
    pub service_account: Attr<String>,
    /// ARN of the role, which `pods.eks.amazonaws.com` may assume.
    #[tf(required)]
    pub role_arn: Attr<String>,
}

/// How a managed node group is.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct NodeGroupReport {
    /// Name in the configuration.
    #[tf(computed)]
    pub name: Attr<String>,
    /// Name in EKS.
    #[tf(computed)]
    pub eks_name: Attr<String>,
    /// ARN.
    #[tf(computed)]
    pub arn: Attr<String>,
    /// Kubernetes version of its nodes.
    #[tf(computed)]
    pub version: Attr<String>,
    /// Status in EKS, such as `ACTIVE`.
    #[tf(computed)]
    pub status: Attr<String>,
}

/// How an EKS cluster is.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct StatusReport {
    /// `Creating`, `Updating`, `Ready`, `Degraded` where AWS tells of problems, `Unreachable` where its Kubernetes API could not be reached from here, `Failed` or
    /// `Deleting`. Anything but `Ready` makes the next apply go on.
    #[tf(computed)]
    pub phase: Attr<String>,
    /// What AWS says is wrong, one line each.
    #[tf(computed)]
    pub issues: Attr<Vec<String>>,
}

/// A block of which only the place of the cluster is known.
pub fn named(id: &EksId) -> Eks {
    Eks {
        name: id.name.clone().into(),
        region: id.region.clone().into(),
        version: Attr::Null,
        role_arn: Attr::Null,
        subnet_ids: Attr::Null,
        security_group_ids: Attr::Null,
        service_cidr: Attr::Null,
        endpoint: Attr::Null,
        secrets_kms_key_arn: Attr::Null,
        log_types: Attr::Null,
        support_type: Attr::Null,
        deletion_protection: Attr::Null,
        tags: Attr::Null,
        access_entry: Attr::Null,
        node_group: Attr::Null,
        add_on: Attr::Null,
        pod_identity: Attr::Null,
    }
}
