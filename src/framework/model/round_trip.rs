//! One test for every model: what it decodes it encodes again, with null and unknown in every place; its schema keeps core's rules.

use std::collections::BTreeSet;

use super::{Model, decode_model};
use crate::framework::{
    diagnostic::Diagnostics,
    path::{Path, Step},
    schema::{Block, Nesting},
    value::{Type, Value},
};

/// Texts tried where the schema says string, until one decodes.
const TEXTS: [&str; 12] = [
    "a",
    "kaas",
    "1h",
    "cluster",
    "4.1.0",
    "1.33.0",
    "v1.33.1",
    "10.0.0.0/16",
    "example.com",
    "https://example.com",
    "eks/eu-west-1/a",
    "a@example.com",
];

/// Numbers tried where the schema says number.
const NUMBERS: [i64; 3] = [3, 1, 100];

/// Checks the model with texts and numbers that its types accept.
pub fn round_trips<M: Model>() {
    round_trips_with::<M>(&[]);
}

/// Like [`round_trips`], with own samples by path (`dns.zone_id`, `volume[0].kind`).
pub fn round_trips_with<M: Model>(samples: &[(&str, Value)]) {
    let block = M::block();
    keeps_the_rules(&block, &Path::root());
    let mut places = Vec::new();
    let mut full = sample(&block.object_type(), &Path::root());
    positions(&full, &Path::root(), &mut places);
    fit::<M>(&mut full, samples);
    same::<M>(&full, "all known");
    for place in &places {
        for (hole, what) in [(Value::Null, "null"), (Value::UNKNOWN, "unknown")] {
            let mut value = full.clone();
            *at(&mut value, place) = hole;
            same::<M>(&value, &format!("{place} {what}"));
        }
    }
    defaults_decode::<M>(&block, &full, &Path::root());
    same::<M>(&block.null_object(), "nothing set");
}

/// Decodes and encodes. LIST and MAP blocks may come back empty for null.
fn same<M: Model>(value: &Value, what: &str) {
    let block = M::block();
    let mut found = Diagnostics::none();
    let model = decode_model::<M>(value, &mut found);
    let encoded = model.unwrap_or_else(|| panic!("{what}: {found:?}")).encode();
    let mut expected = value.clone();
    fill_blocks(&block, &mut expected);
    assert!(encoded.equivalent(&expected, &block.object_type()), "{what}: {encoded:?} is not {expected:?}");
}

fn fill_blocks(block: &Block, object: &mut Value) {
    let Value::Map(fields) = object else { return };
    for nested in &block.blocks {
        let Some(value) = fields.get_mut(&nested.name) else { continue };
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

fn sample(ty: &Type, at: &Path) -> Value {
    match ty {
        Type::String | Type::Dynamic => TEXTS[0].into(),
        Type::Number => NUMBERS[0].into(),
        Type::Bool => true.into(),
        Type::List(of) | Type::Set(of) => Value::List(vec![sample(of, &at.index(0))]),
        Type::Map(of) => Value::Map([("a".to_owned(), sample(of, &at.key("a")))].into()),
        Type::Object(types) => Value::Map(types.iter().map(|(name, ty)| (name.clone(), sample(ty, &at.attribute(name)))).collect()),
        Type::Tuple(types) => Value::List(types.iter().enumerate().map(|(index, ty)| sample(ty, &at.index(index))).collect()),
    }
}

/// Every attribute and block, also inside others.
fn positions(value: &Value, place: &Path, places: &mut Vec<Path>) {
    match value {
        Value::Map(fields) => {
            for (name, field) in fields {
                // The only key of sampled maps is "a", and no attribute is called so.
                let inner = if name == "a" { place.key(name) } else { place.attribute(name) };
                if name != "a" {
                    places.push(inner.clone());
                }
                positions(field, &inner, places);
            }
        }
        Value::List(elements) => {
            for (index, element) in elements.iter().enumerate() {
                positions(element, &place.index(index), places);
            }
        }
        _ => {}
    }
}

fn at<'a>(value: &'a mut Value, place: &Path) -> &'a mut Value {
    let mut here = value;
    for step in place.steps() {
        here = match (step, here) {
            (Step::Attribute(name) | Step::Key(name), Value::Map(fields)) => fields.get_mut(name).unwrap(),
            (Step::Index(index), Value::List(elements)) => elements.get_mut(usize::try_from(*index).unwrap()).unwrap(),
            (step, other) => panic!("no {step:?} in {other:?} ({place})"),
        };
    }
    here
}

/// Exchanges samples until every type accepts its own.
fn fit<M: Model>(full: &mut Value, samples: &[(&str, Value)]) {
    let tries = NUMBERS.map(Value::from).into_iter().chain(TEXTS.map(Value::from));
    let tries: Vec<Value> = tries.collect();
    for _ in 0..10_000 {
        let mut found = Diagnostics::none();
        if decode_model::<M>(full, &mut found).is_some() {
            return;
        }
        let wrong = found.iter().next().unwrap_or_else(|| panic!("refused without a finding: {full:?}"));
        let place = wrong.path.clone().unwrap_or_else(|| panic!("a finding without a place: {wrong:?}"));
        let here = match at(full, &place) {
            // A wrong element of a set is told at the set.
            Value::List(elements) => elements.first_mut().unwrap(),
            other => other,
        };
        let own = samples.iter().find(|(name, _)| *name == place.to_string()).map(|(_, value)| value);
        *here = match own {
            Some(own) if own == here => panic!("the sample is refused: {wrong:?}"),
            Some(own) => own.clone(),
            None => {
                let position = tries.iter().position(|value| value == here).map_or(0, |tried| tried + 1);
                let next = tries.get(position).unwrap_or_else(|| panic!("give a sample for {place}: {wrong:?}"));
                next.clone()
            }
        };
    }
    panic!("no fitting value found: {full:?}");
}

fn defaults_decode<M: Model>(block: &Block, full: &Value, place: &Path) {
    for attribute in &block.attributes {
        if let Some(default) = &attribute.default {
            let mut value = full.clone();
            let here = place.attribute(&attribute.name);
            *at(&mut value, &here) = default.clone();
            same::<M>(&value, &format!("default of {here}"));
        }
    }
    for nested in block.blocks.iter() {
        let inner = place.attribute(&nested.name);
        let inner = match nested.nesting {
            Nesting::Single => inner,
            Nesting::List { .. } | Nesting::Set { .. } => inner.index(0),
            Nesting::Map => inner.key("a"),
        };
        defaults_decode::<M>(&nested.block, full, &inner);
    }
}

/// What core checks when it loads a schema, and names that its own language takes.
fn keeps_the_rules(block: &Block, place: &Path) {
    const TAKEN: [&str; 8] = ["a", "count", "for_each", "depends_on", "lifecycle", "provider", "connection", "provisioner"];
    let mut names = BTreeSet::new();
    let attributes = block.attributes.iter().map(|attribute| (&attribute.name, &attribute.description));
    for (name, description) in attributes.chain(block.blocks.iter().map(|nested| (&nested.name, &nested.block.description))) {
        let here = place.attribute(name);
        assert!(names.insert(name), "{here} is there twice");
        assert!(name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_'), "{here}");
        assert!(name.starts_with(|letter: char| letter.is_ascii_lowercase()), "{here}");
        assert!(!place.steps().is_empty() || !TAKEN.contains(&name.as_str()), "{here} is a word of Terraform's");
        assert!(!description.is_empty(), "{here} has no description");
    }
    for nested in &block.blocks {
        keeps_the_rules(&nested.block, &place.attribute(&nested.name));
    }
}
