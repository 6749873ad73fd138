//! A small resource driven the way the wire drives it.

use super::*;
use crate::framework::{
    attr::Attr,
    model::{AttributeValue, Model},
    parts::{Change, Failed, ImportTarget, StateUpgrade, Verdict},
};

/// A thing.
#[derive(Clone, Debug, PartialEq, Model)]
struct Thing {
    /// Name.
    #[tf(required, replace)]
    name: Attr<String>,
    /// What apply shall do.
    #[tf(optional)]
    order: Attr<String>,
    /// Secret.
    #[tf(optional, write_only)]
    password: Attr<String>,
    /// Parts.
    #[tf(optional)]
    parts: Attr<Vec<String>>,
    /// Made by the provider.
    #[tf(computed, stable)]
    id: Attr<String>,
    /// Size.
    #[tf(block, required)]
    size: Attr<Size>,
}

/// How big.
#[derive(Clone, Debug, PartialEq, Model)]
struct Size {
    /// In GiB.
    #[tf(required)]
    gib: Attr<i64>,
}

/// What names it.
#[derive(Clone, Debug, PartialEq, Model)]
struct ThingIdentity {
    /// Name.
    #[tf(required)]
    name: Attr<String>,
    /// Where.
    #[tf(optional)]
    region: Attr<String>,
}

struct Things;

impl Things {
    fn apply(planned: Thing) -> Result<Thing, Failed<Thing>> {
        let made = Thing { id: "id-1".into(), ..planned };
        match made.order.known().map(String::as_str) {
            Some("fail") => Err(Diagnostics::of_error("No luck", "Try again.").into()),
            Some("fail half-way") => {
                Err(Failed { reached: Some(Thing { id: Attr::Unknown, ..made }), diagnostics: Diagnostics::of_error("No luck", "") })
            }
            Some("fail silently") => Err(Diagnostics::none().into()),
            Some("tell the secret") => Ok(Thing { id: made.password.clone(), ..made }),
            Some("rename") => Ok(Thing { name: "other".into(), ..made }),
            Some("forget the id") => Ok(Thing { id: Attr::Unknown, ..made }),
            _ => Ok(made),
        }
    }
}

impl Resource for Things {
    const NAME: &'static str = "test_thing";
    const VERSION: i64 = 2;
    type Model = Thing;
    type Identity = ThingIdentity;

    fn validate(&self, config: &Thing, found: &mut Diagnostics) {
        if config.name.known().is_some_and(String::is_empty) {
            found.error_at(Thing::NAME, "Empty name", "Give a name.");
        }
    }

    fn plan(&self, change: &Change<'_, Thing>, planned: &mut Thing, verdict: &mut Verdict) {
        if change.config.order.known().is_some_and(|order| order == "plan badly") {
            planned.name = "planned".into();
        }
        let gib = |thing: &Thing| thing.size.known().and_then(|size| size.gib.known().copied());
        if change.prior.is_some_and(|prior| gib(prior) > gib(planned)) {
            verdict.replace.push((Thing::SIZE.then(Size::GIB), "a volume cannot shrink".to_owned()));
        }
    }

    fn plan_destroy(&self, prior: &Thing, found: &mut Diagnostics) {
        if prior.order.known().is_some_and(|order| order == "protect") {
            found.error("Protected", "Take the protection away first.");
        }
    }

    async fn create(&self, planned: Thing, _call: &mut Call) -> Result<Thing, Failed<Thing>> {
        Self::apply(planned)
    }

    async fn update(&self, _prior: Thing, planned: Thing, _call: &mut Call) -> Result<Thing, Failed<Thing>> {
        Self::apply(planned)
    }

    async fn read(&self, state: Thing, _call: &mut Call) -> Result<Option<Thing>, Diagnostics> {
        Ok((state.name.known().map(String::as_str) != Some("gone")).then_some(Thing { id: "id-2".into(), ..state }))
    }

    async fn delete(&self, prior: Thing, _call: &mut Call) -> Result<(), Failed<Thing>> {
        if prior.order.known().is_some_and(|order| order == "stay") { Err(Diagnostics::of_error("Busy", "").into()) } else { Ok(()) }
    }

    async fn import(&self, target: ImportTarget<ThingIdentity>, _call: &mut Call) -> Result<Thing, Diagnostics> {
        let name = match target {
            ImportTarget::Id(id) => id.into(),
            ImportTarget::Identity(identity) => identity.name,
        };
        Ok(Thing { name, order: Attr::Null, password: Attr::Null, parts: Attr::Null, id: Attr::Null, size: Attr::Null })
    }

    fn identity(&self, state: &Thing) -> Option<ThingIdentity> {
        Some(ThingIdentity { name: state.name.clone(), region: Attr::Null })
    }

    fn upgrades(&self) -> Vec<StateUpgrade> {
        let ty = Type::Object([("title".to_owned(), Type::String)].into());
        vec![StateUpgrade { version: 1, ty, upgrade: |old| Ok(Value::Map([("name".to_owned(), old.attribute("title").clone())].into())) }]
    }
}

