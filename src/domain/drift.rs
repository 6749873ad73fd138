//! What differs between an object as wanted and as it is.
//!
//! Only fields that are wanted count: what the server, Strimzi or others add is theirs, but where a list or a selector has one owner as a whole. Spellings of
//! one value are equal.

use std::fmt;

use serde_json::Value;

use super::object::{Kind, Manifest};
use super::quantity::kubernetes_quantity;

/// Lists whose elements are told apart by their names, so that others may add to them: those of a Cluster's topology, which Cluster API's own defaulting
/// completes. Source: Cluster API 1.14, `api/core/v1beta2/cluster_types.go` (listType=map).
const NAMED: [&str; 2] = ["spec.topology.variables", "spec.topology.workers.machineDeployments"];

const HIDDEN: &str = "(hidden)";

/// One field that is not as it should be.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// `spec.kafka.config["log.retention.ms"]`.
    pub path: String,
    /// Null: it should not be there.
    pub wanted: Value,
    /// None: the field is not there.
    pub found: Option<Value>,
}

/// `spec.kafka.config["log.retention.ms"] is 1000, should be 259200000`.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.found {
            Some(found) if self.wanted.is_null() => write!(f, "{} is {found}, should not be there", self.path),
            Some(found) => write!(f, "{} is {found}, should be {}", self.path, self.wanted),
            None => write!(f, "{} is missing, should be {}", self.path, self.wanted),
        }
    }
}

/// Every wanted field that the live object has not, or has otherwise; in the order of the wanted object. Values of a Secret are hidden.
pub fn differences(wanted: &Value, live: &Value) -> Vec<Difference> {
    compared(Owned::Fields, wanted, live)
}

fn compared(owned: Owned, wanted: &Value, live: &Value) -> Vec<Difference> {
    let secret = [wanted, live].iter().any(|object| object.get("kind").and_then(Value::as_str) == Some("Secret"));
    let mut found = Vec::new();
    compare(&mut found, owned, "", wanted, Some(live));
    if secret {
        for difference in found.iter_mut().filter(|d| d.path.starts_with("data") || d.path.starts_with("stringData")) {
            difference.wanted = HIDDEN.into();
            difference.found = difference.found.take().map(|_| HIDDEN.into());
        }
    }
    found
}

/// What is ours of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owned {
    /// The fields that we want.
    Fields,
    /// As `Fields`, and all of each element of a list.
    Elements,
    /// Everything in it.
    Whole,
}

impl Owned {
    /// Of an object that we made. Rules, subjects, rights and listeners are lists that have one owner as a whole (atomic), and so have selectors: what somebody
    /// adds within them is as much a change as another value, and may open what shall be closed. The server fills in nothing there that we do not
    /// spell. Source: Kubernetes 1.36, `listType=atomic` and `structType=atomic` in `api/networking/v1` and `api/rbac/v1`; Strimzi's CRDs mark no list.
    const fn of(kind: Kind) -> Self {
        match kind {
            Kind::NetworkPolicy | Kind::Role | Kind::RoleBinding | Kind::Kafka | Kind::KafkaNodePool | Kind::KafkaUser => Self::Elements,
            _ => Self::Fields,
        }
    }

    const fn in_elements(self) -> Self {
        match self {
            Self::Fields => Self::Fields,
            Self::Elements | Self::Whole => Self::Whole,
        }
    }

    fn in_field(self, key: &str) -> Self {
        if self == Self::Elements && key == "podSelector" { Self::Whole } else { self }
    }
}

/// What differs of one object, a line for each field, or one that says that it is missing.
pub fn lines(wanted: &Manifest, live: Option<&Value>) -> Vec<String> {
    let object = &wanted.object;
    let Some(live) = live else { return vec![format!("{object} does not exist")] };
    compared(Owned::of(object.kind), &wanted.body, live).iter().map(|difference| format!("{object}: {difference}")).collect()
}

fn compare(differences: &mut Vec<Difference>, owned: Owned, path: &str, wanted: &Value, live: Option<&Value>) {
    match (wanted, live) {
        (Value::Null, None | Some(Value::Null)) => {}
        (Value::Object(fields), Some(Value::Object(found))) => {
            for (key, value) in fields {
                compare(differences, owned.in_field(key), &join(path, key), value, found.get(key));
            }
            if owned == Owned::Whole {
                let added = found.iter().filter(|(key, value)| !value.is_null() && !fields.contains_key(*key));
                differences.extend(added.map(|(key, value)| Difference {
                    path: join(path, key),
                    wanted: Value::Null,
                    found: Some(value.clone()),
                }));
            }
        }
        (Value::Array(items), Some(Value::Array(found))) if NAMED.contains(&path) => {
            for item in items {
                let name = item.get("name").and_then(Value::as_str).unwrap_or_default();
                let found = found.iter().find(|other| other.get("name") == item.get("name"));
                compare(differences, owned, &format!("{path}[{name:?}]"), item, found);
            }
        }
        (Value::Array(items), Some(Value::Array(found))) if items.len() == found.len() => {
            for (index, (item, found)) in items.iter().zip(found).enumerate() {
                compare(differences, owned.in_elements(), &format!("{path}[{index}]"), item, Some(found));
            }
        }
        (wanted, Some(found)) if is_same(path, wanted, found) => {}
        (wanted, live) => differences.push(Difference { path: path.to_owned(), wanted: wanted.clone(), found: live.cloned() }),
    }
}

