//! Byte rates as users write them and quantities as Kubernetes writes them, both exact: no float is ever involved.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

pub const MIB: u64 = 1 << 20;
pub const GIB: u64 = 1 << 30;

/// More than any Kafka carries: the largest rate a user may write, in MiB/s.
const MAX_MIB_PER_SECOND: u64 = 1_000_000;

/// A throughput in whole bytes per second, never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct ByteRate(u64);

impl ByteRate {
    pub const fn bytes_per_second(self) -> u64 {
        self.0
    }

    /// The shortest decimal of MiB/s that reads back as this rate: what the user wrote, unless he wrote more digits than bytes can tell.
    pub fn mib_per_second(self) -> String {
        mib_text(u128::from(self.0))
    }
}

/// Bytes as a decimal of MiB: the shortest one that rounds to the same number of bytes.
fn mib_text(bytes: u128) -> String {
    let mib = u128::from(MIB);
    for digits in 0..7_u32 {
        let scale = 10_u128.pow(digits);
        let scaled = (bytes * scale + mib / 2) / mib;
        if (scaled * mib + scale / 2) / scale == bytes {
            return Decimal { digits: scaled, scale: digits }.to_string();
        }
    }
    let scaled = (bytes * 10_000_000 + mib / 2) / mib;
    Decimal { digits: scaled, scale: 7 }.to_string()
}

/// Bytes per second as a decimal of MiB/s with one digit after the point, for messages.
pub fn rough_mib(bytes: u128) -> String {
    let tenths = (bytes * 10 + u128::from(MIB) / 2) / u128::from(MIB);
    Decimal { digits: tenths, scale: 1 }.to_string()
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RateError {
    #[error("{text:?} is not a decimal number of MiB/s such as \"50\" or \"0.5\"")]
    NotANumber { text: String },
    #[error("{text} MiB/s is negative; a throughput must be above zero")]
    Negative { text: String },
    #[error("a throughput of zero moves no messages; it must be above zero")]
    Zero,
    #[error("{text} MiB/s is less than one byte per second")]
    TooSmall { text: String },
    #[error("{text} MiB/s is beyond any Kafka; at most {MAX_MIB_PER_SECOND} MiB/s can be asked for")]
    TooLarge { text: String },
}

/// Reads a decimal of MiB/s, rounded to the nearest byte: "0.5", "50", "1e3".
impl FromStr for ByteRate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let own = || text.to_owned();
        let (negative, magnitude) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let decimal = match magnitude.parse::<Decimal>() {
            Ok(decimal) => decimal,
            Err(DecimalError::Syntax) => return Err(RateError::NotANumber { text: own() }),
            Err(DecimalError::Large) => return Err(RateError::TooLarge { text: own() }),
        };
        if decimal.digits == 0 {
            return Err(RateError::Zero);
        }
        if negative {
            return Err(RateError::Negative { text: own() });
        }
        let bytes = decimal.times(u128::from(MIB)).ok_or_else(|| RateError::TooLarge { text: own() })?;
        if bytes == 0 {
            return Err(RateError::TooSmall { text: own() });
        }
        u64::try_from(bytes)
            .ok()
            .filter(|bytes| *bytes <= MAX_MIB_PER_SECOND * MIB)
            .map(Self)
            .ok_or_else(|| RateError::TooLarge { text: own() })
    }
}

impl TryFrom<u64> for ByteRate {
    type Error = RateError;

    fn try_from(bytes: u64) -> Result<Self, RateError> {
        match bytes {
            0 => Err(RateError::Zero),
            bytes if bytes > MAX_MIB_PER_SECOND * MIB => Err(RateError::TooLarge { text: mib_text(u128::from(bytes)) }),
            bytes => Ok(Self(bytes)),
        }
    }
}

impl From<ByteRate> for u64 {
    fn from(rate: ByteRate) -> Self {
        rate.0
    }
}

/// "50 MiB/s", as it stands in messages.
impl fmt::Display for ByteRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} MiB/s", self.mib_per_second())
    }
}

/// A decimal number at or above zero: `digits` / 10^`scale`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal {
    digits: u128,
    scale: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DecimalError {
    #[error("not a decimal number")]
    Syntax,
    #[error("more digits than can be counted with")]
    Large,
}

