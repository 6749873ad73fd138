//! `timeouts { … }`: how long the operations on one resource may take.

use std::{fmt, str::FromStr, time::Duration};

use super::{attr::Attr, model::Model};
use crate::text_value;

/// How long operations may take, such as `"30s"`, `"90m"` or `"1h30m"`.
#[derive(Clone, Debug, Default, PartialEq, Model)]
pub struct Timeouts {
    /// How long creating may take, such as `"1h30m"`.
    #[tf(optional)]
    pub create: Attr<TimeLimit>,
    /// How long updating may take.
    #[tf(optional)]
    pub update: Attr<TimeLimit>,
    /// How long deleting may take.
    #[tf(optional)]
    pub delete: Attr<TimeLimit>,
}

macro_rules! limits {
    ($($method:ident $field:ident),*) => {
        impl Timeouts {
            $(
                #[doc = concat!("The limit to `", stringify!($field), "`.")]
                pub fn $method(&self, default: Duration) -> Duration {
                    self.$field.known().map_or(default, |limit| limit.duration)
                }
            )*
        }

        /// The block may be left out.
        impl Attr<Timeouts> {
            $(
                #[doc = concat!("The limit to `", stringify!($field), "`.")]
                pub fn $method(&self, default: Duration) -> Duration {
                    self.known().map_or(default, |timeouts| timeouts.$method(default))
                }
            )*
        }
    };
}

limits!(create_or create, update_or update, delete_or delete);

/// A length of time as Go writes it. Equal when as long, whatever the spelling.
#[derive(Clone, Debug)]
pub struct TimeLimit {
    /// As the user wrote it.
    text: String,
    pub duration: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeLimitError {
    #[error("{0:?} is no length of time: write numbers with units (ms, s, m, h), such as \"90s\" or \"1h30m\"")]
    Form(String),
    #[error("{0:?} is no time at all: nothing could be done in it")]
    Zero(String),
    #[error("{0:?} is longer than a year")]
    TooLong(String),
}

/// Nanoseconds in each unit; two-letter units stand before the letters they begin with.
const UNITS: [(&str, u64); 7] =
    [("ns", 1), ("us", 1_000), ("µs", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000), ("h", 3_600_000_000_000)];

const YEAR: Duration = Duration::from_secs(366 * 24 * 3600);

impl PartialEq for TimeLimit {
    fn eq(&self, other: &Self) -> bool {
        self.duration == other.duration
    }
}

impl fmt::Display for TimeLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for TimeLimit {
    type Err = TimeLimitError;

    fn from_str(text: &str) -> Result<Self, TimeLimitError> {
        let named = || text.chars().take(64).collect::<String>();
        let duration = parse(text).ok_or_else(|| TimeLimitError::Form(named()))?;
        if duration.is_zero() {
            return Err(TimeLimitError::Zero(named()));
        }
        if duration > YEAR {
            return Err(TimeLimitError::TooLong(named()));
        }
        Ok(Self { text: text.to_owned(), duration })
    }
}

text_value!(TimeLimit);

/// The sum of the parts; saturates. None for what Go's `time.ParseDuration` would refuse, and for a sign.
fn parse(text: &str) -> Option<Duration> {
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let (number, after) = rest.split_at(digits);
        let &(unit, nanos) = UNITS.iter().find(|(unit, _)| after.starts_with(unit))?;
        total = total.saturating_add(scaled(number, nanos)?);
        rest = &after[unit.len()..];
    }
    (!text.is_empty()).then_some(total)
}

/// A decimal number of units of `nanos`; digits below a nanosecond are dropped.
fn scaled(number: &str, nanos: u64) -> Option<Duration> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let mut part = 0;
    let mut place = nanos;
    for digit in fraction.chars().filter_map(|digit| digit.to_digit(10)) {
        place /= 10;
        part += place * u64::from(digit);
    }
    Some(Duration::from_nanos(whole.saturating_mul(nanos).saturating_add(part)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framework::{
        diagnostic::Diagnostics,
        model::{AttributeValue, decode_model, round_trip::round_trips},
        value::Value,
    };

    fn block(create: &str) -> Value {
        Value::Map([("create".to_owned(), create.into())].into())
    }

    #[test]
    fn lengths_of_time_are_read_as_go_reads_them() {
        for (text, millis) in [("90s", 90_000), ("1h30m", 5_400_000), ("1.5h", 5_400_000), ("250ms", 250), (".5s", 500), ("1m0s", 60_000)] {
            let limit: TimeLimit = text.parse().unwrap();
            assert_eq!((limit.duration, limit.to_string().as_str()), (Duration::from_millis(millis), text));
        }
    }

    #[test]
    fn what_is_no_length_of_time_is_refused() {
        for text in ["", "5", "-5s", "1h30", "5 m", ".s", "1.2.3s", "1d", "s", "0s", "99999999999999999999h", "9999999h"] {
            assert!(text.parse::<TimeLimit>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_wrong_timeout_is_told_at_its_place() {
        let mut found = Diagnostics::none();
        assert_eq!(decode_model::<Timeouts>(&block("soon"), &mut found), None);
        let wrong = found.into_iter().next().unwrap();
        assert_eq!(wrong.path, Some("create".into()));
        assert!(wrong.detail.starts_with("create: \"soon\" is no length of time"), "{}", wrong.detail);
    }

    #[test]
    fn what_is_not_given_is_the_default() {
        let hour = Duration::from_secs(3600);
        let given = decode_model::<Timeouts>(&block("5m"), &mut Diagnostics::none()).unwrap();
        assert_eq!(given.create_or(hour), Duration::from_secs(300));
        assert_eq!(given.delete_or(hour), hour);
        assert_eq!(Attr::<Timeouts>::Null.update_or(hour), hour);
    }

    #[test]
    fn another_spelling_of_the_same_time_is_no_change() {
        let mut planned = block("60m");
        Timeouts::settle(&block("1h"), &mut planned);
        assert_eq!(planned, block("1h"));
        Timeouts::settle(&block("2h"), &mut planned);
        assert_eq!(planned, block("1h"));
    }

    #[test]
    fn the_model_round_trips() {
        round_trips::<Timeouts>();
    }
}
