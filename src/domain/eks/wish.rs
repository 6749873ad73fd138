//! What a user wishes an EKS cluster to be.

use std::collections::{BTreeMap, BTreeSet};

use super::version::EksVersion;

/// An EKS cluster and all that belongs to it. What is None is left to AWS when it is made, and as it is later.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// 1 to 100 letters, digits, `-` and `_`, the first a letter or digit.
    pub name: String,
    /// Who made it: an id that no other resource has, kept in a tag. Empty: no such tag.
    pub owner: String,
    /// Which run makes it, kept in a tag until it is made. Empty: no such tag.
    pub run: String,
    pub version: Option<EksVersion>,
    /// IAM role of the control plane. Fixed once made.
    pub role_arn: String,
    /// In at least two zones.
    pub subnet_ids: BTreeSet<String>,
    pub security_group_ids: BTreeSet<String>,
    /// CIDR of Services. Fixed once made.
    pub service_cidr: Option<String>,
    pub endpoint: Endpoint,
    /// KMS key that encrypts Secrets. Can be added to a running cluster, never changed or removed.
    pub secrets_key_arn: Option<String>,
    /// `api`, `audit`, `authenticator`, `controllerManager`, `scheduler`.
    pub log_types: BTreeSet<String>,
    pub support_type: Option<SupportType>,
    pub deletion_protection: bool,
    /// On the cluster and on every part of it, besides those of [`super::tags`].
    pub tags: BTreeMap<String, String>,
    /// Keys of tags that were wished once and no longer are. Tags that nobody wished are others', and left alone.
    pub dropped_tags: BTreeSet<String>,
    /// By ARN of the principal. Entries of others are left alone.
    pub access_entries: BTreeMap<String, AccessEntry>,
    /// By the name the user gave.
    pub node_groups: BTreeMap<String, NodeGroup>,
    /// By name, such as `vpc-cni`.
    pub add_ons: BTreeMap<String, AddOn>,
    /// Which IAM role the pods of a service account have.
    pub pod_identities: BTreeSet<PodIdentity>,
}

/// From where the Kubernetes API can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    pub public: bool,
    pub private: bool,
    /// Who may reach the public one; empty: everybody.
    pub public_cidrs: BTreeSet<String>,
}

impl Default for Endpoint {
    fn default() -> Self {
        Self { public: true, private: true, public_cidrs: BTreeSet::new() }
    }
}

/// How long AWS keeps a version running: `EXTENDED` costs more and upgrades later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SupportType {
    Standard,
    Extended,
}

/// What a principal of IAM may do in the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessEntry {
    pub kubernetes_groups: BTreeSet<String>,
    /// By ARN of the access policy.
    pub policies: BTreeMap<String, AccessPolicy>,
}

/// Where an access policy holds: in these namespaces; empty: in the whole cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessPolicy {
    pub namespaces: BTreeSet<String>,
}

/// A managed node group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeGroup {
    /// What cannot be changed: another shape is another group, made before the former one goes.
    pub shape: NodeShape,
    pub scaling: Scaling,
    pub labels: BTreeMap<String, String>,
    pub taints: BTreeSet<Taint>,
    /// How many nodes at most are replaced at once by an upgrade.
    pub max_unavailable: Option<u32>,
}

/// What of a node group is fixed once it is made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeShape {
    pub role_arn: String,
    pub subnet_ids: BTreeSet<String>,
    /// In order of preference.
    pub instance_types: Vec<String>,
    /// Such as `AL2023_x86_64_STANDARD`.
    pub ami_type: Option<String>,
    /// `ON_DEMAND` or `SPOT`.
    pub capacity_type: Option<String>,
    pub disk_gib: Option<u32>,
}

/// Numbers of nodes. `desired`: None leaves the present number within `min` and `max`, as an autoscaler set it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scaling {
    pub min: u32,
    pub max: u32,
    pub desired: Option<u32>,
}

/// A taint on each node of a group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Taint {
    pub key: String,
    pub value: Option<String>,
    pub effect: TaintEffect,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TaintEffect {
    NoSchedule,
    NoExecute,
    PreferNoSchedule,
}

/// An EKS add-on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddOn {
    /// Such as `v1.21.1-eksbuild.1`; None: what AWS takes for the cluster's version, when it is made.
    pub version: Option<String>,
    /// IAM role of its service account, by the cluster's OIDC provider.
    pub service_account_role_arn: Option<String>,
    /// Configuration, JSON.
    pub configuration: Option<String>,
}

/// The IAM role of the pods of one service account, given by the pod identity agent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PodIdentity {
    pub namespace: String,
    pub service_account: String,
    pub role_arn: String,
}
