//! What a part answered, made fit for the state, and held against what was planned or configured.

use crate::framework::{
    diagnostic::Diagnostics,
    path::Path,
    plan::{contradictions, forget_write_only},
    schema::{Block, Nesting},
    value::{Type, Value},
};

/// Title of everything that only the authors of the provider can mend.
pub const BUG: &str = "Bug in the provider";

/// The finding for a fault of the provider's own code.
pub fn bug(at: Path, what: &str, found: &mut Diagnostics) {
    let place = if at.steps().is_empty() { "the object".to_owned() } else { at.to_string() };
    let detail = format!("{place} {what}. This is a bug of the provider, not of your configuration; please report it to its authors.");
    found.error_at(at, BUG, detail);
}

/// A value that may be stored: nothing write-only, and null for what is still unknown, which is a bug.
pub fn storable(block: &Block, mut value: Value, found: &mut Diagnostics) -> Value {
    forget_write_only(block, &mut value);
    let mut value = known(value, &block.object_type(), &Path::root(), found);
    fill_blocks(block, &mut value);
    value
}

/// Core takes no null for a block of nesting LIST, SET or MAP.
fn fill_blocks(block: &Block, object: &mut Value) {
    let Value::Map(fields) = object else { return };
    for nested in &block.blocks {
        let value = fields.entry(nested.name.clone()).or_insert(Value::Null);
        if value.is_null() {
            *value = nested.nesting.absent();
        }
        match (nested.nesting, value) {
            (Nesting::Single, object) => fill_blocks(&nested.block, object),
            (_, Value::List(objects)) => objects.iter_mut().for_each(|object| fill_blocks(&nested.block, object)),
            (_, Value::Map(objects)) => objects.values_mut().for_each(|object| fill_blocks(&nested.block, object)),
            _ => {}
        }
    }
}

/// Like [`storable`] after a failure, which explains unknown values.
pub fn storable_after_failure(block: &Block, value: Value) -> Value {
    storable(block, value, &mut Diagnostics::none())
}

fn known(value: Value, ty: &Type, at: &Path, found: &mut Diagnostics) -> Value {
    match (value, ty) {
        (Value::Unknown(_), _) => {
            bug(at.clone(), "is still unknown after it was applied or read", found);
            Value::Null
        }
        (Value::List(elements), Type::List(of) | Type::Set(of)) => {
            Value::List(elements.into_iter().enumerate().map(|(index, element)| known(element, of, &at.index(index), found)).collect())
        }
        (Value::Map(elements), Type::Map(of)) => {
            let known = |(key, element): (String, Value)| {
                let place = at.key(&key);
                (key, known(element, of, &place, found))
            };
            Value::Map(elements.into_iter().map(known).collect())
        }
        (Value::Map(fields), Type::Object(types)) => Value::Map(
            fields
                .into_iter()
                .map(|(name, field)| {
                    let (ty, place) = (types.get(&name).unwrap_or(&Type::Dynamic), at.attribute(&name));
                    let field = known(field, ty, &place, found);
                    (name, field)
                })
                .collect(),
        ),
        (value, _) => value,
    }
}

/// Tells every known planned value that came out differently.
pub fn hold_to_plan(planned: &Value, result: &Value, ty: &Type, at: &Path, found: &mut Diagnostics) {
    match (planned, result, ty) {
        (Value::Unknown(_), ..) => {}
        (Value::Map(before), Value::Map(_), Type::Object(types)) => {
            for (name, planned) in before {
                if let Some(ty) = types.get(name) {
                    hold_to_plan(planned, result.attribute(name), ty, &at.attribute(name), found);
                }
            }
        }
        (Value::Map(before), Value::Map(after), Type::Map(of)) if before.keys().eq(after.keys()) => {
            for (key, planned) in before {
                hold_to_plan(planned, result.attribute(key), of, &at.key(key), found);
            }
        }
        (Value::List(before), Value::List(after), Type::List(of)) if before.len() == after.len() => {
            for (index, (planned, result)) in before.iter().zip(after).enumerate() {
                hold_to_plan(planned, result, of, &at.index(index), found);
            }
        }
        // Elements of a set that hold unknowns have no partner to compare with.
        (Value::List(before), Value::List(after), Type::Set(_)) if after.len() <= before.len() && !planned.is_wholly_known() => {}
        _ if planned.equivalent(result, ty) => {}
        _ => bug(at.clone(), "came out of apply with a value other than the planned one", found),
    }
}

/// Tells every configured value that a data source or an ephemeral resource answered differently.
pub fn hold_to_config(block: &Block, config: &Value, result: &Value, found: &mut Diagnostics) {
    for (place, _) in contradictions(block, &Value::Null, config, result) {
        bug(place, "came back with a value other than the configured one", found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framework::schema::NestedBlock;

    #[test]
    fn an_unknown_list_of_blocks_is_stored_empty_and_told() {
        let nested = NestedBlock {
            name: "b".to_owned(),
            nesting: Nesting::List { min: 0, max: 0 },
            required: false,
            replace: false,
            block: Block::default(),
        };
        let block = Block { blocks: vec![nested], ..Block::default() };
        let mut found = Diagnostics::none();
        let stored = storable(&block, Value::Map([("b".to_owned(), Value::UNKNOWN)].into()), &mut found);
        assert_eq!(stored, block.null_object());
        assert_eq!(found.iter().next().map(|one| one.path.clone()), Some(Some("b".into())));
    }

    #[test]
    fn sets_are_held_to_the_plan_regardless_of_order() {
        let ty = Type::set(Type::String);
        let set = |texts: [&str; 2]| Value::List(texts.map(Value::from).into());
        let mut found = Diagnostics::none();
        hold_to_plan(&set(["a", "b"]), &set(["b", "a"]), &ty, &Path::from("s"), &mut found);
        assert_eq!(found, Diagnostics::none());
        hold_to_plan(&set(["a", "b"]), &set(["a", "c"]), &ty, &Path::from("s"), &mut found);
        assert!(found.has_errors());
    }
}
