//! Everything that makes one tenant, parsed: past this type nothing is checked again.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use super::certificate::TlsSpec;
use super::cluster::ClusterSpec;
use super::dns::DnsSpec;
use super::external::ExternalSpec;
use super::kafka::version::{KafkaVersion, MetadataVersion, Versions};
use super::names::{MANAGED_BY_LABEL, STRIMZI_CLUSTER_LABEL, TENANT_LABEL, TenantName, WISH_ANNOTATION};
use super::releases::ComponentVersions;
use super::sizing::{Floor, Overrides, Wish};

/// One tenant. Serialised (without the floor, which is a fact and no wish) it is the annotation an import rebuilds it from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TenantSpec {
    pub name: TenantName,
    /// Who made it: an id, so that a tenant of the same name made by another hand is told apart.
    pub owner: String,
    pub wish: Wish,
    #[serde(default)]
    pub overrides: Overrides,
    #[serde(skip)]
    pub floor: Option<Floor>,
    #[serde(default)]
    pub kafka: KafkaSpec,
    /// Groups, as the cluster's authentication names them, that may look at the tenant's objects.
    #[serde(default)]
    pub access_groups: Vec<String>,
    /// Namespaces whose pods may connect as clients. Empty: all.
    #[serde(default)]
    pub allowed_namespaces: Vec<String>,
    #[serde(default)]
    pub storage: StorageSpec,
    /// On every object, beside our own.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    #[serde(default)]
    pub isolation: Isolation,
    /// Metrics, alerts and a dashboard; needs the Prometheus operator where Kafka runs.
    #[serde(default)]
    pub monitoring: bool,
    /// What the cluster offered when the tenant was made, by which it was laid out. None: not made yet, or made before this was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<Facts>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns: Option<DnsSpec>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsSpec>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<ExternalSpec>,
    /// The names of before, while they are given up: they are kept until the new ones answer. No part of the wish.
    #[serde(skip)]
    pub leaving: Option<DnsSpec>,
    /// The registry that charts and images of a cluster of its own come from, as the management cluster says; None: where their projects publish them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mirror: Option<String>,
}

/// What a tenant has to itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Isolation {
    /// A namespace on the management cluster.
    #[default]
    Namespace,
    /// A Kubernetes cluster, made by Cluster API.
    Cluster(Box<OwnCluster>),
}

/// A tenant's own cluster and what runs in it beside Kafka.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct OwnCluster {
    pub cluster: ClusterSpec,
    pub versions: ComponentVersions,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct KafkaSpec {
    pub version: KafkaVersion,
    /// None: it follows the version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata_version: Option<MetadataVersion>,
    /// Broker settings, each allowed by [`super::kafka::config::check`].
    pub config: BTreeMap<String, String>,
    pub authentication: Authentication,
}

impl KafkaSpec {
    pub fn versions(&self) -> Versions {
        Versions { version: self.version, metadata: self.metadata_version }
    }
}

impl Default for KafkaSpec {
    fn default() -> Self {
        Self { version: KafkaVersion::DEFAULT, metadata_version: None, config: BTreeMap::new(), authentication: Authentication::Tls }
    }
}

/// How clients prove who they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Authentication {
    /// By a certificate.
    #[default]
    #[serde(rename = "tls")]
    Tls,
    /// By a password, over TLS.
    #[serde(rename = "scram-sha-512")]
    ScramSha512,
}

impl Authentication {
    pub const ALL: [Self; 2] = [Self::Tls, Self::ScramSha512];

    /// As Strimzi writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::ScramSha512 => "scram-sha-512",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|authentication| authentication.as_str() == text)
    }
}

impl fmt::Display for Authentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StorageSpec {
    /// An existing StorageClass. None: our own encrypted one where the cluster has the EBS driver, else the cluster's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// The key our own StorageClass encrypts with. None: the account's default key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key_arn: Option<String>,
}

/// What the cluster offers. Class and rack awareness of the volumes follow from it, so it is looked at once and kept with the wish: Strimzi refuses another
/// StorageClass for volumes that exist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// The EBS CSI driver is registered.
    pub ebs_csi: bool,
    /// VolumeAttributesClass is served as `storage.k8s.io/v1` (Kubernetes 1.34).
    pub volume_attributes_classes: bool,
}

