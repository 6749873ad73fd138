//! How a tenant, its objects and its labels are named. Every name that Kubernetes sees is made here and nowhere else.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The longest tenant name. Strimzi and we append up to 22 characters (`-controllers-59`, `-kafka-bootstrap`, `kaas-…-1000-16000`), and
/// a Kubernetes label value or DNS label holds 63.
pub const MAX_NAME_LENGTH: usize = 40;

/// Label keys and values on every object the provider makes.
pub const MANAGED_BY_LABEL: &str = "app.kubernetes.io/managed-by";
pub const MANAGED_BY: &str = "kaas";
pub const TENANT_LABEL: &str = "kaas.dev/tenant";

/// Strimzi's label that ties node pools and users to their Kafka, and the one it puts on a pool's pods.
pub const STRIMZI_CLUSTER_LABEL: &str = "strimzi.io/cluster";
pub const STRIMZI_POOL_LABEL: &str = "strimzi.io/pool-name";

/// Annotations on a tenant's namespace: who made it, how far it came, and the wish to rebuild it from.
pub const OWNER_ANNOTATION: &str = "kaas.dev/owner";
pub const PHASE_ANNOTATION: &str = "kaas.dev/phase";
pub const WISH_ANNOTATION: &str = "kaas.dev/wish";
/// Names in hosted zones that a change has begun to give the tenant and that its wish does not tell, as a JSON list.
pub const NAMES_ANNOTATION: &str = "kaas.dev/names";

/// Annotation on the namespace of a tenant that is being made: which run makes it. The last one to set it is the only one that may finish.
pub const RUN_ANNOTATION: &str = "kaas.dev/run";

/// Annotation on the pool of brokers: the machine they are sized for, which no field of the pool tells.
pub const INSTANCE_TYPE_ANNOTATION: &str = "kaas.dev/instance-type";

/// The node pools of every tenant. One Kafka lives in a namespace, so they need no prefix.
pub const BROKER_POOL: &str = "brokers";
pub const CONTROLLER_POOL: &str = "controllers";

/// The namespace of what all tenants share on the management cluster, such as the ClusterClasses.
pub const SYSTEM_NAMESPACE: &str = "kaas-system";

/// The label of a tenant's nodes that says what runs on them, and the taint of those for brokers. Cluster API copies labels of this domain from a
/// machine to its node, whatever the infrastructure; the kubelet may set them as well.
pub const WORKERS_LABEL: &str = "node.cluster.x-k8s.io/kaas-workers";
pub const BROKER_WORKERS: &str = "brokers";
pub const SYSTEM_WORKERS: &str = "system";

/// The name of a tenant: an RFC 1123 label that starts with a letter, at most [`MAX_NAME_LENGTH`] characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TenantName(String);

impl TenantName {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The namespace that holds all of the tenant's objects.
    pub fn namespace(&self) -> String {
        format!("kaas-{}", self.0)
    }

    /// The Kafka object.
    pub fn kafka(&self) -> &str {
        &self.0
    }

    /// The KafkaUser with all rights, and the Secret of the same name that Strimzi writes its credentials to.
    pub fn admin_user(&self) -> String {
        format!("{}-admin", self.0)
    }

    /// The StorageClass of the tenant (not namespaced, hence the prefix).
    pub fn storage_class(&self) -> String {
        self.namespace()
    }

    /// The VolumeAttributesClass for these figures. Its parameters cannot be changed, so other figures are another object.
    pub fn volume_attributes_class(&self, mib_per_second: u64, iops: u64) -> String {
        format!("kaas-{}-{mib_per_second}-{iops}", self.0)
    }

    /// The Cluster API object of a tenant with a cluster of its own, in the tenant's namespace of the management cluster.
    pub fn cluster(&self) -> &str {
        &self.0
    }

    /// The Secret through which that cluster is reached, written by its control plane provider (key `value`).
    pub fn kubeconfig_secret(&self) -> String {
        format!("{}-kubeconfig", self.0)
    }

    /// Selector of all objects of this tenant, as the list call takes it.
    pub fn label_selector(&self) -> String {
        format!("{MANAGED_BY_LABEL}={MANAGED_BY},{TENANT_LABEL}={}", self.0)
    }
}

