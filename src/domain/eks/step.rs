//! The steps by which an EKS cluster becomes what is wished. Each is one request to EKS, or a few that may be repeated.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::seen::{Issue, Seen};
use super::version::EksVersion;
use super::wish::PodIdentity;

/// One thing to do. What it is done with stands in the wish; names are those in EKS.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    CreateCluster,
    /// Sets and removes tags of what has this ARN.
    Tag {
        arn: String,
        set: BTreeMap<String, String>,
        remove: BTreeSet<String>,
    },
    UpdateVersion {
        to: EksVersion,
    },
    /// Public and private endpoint and who may reach the public one.
    UpdateEndpoint,
    UpdateNetwork,
    UpdateLogging,
    UpdateSupport,
    UpdateDeletionProtection {
        to: bool,
    },
    EncryptSecrets,
    /// With its groups and policies.
    CreateAccessEntry {
        principal_arn: String,
    },
    /// Its groups.
    UpdateAccessEntry {
        principal_arn: String,
    },
    DeleteAccessEntry {
        principal_arn: String,
    },
    AssociatePolicy {
        principal_arn: String,
        policy_arn: String,
    },
    DisassociatePolicy {
        principal_arn: String,
        policy_arn: String,
    },
    /// `name`: as the user calls it; `group`: its name in EKS; `desired`: how many nodes it begins with.
    CreateNodeGroup {
        name: String,
        group: String,
        desired: u32,
    },
    /// Scaling, labels, taints and how it is updated. `desired`: the number of nodes to ask for; None: none is sent.
    UpdateNodeGroup {
        name: String,
        group: String,
        desired: Option<u32>,
    },
    UpdateNodeGroupVersion {
        group: String,
        to: EksVersion,
    },
    DeleteNodeGroup {
        group: String,
    },
    /// `kubernetes`: the version of the cluster. Where the wish pins no version, what AWS takes for that one.
    CreateAddOn {
        name: String,
        kubernetes: EksVersion,
    },
    /// As above: an add-on that is not pinned goes to what AWS takes for `kubernetes`.
    UpdateAddOn {
        name: String,
        kubernetes: EksVersion,
    },
    DeleteAddOn {
        name: String,
    },
    CreatePodIdentity {
        identity: PodIdentity,
    },
    DeletePodIdentity {
        association_id: String,
    },
    DeleteCluster,
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Do these, in this order, and look again.
    Do(Vec<Step>),
    /// Look again after a while. What is waited for, as one reads it: `node group "system-1f2e3d" is CREATING`.
    Wait(String),
    /// Nothing is under way, and this is ill of what may pass by itself. Look again after a while; what stays so for long has failed.
    Ailing(Fault),
    /// No waiting helps.
    Failed(Fault),
    /// All is as wished.
    Done,
}

/// Something that AWS says has failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Such as `node group "system-1f2e3d"`.
    pub what: String,
    /// Such as `CREATE_FAILED`.
    pub status: String,
    pub issues: Vec<Issue>,
}

/// What one run has begun. What failed before it is mended; what fails in it is a fault.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// Steps that AWS took. None of them is asked for twice.
    pub done: BTreeSet<Step>,
    /// Ids of updates that had failed before.
    pub former_failures: BTreeSet<String>,
}

/// `node group "system-1f2e3d" is DEGRADED: NodeCreationFailure: …`.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}", self.what, self.status)?;
        let issues: Vec<String> = self.issues.iter().map(ToString::to_string).collect();
        if issues.is_empty() { Ok(()) } else { write!(f, ": {}", issues.join("; ")) }
    }
}

impl Run {
    /// A run that finds this.
    pub fn begin(seen: &Seen) -> Self {
        let of_cluster = seen.cluster.iter().flat_map(|cluster| &cluster.updates);
        let updates = of_cluster.chain(seen.node_groups.values().flat_map(|group| &group.updates));
        Self { done: BTreeSet::new(), former_failures: updates.filter(|update| update.failed).map(|update| update.id.clone()).collect() }
    }
}
