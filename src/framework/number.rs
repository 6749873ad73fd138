//! Terraform's numbers: decimals of any size, never through binary floating point.

use std::{fmt, str::FromStr};

use bigdecimal::{BigDecimal, ToPrimitive, num_bigint::BigInt};

/// Digits after which a number is refused, so that "1e999999999" cannot fill the memory.
const DIGITS_MAX: u64 = 1024;

/// An exact decimal number.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number(BigDecimal);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a decimal number of at most {DIGITS_MAX} digits")]
pub struct NumberError(String);

impl Number {
    /// The whole number, if it is one and fits.
    pub fn to_i64(&self) -> Option<i64> {
        if self.0.is_integer() { self.0.to_i64() } else { None }
    }

    /// The exact value of a binary floating point number as it came over the wire; None for NaN and infinities.
    pub fn from_wire_f64(value: f64) -> Option<Self> {
        use bigdecimal::FromPrimitive;
        if value.is_finite() { BigDecimal::from_f64(value).map(|exact| Self(exact.normalized())) } else { None }
    }
}

impl FromStr for Number {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        let refused = || NumberError(text.chars().take(64).collect());
        if text.is_empty() || text.len() > 2 * usize::try_from(DIGITS_MAX).unwrap_or(usize::MAX) {
            return Err(refused());
        }
        let number = BigDecimal::from_str(text).map_err(|_| refused())?;
        let (_, scale) = number.as_bigint_and_exponent();
        if scale.unsigned_abs() > DIGITS_MAX || number.digits() > DIGITS_MAX {
            return Err(refused());
        }
        Ok(Self(number.normalized()))
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self(BigDecimal::from(value).normalized())
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        Self(BigDecimal::from(BigInt::from(value)).normalized())
    }
}

/// Plain decimal notation, without an exponent.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_plain_string())
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_exact_and_compare_by_value() {
        let tenth: Number = "0.1".parse().unwrap();
        assert_eq!(tenth.to_string(), "0.1");
        assert_eq!("1.50".parse::<Number>().unwrap(), "1.5".parse().unwrap());
        assert_eq!("1e3".parse::<Number>().unwrap(), Number::from(1000_i64));
        assert_eq!("18446744073709551616".parse::<Number>().unwrap().to_string(), "18446744073709551616");
        assert_eq!("5".parse::<Number>().unwrap().to_i64(), Some(5));
        assert_eq!(tenth.to_i64(), None);
    }

    #[test]
    fn what_is_no_number_or_too_long_is_refused() {
        for text in ["", "NaN", "inf", "1e999999999", "abc", "0x10"] {
            assert!(text.parse::<Number>().is_err(), "{text}");
        }
        assert_eq!(Number::from_wire_f64(f64::NAN), None);
        assert_eq!(Number::from_wire_f64(0.5).unwrap().to_string(), "0.5");
    }
}
