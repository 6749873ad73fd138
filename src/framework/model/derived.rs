//! What code written by `#[derive(Model)]` calls; not for use by hand.

use super::{AttributeValue, Model, wrong_type};
use crate::framework::{attr::Attr, diagnostic::Diagnostics, path::Path, value::Value};

/// Whether `value` is an object; adds a finding if not.
pub fn is_object<M: Model>(value: &Value, at: &Path, found: &mut Diagnostics) -> bool {
    let object = matches!(value, Value::Map(_));
    if !object {
        wrong_type(&M::ty(), at, found);
    }
    object
}

/// An attribute or a block of nesting SINGLE; a missing one is null.
pub fn decode_field<T: AttributeValue>(object: &Value, name: &str, at: &Path, found: &mut Diagnostics) -> Option<Attr<T>> {
    Attr::decode(object.attribute(name), &at.attribute(name), found)
}

/// A block of nesting LIST or MAP; one that is not written is empty.
pub fn decode_blocks<T: AttributeValue + Default>(object: &Value, name: &str, at: &Path, found: &mut Diagnostics) -> Option<Attr<T>> {
    let blocks = decode_field(object, name, at, found)?;
    Some(if blocks.is_null() { Attr::Known(T::default()) } else { blocks })
}

/// A block of nesting LIST or MAP, which is never null.
pub fn encode_blocks<T: AttributeValue + Default>(blocks: &Attr<T>) -> Value {
    match blocks {
        Attr::Null => T::default().encode(),
        given => given.encode(),
    }
}

/// One field of an object.
pub fn settle_field<T: AttributeValue>(prior: &Value, object: &mut Value, name: &str) {
    if let Value::Map(fields) = object
        && let Some(value) = fields.get_mut(name)
    {
        T::settle(prior.attribute(name), value);
    }
}
