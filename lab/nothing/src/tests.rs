//! The provider as the plugin layer drives it: every part through its untyped wrapper.

use std::collections::BTreeMap;

use futures::executor::block_on;
use kaas::framework::{
    erased::{AnyProvider, ApplyInput, ErasedProvider, PlanInput},
    parts::Call,
    value::Value,
};

use super::*;

fn provider() -> ErasedProvider<Nothing> {
    ErasedProvider::new(Nothing::default())
}

fn object<const N: usize>(attributes: [(&str, Value); N]) -> Value {
    Value::Map(attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<BTreeMap<_, _>>())
}

fn titles(found: &Diagnostics) -> Vec<String> {
    found.iter().map(|diagnostic| diagnostic.summary.clone()).collect()
}

#[test]
fn the_configuration_is_checked_and_reaches_the_parts() {
    let provider = provider();
    assert_eq!(titles(&provider.validate(&object([("greeting", " ".into())]))), ["Empty greeting"]);
    assert!(!provider.validate(&object([("greeting", Value::UNKNOWN)])).has_errors());
    let echo = provider.offers().data_sources["nothing_echo"].clone();
    let said = |text: &str, loud: Value| {
        let mut call = Call::default();
        let read = block_on(echo.read(object([("text", text.into()), ("loud", loud), ("said", Value::Null)]), &mut call));
        assert!(!call.found.has_errors(), "{:?}", call.found);
        read
    };
    assert_eq!(said("you", Value::Null).attribute("said"), &Value::from("hello, you"));
    assert!(!provider.configure(&object([("greeting", "good day".into())]), "1.11.0").has_errors());
    let read = said("you", true.into());
    assert_eq!(read.attribute("said"), &Value::from("GOOD DAY, YOU"));
    // What the user left out and has a default is filled in.
    assert_eq!(said("you", Value::Null).attribute("loud"), &Value::from(false));
}

#[test]
fn a_data_source_refuses_what_it_cannot_answer() {
    let provider = provider();
    let echo = &provider.offers().data_sources["nothing_echo"];
    let config = |text: Value| object([("text", text), ("loud", Value::Null), ("said", Value::Null)]);
    assert_eq!(titles(&echo.validate(&config("".into()))), ["Empty text"]);
    assert!(!echo.validate(&config(Value::UNKNOWN)).has_errors());
    let mut call = Call::default();
    assert!(block_on(echo.read(config(Value::List(Vec::new())), &mut call)).is_null());
    assert_eq!(titles(&call.found), ["Wrong type"]);
}

#[test]
fn a_lease_lives_from_open_to_close() {
    let provider = provider();
    let lease = &provider.offers().ephemeral_resources["nothing_lease"];
    let config = |holder: &str| object([("holder", holder.into()), ("token", Value::Null)]);
    assert_eq!(titles(&lease.validate(&config(""))), ["Nobody holds the lease"]);
    let mut call = Call::default();
    let (opened, renew_at) = block_on(lease.open(config("me"), &mut call));
    assert_eq!(opened.attribute("token"), &Value::from("hello-me"));
    assert!(renew_at > Some(std::time::SystemTime::now()));
    assert_eq!(call.private["holder"], "me");
    assert!(block_on(lease.renew(&mut call)) >= renew_at);
    block_on(lease.close(&mut call));
    assert!(!call.found.has_errors(), "{:?}", call.found);
}

#[test]
fn a_thing_is_planned_wholly_known_and_stays_as_it_is() {
    let provider = provider();
    let things = &provider.offers().resources["nothing_thing"];
    let load = object([("entries", 2.into()), ("bytes", 3.into())]);
    let config = object([("name", "a".into()), ("labels", Value::Null), ("load", load), ("id", Value::Null), ("ballast", Value::Null)]);
    let mut call = Call::default();
    let input = |prior: &Value, proposed: &Value| PlanInput { prior: prior.clone(), proposed: proposed.clone(), config: config.clone() };
    let planned = things.plan(input(&Value::Null, &config), &mut call).planned;
    assert_eq!(planned.attribute("ballast"), &object([("0000", "xxx".into()), ("0001", "xxx".into())]));
    let (made, identity) =
        block_on(things.apply(ApplyInput { prior: Value::Null, planned: planned.clone(), config: config.clone() }, &mut call));
    assert_eq!(made, planned);
    assert_eq!(identity, Some(object([("name", "a".into())])));
    let (read, _) = block_on(things.read(made.clone(), &mut call));
    assert_eq!(read, made);
    assert_eq!(things.plan(input(&made, &made), &mut call).planned, made);
    assert!(!call.found.has_errors(), "{:?}", call.found);
}

#[test]
fn a_seal_is_made_from_its_secret_and_does_not_keep_it() {
    let provider = provider();
    let seals = &provider.offers().resources["nothing_seal"];
    let seal = |secret: Value, letters: Value| {
        object([("name", "a".into()), ("secret", secret), ("secret_version", 1.into()), ("letters", letters)])
    };
    let config = seal("four".into(), Value::Null);
    let mut call = Call::default();
    let planned = seals.plan(PlanInput { prior: Value::Null, proposed: config.clone(), config: config.clone() }, &mut call).planned;
    assert_eq!(planned, seal(Value::Null, Value::UNKNOWN));
    let (made, _) = block_on(seals.apply(ApplyInput { prior: Value::Null, planned, config }, &mut call));
    assert_eq!(made, seal(Value::Null, 4.into()));
    assert!(!call.found.has_errors(), "{:?}", call.found);
}

#[test]
fn the_function_repeats_within_bounds() {
    let provider = provider();
    let repeat = &provider.offers().functions["repeat"];
    assert_eq!(repeat.call(&["ab".into(), 3.into()]), Ok("ababab".into()));
    assert_eq!(repeat.call(&["ab".into(), 1_000_000.into()]).unwrap_err().argument, Some(1));
}