impl Facts {
    /// What a tenant is laid out by that was made under the `kept` facts on a cluster that now offers `live` ones. Only a VolumeAttributesClass is taken up
    /// later: Strimzi gives one to volumes that exist.
    pub fn of_tenant(kept: Option<Self>, live: Self) -> Self {
        kept.map_or(live, |kept| Self {
            volume_attributes_classes: kept.ebs_csi && (kept.volume_attributes_classes || live.volume_attributes_classes),
            ..kept
        })
    }
}

#[derive(Debug, Error)]
#[error("read the wish of a tenant from its annotation")]
pub struct WishError(#[from] serde_json::Error);

impl TenantSpec {
    /// None: the tenant lives in a namespace of the management cluster.
    pub fn own_cluster(&self) -> Option<&OwnCluster> {
        match &self.isolation {
            Isolation::Namespace => None,
            Isolation::Cluster(own) => Some(own),
        }
    }

    /// The wish as canonical JSON: the same tenant gives the same text.
    ///
    /// # Errors
    /// None that can be reached: every part is a plain value.
    pub fn to_wish_json(&self) -> Result<String, WishError> {
        Ok(serde_json::to_string(self)?)
    }

    /// # Errors
    /// A text that no version of the provider wrote.
    pub fn from_wish_json(text: &str) -> Result<Self, WishError> {
        Ok(serde_json::from_str(text)?)
    }

    /// The wish that a tenant's namespace keeps; None where it keeps none that is understood.
    pub fn of_namespace(namespace: &Value) -> Option<Self> {
        Self::from_wish_json(namespace["metadata"]["annotations"][WISH_ANNOTATION].as_str()?).ok()
    }
}

/// Why a label cannot be put on objects.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LabelError {
    #[error("label {key:?} is the provider's or Strimzi's own; choose another key")]
    Reserved { key: String },
    #[error(
        "{key:?} is no label key: allowed is an optional DNS name and \"/\", then up to 63 letters, digits, \"-\", \"_\" and \".\" that begin and end \
         with a letter or digit"
    )]
    Key { key: String },
    #[error(
        "{value:?}, the value of label {key:?}, is no label value: allowed are up to 63 letters, digits, \"-\", \"_\" and \".\" that begin and end with a \
         letter or digit"
    )]
    Value { key: String, value: String },
}

impl LabelError {
    pub fn key(&self) -> &str {
        match self {
            Self::Reserved { key } | Self::Key { key } | Self::Value { key, .. } => key,
        }
    }
}

/// Every label that Kubernetes would not take or that is not the user's, in the order of their keys.
pub fn check_labels(labels: &BTreeMap<String, String>) -> Vec<LabelError> {
    let mut errors = Vec::new();
    for (key, value) in labels {
        let (prefix, name) = key.split_once('/').map_or((None, key.as_str()), |(prefix, name)| (Some(prefix), name));
        let reserved = prefix.is_some_and(|p| ["kaas.dev", "strimzi.io", "kubernetes.io", "k8s.io"].iter().any(|own| is_within(p, own)));
        let ours = [MANAGED_BY_LABEL, TENANT_LABEL, STRIMZI_CLUSTER_LABEL].contains(&key.as_str());
        if reserved || ours {
            errors.push(LabelError::Reserved { key: key.clone() });
        } else if !prefix.is_none_or(is_dns_name) || !is_label_text(name) {
            errors.push(LabelError::Key { key: key.clone() });
        }
        if !value.is_empty() && !is_label_text(value) {
            errors.push(LabelError::Value { key: key.clone(), value: value.clone() });
        }
    }
    errors
}

fn is_within(domain: &str, parent: &str) -> bool {
    domain == parent || domain.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.'))
}

fn is_label_text(text: &str) -> bool {
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    text.len() <= 63
        && ends(text.chars().next())
        && ends(text.chars().last())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

/// An RFC 1123 subdomain, as Kubernetes names most objects.
pub fn is_dns_name(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_dns_label)
}

