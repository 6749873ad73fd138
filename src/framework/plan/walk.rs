//! Walking a value by its schema, with the values that belong to the same place beside it.

use std::collections::BTreeMap;

use crate::framework::{
    schema::{Block, NestedBlock, Nesting},
    value::Value,
};

/// The objects of one nested block, each with its partners in `prior` and `config` (null where there is none). Unknown blocks have none.
pub fn for_each_object(
    nested: &NestedBlock,
    prior: &Value,
    config: &Value,
    planned: &mut Value,
    mut act: impl FnMut(&Block, &Value, &Value, &mut Value),
) {
    let block = &nested.block;
    match (nested.nesting, planned) {
        (Nesting::Single, object @ Value::Map(_)) => act(block, prior, config, object),
        (Nesting::List { .. }, Value::List(objects)) => {
            for (index, object) in objects.iter_mut().enumerate() {
                act(block, element(prior, index), element(config, index), object);
            }
        }
        (Nesting::Set { .. }, Value::List(objects)) => {
            for object in objects {
                let (before, written) = (twin(block, prior, object), twin(block, config, object));
                act(block, before, written, object);
            }
        }
        (Nesting::Map, Value::Map(objects)) => {
            for (key, object) in objects {
                act(block, prior.attribute(key), config.attribute(key), object);
            }
        }
        _ => {}
    }
}

/// Runs over the attributes and nested blocks of an object.
pub fn fields(object: &mut Value) -> Option<&mut BTreeMap<String, Value>> {
    match object {
        Value::Map(fields) => Some(fields),
        _ => None,
    }
}

pub fn element(list: &Value, index: usize) -> &Value {
    match list {
        Value::List(elements) => elements.get(index).unwrap_or(&Value::Null),
        _ => &Value::Null,
    }
}

/// The element of a set that agrees with `object` in everything that users set: sets have no index to pair by.
fn twin<'a>(block: &Block, set: &'a Value, object: &Value) -> &'a Value {
    let agrees = |candidate: &&Value| {
        block.attributes.iter().filter(|attribute| attribute.mode.is_settable()).all(|attribute| {
            let (theirs, ours) = (candidate.attribute(&attribute.name), object.attribute(&attribute.name));
            theirs.is_null() || theirs.equivalent(ours, &attribute.ty)
        })
    };
    match set {
        Value::List(elements) => elements.iter().find(agrees).unwrap_or(&Value::Null),
        _ => &Value::Null,
    }
}
