//! Random schemas and values: the plan always keeps core's rules, and what was planned is a plan without changes once applied.

use proptest::{collection::vec, prelude::*};

use crate::framework::{
    plan::{contradictions, prepare, replacements},
    schema::{Attribute, Block, Mode, NestedBlock, Nesting},
    value::{Type, Value},
};

fn any_attribute(position: usize) -> impl Strategy<Value = Attribute> {
    let mode = prop_oneof![Just(Mode::Required), Just(Mode::Optional), Just(Mode::Computed), Just(Mode::OptionalComputed)];
    (mode, any::<[bool; 4]>(), any::<bool>()).prop_map(move |(mode, [write_only, replace, stable, default], list)| Attribute {
        name: format!("a{position}"),
        ty: if list { Type::list(Type::String) } else { Type::String },
        description: String::new(),
        mode,
        sensitive: false,
        write_only: write_only && !mode.is_computed(),
        replace: replace && mode.is_settable(),
        stable: stable && mode.is_computed(),
        default: (default && !list && mode == Mode::OptionalComputed).then(|| "default".into()),
        deprecated: None,
        fields: None,
    })
}

fn attributes() -> impl Strategy<Value = Vec<Attribute>> {
    (any_attribute(0), any_attribute(1), any_attribute(2)).prop_map(|(a, b, c)| vec![a, b, c])
}

fn any_block() -> impl Strategy<Value = Block> {
    let leaf = attributes().prop_map(|attributes| Block { attributes, ..Block::default() });
    leaf.prop_recursive(2, 8, 2, |inner| {
        let nesting = prop_oneof![Just(Nesting::Single), Just(Nesting::List { min: 0, max: 0 }), Just(Nesting::Map)];
        (attributes(), vec((inner, nesting, any::<bool>()), 0..2)).prop_map(|(attributes, nested)| {
            let named = |(position, (block, nesting, replace))| NestedBlock {
                name: format!("b{position}"),
                nesting,
                required: false,
                replace,
                block,
            };
            Block { attributes, blocks: nested.into_iter().enumerate().map(named).collect(), ..Block::default() }
        })
    })
}

/// Draws from a finite list of choices, so that a schema and the values that fit it can be made in one step.
struct Choices<'a>(&'a [u8], usize);

impl Choices<'_> {
    fn below(&mut self, limit: u8) -> u8 {
        let choice = self.0[self.1 % self.0.len()];
        self.1 += 1;
        choice % limit
    }

    fn text(&mut self) -> Value {
        ["x", "y", "z"][usize::from(self.below(3))].into()
    }

    /// A configuration; unknown values only where `unknown` says so.
    fn config(&mut self, block: &Block, unknown: bool) -> Value {
        let mut fields = std::collections::BTreeMap::new();
        for attribute in &block.attributes {
            let value = match (attribute.mode, self.below(4)) {
                (Mode::Computed, _) => Value::Null,
                (mode, 0) if mode != Mode::Required => Value::Null,
                (_, 1) if unknown => Value::UNKNOWN,
                _ if attribute.ty == Type::String => self.text(),
                _ => Value::List((0..self.below(3)).map(|_| self.text()).collect()),
            };
            fields.insert(attribute.name.clone(), value);
        }
        for nested in &block.blocks {
            let value = match (nested.nesting, self.below(4)) {
                (Nesting::Single, 0) => Value::Null,
                (Nesting::Single, _) => self.config(&nested.block, unknown),
                (_, 0) if unknown => Value::UNKNOWN,
                (Nesting::Map, count) => Value::Map((0..count).map(|key| (key.to_string(), self.config(&nested.block, unknown))).collect()),
                (_, count) => Value::List((0..count).map(|_| self.config(&nested.block, unknown)).collect()),
            };
            fields.insert(nested.name.clone(), value);
        }
        Value::Map(fields)
    }
}

/// What core proposes: the configuration, with prior values of computed attributes where it gives nothing (`objchange.ProposedNew`).
fn propose(block: &Block, prior: &Value, config: &Value) -> Value {
    if !matches!(config, Value::Map(_)) {
        return config.clone();
    }
    let attributes = block.attributes.iter().map(|attribute| {
        let written = config.attribute(&attribute.name);
        let kept = written.is_null() && attribute.mode.is_computed();
        (attribute.name.clone(), if kept { prior.attribute(&attribute.name) } else { written }.clone())
    });
    let blocks = block.blocks.iter().map(|nested| {
        let (before, written) = (prior.attribute(&nested.name), config.attribute(&nested.name));
        let value = match (nested.nesting, written) {
            (Nesting::Single, written) => propose(&nested.block, before, written),
            (_, Value::List(objects)) => Value::List(
                objects
                    .iter()
                    .enumerate()
                    .map(|(index, object)| propose(&nested.block, super::super::walk::element(before, index), object))
                    .collect(),
            ),
            (_, Value::Map(objects)) => Value::Map(
                objects.iter().map(|(key, object)| (key.clone(), propose(&nested.block, before.attribute(key), object))).collect(),
            ),
            (_, other) => other.clone(),
        };
        (nested.name.clone(), value)
    });
    Value::Map(attributes.chain(blocks).collect())
}

/// Apply: every unknown becomes known, the same one in configuration and plan alike.
fn resolve(value: &Value, ty: &Type) -> Value {
    match (value, ty) {
        (Value::Unknown(_), Type::List(_)) => Value::List(Vec::new()),
        (Value::Unknown(_), Type::Map(_)) => Value::Map(std::collections::BTreeMap::new()),
        (Value::Unknown(_), _) => "resolved".into(),
        (Value::List(elements), Type::List(of)) => Value::List(elements.iter().map(|element| resolve(element, of)).collect()),
        (Value::Map(elements), Type::Map(of)) => {
            Value::Map(elements.iter().map(|(key, element)| (key.clone(), resolve(element, of))).collect())
        }
        (Value::Map(fields), Type::Object(types)) => {
            Value::Map(fields.iter().map(|(name, field)| (name.clone(), resolve(field, &types[name]))).collect())
        }
        (known, _) => known.clone(),
    }
}

fn plan(block: &Block, prior: &Value, config: &Value) -> Value {
    prepare(block, prior, config, propose(block, prior, config), |_, _| {})
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_plan_keeps_the_rules_and_converges(block in any_block(), bytes in vec(any::<u8>(), 1..60)) {
        let mut choices = Choices(&bytes, 0);
        let ty = block.object_type();
        let first = choices.config(&block, true);
        let created = plan(&block, &Value::Null, &first);
        prop_assert_eq!(contradictions(&block, &Value::Null, &first, &created), []);
        prop_assert_eq!(&created, &plan(&block, &Value::Null, &first));

        let state = resolve(&created, &ty);
        let known = resolve(&first, &ty);
        prop_assert_eq!(&plan(&block, &state, &known), &state, "planned again after apply");

        let second = choices.config(&block, true);
        let changed = plan(&block, &state, &second);
        prop_assert_eq!(contradictions(&block, &state, &second, &changed), []);
        let replaced = replacements(&block, &state, &changed);
        prop_assert!(replaced.is_empty() || changed != state);

        let later = resolve(&changed, &ty);
        prop_assert_eq!(&plan(&block, &later, &resolve(&second, &ty)), &later, "planned again after the change");
    }
}
