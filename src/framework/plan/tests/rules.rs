//! One line per rule: schema, prior, configuration, and what must be planned and replaced.

use crate::framework::{
    path::Path,
    plan::{contradictions, keep_untouched, prepare, replacements},
    schema::{Attribute, Block, Mode, NestedBlock, Nesting},
    value::{Type, Value},
};

const NULL: Value = Value::Null;
const UNKNOWN: Value = Value::UNKNOWN;

fn attribute(name: &str, mode: Mode) -> Attribute {
    Attribute {
        name: name.to_owned(),
        ty: Type::String,
        description: "Text.".to_owned(),
        mode,
        sensitive: false,
        write_only: false,
        replace: false,
        stable: false,
        default: None,
        deprecated: None,
        fields: None,
    }
}

fn nested(nesting: Nesting, replace: bool, block: Block) -> Block {
    let nested = NestedBlock { name: "b".to_owned(), nesting, required: false, replace, block };
    Block { blocks: vec![nested], ..Block::default() }
}

fn of(attributes: Vec<Attribute>) -> Block {
    Block { attributes, ..Block::default() }
}

/// A settable attribute `x` and a computed one `c`.
fn pair() -> Block {
    of(vec![attribute("x", Mode::Optional), attribute("c", Mode::Computed)])
}

fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::Map(fields.map(|(name, value)| (name.to_owned(), value)).into())
}

fn xc(x: &str, c: Value) -> Value {
    object([("x", x.into()), ("c", c)])
}

fn b(value: Value) -> Value {
    object([("b", value)])
}

fn list<const N: usize>(elements: [Value; N]) -> Value {
    Value::List(elements.into())
}

/// Name of the rule, schema, prior, configuration, proposed, planned, replaced places.
type Case = (&'static str, Block, Value, Value, Value, Value, Vec<&'static str>);

fn run(cases: Vec<Case>) {
    for (rule, block, prior, config, proposed, expected, replaced) in cases {
        let planned = prepare(&block, &prior, &config, proposed, |_, _| {});
        assert_eq!(planned, expected, "{rule}");
        let places: Vec<String> = replacements(&block, &prior, &planned).iter().map(Path::to_string).collect();
        assert_eq!(places, replaced, "{rule}");
        assert_eq!(contradictions(&block, &prior, &config, &planned), [], "{rule}");
    }
}

#[test]
fn computed_values_are_unknown_where_something_changes() {
    let stable = || of(vec![attribute("x", Mode::Optional), Attribute { stable: true, ..attribute("c", Mode::Computed) }]);
    let either = || of(vec![attribute("x", Mode::Optional), attribute("c", Mode::OptionalComputed)]);
    run(vec![
        ("create", pair(), NULL, xc("1", NULL), xc("1", NULL), xc("1", UNKNOWN), vec![]),
        ("no change", pair(), xc("1", "k".into()), xc("1", NULL), xc("1", "k".into()), xc("1", "k".into()), vec![]),
        ("change", pair(), xc("1", "k".into()), xc("2", NULL), xc("2", "k".into()), xc("2", UNKNOWN), vec![]),
        ("stable, create", stable(), NULL, xc("1", NULL), xc("1", NULL), xc("1", UNKNOWN), vec![]),
        ("stable, change", stable(), xc("1", "k".into()), xc("2", NULL), xc("2", "k".into()), xc("2", "k".into()), vec![]),
        ("stable without a prior value", stable(), xc("1", NULL), xc("2", NULL), xc("2", NULL), xc("2", UNKNOWN), vec![]),
        (
            "given by the user",
            either(),
            xc("1", "k".into()),
            xc("2", "mine".into()),
            xc("2", "mine".into()),
            xc("2", "mine".into()),
            vec![],
        ),
        ("left to the provider", either(), xc("1", "k".into()), xc("2", NULL), xc("2", "k".into()), xc("2", UNKNOWN), vec![]),
        (
            "unknown from elsewhere",
            pair(),
            xc("1", "k".into()),
            object([("x", UNKNOWN), ("c", NULL)]),
            object([("x", UNKNOWN), ("c", "k".into())]),
            object([("x", UNKNOWN), ("c", UNKNOWN)]),
            vec![],
        ),
    ]);
}

#[test]
fn defaults_stand_in_and_write_only_values_vanish() {
    let default = || of(vec![Attribute { default: Some("d".into()), ..attribute("x", Mode::OptionalComputed) }]);
    let secret = || of(vec![attribute("x", Mode::Optional), Attribute { write_only: true, ..attribute("c", Mode::Optional) }]);
    let x = |value: Value| object([("x", value)]);
    run(vec![
        ("default on create", default(), NULL, x(NULL), x(NULL), x("d".into()), vec![]),
        ("default again when the value is taken away", default(), x("mine".into()), x(NULL), x("mine".into()), x("d".into()), vec![]),
        ("value before default", default(), x("d".into()), x("mine".into()), x("mine".into()), x("mine".into()), vec![]),
        ("write-only is no change", secret(), xc("1", NULL), xc("1", "pw".into()), xc("1", "pw".into()), xc("1", NULL), vec![]),
    ]);
}

