//! Which versions of Strimzi, Kafka and Kubernetes go together, and how one gets from some to others.
//!
//! Sources: Strimzi's `kafka-versions.yaml` and CHANGELOG at 1.0 to 1.2 (1.1.0 brought 4.2.1 and 4.3.0 and dropped 4.1, 1.2.0 brought 4.3.1;
//! Kubernetes 1.30 or newer since 0.51), and Cluster API 1.14 for the range of Kubernetes ([`super::cluster::version`]).

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::cluster::version::{self, KubernetesVersion, KubernetesVersionError};
use super::kafka::version::{self as kafka_version, KafkaVersion, VersionError, Versions};

/// A release of Strimzi's operator, "1.2.0".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StrimziVersion {
    pub major: u32,
    pub minor: u32,
    pub patch: u32,
}

impl StrimziVersion {
    pub const DEFAULT: Self = Self::new(1, 2, 0);
    /// The first that serves only `kafka.strimzi.io/v1`, without the holes of 1.0.0 (CVE-2026-55225, -55226).
    pub const OLDEST: Self = Self::new(1, 0, 1);

    const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch }
    }

    /// The row of the matrix this release belongs to; None for a release that is not known.
    fn row(self) -> Option<&'static Row> {
        MATRIX.iter().find(|row| (row.major, row.minor) == (self.major, self.minor)).filter(|_| self >= Self::OLDEST)
    }

    /// Whether it runs this Kafka.
    fn runs(self, kafka: KafkaVersion) -> bool {
        self.row().is_some_and(|row| row.kafka.contains(&kafka.to_string().as_str()))
    }
}

/// Of one minor release of Strimzi.
struct Row {
    major: u32,
    minor: u32,
    kafka: &'static [&'static str],
    kubernetes_from_minor: u32,
}

const MATRIX: [Row; 3] = [
    Row { major: 1, minor: 0, kafka: &["4.2.0"], kubernetes_from_minor: 30 },
    Row { major: 1, minor: 1, kafka: &["4.2.0", "4.2.1", "4.3.0"], kubernetes_from_minor: 30 },
    Row { major: 1, minor: 2, kafka: &["4.2.0", "4.2.1", "4.3.0", "4.3.1"], kubernetes_from_minor: 30 },
];