/// How far a tenant came, as its namespace's [`PHASE_ANNOTATION`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Creating,
    Created,
    Deleting,
}

impl Phase {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Created => "created",
            Self::Deleting => "deleting",
        }
    }

    /// None for a text that no version of the provider wrote.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Creating, Self::Created, Self::Deleting].into_iter().find(|phase| phase.as_str() == text)
    }
}

/// Which rule a tenant name breaks; every message says what is allowed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NameError {
    #[error("the name is empty; allowed are 1 to {MAX_NAME_LENGTH} lower case letters, digits and \"-\", beginning with a letter")]
    Empty,
    #[error("{name:?} has {length} characters; at most {MAX_NAME_LENGTH} are allowed, because names of pods and services are made from it")]
    TooLong { name: String, length: usize },
    #[error("{name:?} contains {found:?}; only lower case letters a-z, digits and \"-\" are allowed")]
    Character { name: String, found: char },
    #[error("{name:?} begins with {found:?}; the first character must be a lower case letter a-z")]
    First { name: String, found: char },
    #[error("{name:?} ends with \"-\"; the last character must be a lower case letter or a digit")]
    Last { name: String },
}

impl FromStr for TenantName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let name = || text.to_owned();
        let Some(first) = text.chars().next() else { return Err(NameError::Empty) };
        let allowed = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-';
        if let Some(found) = text.chars().find(|c| !allowed(c)) {
            return Err(NameError::Character { name: name(), found });
        }
        if !first.is_ascii_lowercase() {
            return Err(NameError::First { name: name(), found: first });
        }
        if text.ends_with('-') {
            return Err(NameError::Last { name: name() });
        }
        if text.len() > MAX_NAME_LENGTH {
            return Err(NameError::TooLong { name: name(), length: text.len() });
        }
        Ok(Self(name()))
    }
}

impl TryFrom<String> for TenantName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<TenantName> for String {
    fn from(name: TenantName) -> Self {
        name.0
    }
}

impl fmt::Display for TenantName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_kubernetes_and_dns_take_are_accepted() {
        for name in ["a", "payments", "payments-eu-1", "x9", &"a".repeat(40)] {
            assert_eq!(name.parse::<TenantName>().unwrap().to_string(), name);
        }
    }

    #[test]
    fn each_broken_rule_is_named_with_what_is_allowed() {
        let message = |name: &str| name.parse::<TenantName>().unwrap_err().to_string();
        assert!(message("").contains("is empty; allowed are 1 to 40"));
        assert!(message("Payments").contains("contains 'P'; only lower case"));
        assert!(message("pay_ments").contains("contains '_'"));
        assert!(message("pay.ments").contains("contains '.'"));
        assert!(message("zahlungsströme").contains("contains 'ö'"));
        assert!(message("pay\n").contains("contains '\\n'"));
        assert!(message("1payments").contains("begins with '1'"));
        assert!(message("-payments").contains("begins with '-'"));
        assert!(message("payments-").contains("ends with \"-\""));
        assert!(message(&"a".repeat(41)).contains("has 41 characters; at most 40"));
    }

    #[test]
    fn every_derived_name_of_the_longest_tenant_fits_a_label() {
        let name: TenantName = "a".repeat(MAX_NAME_LENGTH).parse().unwrap();
        let derived = [
            name.namespace(),
            name.admin_user(),
            name.storage_class(),
            name.volume_attributes_class(1000, 16_000),
            // Strimzi's Service in front of all brokers and its Secret with the CA's certificate.
            format!("{name}-kafka-bootstrap"),
            format!("{name}-cluster-ca-cert"),
            name.kubeconfig_secret(),
            format!("{name}-{CONTROLLER_POOL}-62"),
            format!("data-0-{name}-{CONTROLLER_POOL}-62"),
            // Strimzi's Service in front of one broker, for clients outside.
            format!("{name}-{BROKER_POOL}-outside-16383"),
        ];
        for name in derived {
            assert!(name.len() <= 63, "{name}");
        }
    }

    #[test]
    fn a_phase_reads_back_what_it_writes() {
        for phase in [Phase::Creating, Phase::Created, Phase::Deleting] {
            assert_eq!(Phase::parse(phase.as_str()), Some(phase));
        }
        assert_eq!(Phase::parse("done"), None);
    }
}
