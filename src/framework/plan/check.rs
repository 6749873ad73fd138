//! What core would refuse in a plan, found earlier and told as a bug of the provider with its place.

use super::walk::element;
use crate::framework::{
    path::Path,
    schema::{Attribute, Block, NestedBlock, Nesting},
    value::Value,
};

/// Every place where the planned value breaks the rules of a plan, with the rule.
pub fn contradictions(block: &Block, prior: &Value, config: &Value, planned: &Value) -> Vec<(Path, &'static str)> {
    let mut broken = Vec::new();
    in_object(block, prior, config, planned, &Path::root(), &mut broken);
    broken
}

type Broken = Vec<(Path, &'static str)>;

fn in_object(block: &Block, prior: &Value, config: &Value, planned: &Value, at: &Path, broken: &mut Broken) {
    if config.is_null() != planned.is_null() {
        broken.push((at.clone(), "is planned if and only if it is configured"));
        return;
    }
    if config.is_unknown() || planned.is_null() {
        return;
    }
    for attribute in &block.attributes {
        let of = |object: &'_ Value| object.attribute(&attribute.name).clone();
        if let Some(rule) = in_attribute(attribute, &of(prior), &of(config), &of(planned)) {
            broken.push((at.attribute(&attribute.name), rule));
        }
    }
    for nested in &block.blocks {
        let name = &nested.name;
        in_block(nested, prior.attribute(name), config.attribute(name), planned.attribute(name), &at.attribute(name), broken);
    }
}

fn in_attribute(attribute: &Attribute, prior: &Value, config: &Value, planned: &Value) -> Option<&'static str> {
    if attribute.write_only {
        return (!planned.is_null()).then_some("is write-only, so that no value may be planned");
    }
    if !attribute.mode.is_settable() || (config.is_null() && attribute.mode.is_computed()) {
        return None;
    }
    let same = |other: &Value| planned.equivalent(other, &attribute.ty);
    if config.is_null() {
        return (!planned.is_null()).then_some("is not configured and not computed, so that no value may be planned");
    }
    let kept = same(config) || (!prior.is_null() && same(prior));
    (!kept).then_some("is configured, so that only the configured or the prior value may be planned")
}

fn in_block(nested: &NestedBlock, prior: &Value, config: &Value, planned: &Value, at: &Path, broken: &mut Broken) {
    let block = &nested.block;
    if config.is_unknown() {
        if !planned.is_unknown() {
            broken.push((at.clone(), "is unknown in the configuration and must stay so"));
        }
        return;
    }
    match (nested.nesting, config, planned) {
        (Nesting::Single, ..) => in_object(block, prior, config, planned, at, broken),
        (Nesting::List { .. }, Value::List(written), Value::List(objects)) if written.len() == objects.len() => {
            for (index, (written, object)) in written.iter().zip(objects).enumerate() {
                in_object(block, element(prior, index), written, object, &at.index(index), broken);
            }
        }
        (Nesting::Set { .. }, Value::List(written), Value::List(objects)) if written.len() == objects.len() => {
            if objects.iter().any(Value::is_unknown) {
                broken.push((at.clone(), "is a set, whose elements may not be unknown themselves"));
            }
        }
        (Nesting::Map, Value::Map(written), Value::Map(objects)) if written.keys().eq(objects.keys()) => {
            for (key, object) in objects {
                in_object(block, prior.attribute(key), config.attribute(key), object, &at.key(key), broken);
            }
        }
        _ => broken.push((at.clone(), "must have as many blocks planned as are configured")),
    }
}
