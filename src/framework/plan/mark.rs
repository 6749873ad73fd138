//! Computed values that a change may change too.

use super::walk::{fields, for_each_object};
use crate::framework::{
    schema::{Attribute, Block},
    value::Value,
};

/// Marks the values that the provider gives as known after apply, except those that keep from apply to apply.
pub fn mark_unknown(block: &Block, prior: &Value, config: &Value, planned: &mut Value) {
    let Some(values) = fields(planned) else { return };
    for attribute in &block.attributes {
        let (before, written) = (prior.attribute(&attribute.name), config.attribute(&attribute.name));
        if gives_provider(attribute, written) && !keeps(attribute, before) {
            values.insert(attribute.name.clone(), Value::UNKNOWN);
        }
    }
    for nested in &block.blocks {
        if let Some(value) = values.get_mut(&nested.name) {
            let (before, written) = (prior.attribute(&nested.name), config.attribute(&nested.name));
            for_each_object(nested, before, written, value, mark_unknown);
        }
    }
}

fn gives_provider(attribute: &Attribute, written: &Value) -> bool {
    written.is_null() && attribute.mode.is_computed() && attribute.default.is_none()
}

/// A value whose change would need a new object cannot change in this one, so it keeps like a stable one.
fn keeps(attribute: &Attribute, before: &Value) -> bool {
    (attribute.stable || attribute.replace) && !before.is_null()
}
