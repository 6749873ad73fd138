//! Changes that need a new object.

use super::walk::element;
use crate::framework::{
    path::Path,
    schema::{Block, NestedBlock, Nesting},
    value::Value,
};

/// The places that the schema marks `replace` and whose values differ. Nothing is replaced on create.
pub fn replacements(block: &Block, prior: &Value, planned: &Value) -> Vec<Path> {
    let mut places = Vec::new();
    if !prior.is_null() && !planned.is_null() {
        in_object(block, prior, planned, &Path::root(), &mut places);
    }
    places
}

fn in_object(block: &Block, prior: &Value, planned: &Value, at: &Path, places: &mut Vec<Path>) {
    for attribute in block.attributes.iter().filter(|attribute| attribute.replace) {
        if !prior.attribute(&attribute.name).equivalent(planned.attribute(&attribute.name), &attribute.ty) {
            places.push(at.attribute(&attribute.name));
        }
    }
    for nested in &block.blocks {
        let (before, after) = (prior.attribute(&nested.name), planned.attribute(&nested.name));
        if before.equivalent(after, &nested.value_type()) {
            continue;
        }
        let place = at.attribute(&nested.name);
        if nested.replace {
            places.push(place);
        } else {
            in_block(nested, before, after, &place, places);
        }
    }
}

fn in_block(nested: &NestedBlock, prior: &Value, planned: &Value, at: &Path, places: &mut Vec<Path>) {
    let block = &nested.block;
    match nested.nesting {
        Nesting::Single => in_object(block, prior, planned, at, places),
        Nesting::List { .. } => {
            for index in 0..length(prior).max(length(planned)) {
                in_object(block, element(prior, index), element(planned, index), &at.index(index), places);
            }
        }
        // A set has no index: any change inside that needs a new object is one of the set.
        Nesting::Set { .. } => {
            if holds_replace(block) {
                places.push(at.clone());
            }
        }
        Nesting::Map => {
            let mut keys: Vec<&String> = [prior, planned].into_iter().flat_map(keys).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                in_object(block, prior.attribute(key), planned.attribute(key), &at.key(key), places);
            }
        }
    }
}

fn holds_replace(block: &Block) -> bool {
    block.attributes.iter().any(|attribute| attribute.replace)
        || block.blocks.iter().any(|nested| nested.replace || holds_replace(&nested.block))
}

fn length(list: &Value) -> usize {
    if let Value::List(elements) = list { elements.len() } else { 0 }
}

fn keys(map: &Value) -> Vec<&String> {
    if let Value::Map(elements) = map { elements.keys().collect() } else { Vec::new() }
}
