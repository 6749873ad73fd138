//! Strings, flags and numbers as attribute values.

use super::{AttributeValue, subject, wrong_type};
use crate::framework::{
    diagnostic::Diagnostics,
    number::Number,
    path::Path,
    value::{Type, Value},
};

impl AttributeValue for String {
    fn ty() -> Type {
        Type::String
    }

    fn decode(value: &Value, at: &Path, found: &mut Diagnostics) -> Option<Self> {
        if let Value::String(text) = value {
            return Some(text.clone());
        }
        wrong_type(&Type::String, at, found);
        None
    }

    fn encode(&self) -> Value {
        Value::String(self.clone())
    }
}

impl AttributeValue for bool {
    fn ty() -> Type {
        Type::Bool
    }

    fn decode(value: &Value, at: &Path, found: &mut Diagnostics) -> Option<Self> {
        if let Value::Bool(flag) = value {
            return Some(*flag);
        }
        wrong_type(&Type::Bool, at, found);
        None
    }

    fn encode(&self) -> Value {
        Value::Bool(*self)
    }
}

impl AttributeValue for Number {
    fn ty() -> Type {
        Type::Number
    }

    fn decode(value: &Value, at: &Path, found: &mut Diagnostics) -> Option<Self> {
        if let Value::Number(number) = value {
            return Some(number.clone());
        }
        wrong_type(&Type::Number, at, found);
        None
    }

    fn encode(&self) -> Value {
        Value::Number(self.clone())
    }
}

/// Whole numbers; the bounds of the Rust type hold.
macro_rules! whole_number {
    ($($whole:ty),*) => {$(
        impl AttributeValue for $whole {
            fn ty() -> Type {
                Type::Number
            }

            fn decode(value: &Value, at: &Path, found: &mut Diagnostics) -> Option<Self> {
                let number = <Number as AttributeValue>::decode(value, at, found)?;
                let whole = number.to_i64().and_then(|whole| Self::try_from(whole).ok());
                if whole.is_none() {
                    found.error_at(
                        at.clone(),
                        "Not a whole number in range",
                        format!("{} is {number}, but must be a whole number from {} to {}.", subject(at), Self::MIN, Self::MAX.min(i64::MAX as Self)),
                    );
                }
                whole
            }

            fn encode(&self) -> Value {
                Value::Number(Number::from_str_of(self))
            }
        }
    )*};
}

whole_number!(i64, u32, u64);

impl Number {
    /// A whole number of any width; its decimal text always parses.
    fn from_str_of(whole: &impl ToString) -> Self {
        whole.to_string().parse().unwrap_or_else(|_| Self::from(0_i64))
    }
}
