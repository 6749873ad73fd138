//! The Kafka versions offered and which changes between them are possible.
//!
//! Source: Strimzi 1.2.0, `kafka-versions.yaml`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A version that Strimzi runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KafkaVersion {
    major: u32,
    minor: u32,
    patch: u32,
}

impl KafkaVersion {
    /// All versions offered, oldest first.
    pub const OFFERED: [Self; 4] = [Self::new(4, 2, 0), Self::new(4, 2, 1), Self::new(4, 3, 0), Self::new(4, 3, 1)];
    pub const DEFAULT: Self = Self::new(4, 3, 1);

    const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch }
    }

    /// The newest metadata version this Kafka writes, which a new tenant gets.
    pub const fn metadata_version(self) -> MetadataVersion {
        if self.minor >= 3 { MetadataVersion::V4_3 } else { MetadataVersion::V4_2 }
    }
}

impl Default for KafkaVersion {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The format of Kafka's metadata log. It is raised, never lowered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum MetadataVersion {
    #[serde(rename = "4.2-IV1")]
    V4_2,
    #[serde(rename = "4.3-IV0")]
    V4_3,
}

impl MetadataVersion {
    pub const OFFERED: [Self; 2] = [Self::V4_2, Self::V4_3];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V4_2 => "4.2-IV1",
            Self::V4_3 => "4.3-IV0",
        }
    }
}

/// What a change of versions means for the brokers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionChange {
    None,
    /// The metadata version alone is raised: no broker restarts.
    Live,
    /// Brokers restart one after the other.
    Rolling,
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum VersionError {
    #[error("Kafka {found:?} is not offered; offered are {}", joined(&KafkaVersion::OFFERED))]
    NotOffered { found: String },
    #[error("metadata version {found:?} is not offered; offered are {}", joined(&MetadataVersion::OFFERED))]
    MetadataNotOffered { found: String },
    #[error("metadata version {metadata} is newer than Kafka {version} can read; raise the Kafka version to {least} or above first")]
    MetadataTooNew { version: KafkaVersion, metadata: MetadataVersion, least: KafkaVersion },
    #[error(
        "Kafka cannot go from {from} back to {to}: its metadata is at {metadata}, which {to} cannot read and which is never lowered; stay at {from} or \
         above, or make a new tenant with {to} and move the topics"
    )]
    Downgrade { from: KafkaVersion, to: KafkaVersion, metadata: MetadataVersion },
    #[error("the metadata version cannot go from {from} back to {to}: Kafka never lowers it; leave it at {from} or remove the setting")]
    MetadataDowngrade { from: MetadataVersion, to: MetadataVersion },
}

fn joined<T: fmt::Display>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Kafka's version and the metadata version, which follows the version when it is not named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions {
    pub version: KafkaVersion,
    pub metadata: Option<MetadataVersion>,
}

impl Versions {
    pub fn effective_metadata(self) -> MetadataVersion {
        self.metadata.unwrap_or_else(|| self.version.metadata_version())
    }

    /// # Errors
    /// A metadata version that this Kafka cannot read.
    pub fn check(self) -> Result<(), VersionError> {
        let metadata = self.effective_metadata();
        if metadata <= self.version.metadata_version() {
            return Ok(());
        }
        let least = KafkaVersion::OFFERED.into_iter().find(|v| v.metadata_version() >= metadata).unwrap_or(KafkaVersion::DEFAULT);
        Err(VersionError::MetadataTooNew { version: self.version, metadata, least })
    }
}

/// Whether a running Kafka can be brought from one pair of versions to another, and how.
///
/// An older version is possible as long as it reads the metadata (a patch release back, or a minor one whose metadata was held back).
///
/// # Errors
/// Metadata that would have to go back, directly or because the older Kafka cannot read it.
pub fn check_change(from: Versions, to: Versions) -> Result<VersionChange, VersionError> {
    let (old, new) = (from.effective_metadata(), to.effective_metadata());
    if to.version < from.version && old > to.version.metadata_version() {
        return Err(VersionError::Downgrade { from: from.version, to: to.version, metadata: old });
    }
    if new < old {
        return Err(VersionError::MetadataDowngrade { from: old, to: new });
    }
    to.check()?;
    Ok(match () {
        () if to.version != from.version => VersionChange::Rolling,
        () if new != old => VersionChange::Live,
        () => VersionChange::None,
    })
}

impl FromStr for KafkaVersion {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        Self::OFFERED
            .into_iter()
            .find(|version| version.to_string() == text)
            .ok_or_else(|| VersionError::NotOffered { found: text.to_owned() })
    }
}

impl FromStr for MetadataVersion {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        Self::OFFERED
            .into_iter()
            .find(|version| version.as_str() == text)
            .ok_or_else(|| VersionError::MetadataNotOffered { found: text.to_owned() })
    }
}

impl TryFrom<String> for KafkaVersion {
    type Error = VersionError;

    fn try_from(text: String) -> Result<Self, VersionError> {
        text.parse()
    }
}

impl From<KafkaVersion> for String {
    fn from(version: KafkaVersion) -> Self {
        version.to_string()
    }
}

impl fmt::Display for KafkaVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl fmt::Display for MetadataVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versions(version: &str, metadata: Option<&str>) -> Versions {
        Versions { version: version.parse().unwrap(), metadata: metadata.map(|m| m.parse().unwrap()) }
    }

    #[test]
    fn a_version_that_is_not_offered_is_refused_with_the_list() {
        for text in ["4.1.0", "3.9.0", "4.3", "", "latest", "4.3.1 "] {
            let message = text.parse::<KafkaVersion>().unwrap_err().to_string();
            assert!(message.contains("offered are 4.2.0, 4.2.1, 4.3.0, 4.3.1"), "{message}");
        }
        assert!("4.1-IV0".parse::<MetadataVersion>().unwrap_err().to_string().contains("4.2-IV1, 4.3-IV0"));
    }

    #[test]
    fn upgrades_roll_and_metadata_alone_is_live() {
        assert_eq!(check_change(versions("4.2.0", None), versions("4.3.1", None)), Ok(VersionChange::Rolling));
        assert_eq!(check_change(versions("4.3.1", Some("4.2-IV1")), versions("4.3.1", None)), Ok(VersionChange::Live));
        assert_eq!(check_change(versions("4.3.1", None), versions("4.3.1", Some("4.3-IV0"))), Ok(VersionChange::None));
    }

    #[test]
    fn a_downgrade_goes_only_as_far_as_the_metadata_can_be_read() {
        assert_eq!(check_change(versions("4.3.1", None), versions("4.3.0", None)), Ok(VersionChange::Rolling));
        assert_eq!(check_change(versions("4.3.1", Some("4.2-IV1")), versions("4.2.1", None)), Ok(VersionChange::Rolling));
        let refused = check_change(versions("4.3.0", None), versions("4.2.1", None)).unwrap_err().to_string();
        assert!(refused.contains("from 4.3.0 back to 4.2.1") && refused.contains("or make a new tenant"), "{refused}");
        let refused = check_change(versions("4.3.1", None), versions("4.3.1", Some("4.2-IV1"))).unwrap_err();
        assert!(matches!(refused, VersionError::MetadataDowngrade { .. }));
    }

    #[test]
    fn metadata_newer_than_kafka_is_refused_with_the_version_it_needs() {
        let message = versions("4.2.1", Some("4.3-IV0")).check().unwrap_err().to_string();
        assert!(message.contains("raise the Kafka version to 4.3.0"), "{message}");
    }
}
