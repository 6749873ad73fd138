//! Types of the domain as string attributes.

use std::{error::Error, str::FromStr};

use super::wrong_type;
use crate::framework::{
    diagnostic::Diagnostics,
    path::Path,
    value::{Type, Value},
};

/// Joins types that parse from text (`FromStr`, its error an `Error`) and print it (`Display`) as string attributes:
/// `text_value!(TenantName, Isolation);`. Parsing what was printed must give the same value.
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
        }
    )+};
}

/// Parses a string; the parser's own words, with their causes, are told at the place.
pub fn decode_text<T: FromStr<Err: Error>>(value: &Value, at: &Path, found: &mut Diagnostics) -> Option<T> {
    let Value::String(text) = value else {
        wrong_type(&Type::String, at, found);
        return None;
    };
    text.parse().map_err(|error| found.error_at(at.clone(), "Invalid value", format!("{at}: {}.", causes(&error)))).ok()
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