#[test]
fn what_cannot_change_in_place_is_replaced() {
    let fixed = |mode| of(vec![Attribute { replace: true, ..attribute("x", mode) }, attribute("c", Mode::Computed)]);
    let null_x = |c: Value| object([("x", NULL), ("c", c)]);
    run(vec![
        ("create", fixed(Mode::Required), NULL, xc("1", NULL), xc("1", NULL), xc("1", UNKNOWN), vec![]),
        ("change", fixed(Mode::Required), xc("1", "k".into()), xc("2", NULL), xc("2", "k".into()), xc("2", UNKNOWN), vec!["x"]),
        ("taken away", fixed(Mode::Optional), xc("1", "k".into()), null_x(NULL), null_x("k".into()), null_x(UNKNOWN), vec!["x"]),
        (
            "left to the provider, it keeps",
            {
                let mut block = fixed(Mode::OptionalComputed);
                block.attributes.push(attribute("y", Mode::Optional));
                block
            },
            object([("x", "1".into()), ("c", "k".into()), ("y", "1".into())]),
            object([("x", NULL), ("c", NULL), ("y", "2".into())]),
            object([("x", "1".into()), ("c", "k".into()), ("y", "2".into())]),
            object([("x", "1".into()), ("c", UNKNOWN), ("y", "2".into())]),
            vec![],
        ),
    ]);
}

#[test]
fn nested_blocks_are_planned_one_by_one() {
    let single = || nested(Nesting::Single, false, pair());
    let whole = || nested(Nesting::Single, true, pair());
    let fixed = || nested(Nesting::Single, false, of(vec![Attribute { replace: true, ..attribute("x", Mode::Required) }]));
    let many = || nested(Nesting::List { min: 0, max: 0 }, false, pair());
    let labelled = || nested(Nesting::Map, false, pair());
    let known = || xc("1", "k".into());
    run(vec![
        ("block appears", single(), b(NULL), b(xc("1", NULL)), b(xc("1", NULL)), b(xc("1", UNKNOWN)), vec![]),
        ("block stays away", single(), NULL, b(NULL), b(NULL), b(NULL), vec![]),
        ("block goes", single(), b(known()), b(NULL), b(NULL), b(NULL), vec![]),
        ("block that replaces goes", whole(), b(known()), b(NULL), b(NULL), b(NULL), vec!["b"]),
        (
            "attribute in a block replaces",
            fixed(),
            b(object([("x", "1".into())])),
            b(object([("x", "2".into())])),
            b(object([("x", "2".into())])),
            b(object([("x", "2".into())])),
            vec!["b.x"],
        ),
        (
            "list grows",
            many(),
            b(list([known()])),
            b(list([xc("1", NULL), xc("2", NULL)])),
            b(list([known(), xc("2", NULL)])),
            b(list([xc("1", UNKNOWN), xc("2", UNKNOWN)])),
            vec![],
        ),
        ("dynamic block", many(), b(list([known()])), b(UNKNOWN), b(UNKNOWN), b(UNKNOWN), vec![]),
        (
            "map by key",
            labelled(),
            b(object([("k", known())])),
            b(object([("k", xc("2", NULL))])),
            b(object([("k", xc("2", "k".into()))])),
            b(object([("k", xc("2", UNKNOWN))])),
            vec![],
        ),
    ]);
}

#[test]
fn sets_of_blocks_pair_by_what_users_set_and_are_replaced_as_a_whole() {
    let fixed = of(vec![
        Attribute { replace: true, ..attribute("x", Mode::Required) },
        Attribute { stable: true, ..attribute("c", Mode::Computed) },
    ]);
    let set = nested(Nesting::Set { min: 0, max: 0 }, false, fixed);
    let prior = b(list([xc("1", "k1".into()), xc("2", "k2".into())]));
    let config = b(list([xc("2", NULL), xc("3", NULL)]));
    let proposed = b(list([xc("2", "k2".into()), xc("3", NULL)]));
    run(vec![("set", set, prior, config, proposed, b(list([xc("2", "k2".into()), xc("3", UNKNOWN)])), vec!["b"])]);
}

#[test]
fn a_plan_that_core_would_refuse_is_named() {
    let secret = of(vec![Attribute { write_only: true, ..attribute("x", Mode::Optional) }]);
    let x = |value: Value| object([("x", value)]);
    let many = nested(Nesting::List { min: 0, max: 0 }, false, pair());
    for (block, prior, config, planned, place) in [
        (pair(), NULL, xc("1", NULL), xc("2", NULL), "x"),
        (pair(), NULL, xc("1", NULL), object([("x", UNKNOWN), ("c", NULL)]), "x"),
        (pair(), xc("0", NULL), object([("x", NULL), ("c", NULL)]), xc("0", NULL), "x"),
        (secret, NULL, x("pw".into()), x("pw".into()), "x"),
        (many.clone(), NULL, b(list([xc("1", NULL)])), b(list([])), "b"),
        (many.clone(), NULL, b(list([xc("1", NULL)])), b(list([xc("2", NULL)])), "b[0].x"),
        (many, NULL, b(UNKNOWN), b(list([])), "b"),
        (nested(Nesting::Single, false, pair()), NULL, b(NULL), b(xc("1", NULL)), "b"),
    ] {
        let places: Vec<String> = contradictions(&block, &prior, &config, &planned).iter().map(|(place, _)| place.to_string()).collect();
        assert_eq!(places, [place], "{planned:?}");
    }
    assert_eq!(contradictions(&pair(), &xc("0", NULL), &xc("1", NULL), &xc("0", "any".into())), [], "prior may be kept");
}

#[test]
fn what_typed_code_left_alone_stays_as_it_was() {
    let original = object([("l", list(["a".into(), UNKNOWN])), ("x", "1".into())]);
    let before = object([("l", UNKNOWN), ("x", "1".into())]);
    let after = object([("l", UNKNOWN), ("x", "2".into())]);
    assert_eq!(keep_untouched(&original, &before, after), object([("l", list(["a".into(), UNKNOWN])), ("x", "2".into())]));
}
