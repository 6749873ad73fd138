//! What the derive writes, seen from outside.

use std::{collections::BTreeMap, fmt, str::FromStr};

use super::*;
use crate::{
    framework::schema::{Mode, Nesting},
    text_value,
};

/// A name without spaces.
#[derive(Clone, Debug, PartialEq)]
struct Name(String);

#[derive(Debug, thiserror::Error)]
#[error("{0:?} holds a space")]
struct NameError(String);

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.contains(' ') { Err(NameError(text.to_owned())) } else { Ok(Self(text.to_owned())) }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_value!(Name);

/// How much.
#[derive(Clone, Debug, PartialEq, Model)]
struct Throughput {
    /// In.
    #[tf(required)]
    ingress: Attr<u32>,
}

/// One volume.
#[derive(Clone, Debug, PartialEq, Model)]
struct Volume {
    /// Size.
    #[tf(optional)]
    gib: Attr<i64>,
}

/// One tenant.
///
/// More of it.
#[derive(Clone, Debug, PartialEq, Model)]
struct Tenant {
    /// Name.
    #[tf(required, replace)]
    name: Attr<Name>,
    /// Wish.
    #[tf(block, required)]
    throughput: Attr<Throughput>,
    /// Volumes.
    #[tf(block, min = 1, max = 3)]
    volume: Attr<Vec<Volume>>,
    /// Named volumes.
    #[tf(block)]
    named: Attr<BTreeMap<String, Volume>>,
    /// Where.
    #[tf(optional, default = "cluster")]
    isolation: Attr<String>,
    /// How many.
    #[tf(optional, default = -3)]
    number: Attr<i64>,
    /// Subnets.
    #[tf(optional)]
    subnets: Attr<Vec<String>>,
    /// Reported.
    #[tf(computed, stable, deprecated = "gone soon")]
    sizing: Attr<Throughput>,
}

fn decode(value: &Value) -> (Option<Tenant>, Diagnostics) {
    let mut found = Diagnostics::none();
    let tenant = decode_model(value, &mut found);
    (tenant, found)
}

fn object(attributes: &[(&str, Value)]) -> Value {
    Value::Map(attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
}

#[test]
fn the_schema_is_what_the_fields_say() {
    let block = Tenant::block();
    assert_eq!(block.description, "One tenant.\n\nMore of it.");
    let name = block.attribute("name").unwrap();
    assert_eq!((name.mode, name.replace, name.description.as_str(), &name.ty), (Mode::Required, true, "Name.", &Type::String));
    let isolation = block.attribute("isolation").unwrap();
    assert_eq!((isolation.mode, isolation.default.clone()), (Mode::OptionalComputed, Some(Value::from("cluster"))));
    assert_eq!(block.attribute("number").unwrap().default, Some(Value::from(-3)));
    let sizing = block.attribute("sizing").unwrap();
    assert_eq!((sizing.mode, sizing.stable, sizing.deprecated.as_deref()), (Mode::Computed, true, Some("gone soon")));
    assert_eq!(sizing.ty, Throughput::ty());
    let throughput = block.nested("throughput").unwrap();
    assert_eq!((throughput.nesting, throughput.required, throughput.block.description.as_str()), (Nesting::Single, true, "Wish."));
    assert_eq!(block.nested("volume").unwrap().nesting, Nesting::List { min: 1, max: 3 });
    assert_eq!(block.nested("named").unwrap().nesting, Nesting::Map);
    assert_eq!(Tenant::THROUGHPUT.then(Throughput::INGRESS).to_string(), "throughput.ingress");
}

#[test]
fn what_is_missing_is_null_and_blocks_are_empty() {
    let (tenant, found) = decode(&object(&[("name", "a".into())]));
    let tenant = tenant.unwrap();
    assert_eq!(found, Diagnostics::none());
    assert_eq!(tenant.name, Attr::Known(Name("a".to_owned())));
    assert!(tenant.throughput.is_null() && tenant.isolation.is_null());
    assert_eq!(tenant.volume, Attr::Known(Vec::new()));
    assert_eq!(Tenant { volume: Attr::Null, ..tenant }.encode().attribute("volume"), &Value::List(Vec::new()));
}

#[test]
fn every_mistake_is_told_at_its_place() {
    let (tenant, found) = decode(&object(&[
        ("name", "a b".into()),
        ("throughput", object(&[("ingress", (-1).into())])),
        ("volume", Value::List(vec![object(&[]), object(&[("gib", true.into())])])),
    ]));
    assert_eq!(tenant, None);
    let told: Vec<String> = found.iter().map(|wrong| wrong.detail.clone()).collect();
    assert_eq!(
        told,
        [
            r#"name: "a b" holds a space."#,
            "throughput.ingress is -1, but must be a whole number from 0 to 4294967295.",
            "volume[1].gib must be a number.",
        ]
    );
    let places: Vec<String> = found.iter().map(|wrong| wrong.path.clone().unwrap_or_default().to_string()).collect();
    assert_eq!(places, ["name", "throughput.ingress", "volume[1].gib"]);
}

#[test]
fn a_list_with_an_unknown_element_counts_as_unknown() {
    let subnets = Value::List(vec!["a".into(), Value::UNKNOWN]);
    let (tenant, found) = decode(&object(&[("subnets", subnets)]));
    assert_eq!(found, Diagnostics::none());
    assert!(tenant.unwrap().subnets.is_unknown());
}

#[test]
fn a_model_tells_whether_a_type_is_left_open_in_it() {
    /// A value of any type.
    struct Any;

    impl AttributeValue for Any {
        const DYNAMIC: bool = true;

        fn ty() -> Type {
            Type::Dynamic
        }

        fn decode(_: &Value, _: &Path, _: &mut Diagnostics) -> Option<Self> {
            None
        }

        fn encode(&self) -> Value {
            Value::Null
        }
    }

    const { assert!(!Tenant::DYNAMIC && !Vec::<Volume>::DYNAMIC) }
    const { assert!(Attr::<Vec<BTreeMap<String, Any>>>::DYNAMIC) }
}

#[test]
fn a_model_round_trips_with_null_and_unknown_everywhere() {
    round_trip::round_trips::<Tenant>();
}

#[test]
fn a_default_that_its_type_refuses_fails_the_round_trip() {
    /// A thing.
    #[derive(Clone, Debug, PartialEq, Model)]
    struct Wrong {
        /// Name.
        #[tf(optional, default = "two words")]
        name: Attr<Name>,
    }
    assert!(std::panic::catch_unwind(round_trip::round_trips::<Wrong>).is_err());
}