impl Decimal {
    /// This times a whole number, rounded half up; None when it does not fit.
    pub fn times(self, factor: u128) -> Option<u128> {
        let scale = 10_u128.checked_pow(self.scale)?;
        Some(self.digits.checked_mul(factor)?.checked_add(scale / 2)? / scale)
    }

    pub fn is_zero(self) -> bool {
        self.digits == 0
    }

    /// The same value with the fewest digits, by which two spellings compare equal.
    fn normal(mut self) -> Self {
        while self.scale > 0 && self.digits.is_multiple_of(10) {
            self.digits /= 10;
            self.scale -= 1;
        }
        self
    }
}

/// As many digits of a number with a fraction are counted with. A CLI that has computed one writes all 512 bits of it, such as 50 * 1.2 with 155 digits.
const SIGNIFICANT_DIGITS: usize = 25;
/// The greatest power of ten that 128 bits hold.
const SCALE_MAX: u32 = 38;

/// Digits, an optional point with digits, an optional exponent. No sign.
impl FromStr for Decimal {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Self, DecimalError> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_| DecimalError::Syntax)?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let written = || whole.bytes().chain(fraction.bytes());
        if written().next().is_none() || !written().all(|b| b.is_ascii_digit()) {
            return Err(DecimalError::Syntax);
        }
        let mut scale = i64::try_from(fraction.len()).unwrap_or(i64::MAX) - i64::from(exponent);
        let mut digits: Vec<u8> = written().skip_while(|digit| *digit == b'0').collect();
        if digits.is_empty() {
            return Ok(Self { digits: 0, scale: 0 });
        }
        while scale > 0 && digits.len() > SIGNIFICANT_DIGITS {
            digits.pop();
            scale -= 1;
        }
        let mut value = 0_u128;
        for digit in digits {
            value = value.checked_mul(10).and_then(|v| v.checked_add(u128::from(digit - b'0'))).ok_or(DecimalError::Large)?;
        }
        if scale > i64::from(SCALE_MAX) {
            // Too little for any unit; not nothing.
            return Ok(Self { digits: 1, scale: SCALE_MAX });
        }
        match u32::try_from(scale) {
            Ok(scale) => Ok(Self { digits: value, scale }.normal()),
            Err(_) => {
                let up = u32::try_from(-scale).ok().and_then(|up| 10_u128.checked_pow(up)).ok_or(DecimalError::Large)?;
                Ok(Self { digits: value.checked_mul(up).ok_or(DecimalError::Large)?, scale: 0 })
            }
        }
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { digits, scale } = self.normal();
        if scale == 0 {
            return write!(f, "{digits}");
        }
        let unit = 10_u128.pow(scale);
        write!(f, "{}.{:0width$}", digits / unit, digits % unit, width = scale as usize)
    }
}

/// A Kubernetes quantity in billionths of its unit, so that "1Gi" == "1024Mi" and "1" == "1000m". None for a text that is none.
///
/// Source: k8s.io/apimachinery `pkg/api/resource/quantity.go` (suffixes n u m k M G T P E, Ki Mi Gi Ti Pi Ei, or an exponent).
pub fn kubernetes_quantity(text: &str) -> Option<i128> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    const NANO: u128 = 1_000_000_000;
    let factor = match suffix {
        "" => NANO,
        "n" => 1,
        "u" => 1_000,
        "m" => 1_000_000,
        "k" => NANO * 1_000,
        "M" => NANO * 1_000_000,
        "G" => NANO * NANO,
        "T" => NANO * NANO * 1_000,
        "P" => NANO * NANO * 1_000_000,
        "E" => NANO * NANO * NANO,
        "Ki" => NANO << 10,
        "Mi" => NANO << 20,
        "Gi" => NANO << 30,
        "Ti" => NANO << 40,
        "Pi" => NANO << 50,
        "Ei" => NANO << 60,
        exponent if exponent.starts_with(['e', 'E']) => return signed(sign, text.parse::<Decimal>().ok()?.times(NANO)?),
        _ => return None,
    };
    signed(sign, number.parse::<Decimal>().ok()?.times(factor)?)
}