/// What a tenant runs, or is to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Combination {
    pub strimzi: StrimziVersion,
    pub kafka: Versions,
    pub kubernetes: KubernetesVersion,
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SkewError {
    #[error("{found:?} is no version of Strimzi, such as {}", StrimziVersion::DEFAULT)]
    Format { found: String },
    #[error("Strimzi {found} is not known to this provider; choose a release of {}", minors())]
    UnknownStrimzi { found: StrimziVersion },
    #[error("Strimzi {strimzi} does not run Kafka {kafka}: {way_out}")]
    Kafka { strimzi: StrimziVersion, kafka: KafkaVersion, way_out: String },
    #[error("Strimzi {strimzi} needs Kubernetes 1.{least} or newer, and the cluster has {kubernetes}; raise kubernetes_version")]
    KubernetesTooOld { strimzi: StrimziVersion, kubernetes: KubernetesVersion, least: u32 },
    #[error(
        "Strimzi cannot go to {to} while Kafka runs {kafka}, which it does not know: change Kafka to {between} first, apply, and then change Strimzi from {from}"
    )]
    OperatorFirst { from: StrimziVersion, to: StrimziVersion, kafka: KafkaVersion, between: String },
    #[error(
        "Strimzi cannot go from {from} back to {to}: an older operator does not understand what the newer one wrote; stay at {from} or above"
    )]
    StrimziDowngrade { from: StrimziVersion, to: StrimziVersion },
    #[error(transparent)]
    KafkaChange(#[from] VersionError),
    #[error(transparent)]
    Kubernetes(#[from] KubernetesVersionError),
}

fn minors() -> String {
    MATRIX.iter().map(|row| format!("{}.{}", row.major, row.minor)).collect::<Vec<_>>().join(", ")
}

/// Whether these versions go together.
///
/// # Errors
/// All that do not, each with the way out, and a Kubernetes that is not offered.
pub fn check(planned: &Combination) -> Result<(), Vec<SkewError>> {
    let mut errors = disagreements(planned);
    errors.extend(planned.kubernetes.offered().err().map(SkewError::from));
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

fn disagreements(planned: &Combination) -> Vec<SkewError> {
    let mut errors = Vec::new();
    let Combination { strimzi, kafka, kubernetes } = *planned;
    match strimzi.row() {
        None => errors.push(SkewError::UnknownStrimzi { found: strimzi }),
        Some(row) => {
            if !strimzi.runs(kafka.version) {
                let needed = MATRIX.iter().find(|row| row.kafka.contains(&kafka.version.to_string().as_str()));
                let least = needed.map_or_else(String::new, |row| format!("raise Strimzi to {}.{}, or ", row.major, row.minor));
                let way_out = format!("{least}choose from Kafka {}", row.kafka.join(", "));
                errors.push(SkewError::Kafka { strimzi, kafka: kafka.version, way_out });
            }
            if kubernetes.minor < row.kubernetes_from_minor {
                errors.push(SkewError::KubernetesTooOld { strimzi, kubernetes, least: row.kubernetes_from_minor });
            }
        }
    }
    errors.extend(kafka.check().err().map(SkewError::from));
    errors
}

/// Whether one combination can be changed to another in one apply, which changes Kubernetes and the operator side by side (every Strimzi offered runs on every
/// Kubernetes offered, and the new one runs the old Kafka and the new one), then Kafka.
///
/// # Errors
/// Everything that stands in the way: a planned combination that does not go together, a version that would go back where it cannot, more than one
/// minor version of Kubernetes at once, or an operator that does not know the Kafka that runs.
pub fn check_change(prior: &Combination, planned: &Combination) -> Result<(), Vec<SkewError>> {
    // What runs may go on, also where it could not be made any more.
    let is_kept = planned.kubernetes == prior.kubernetes;
    let mut errors = if is_kept { disagreements(planned) } else { check(planned).err().unwrap_or_default() };
    errors.extend(version::check_step(prior.kubernetes, planned.kubernetes).err().map(SkewError::from));
    let (from, to) = (prior.strimzi, planned.strimzi);
    if to < from {
        errors.push(SkewError::StrimziDowngrade { from, to });
    } else if to != from && !to.runs(prior.kafka.version) {
        let both = |kafka: &&&str| to.row().is_some_and(|row| row.kafka.contains(kafka));
        let between: Vec<&str> = from.row().map(|row| row.kafka.iter().filter(both).copied().collect()).unwrap_or_default();
        errors.push(SkewError::OperatorFirst { from, to, kafka: prior.kafka.version, between: between.join(" or ") });
    }
    errors.extend(kafka_version::check_change(prior.kafka, planned.kafka).err().map(SkewError::from));
    errors.dedup();
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

impl FromStr for StrimziVersion {
    type Err = SkewError;

    fn from_str(text: &str) -> Result<Self, SkewError> {
        let parts: Option<Vec<u32>> = text.split('.').map(|part| part.parse().ok()).collect();
        match parts.as_deref() {
            Some(&[major, minor, patch]) => Ok(Self { major, minor, patch }),
            _ => Err(SkewError::Format { found: text.to_owned() }),
        }
    }
}

impl fmt::Display for StrimziVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// "strimzi kafka kubernetes"
    fn combination(text: &str) -> Combination {
        let [strimzi, kafka, kubernetes] = text.split(' ').collect::<Vec<_>>()[..] else { panic!("{text}") };
        let kafka = Versions { version: kafka.parse().unwrap(), metadata: None };
        Combination { strimzi: strimzi.parse().unwrap(), kafka, kubernetes: kubernetes.parse().unwrap() }
    }

    #[test]
    fn a_kubernetes_that_is_not_offered_can_be_kept_but_not_made() {
        let old = combination("1.2.0 4.3.0 1.30.9");
        assert!(check(&old).unwrap_err()[0].to_string().contains("choose from 1.31 to 1.37"));
        assert_eq!(check_change(&old, &combination("1.2.0 4.3.1 1.30.9")), Ok(()));
        assert_eq!(check_change(&old, &combination("1.2.0 4.3.0 1.31.0")), Ok(()));
        assert!(check_change(&combination("1.2.0 4.3.0 1.37.0"), &combination("1.2.0 4.3.0 1.38.0")).is_err());
    }

    #[test]
    fn every_kafka_offered_goes_with_the_default_operator_on_the_default_kubernetes() {
        for kafka in KafkaVersion::OFFERED {
            let text = format!("{} {kafka} {}", StrimziVersion::DEFAULT, KubernetesVersion::DEFAULT);
            assert_eq!(check(&combination(&text)), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_does_not_go_together_is_refused_with_the_way_out() {
        for (text, expected) in [
            (
                "1.1.0 4.3.1 1.36.3",
                "Strimzi 1.1.0 does not run Kafka 4.3.1: raise Strimzi to 1.2, or choose from Kafka 4.2.0, 4.2.1, 4.3.0",
            ),
            ("1.0.1 4.2.1 1.36.3", "raise Strimzi to 1.1, or choose from Kafka 4.2.0"),
            ("1.0.0 4.2.0 1.36.3", "Strimzi 1.0.0 is not known to this provider; choose a release of 1.0, 1.1, 1.2"),
            ("1.9.0 4.3.1 1.36.3", "Strimzi 1.9.0 is not known"),
        ] {
            let errors = check(&combination(text)).unwrap_err();
            assert!(errors[0].to_string().contains(expected), "{}", errors[0]);
        }
        assert!("1.2".parse::<StrimziVersion>().unwrap_err().to_string().contains("such as 1.2.0"));
    }

    #[test]
    fn versions_may_go_up_together() {
        for (prior, planned) in [
            ("1.2.0 4.3.1 1.36.3", "1.2.0 4.3.1 1.36.3"),
            ("1.2.0 4.3.0 1.35.1", "1.2.0 4.3.1 1.36.3"),
            ("1.1.0 4.3.0 1.35.1", "1.2.0 4.3.1 1.36.3"),
            ("1.0.1 4.2.0 1.36.3", "1.2.0 4.2.0 1.36.3"),
        ] {
            assert_eq!(check_change(&combination(prior), &combination(planned)), Ok(()), "{prior} to {planned}");
        }
    }

    #[test]
    fn a_step_that_cannot_be_taken_back_or_at_once_is_refused() {
        for (prior, planned, expected) in [
            ("1.2.0 4.3.1 1.34.0", "1.2.0 4.3.1 1.36.3", "go to 1.35 first"),
            ("1.2.0 4.3.1 1.36.3", "1.2.0 4.3.1 1.35.1", "never downgraded"),
            ("1.2.0 4.3.0 1.36.3", "1.1.0 4.3.0 1.36.3", "Strimzi cannot go from 1.2.0 back to 1.1.0"),
            ("1.2.0 4.3.1 1.36.3", "1.2.0 4.2.1 1.36.3", "from 4.3.1 back to 4.2.1"),
        ] {
            let errors = check_change(&combination(prior), &combination(planned)).unwrap_err();
            assert!(errors.iter().any(|error| error.to_string().contains(expected)), "{errors:?}");
        }
    }
}
