//! What is there of an EKS cluster, as AWS tells it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::version::EksVersion;
use super::wish::{AccessEntry, Endpoint, NodeShape, PodIdentity, Scaling, SupportType, Taint};

/// An EKS cluster and all that belongs to it, as seen at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// None: there is no such cluster.
    pub cluster: Option<ClusterSeen>,
    /// By their names in EKS, which begin with the name the user gave.
    pub node_groups: BTreeMap<String, NodeGroupSeen>,
    pub add_ons: BTreeMap<String, AddOnSeen>,
    /// By ARN of the principal, those of others included.
    pub access_entries: BTreeMap<String, AccessEntrySeen>,
    /// Those of others included.
    pub pod_identities: BTreeMap<PodIdentity, PodIdentitySeen>,
}

/// What a principal of IAM may do in the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessEntrySeen {
    pub arn: String,
    pub entry: AccessEntry,
    pub tags: BTreeMap<String, String>,
}

/// The association of a service account with a role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodIdentitySeen {
    pub association_id: String,
    pub arn: String,
    pub tags: BTreeMap<String, String>,
}

/// The control plane.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterSeen {
    pub arn: String,
    pub status: ClusterStatus,
    pub version: EksVersion,
    pub platform_version: Option<String>,
    /// URL of the Kubernetes API; None until there is one.
    pub endpoint: Option<String>,
    /// PEM of the authority that signs the API server's certificate.
    pub ca_certificate: Option<String>,
    pub oidc_issuer: Option<String>,
    pub role_arn: String,
    pub vpc_id: Option<String>,
    pub subnet_ids: BTreeSet<String>,
    pub security_group_ids: BTreeSet<String>,
    /// The group that EKS made for the cluster and its nodes.
    pub cluster_security_group_id: Option<String>,
    pub service_cidr: Option<String>,
    pub access_from: Endpoint,
    pub secrets_key_arn: Option<String>,
    pub log_types: BTreeSet<String>,
    pub support_type: Option<SupportType>,
    pub deletion_protection: bool,
    pub tags: BTreeMap<String, String>,
    pub issues: Vec<Issue>,
    /// Changes under way, by their ids in EKS.
    pub updates: Vec<Update>,
}

/// Statuses of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ClusterStatus {
    #[default]
    Creating,
    Active,
    Updating,
    Deleting,
    Failed,
    /// One that this provider does not know.
    Other(String),
}

/// A node group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeGroupSeen {
    pub arn: String,
    pub status: PartStatus,
    pub version: Option<EksVersion>,
    pub shape: NodeShape,
    pub scaling: Scaling,
    pub labels: BTreeMap<String, String>,
    pub taints: BTreeSet<Taint>,
    pub max_unavailable: Option<u32>,
    pub tags: BTreeMap<String, String>,
    pub issues: Vec<Issue>,
    /// Changes under way and failed ones, by their ids in EKS.
    pub updates: Vec<Update>,
}

/// An add-on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddOnSeen {
    pub arn: String,
    pub status: PartStatus,
    pub version: Option<String>,
    pub service_account_role_arn: Option<String>,
    pub configuration: Option<String>,
    pub tags: BTreeMap<String, String>,
    pub issues: Vec<Issue>,
}

/// Statuses of node groups and add-ons.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PartStatus {
    #[default]
    Creating,
    Active,
    Updating,
    Deleting,
    CreateFailed,
    UpdateFailed,
    DeleteFailed,
    Degraded,
    /// One that this provider does not know.
    Other(String),
}

impl fmt::Display for ClusterStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Creating => "CREATING",
            Self::Active => "ACTIVE",
            Self::Updating => "UPDATING",
            Self::Deleting => "DELETING",
            Self::Failed => "FAILED",
            Self::Other(status) => status,
        })
    }
}

impl fmt::Display for PartStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Creating => "CREATING",
            Self::Active => "ACTIVE",
            Self::Updating => "UPDATING",
            Self::Deleting => "DELETING",
            Self::CreateFailed => "CREATE_FAILED",
            Self::UpdateFailed => "UPDATE_FAILED",
            Self::DeleteFailed => "DELETE_FAILED",
            Self::Degraded => "DEGRADED",
            Self::Other(status) => status,
        })
    }
}

/// `InsufficientFreeAddresses: … (subnet-1, subnet-2)`.
impl fmt::Display for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)?;
        if self.resource_ids.is_empty() { Ok(()) } else { write!(f, " ({})", self.resource_ids.join(", ")) }
    }
}

/// What AWS says is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Issue {
    /// Such as `NodeCreationFailure`.
    pub code: String,
    pub message: String,
    pub resource_ids: Vec<String>,
}

/// A change that EKS is making or has failed to make.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Update {
    pub id: String,
    /// Such as `VersionUpdate`.
    pub kind: String,
    pub failed: bool,
    pub issues: Vec<Issue>,
}