fn things() -> ErasedResource<Things> {
    ErasedResource::new(Things)
}

fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::Map(fields.map(|(name, value)| (name.to_owned(), value)).into())
}

/// A thing of that name, order, id and size.
fn thing(name: &str, order: &str, id: Value, gib: i64) -> Value {
    let fields = [("name", name.into()), ("order", order.into()), ("password", Value::Null), ("parts", Value::Null), ("id", id)];
    let Value::Map(mut thing) = object(fields) else { unreachable!() };
    thing.insert("size".to_owned(), object([("gib", gib.into())]));
    Value::Map(thing)
}

fn with(thing: &Value, name: &str, value: Value) -> Value {
    let Value::Map(mut fields) = thing.clone() else { unreachable!() };
    fields.insert(name.to_owned(), value);
    Value::Map(fields)
}

fn titles(found: &Diagnostics) -> Vec<String> {
    found.iter().map(|one| format!("{}: {}", one.path.clone().unwrap_or_default(), one.summary)).collect()
}

fn planned(prior: Value, config: Value, proposed: Value) -> (PlanOutput, Vec<String>) {
    let mut call = Call::default();
    let output = things().plan(PlanInput { prior, proposed, config }, &mut call);
    (output, titles(&call.found))
}

async fn applied(prior: Value, planned: Value) -> (Value, Option<Value>, Vec<String>) {
    let mut call = Call::default();
    let config = if planned.is_null() { Value::Null } else { with(&planned, "id", Value::Null) };
    let (value, identity) = things().apply(ApplyInput { prior, planned, config }, &mut call).await;
    (value, identity, titles(&call.found))
}

#[test]
fn a_create_is_planned_with_its_identity_and_without_its_secret() {
    let config = with(&thing("a", "", Value::Null, 1), "password", "secret".into());
    let (output, found) = planned(Value::Null, config.clone(), config);
    assert_eq!(output.planned, thing("a", "", Value::UNKNOWN, 1));
    assert_eq!(output.identity.unwrap().attribute("name"), &"a".into());
    assert_eq!((output.requires_replace, found), (vec![], vec![]));
}

#[test]
fn known_elements_beside_unknown_ones_stay_in_the_plan() {
    let config = with(&thing("a", "", Value::Null, 1), "parts", Value::List(vec!["x".into(), Value::UNKNOWN]));
    let (output, found) = planned(Value::Null, config.clone(), config);
    assert_eq!(output.planned.attribute("parts"), &Value::List(vec!["x".into(), Value::UNKNOWN]));
    assert_eq!(found, [""; 0]);
}

#[test]
fn replacements_of_schema_and_verdict_are_told() {
    let prior = thing("a", "", "id-1".into(), 5);
    let (output, found) = planned(prior.clone(), thing("b", "", Value::Null, 3), thing("b", "", "id-1".into(), 3));
    let places: Vec<String> = output.requires_replace.iter().map(ToString::to_string).collect();
    assert_eq!(places, ["name", "size.gib"]);
    assert_eq!(found, ["size.gib: Replacement: a volume cannot shrink"]);
    let (output, found) = planned(prior.clone(), thing("a", "", Value::Null, 5), prior.clone());
    assert_eq!((output.planned, output.requires_replace, found), (prior, vec![], vec![]));
}

#[test]
fn a_plan_against_the_configuration_is_told_as_a_bug() {
    let config = thing("a", "plan badly", Value::Null, 1);
    let (_, found) = planned(Value::Null, config.clone(), config);
    assert_eq!(found, ["name: Bug in the provider"]);
}

#[test]
fn a_destroy_can_be_refused_in_the_plan() {
    let (output, found) = planned(thing("a", "protect", "id-1".into(), 1), Value::Null, Value::Null);
    assert_eq!((output.planned, found), (Value::Null, vec![": Protected".to_owned()]));
}

#[tokio::test]
async fn a_create_answers_state_and_identity() {
    let (state, identity, found) = applied(Value::Null, thing("a", "", Value::UNKNOWN, 1)).await;
    assert_eq!((state, found), (thing("a", "", "id-1".into(), 1), vec![]));
    assert_eq!(identity, Some(object([("name", "a".into()), ("region", Value::Null)])));
}

#[tokio::test]
async fn a_write_only_value_reaches_an_apply_and_is_not_stored() {
    let prior = thing("a", "tell the secret", "id-1".into(), 1);
    let planned = thing("a", "tell the secret", Value::UNKNOWN, 2);
    for prior in [Value::Null, prior] {
        let config = with(&with(&planned, "id", Value::Null), "password", "secret".into());
        let mut call = Call::default();
        let (state, _) = things().apply(ApplyInput { prior, planned: planned.clone(), config }, &mut call).await;
        assert_eq!((state, titles(&call.found)), (thing("a", "tell the secret", "secret".into(), 2), vec![]));
    }
}