fn signed(sign: i128, magnitude: u128) -> Option<i128> {
    i128::try_from(magnitude).ok().map(|value| sign * value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rates_are_read_exactly() {
        let bytes = |text: &str| text.parse::<ByteRate>().unwrap().bytes_per_second();
        assert_eq!(bytes("0.5"), MIB / 2);
        assert_eq!(bytes("50"), 50 * MIB);
        assert_eq!(bytes("50.000"), 50 * MIB);
        assert_eq!(bytes("1e3"), 1000 * MIB);
        assert_eq!(bytes("0.1"), 104_858);
        assert_eq!(bytes("1000000"), 1_000_000 * MIB);
    }

    #[test]
    fn a_computed_rate_may_have_any_number_of_digits() {
        let bytes = |text: &str| text.parse::<ByteRate>().unwrap().bytes_per_second();
        assert_eq!(bytes(&format!("60.{}1", "0".repeat(152))), 60 * MIB);
        assert_eq!(bytes(&format!("59.{}", "9".repeat(153))), 60 * MIB);
        assert_eq!(bytes(&format!("3.{}", "3".repeat(154))), 3_495_253);
        assert_eq!(bytes(&format!("0.{}", "3".repeat(154))), 349_525);
        assert_eq!(bytes(&format!("{}5", "0".repeat(100))), 5 * MIB);
        assert!(matches!(format!("1{}", "0".repeat(100)).parse::<ByteRate>(), Err(RateError::TooLarge { .. })));
    }

    #[test]
    fn rates_that_move_nothing_or_too_much_are_refused() {
        let error = |text: &str| text.parse::<ByteRate>().unwrap_err();
        assert_eq!(error("0"), RateError::Zero);
        assert_eq!(error("0.000"), RateError::Zero);
        assert_eq!(error("-0"), RateError::Zero);
        assert_eq!(error("-5").to_string(), "-5 MiB/s is negative; a throughput must be above zero");
        for text in ["NaN", "nan", "inf", "Infinity", "", ".", "ten", "5 MiB", "0x10", "1,5", "--1", "+", "1e", "1e1.5"] {
            assert_eq!(error(text), RateError::NotANumber { text: text.to_owned() });
        }
        for text in ["1000000.1", "1000001", "1e30", "1e999999999", &"9".repeat(60)] {
            assert!(matches!(error(text), RateError::TooLarge { .. }), "{text}");
        }
        assert!(matches!(error("0.0000001"), RateError::TooSmall { .. }));
        for text in ["1e-38", "1e-40", "1e-2000000000", &format!("0.{}1", "0".repeat(200))] {
            assert!(matches!(error(text), RateError::TooSmall { .. }), "{text}");
        }
    }

    #[test]
    fn kubernetes_spellings_of_one_quantity_are_equal() {
        let same = |a: &str, b: &str| assert_eq!(kubernetes_quantity(a).unwrap(), kubernetes_quantity(b).unwrap(), "{a} {b}");
        same("1Gi", "1024Mi");
        same("1", "1000m");
        same("1.5Gi", "1536Mi");
        same("0.5", "500m");
        same("1e3", "1k");
        same("12E2", "1200");
        same("1E", "1000P");
        same("-1", "-1000m");
        assert_ne!(kubernetes_quantity("1G"), kubernetes_quantity("1Gi"));
        for text in ["", "Gi", "1Q", "one", "1 Gi", "1.2.3"] {
            assert_eq!(kubernetes_quantity(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_a_rate_prints_reads_back(bytes in 1_u64..=MAX_MIB_PER_SECOND * MIB) {
            let rate = ByteRate::try_from(bytes).unwrap();
            prop_assert_eq!(rate.mib_per_second().parse::<ByteRate>().unwrap(), rate);
        }

        #[test]
        fn what_a_user_writes_prints_the_same(whole in 0_u64..1_000_000, thousandths in 0_u64..1000) {
            prop_assume!(whole + thousandths > 0);
            let text = Decimal { digits: u128::from(whole * 1000 + thousandths), scale: 3 }.to_string();
            prop_assert_eq!(text.parse::<ByteRate>().unwrap().mib_per_second(), text);
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = text.parse::<ByteRate>();
            let _ = kubernetes_quantity(&text);
        }
    }
}