/// An RFC 1123 label, as Kubernetes names namespaces.
pub fn is_dns_label(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !text.is_empty() && text.len() <= 63 && text.chars().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

#[cfg(test)]
pub mod tests {

    use super::*;
    use crate::domain::sizing::Retention;

    /// A tenant as an import reads it: the fixture of all tests under `domain`, through the front door.
    pub fn tenant(json: &str) -> TenantSpec {
        TenantSpec::from_wish_json(json).unwrap()
    }

    pub const PAYMENTS: &str = r#"{"name":"payments","owner":"own-1",
        "wish":{"ingress":52428800,"egress":157286400,"retention":{"time":{"ms":86400000}}}}"#;

    /// The tenant of [`PAYMENTS`] with these blocks for clients outside; null: without.
    pub fn with_outside(dns: Value, tls: Value, external: Value) -> TenantSpec {
        let mut spec = tenant(PAYMENTS);
        spec.dns = serde_json::from_value(dns).unwrap();
        spec.tls = serde_json::from_value(tls).unwrap();
        spec.external = serde_json::from_value(external).unwrap();
        spec
    }

    #[test]
    fn a_tenant_reads_back_from_its_wish() {
        let mut spec = tenant(PAYMENTS);
        assert_eq!(TenantSpec::from_wish_json(&spec.to_wish_json().unwrap()).unwrap(), spec);
        spec.wish.partitions = Some(12);
        spec.wish.retention = Retention::from_gib(7).unwrap();
        spec.overrides =
            Overrides { brokers: Some(6), instance_type: Some("m5.large".into()), volume_iops: Some(4_000), ..Overrides::default() };
        spec.kafka = KafkaSpec {
            version: "4.2.1".parse().unwrap(),
            metadata_version: Some(MetadataVersion::V4_2),
            config: BTreeMap::from([("num.partitions".into(), "3".into())]),
            authentication: Authentication::ScramSha512,
        };
        spec.access_groups = vec!["team".into()];
        spec.allowed_namespaces = vec!["apps".into()];
        spec.storage = StorageSpec { class: Some("fast".into()), kms_key_arn: Some("arn:aws:kms:…".into()) };
        spec.labels = BTreeMap::from([("team".into(), "blue".into())]);
        spec.facts = Some(Facts { ebs_csi: true, volume_attributes_classes: false });
        let text = spec.to_wish_json().unwrap();
        assert_eq!(TenantSpec::from_wish_json(&text).unwrap(), spec);
        assert_eq!(TenantSpec::from_wish_json(&text).unwrap().to_wish_json().unwrap(), text);
    }

    #[test]
    fn a_tenant_keeps_the_class_it_was_made_with_and_takes_up_attributes_later() {
        let facts = |ebs_csi, volume_attributes_classes| Facts { ebs_csi, volume_attributes_classes };
        for (kept, live, laid_out_by) in [
            (None, facts(true, false), facts(true, false)),
            (Some(facts(true, true)), facts(false, false), facts(true, true)),
            (Some(facts(true, false)), facts(false, false), facts(true, false)),
            (Some(facts(false, false)), facts(true, true), facts(false, false)),
            (Some(facts(true, false)), facts(true, true), facts(true, true)),
        ] {
            assert_eq!(Facts::of_tenant(kept, live), laid_out_by, "{kept:?} {live:?}");
        }
    }

    #[test]
    fn a_wish_of_a_version_and_a_setting_that_are_no_longer_offered_reads_back() {
        let text =
            PAYMENTS.replace("\"owner\"", r#""kafka":{"version":"4.1.0","metadata_version":"4.1-IV1","config":{"listeners":"x"}},"owner""#);
        let spec = tenant(&text);
        assert_eq!((spec.kafka.version.to_string(), spec.kafka.config.len()), ("4.1.0".to_owned(), 1));
        assert_eq!(TenantSpec::from_wish_json(&spec.to_wish_json().unwrap()).unwrap(), spec);
    }

    #[test]
    fn a_wish_that_is_damaged_is_refused() {
        for text in ["", "{}", "[]", &PAYMENTS.replace("payments", "Pay_ments"), &PAYMENTS.replace("52428800", "0")] {
            assert!(TenantSpec::from_wish_json(text).is_err(), "{text}");
        }
    }

    #[test]
    fn labels_that_kubernetes_refuses_or_that_are_not_the_users_are_named() {
        let pairs = [
            ("team", "blue"),
            ("example.com/cost-center", "4711"),
            ("empty", ""),
            ("kaas.dev/tenant", "x"),
            ("app.kubernetes.io/managed-by", "x"),
            ("my.strimzi.io/x", "x"),
            ("-a", "x"),
            ("a b", "x"),
            ("Example.com/a", "x"),
            ("v", "with space"),
            ("w", &"x".repeat(64)),
        ];
        let labels = pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        let errors = check_labels(&labels);
        let keys: Vec<&str> = errors.iter().map(LabelError::key).collect();
        assert_eq!(keys, ["-a", "Example.com/a", "a b", "app.kubernetes.io/managed-by", "kaas.dev/tenant", "my.strimzi.io/x", "v", "w"]);
    }
}
