//! What a user may say about size: the wish itself, figures that override ours, and what exists already.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::domain::quantity::{ByteRate, Decimal, DecimalError};

const MS_PER_HOUR: u64 = 3_600_000;
/// Ten years: what is kept longer belongs into an archive, not into brokers.
const MAX_RETENTION_HOURS: u64 = 87_600;
/// One PiB before replication, more than the largest layout holds.
const MAX_RETENTION_GIB: u64 = 1 << 20;

/// What an application developer knows about his traffic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// What all producers together write at peak.
    pub ingress: ByteRate,
    /// What all consumers together read at peak; egress / ingress is the fan-out.
    pub egress: ByteRate,
    pub retention: Retention,
    /// Partitions of all topics together, without replicas. None: as many as the brokers take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partitions: Option<u32>,
}

/// How much is kept, before replication.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retention {
    /// For this long, however much it is.
    Time { ms: u64 },
    /// As much as the promised ingress writes in the time it needs to fill this. Kafka knows no limit of bytes over all topics, only one per
    /// partition; a time derived from the promised ingress is the limit that holds however the topics are cut.
    Size { gib: u64 },
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RetentionError {
    #[error("{text:?} is not a decimal number of hours such as \"72\" or \"0.5\"")]
    NotANumber { text: String },
    #[error("a retention of zero keeps nothing; it must be above zero")]
    Zero,
    #[error("{text} hours is negative; a retention must be above zero")]
    Negative { text: String },
    #[error("{text} hours is less than one millisecond")]
    TooShort { text: String },
    #[error("{text} hours is more than the {MAX_RETENTION_HOURS} hours (ten years) that can be asked for")]
    TooLong { text: String },
    #[error("{gib} GiB is more than the {MAX_RETENTION_GIB} GiB that can be asked for")]
    TooMuch { gib: u64 },
}

impl Retention {
    /// From a decimal of hours, rounded to the millisecond, in which Kafka counts.
    pub fn from_hours(text: &str) -> Result<Self, RetentionError> {
        let own = || text.to_owned();
        let (negative, magnitude) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let hours = match Decimal::from_str(magnitude) {
            Ok(hours) => hours,
            Err(DecimalError::Syntax) => return Err(RetentionError::NotANumber { text: own() }),
            Err(DecimalError::Large) => return Err(RetentionError::TooLong { text: own() }),
        };
        if hours.is_zero() {
            return Err(RetentionError::Zero);
        }
        if negative {
            return Err(RetentionError::Negative { text: own() });
        }
        let ms = hours.times(u128::from(MS_PER_HOUR)).and_then(|ms| u64::try_from(ms).ok());
        match ms.filter(|ms| *ms <= MAX_RETENTION_HOURS * MS_PER_HOUR) {
            Some(0) => Err(RetentionError::TooShort { text: own() }),
            Some(ms) => Ok(Self::Time { ms }),
            None => Err(RetentionError::TooLong { text: own() }),
        }
    }

    pub fn from_gib(gib: u64) -> Result<Self, RetentionError> {
        match gib {
            0 => Err(RetentionError::Zero),
            gib if gib > MAX_RETENTION_GIB => Err(RetentionError::TooMuch { gib }),
            gib => Ok(Self::Size { gib }),
        }
    }

    /// Milliseconds as the shortest decimal of hours that reads back as the same milliseconds.
    pub fn hours_text(ms: u64) -> String {
        for digits in 0..8_u32 {
            let scale = 10_u128.pow(digits);
            let scaled = (u128::from(ms) * scale + u128::from(MS_PER_HOUR) / 2) / u128::from(MS_PER_HOUR);
            let text = format!("{scaled}e-{digits}");
            if let Ok(decimal) = text.parse::<Decimal>()
                && (digits == 7 || decimal.times(u128::from(MS_PER_HOUR)) == Some(u128::from(ms)))
            {
                return decimal.to_string();
            }
        }
        ms.to_string()
    }
}

/// "72 h" or "500 GiB", as it stands in messages.
impl fmt::Display for Retention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time { ms } => write!(f, "{} h", Self::hours_text(*ms)),
            Self::Size { gib } => write!(f, "{gib} GiB"),
        }
    }
}

/// Figures the user sets himself. Each is held against the wish.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Overrides {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub brokers: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_type: Option<String>,
    /// Of each broker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_gib: Option<u64>,
    /// Of each broker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_mib_per_second: Option<u64>,
    /// Of each broker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_iops: Option<u64>,
}

impl Overrides {
    /// As asked for, but not below what is there: for what somebody else made larger, which only the plan may refuse to make smaller.
    pub fn at_least(&self, existing: &Floor) -> Self {
        Self {
            brokers: self.brokers.map(|brokers| brokers.max(existing.brokers)),
            volume_gib: self.volume_gib.map(|gib| gib.max(existing.volume_gib)),
            ..self.clone()
        }
    }
}

/// What exists already and is not given up: volumes cannot shrink, machines are not made smaller on their own, and brokers are only taken away by a plan that
/// knew of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Floor {
    /// 0: as few as the wish needs.
    pub brokers: u32,
    /// Of each broker.
    pub volume_gib: u64,
    pub instance_type: Option<String>,
}

impl Floor {
    /// What is known to exist, corrected by what is there: volumes only grow, brokers are as many as there are.
    pub fn seen(known: Option<Self>, live: Option<Self>) -> Option<Self> {
        match (known, live) {
            (Some(known), Some(live)) => Some(Self { brokers: live.brokers, volume_gib: known.volume_gib.max(live.volume_gib), ..known }),
            (known, live) => known.or(live),
        }
    }

    /// The same, for a plan: what the wish needs decides how many brokers there are, be it fewer.
    #[must_use]
    pub fn without_brokers(&self) -> Self {
        Self { brokers: 0, ..self.clone() }
    }

    /// What is planned, and what is there beyond it. Brokers go only where `is_known`, that is where the plan knew of them all or they are leaving already:
    /// those of an earlier beginning or of somebody else may hold data of which the plan said nothing.
    pub fn joined(planned: Option<Self>, live: Option<Self>, is_known: bool) -> Option<Self> {
        match (planned, live) {
            (Some(planned), Some(live)) => {
                let brokers = if is_known { planned.brokers } else { planned.brokers.max(live.brokers) };
                Some(Self { brokers, volume_gib: planned.volume_gib.max(live.volume_gib), ..planned })
            }
            (planned, live) => planned.or(live),
        }
    }
}
