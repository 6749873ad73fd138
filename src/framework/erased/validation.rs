//! Checks of a configuration that need no other system.

use crate::framework::{
    diagnostic::Diagnostics,
    model::{Model, decode_model},
    path::Path,
    schema::{Block, NestedBlock, Nesting},
    value::Value,
};

/// Whether required blocks are there, every value has its type, and what the part itself checks.
pub fn validate<M: Model>(block: &Block, config: &Value, check: impl FnOnce(&M, &mut Diagnostics)) -> Diagnostics {
    let mut found = Diagnostics::none();
    require_blocks(block, config, &Path::root(), &mut found);
    if let Some(model) = decode_model::<M>(config, &mut found) {
        check(&model, &mut found);
    }
    found
}

fn require_blocks(block: &Block, object: &Value, at: &Path, found: &mut Diagnostics) {
    if !matches!(object, Value::Map(_)) {
        return;
    }
    for nested in &block.blocks {
        let (name, value) = (&nested.name, object.attribute(&nested.name));
        let place = at.attribute(name);
        if nested.required && value.is_null() {
            let detail = format!("A block {name:?} is required here. {}", nested.block.description);
            found.error_at(place.clone(), format!("Missing block {name}"), detail.trim_end());
        }
        for (place, object) in objects(nested, value, &place) {
            require_blocks(&nested.block, object, &place, found);
        }
    }
}

fn objects<'a>(nested: &NestedBlock, value: &'a Value, at: &Path) -> Vec<(Path, &'a Value)> {
    match (nested.nesting, value) {
        (Nesting::Single, object) => vec![(at.clone(), object)],
        (Nesting::List { .. }, Value::List(objects)) => {
            objects.iter().enumerate().map(|(index, object)| (at.index(index), object)).collect()
        }
        (Nesting::Set { .. }, Value::List(objects)) => objects.iter().map(|object| (at.clone(), object)).collect(),
        (Nesting::Map, Value::Map(objects)) => objects.iter().map(|(key, object)| (at.key(key), object)).collect(),
        _ => Vec::new(),
    }
}
