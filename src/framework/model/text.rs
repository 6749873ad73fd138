//! Types of the domain as string attributes.

use std::{error::Error, str::FromStr};

use super::wrong_type;
use crate::framework::{
    diagnostic::Diagnostics,
    path::Path,
    value::{Type, Value},
};

/// Joins types that parse from text (`FromStr`, its error an `Error`) and print it (`Display`) as string attributes:
/// `text_value!(TenantName, Isolation);`. Parsing what was printed must give the same value. Texts that parse to equal values (`PartialEq`) are the
/// same to Terraform's user: another spelling shows no difference.
#[macro_export]
macro_rules! text_value {
    ($($text:ty),+ $(,)?) => {$(
        impl $crate::framework::model::AttributeValue for $text {
            fn ty() -> $crate::framework::value::Type {
                $crate::framework::value::Type::String
            }

            fn decode(
                value: &$crate::framework::value::Value,
                at: &$crate::framework::path::Path,
                found: &mut $crate::framework::diagnostic::Diagnostics,
            ) -> Option<Self> {
                $crate::framework::model::decode_text(value, at, found)
            }

            fn encode(&self) -> $crate::framework::value::Value {
                $crate::framework::value::Value::String(::std::string::ToString::to_string(self))
            }

            fn settle(prior: &$crate::framework::value::Value, value: &mut $crate::framework::value::Value) {
                $crate::framework::model::settle_text::<Self>(prior, value);
            }
        }
    )+};
}

/// Parses a string; the parser's own words, with their causes, are told at the place.
pub fn decode_text<T: FromStr<Err: Error>>(value: &Value, at: &Path, found: &mut Diagnostics) -> Option<T> {
    let Value::String(text) = value else {
        wrong_type(&Type::String, at, found);
        return None;
    };
    let place = if at.steps().is_empty() { String::new() } else { format!("{at}: ") };
    text.parse().map_err(|error| found.error_at(at.clone(), "Invalid value", format!("{place}{}.", causes(&error)))).ok()
}

/// Takes over the spelling of `prior` for a text that parses to an equal value.
pub fn settle_text<T: FromStr + PartialEq>(prior: &Value, value: &mut Value) {
    if let (Value::String(before), Value::String(after)) = (prior, &mut *value)
        && before != after
        && let (Ok(old), Ok(new)) = (before.parse::<T>(), after.parse::<T>())
        && old == new
    {
        *value = prior.clone();
    }
}

/// An error and its causes on one line.
fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text.trim_end_matches('.').to_owned()
}
