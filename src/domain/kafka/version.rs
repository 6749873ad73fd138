//! The Kafka versions offered and which changes between them are possible.
//!
//! Any version can be read, for a Kafka outlives the provider that made it: whether a version is offered counts only where one is asked for.
//!
//! Source: Strimzi 1.2.0, `kafka-versions.yaml`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A version of Kafka, offered or not.
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

    /// The newest metadata version this Kafka writes, which a new tenant gets. Of a version that is not offered only the release is known.
    pub const fn metadata_version(self) -> MetadataVersion {
        match (self.major, self.minor) {
            (4, 2) => MetadataVersion::V4_2,
            (4, 3) => MetadataVersion::V4_3,
            (major, minor) => MetadataVersion { major, minor, revision: None },
        }
    }

    /// # Errors
    /// A new tenant cannot have it, and a running one cannot be brought to it.
    pub fn offered(self) -> Result<(), VersionError> {
        if Self::OFFERED.contains(&self) { Ok(()) } else { Err(VersionError::NotOffered { found: self.to_string() }) }
    }
}

impl Default for KafkaVersion {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The format of Kafka's metadata log, offered or not. It is raised, never lowered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MetadataVersion {
    major: u32,
    minor: u32,
    /// The number behind `-IV`. None: whichever the release has.
    revision: Option<u32>,
}

impl MetadataVersion {
    pub const V4_2: Self = Self { major: 4, minor: 2, revision: Some(1) };
    pub const V4_3: Self = Self { major: 4, minor: 3, revision: Some(0) };
    pub const OFFERED: [Self; 2] = [Self::V4_2, Self::V4_3];

    /// # Errors
    /// A new tenant cannot have it, and a running one cannot be brought to it.
    pub fn offered(self) -> Result<(), VersionError> {
        if Self::OFFERED.contains(&self) { Ok(()) } else { Err(VersionError::MetadataNotOffered { found: self.to_string() }) }
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
    /// A metadata version that this Kafka cannot read, as far as that is known.
    pub fn check(self) -> Result<(), VersionError> {
        let metadata = self.effective_metadata();
        if metadata <= self.version.metadata_version() || self.version.offered().is_err() {
            return Ok(());
        }
        let least = KafkaVersion::OFFERED.into_iter().find(|v| v.metadata_version() >= metadata).unwrap_or(KafkaVersion::DEFAULT);
        Err(VersionError::MetadataTooNew { version: self.version, metadata, least })
    }
}

/// Whether a running Kafka can be brought from one pair of versions to another, and how.
///
/// An older version is possible as long as it reads the metadata (a patch release back, or a minor one whose metadata was held back). What stays as
/// it is need not be offered.
///
/// # Errors
/// A version asked for that is not offered; metadata that would have to go back, directly or because the older Kafka cannot read it.
pub fn check_change(from: Versions, to: Versions) -> Result<VersionChange, VersionError> {
    if to == from {
        return Ok(VersionChange::None);
    }
    if to.version != from.version {
        to.version.offered()?;
    }
    if let Some(metadata) = to.metadata.filter(|_| to.metadata != from.metadata) {
        metadata.offered()?;
    }
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

/// A number as versions are written: digits, with no zero in front.
fn part(text: &str) -> Option<u32> {
    let is_plain = text == "0" || (!text.starts_with('0') && text.chars().all(|c| c.is_ascii_digit()));
    text.parse().ok().filter(|_| is_plain)
}

/// Reads any version of the form 4.3.1.
impl FromStr for KafkaVersion {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        let parts: Option<Vec<u32>> = text.split('.').map(part).collect();
        match parts.as_deref() {
            Some([major, minor, patch]) => Ok(Self::new(*major, *minor, *patch)),
            _ => Err(VersionError::NotOffered { found: text.to_owned() }),
        }
    }
}

/// Reads any version of the form 4.3-IV0.
impl FromStr for MetadataVersion {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        let parts = text.split_once("-IV").and_then(|(release, revision)| {
            let (major, minor) = release.split_once('.')?;
            Some(Self { major: part(major)?, minor: part(minor)?, revision: Some(part(revision)?) })
        });
        parts.ok_or_else(|| VersionError::MetadataNotOffered { found: text.to_owned() })
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

impl TryFrom<String> for MetadataVersion {
    type Error = VersionError;

    fn try_from(text: String) -> Result<Self, VersionError> {
        text.parse()
    }
}

impl From<MetadataVersion> for String {
    fn from(version: MetadataVersion) -> Self {
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
        write!(f, "{}.{}", self.major, self.minor)?;
        self.revision.map_or(Ok(()), |revision| write!(f, "-IV{revision}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versions(version: &str, metadata: Option<&str>) -> Versions {
        Versions { version: version.parse().unwrap(), metadata: metadata.map(|m| m.parse().unwrap()) }
    }

    #[test]
    fn what_is_no_version_is_refused_with_the_list() {
        for text in ["4.3", "", "latest", "4.3.1 ", "4.03.1", "4.3.+1", "4.3.1.1"] {
            let message = text.parse::<KafkaVersion>().unwrap_err().to_string();
            assert!(message.contains("offered are 4.2.0, 4.2.1, 4.3.0, 4.3.1"), "{message}");
        }
        for text in ["4.3", "4.3-IV", "4-IV0", "4.3.1-IV0", ""] {
            assert!(text.parse::<MetadataVersion>().unwrap_err().to_string().contains("4.2-IV1, 4.3-IV0"), "{text}");
        }
    }

    #[test]
    fn every_version_can_be_read_and_kept_but_only_an_offered_one_asked_for() {
        let (old, new) = (versions("4.1.0", Some("4.1-IV1")), versions("4.9.0", Some("4.9-IV3")));
        for running in [old, new, versions("4.1.0", None), versions("4.9.0", None)] {
            assert_eq!(running.version.to_string().parse(), Ok(running.version));
            assert_eq!(check_change(running, running), Ok(VersionChange::None));
            assert!(running.version.offered().unwrap_err().to_string().contains("offered are 4.2.0"));
        }
        assert_eq!(old.metadata.map(|metadata| metadata.to_string()).as_deref(), Some("4.1-IV1"));
        assert_eq!(check_change(old, versions("4.3.1", None)), Ok(VersionChange::Rolling));
        assert!(matches!(check_change(versions("4.2.0", None), old), Err(VersionError::NotOffered { .. })));
        assert!(matches!(check_change(new, versions("4.3.1", None)), Err(VersionError::Downgrade { .. })));
        let held = versions("4.3.1", Some("4.9-IV3"));
        assert!(matches!(check_change(versions("4.3.1", None), held), Err(VersionError::MetadataNotOffered { .. })));
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
