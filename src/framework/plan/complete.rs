//! Defaults and write-only values.

use super::walk::{fields, for_each_object};
use crate::framework::{schema::Block, value::Value};

/// Plans the defaults where the configuration gives nothing, also against a prior value that somebody set once.
pub fn complete(block: &Block, config: &Value, planned: &mut Value) {
    let Some(values) = fields(planned) else { return };
    for attribute in &block.attributes {
        if let Some(default) = &attribute.default
            && config.attribute(&attribute.name).is_null()
        {
            values.insert(attribute.name.clone(), default.clone());
        }
    }
    for nested in &block.blocks {
        if let Some(value) = values.get_mut(&nested.name) {
            let written = config.attribute(&nested.name);
            for_each_object(nested, &Value::Null, written, value, |block, _, config, object| complete(block, config, object));
        }
    }
}

/// Gives an applied object the write-only values of the configuration, which a plan does not carry.
pub fn recall_write_only(block: &Block, config: &Value, object: &mut Value) {
    let Some(values) = fields(object) else { return };
    for attribute in block.attributes.iter().filter(|attribute| attribute.write_only) {
        values.insert(attribute.name.clone(), config.attribute(&attribute.name).clone());
    }
    for nested in &block.blocks {
        if let Some(value) = values.get_mut(&nested.name) {
            let written = config.attribute(&nested.name);
            for_each_object(nested, &Value::Null, written, value, |block, _, config, object| recall_write_only(block, config, object));
        }
    }
}

/// Sets write-only values to null: they are never stored.
pub fn forget_write_only(block: &Block, object: &mut Value) {
    let Some(values) = fields(object) else { return };
    for attribute in block.attributes.iter().filter(|attribute| attribute.write_only) {
        values.insert(attribute.name.clone(), Value::Null);
    }
    for nested in &block.blocks {
        if let Some(value) = values.get_mut(&nested.name) {
            for_each_object(nested, &Value::Null, &Value::Null, value, |block, _, _, object| forget_write_only(block, object));
        }
    }
}
