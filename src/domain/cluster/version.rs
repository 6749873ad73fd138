//! The Kubernetes versions a tenant's cluster can have and which changes between them are possible.
//!
//! Source of the range: Cluster API's `docs/book/src/reference/versions.md`, of 1.13 (workload clusters v1.31 to v1.36) and of 1.14 (to v1.37, from 1.14.1 on).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A release of Kubernetes, "1.36.3".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KubernetesVersion {
    pub minor: u32,
    pub patch: u32,
}

impl KubernetesVersion {
    pub const DEFAULT: Self = Self { minor: 36, patch: 3 };
    /// The minors that Cluster API runs, first and last.
    pub const OLDEST_MINOR: u32 = 31;
    pub const NEWEST_MINOR: u32 = 37;

    /// "v1.36.3", as Cluster API writes it.
    pub fn tag(self) -> String {
        format!("v{self}")
    }

    /// Whether a cluster can be made or brought to this version. One that runs another may go on.
    ///
    /// # Errors
    /// A minor version that Cluster API does not run.
    pub fn offered(self) -> Result<Self, KubernetesVersionError> {
        let is_offered = (Self::OLDEST_MINOR..=Self::NEWEST_MINOR).contains(&self.minor);
        if is_offered { Ok(self) } else { Err(KubernetesVersionError::NotOffered { found: self }) }
    }
}

impl Default for KubernetesVersion {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KubernetesVersionError {
    #[error("{found:?} is no Kubernetes version; write major, minor and patch level, such as {}", KubernetesVersion::DEFAULT)]
    Format { found: String },
    #[error(
        "Kubernetes {found} is not supported by Cluster API; choose from 1.{} to 1.{}, of which the last needs Cluster API 1.14.1",
        KubernetesVersion::OLDEST_MINOR,
        KubernetesVersion::NEWEST_MINOR
    )]
    NotOffered { found: KubernetesVersion },
    #[error("Kubernetes cannot go from {from} back to {to}: a control plane is never downgraded; stay at {from} or above")]
    Downgrade { from: KubernetesVersion, to: KubernetesVersion },
    #[error("Kubernetes goes up one minor version at a time: from {from}, go to 1.{next} first, apply, and then on to {to}")]
    SkipsMinor { from: KubernetesVersion, to: KubernetesVersion, next: u32 },
}

/// Whether a running cluster can be brought from one version to another in one step.
///
/// # Errors
/// A version that is older, or more than one minor version newer.
pub fn check_step(from: KubernetesVersion, to: KubernetesVersion) -> Result<(), KubernetesVersionError> {
    if to < from {
        return Err(KubernetesVersionError::Downgrade { from, to });
    }
    if to.minor > from.minor + 1 {
        return Err(KubernetesVersionError::SkipsMinor { from, to, next: from.minor + 1 });
    }
    Ok(())
}

/// Reads any version of the form 1.36.3, with or without a leading "v".
impl FromStr for KubernetesVersion {
    type Err = KubernetesVersionError;

    fn from_str(text: &str) -> Result<Self, KubernetesVersionError> {
        let format = || KubernetesVersionError::Format { found: text.to_owned() };
        let number = |part: &str| {
            let plain = !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()) && (part == "0" || !part.starts_with('0'));
            if plain { part.parse::<u32>().ok() } else { None }
        };
        let parts: Option<Vec<u32>> = text.strip_prefix('v').unwrap_or(text).split('.').map(number).collect();
        let Some([1, minor, patch]) = parts.as_deref().and_then(|parts| <[u32; 3]>::try_from(parts).ok()) else { return Err(format()) };
        Ok(Self { minor, patch })
    }
}

impl TryFrom<String> for KubernetesVersion {
    type Error = KubernetesVersionError;

    fn try_from(text: String) -> Result<Self, KubernetesVersionError> {
        text.parse()
    }
}

impl From<KubernetesVersion> for String {
    fn from(version: KubernetesVersion) -> Self {
        version.to_string()
    }
}

impl fmt::Display for KubernetesVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1.{}.{}", self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> KubernetesVersion {
        text.parse().unwrap()
    }

    #[test]
    fn a_version_reads_with_and_without_its_v() {
        assert_eq!(version("1.36.3"), KubernetesVersion::DEFAULT);
        assert_eq!(version("v1.36.3").tag(), "v1.36.3");
        assert!(version("1.36.10") > version("1.36.9"));
    }

    #[test]
    fn what_is_no_version_is_refused_and_what_is_not_offered_is_read_all_the_same() {
        for text in ["", "1.36", "v1", "1.36.3-eks", "2.36.3", "1.036.3", "1.36.+3", "latest", "1.36.3.1", "vv1.36.3"] {
            let message = text.parse::<KubernetesVersion>().unwrap_err().to_string();
            assert!(message.contains("such as 1.36.3"), "{text}: {message}");
        }
        for text in ["1.30.9", "1.38.0"] {
            let message = version(text).offered().unwrap_err().to_string();
            assert!(message.contains("choose from 1.31 to 1.37"), "{message}");
        }
    }

    #[test]
    fn a_cluster_goes_up_one_minor_version_at_a_time_and_never_down() {
        for (from, to) in [("1.35.1", "1.35.1"), ("1.35.1", "1.35.4"), ("1.35.4", "1.36.0")] {
            assert_eq!(check_step(version(from), version(to)), Ok(()));
        }
        let message = |from, to| check_step(version(from), version(to)).unwrap_err().to_string();
        assert!(message("1.34.0", "1.36.3").contains("from 1.34.0, go to 1.35 first"));
        assert!(message("1.36.3", "1.36.2").contains("from 1.36.3 back to 1.36.2"));
    }
}
