//! Typed models: how Rust values and structs join schemas. `#[derive(Model)]` writes [`Model`] and [`AttributeValue`] for a struct.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
};

pub use kaas_derive::Model;

use super::{
    attr::Attr,
    diagnostic::Diagnostics,
    number::Number,
    path::Path,
    schema::Block,
    value::{Type, Value},
};

/// A struct that declares a group of attributes and blocks once: schema, description, decoding and encoding.
pub trait Model: AttributeValue + Clone + Debug + PartialEq + Send + Sync + 'static {
    /// The schema, with the doc comments as descriptions.
    fn block() -> Block;
}

/// A Rust type that can stand in an attribute.
pub trait AttributeValue: Sized {
    fn ty() -> Type;

    /// The typed value of a known, non-null `value`. Adds everything wrong to `found`, each at its path, and is then None.
    fn decode(value: &Value, at: &Path, found: &mut Diagnostics) -> Option<Self>;

    fn encode(&self) -> Value;
}

/// Name of one attribute or block of a model, as the derive makes it: `Tenant::NAME`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field(pub &'static str);

impl Field {
    /// The path of a field inside this one, which is a nested block or an object.
    pub fn then(self, inner: Self) -> Path {
        Path::from(self.0).attribute(inner.0)
    }
}

impl From<Field> for Path {
    fn from(field: Field) -> Self {
        Self::from(field.0)
    }
}

impl<T: AttributeValue> Attr<T> {
    /// Decodes a value that may be null or unknown; None when it is of the wrong type (then `found` says so).
    pub fn decode(value: &Value, at: &Path, found: &mut Diagnostics) -> Option<Self> {
        match value {
            Value::Null => Some(Self::Null),
            Value::Unknown(_) => Some(Self::Unknown),
            known => T::decode(known, at, found).map(Self::Known),
        }
    }

    pub fn encode(&self) -> Value {
        match self {
            Self::Known(value) => value.encode(),
            Self::Null => Value::Null,
            Self::Unknown => Value::UNKNOWN,
        }
    }
}

/// Decodes a whole model from the object Terraform sent. A null object is None without a finding.
pub fn decode_model<M: Model>(value: &Value, found: &mut Diagnostics) -> Option<M> {
    if value.is_null() { None } else { M::decode(value, &Path::root(), found) }
}

/// The finding for a value that does not have the declared type.
pub fn wrong_type(expected: &Type, at: &Path, found: &mut Diagnostics) {
    found.error_at(at.clone(), "Wrong type", format!("{at} must be {}.", expected.noun()));
}

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
                        format!("{at} is {number}, but must be a whole number from {} to {}.", Self::MIN, Self::MAX.min(i64::MAX as Self)),
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

impl<T: AttributeValue> AttributeValue for Vec<T> {
    fn ty() -> Type {
        Type::list(T::ty())
    }

    fn decode(value: &Value, at: &Path, found: &mut Diagnostics) -> Option<Self> {
        let Value::List(elements) = value else {
            wrong_type(&Self::ty(), at, found);
            return None;
        };
        let decoded: Vec<Option<T>> =
            elements.iter().enumerate().map(|(index, element)| T::decode(element, &at.index(index), found)).collect();
        decoded.into_iter().collect()
    }

    fn encode(&self) -> Value {
        Value::List(self.iter().map(T::encode).collect())
    }
}

impl AttributeValue for BTreeSet<String> {
    fn ty() -> Type {
        Type::set(Type::String)
    }

    fn decode(value: &Value, at: &Path, found: &mut Diagnostics) -> Option<Self> {
        Vec::<String>::decode(value, at, found).map(|elements| elements.into_iter().collect())
    }

    fn encode(&self) -> Value {
        Value::List(self.iter().map(String::encode).collect())
    }
}

impl<T: AttributeValue> AttributeValue for BTreeMap<String, T> {
    fn ty() -> Type {
        Type::map(T::ty())
    }

    fn decode(value: &Value, at: &Path, found: &mut Diagnostics) -> Option<Self> {
        let Value::Map(elements) = value else {
            wrong_type(&Self::ty(), at, found);
            return None;
        };
        let decoded: Vec<Option<(String, T)>> =
            elements.iter().map(|(key, element)| T::decode(element, &at.key(key), found).map(|element| (key.clone(), element))).collect();
        decoded.into_iter().collect()
    }

    fn encode(&self) -> Value {
        Value::Map(self.iter().map(|(key, element)| (key.clone(), element.encode())).collect())
    }
}

/// An element that may be null or unknown where a collection says so.
impl<T: AttributeValue> AttributeValue for Attr<T> {
    fn ty() -> Type {
        T::ty()
    }

    fn decode(value: &Value, at: &Path, found: &mut Diagnostics) -> Option<Self> {
        Self::decode(value, at, found)
    }

    fn encode(&self) -> Value {
        Self::encode(self)
    }
}