#[tokio::test]
async fn a_failure_keeps_what_was_reached_or_was_there() {
    let prior = thing("a", "", "id-1".into(), 1);
    let plan = |order| thing("a", order, Value::UNKNOWN, 2);
    assert_eq!(applied(Value::Null, plan("fail")).await.0, Value::Null);
    let (state, identity, found) = applied(prior.clone(), plan("fail")).await;
    assert_eq!((state, identity.is_some(), found), (prior, true, vec![": No luck".to_owned()]));
    assert_eq!(applied(Value::Null, plan("fail half-way")).await.0, thing("a", "fail half-way", Value::Null, 2));
    assert_eq!(applied(Value::Null, plan("fail silently")).await.2, [": Bug in the provider"]);
    let busy = thing("a", "stay", "id-1".into(), 1);
    assert_eq!(applied(busy.clone(), Value::Null).await.0, busy);
    assert_eq!(applied(thing("a", "", "id-1".into(), 1), Value::Null).await.0, Value::Null);
}

#[tokio::test]
async fn a_result_unlike_its_plan_is_told_as_a_bug_and_kept() {
    let (state, _, found) = applied(Value::Null, thing("a", "rename", Value::UNKNOWN, 1)).await;
    assert_eq!((state, found), (thing("other", "rename", "id-1".into(), 1), vec!["name: Bug in the provider".to_owned()]));
    let (state, _, found) = applied(Value::Null, thing("a", "forget the id", Value::UNKNOWN, 1)).await;
    assert_eq!((state, found), (thing("a", "forget the id", Value::Null, 1), vec!["id: Bug in the provider".to_owned()]));
}

#[tokio::test]
async fn reading_answers_what_is_there_or_null() {
    let mut call = Call::default();
    assert_eq!(things().read(thing("a", "", "id-1".into(), 1), &mut call).await.0, thing("a", "", "id-2".into(), 1));
    assert_eq!(things().read(thing("gone", "", "id-1".into(), 1), &mut call).await, (Value::Null, None));
}

#[tokio::test]
async fn import_takes_an_id_or_an_identity() {
    let mut call = Call::default();
    let identity = object([("name", "a".into()), ("region", Value::Null)]);
    for target in [AnyImportTarget::Id("a".to_owned()), AnyImportTarget::Identity(identity.clone())] {
        let (state, named) = things().import(target, &mut call).await;
        assert_eq!((state.attribute("name"), named), (&"a".into(), Some(identity.clone())));
    }
    assert_eq!(titles(&call.found), [""; 0]);
    let told: Vec<(String, bool)> = things().identity_schema().iter().map(|one| (one.name.clone(), one.required_for_import)).collect();
    assert_eq!(told, [("name".to_owned(), true), ("region".to_owned(), false)]);
}

#[test]
fn older_states_are_upgraded_and_missing_attributes_are_null() {
    let things = things();
    assert_eq!(things.stored_type(2), Some(Thing::ty()));
    assert!(things.stored_type(1).is_some() && things.stored_type(0).is_none());
    let upgraded = things.upgrade(1, object([("title", "a".into())])).unwrap();
    assert_eq!((upgraded.attribute("name"), upgraded.attribute("id")), (&"a".into(), &Value::Null));
    assert_eq!(things.upgrade(2, object([("name", "a".into()), ("password", "old".into())])).unwrap(), upgraded);
    assert!(things.upgrade(0, Value::Null).is_err());
}

#[test]
fn validation_asks_for_required_blocks_and_the_resource() {
    let config = with(&thing("", "", Value::Null, 1), "size", Value::Null);
    let found = things().validate(&config);
    assert_eq!(titles(&found), ["size: Missing block size", "name: Empty name"]);
    assert_eq!(things().validate(&with(&config, "size", Value::UNKNOWN)).iter().count(), 1);
}

struct Join;

impl Function for Join {
    const NAME: &'static str = "join";
    const SUMMARY: &'static str = "Joins two texts";
    const DESCRIPTION: &'static str = "Joins two texts.";
    const PARAMETERS: &'static [(&'static str, &'static str)] = &[("first", "The first."), ("second", "The second, may be null.")];
    type Arguments = (String, Attr<u32>);
    type Returns = String;

    fn call(&self, (first, second): Self::Arguments) -> Result<String, FunctionError> {
        Ok(second.known().map_or(first.clone(), |second| format!("{first}{second}")))
    }
}

#[test]
fn a_function_takes_typed_arguments() {
    let offers = Offers::default().function(Join).resource(Things);
    assert!(offers.resources.contains_key("test_thing"));
    let join = &offers.functions["join"];
    let nullable: Vec<bool> = join.signature().parameters.iter().map(|parameter| parameter.nullable).collect();
    assert_eq!(nullable, [false, true]);
    assert_eq!(join.call(&["a".into(), 2.into()]), Ok("a2".into()));
    assert_eq!(join.call(&["a".into(), Value::Null]), Ok("a".into()));
    let refused = |text: &str, argument| Err(FunctionError { text: text.to_owned(), argument: Some(argument) });
    assert_eq!(join.call(&[Value::Null, Value::Null]), refused("The value must not be null.", 0));
    assert_eq!(join.call(&["a".into(), true.into()]), refused("The value must be a number.", 1));
}
