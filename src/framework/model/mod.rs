//! Typed models: how Rust values and structs join schemas. `#[derive(Model)]` writes [`Model`] and [`AttributeValue`] for a struct.

mod collections;
mod derived;
#[cfg(test)]
pub mod round_trip;
mod scalars;
#[cfg(test)]
mod tests;
mod text;

use std::fmt::Debug;

pub use kaas_derive::Model;

pub use self::{
    derived::{decode_blocks, decode_field, encode_blocks, is_object, settle_field},
    text::{decode_text, settle_text},
};
use super::{
    attr::Attr,
    diagnostic::Diagnostics,
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
    /// Whether [`Type::Dynamic`] is the type or in it. A type of this kind says so: the derive then refuses it inside blocks of nesting LIST and MAP, whose
    /// value would be a tuple or an object of types that only each value tells.
    const DYNAMIC: bool = false;

    fn ty() -> Type;

    /// The typed value of a known, non-null `value`. Adds everything wrong to `found`, each at its path, and is then None.
    fn decode(value: &Value, at: &Path, found: &mut Diagnostics) -> Option<Self>;

    fn encode(&self) -> Value;

    /// Whether `value` holds an unknown that this type cannot tell. An attribute then counts as unknown as a whole: typed code sees less, and
    /// what it leaves alone keeps its known parts in the plan.
    fn hides(value: &Value) -> bool {
        value.is_unknown()
    }

    /// Where `value` means the same as `prior` in another spelling, takes over the spelling of `prior`: no difference is then shown.
    fn settle(_prior: &Value, _value: &mut Value) {}

    /// What the fields of an object mean, or of the objects in a collection.
    fn fields() -> Option<Block> {
        None
    }

    /// Whether null is a value of this type.
    fn admits_null() -> bool {
        false
    }
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
            hidden if T::hides(hidden) => Some(Self::Unknown),
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
    found.error_at(at.clone(), "Wrong type", format!("{} must be {}.", subject(at), expected.noun()));
}

/// A place as the subject of a sentence.
fn subject(at: &Path) -> String {
    if at.steps().is_empty() { "The value".to_owned() } else { at.to_string() }
}

/// An element that may be null or unknown where a collection says so.
impl<T: AttributeValue> AttributeValue for Attr<T> {
    const DYNAMIC: bool = T::DYNAMIC;

    fn ty() -> Type {
        T::ty()
    }

    fn decode(value: &Value, at: &Path, found: &mut Diagnostics) -> Option<Self> {
        Self::decode(value, at, found)
    }

    fn encode(&self) -> Value {
        Self::encode(self)
    }

    fn hides(_value: &Value) -> bool {
        false
    }

    fn settle(prior: &Value, value: &mut Value) {
        T::settle(prior, value);
    }

    fn fields() -> Option<Block> {
        T::fields()
    }

    fn admits_null() -> bool {
        true
    }
}