/// `a.b`, or `a["b.c"]` for a key that is no plain word.
fn join(path: &str, key: &str) -> String {
    let plain = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    match (plain, path.is_empty()) {
        (true, true) => key.to_owned(),
        (true, false) => format!("{path}.{key}"),
        (false, _) => format!("{path}[{key:?}]"),
    }
}

/// Scalars that say the same: 3 and "3" (Kafka's settings), "1Gi" and "1024Mi", "1h" and "60m0s". Labels and annotations are mere text.
fn is_same(path: &str, wanted: &Value, found: &Value) -> bool {
    if wanted == found {
        return true;
    }
    let (Some(a), Some(b)) = (text(wanted), text(found)) else { return false };
    if a == b {
        return true;
    }
    if path.starts_with("metadata") {
        return false;
    }
    let number = wanted.is_number() || found.is_number();
    let suffixed = |text: &str| text.ends_with(|c: char| c.is_ascii_alphabetic());
    // Two bare decimals in quotes may be versions: "4.3" is not "4.30".
    let quantities = number || suffixed(&a) || suffixed(&b);
    let same = |read: fn(&str) -> Option<i128>| read(&a).is_some_and(|value| read(&b) == Some(value));
    (quantities && same(kubernetes_quantity)) || same(duration_ns)
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A duration as Go writes it ("1h30m0s"), in nanoseconds; None for a text that is none.
fn duration_ns(text: &str) -> Option<i128> {
    let mut rest = text;
    let mut total = 0_i128;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).filter(|end| *end > 0)?;
        let (number, tail) = rest.split_at(digits);
        let end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let factor: i128 = match unit {
            "h" => 3_600_000_000_000,
            "m" => 60_000_000_000,
            "s" => 1_000_000_000,
            "ms" => 1_000_000,
            "us" | "µs" => 1_000,
            "ns" => 1,
            _ => return None,
        };
        total = total.checked_add(number.parse::<i128>().ok()?.checked_mul(factor)?)?;
        rest = tail;
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::domain::object::ObjectRef;

    fn lines(wanted: Value, live: Value) -> Vec<String> {
        differences(&wanted, &live).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_others_add_to_a_topology_is_theirs() {
        let topology = |variables: Value| json!({ "spec": { "topology": { "variables": variables } } });
        let wanted = topology(json!([{ "name": "region", "value": "eu" }]));
        let live = topology(json!([{ "name": "addons", "value": [] }, { "name": "region", "value": "us" }]));
        assert_eq!(lines(wanted.clone(), live), [r#"spec.topology.variables["region"].value is "us", should be "eu""#]);
        let gone = lines(wanted, topology(json!([])));
        assert_eq!(gone.len(), 1);
        assert!(gone[0].starts_with(r#"spec.topology.variables["region"] is missing"#), "{gone:?}");
    }

    #[test]
    fn a_changed_field_is_told_in_one_line() {
        assert_eq!(
            lines(
                json!({ "spec": { "kafka": { "config": { "log.retention.ms": 259_200_000 } } } }),
                json!({ "spec": { "kafka": { "config": { "log.retention.ms": 1000, "x": 1 } } }, "status": {} })
            ),
            ["spec.kafka.config[\"log.retention.ms\"] is 1000, should be 259200000"]
        );
    }

    #[test]
    fn fields_of_others_are_left_alone_and_missing_ones_are_told() {
        assert_eq!(lines(json!({ "a": { "b": 1 } }), json!({ "a": { "b": 1, "c": 2 }, "d": 3 })), Vec::<String>::new());
        assert_eq!(lines(json!({ "a": { "b": 1 } }), json!({ "a": {} })), ["a.b is missing, should be 1"]);
        assert_eq!(lines(json!({ "a": {} }), json!({})), ["a is missing, should be {}"]);
        assert_eq!(lines(json!({ "a": null }), json!({})), Vec::<String>::new());
    }

    #[test]
    fn lists_are_held_element_by_element() {
        let wanted = json!({ "l": [{ "name": "tls", "port": 9093 }, { "name": "b" }] });
        assert_eq!(
            lines(wanted.clone(), json!({ "l": [{ "name": "tls", "port": 9094, "x": 1 }, { "name": "b" }] })),
            ["l[0].port is 9094, should be 9093"]
        );
        assert_eq!(lines(wanted, json!({ "l": [] })).len(), 1);
        assert_eq!(lines(json!({ "l": ["a", "b"] }), json!({ "l": ["b", "a"] })).len(), 2);
    }

    #[test]
    fn what_is_added_within_a_list_that_is_ours_as_a_whole_is_told() {
        let of = |kind: Kind, wanted: Value, live: Value| {
            super::lines(&Manifest { object: ObjectRef::namespaced(kind, "kaas-a", "kaas"), body: wanted }, Some(&live))
        };
        let policy = |peer: Value| json!({ "spec": { "podSelector": {}, "ingress": [{ "from": [peer] }] } });
        let open =
            of(Kind::NetworkPolicy, policy(json!({ "podSelector": {} })), policy(json!({ "podSelector": {}, "namespaceSelector": {} })));
        assert_eq!(open.len(), 1);
        assert!(open[0].ends_with("spec.ingress[0].from[0].namespaceSelector is {}, should not be there"), "{open:?}");
        let narrowed = json!({ "spec": { "podSelector": { "matchLabels": { "a": "b" } }, "egress": [], "ingress": [] } });
        let narrowed = of(Kind::NetworkPolicy, json!({ "spec": { "podSelector": {}, "ingress": [] } }), narrowed);
        assert_eq!(narrowed.len(), 1);
        let user = |acl: Value| json!({ "spec": { "authorization": { "acls": [acl] } } });
        let right = json!({ "resource": { "type": "topic" } });
        let denied = of(Kind::KafkaUser, user(right), user(json!({ "resource": { "type": "topic" }, "type": "deny" })));
        assert!(denied[0].contains(r#"acls[0].type is "deny", should not be there"#), "{denied:?}");
        let others = of(Kind::Cluster, json!({ "l": [{ "a": 1 }] }), json!({ "l": [{ "a": 1, "b": 2 }] }));
        assert_eq!(others, Vec::<String>::new());
    }

    #[test]
    fn spellings_of_one_value_are_equal() {
        for (a, b) in [
            (json!("3"), json!(3)),
            (json!("true"), json!(true)),
            (json!("1Gi"), json!("1024Mi")),
            (json!("1"), json!("1000m")),
            (json!("9600m"), json!("9.6")),
            (json!(0.1), json!("0.1")),
            (json!("1h"), json!("60m0s")),
            (json!("90s"), json!("1m30s")),
        ] {
            assert_eq!(lines(json!({ "spec": { "v": a } }), json!({ "spec": { "v": b } })), Vec::<String>::new());
            assert_eq!(lines(json!({ "spec": { "v": b } }), json!({ "spec": { "v": a } })), Vec::<String>::new());
        }
        for (a, b) in [(json!("4.3"), json!("4.30")), (json!("1Gi"), json!("1G")), (json!("tls"), json!("TLS")), (json!("1"), json!([1]))] {
            assert_eq!(lines(json!({ "v": a }), json!({ "v": b })).len(), 1, "{a} {b}");
        }
        assert_eq!(
            lines(json!({ "metadata": { "labels": { "v": "1k" } } }), json!({ "metadata": { "labels": { "v": "1000" } } })).len(),
            1
        );
    }

    #[test]
    fn data_of_a_secret_is_never_printed() {
        let wanted = json!({ "kind": "Secret", "data": { "password": "geheim" }, "type": "Opaque" });
        let told = lines(wanted, json!({ "kind": "Secret", "data": { "password": "anders" }, "type": "x" }));
        assert_eq!(told, ["data.password is \"(hidden)\", should be \"(hidden)\"", "type is \"x\", should be \"Opaque\""]);
        let secret = |password: &str| json!({ "kind": "Secret", "data": { "password": password } });
        let object = ObjectRef::namespaced(Kind::Secret, "kaas-a", "s");
        let told = super::lines(&Manifest { object, body: secret("geheim") }, Some(&secret("anders")));
        assert!(told.len() == 1 && !told[0].contains("geheim") && !told[0].contains("anders"), "{told:?}");
    }

    fn json_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from)
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map("[a-z.]{1,4}", inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn nothing_differs_from_itself(value in json_value()) {
            prop_assert_eq!(differences(&value, &value), []);
            prop_assert_eq!(compared(Owned::Whole, &value, &value), []);
        }
    }
}
