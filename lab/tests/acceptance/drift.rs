//! What others change in a tenant's objects shows in the plan by object and field, and apply mends it; what is theirs is left alone.

use std::collections::BTreeSet;

use kaas::domain::object::{Kind, ObjectRef};
use serde_json::{Value, json};

use super::cluster::{self, kafka, namespace, of};
use super::place::{Place, Tenant, holds};
use super::world::{each_engine, named, ready};

/// Fields of every object that the provider makes, a value it should not have, and how the plan names it.
pub fn changes(tenant: &str) -> Vec<(ObjectRef, &'static str, Value, &'static str)> {
    let pool = |name: &str| of(tenant, Kind::KafkaNodePool, name);
    vec![
        (
            namespace(tenant),
            "/metadata/labels/pod-security.kubernetes.io~1enforce",
            json!("privileged"),
            "metadata.labels[\"pod-security.kubernetes.io/enforce\"] is \"privileged\", should be \"baseline\"",
        ),
        (of(tenant, Kind::ResourceQuota, "kaas"), "/spec/hard/pods", json!("1"), "spec.hard.pods is \"1\""),
        (of(tenant, Kind::LimitRange, "kaas"), "/spec/limits/0/default/memory", json!("1Gi"), "spec.limits[0].default.memory is \"1Gi\""),
        (
            of(tenant, Kind::NetworkPolicy, "kaas"),
            "/spec/ingress/2/ports/0/port",
            json!(9999),
            "spec.ingress[2].ports[0].port is 9999, should be 9093",
        ),
        (
            of(tenant, Kind::NetworkPolicy, "kaas"),
            "/spec/ingress/0/from/0",
            json!({ "podSelector": {}, "namespaceSelector": {} }),
            "spec.ingress[0].from[0].namespaceSelector is {}, should not be there",
        ),
        (
            of(tenant, Kind::Role, "kaas-viewer"),
            "/rules/1/resources/0",
            json!("secrets"),
            "rules[1].resources[0] is \"secrets\", should be \"pods\"",
        ),
        (
            of(tenant, Kind::RoleBinding, "kaas-viewer"),
            "/subjects/0/name",
            json!("strangers"),
            "subjects[0].name is \"strangers\", should be \"team-a\"",
        ),
        (
            kafka(tenant),
            "/spec/kafka/config/log.retention.ms",
            json!(1000),
            "spec.kafka.config[\"log.retention.ms\"] is 1000, should be 86400000",
        ),
        (pool("brokers"), "/spec/resources/limits/memory", json!("1Gi"), "spec.resources.limits.memory is \"1Gi\""),
        (pool("controllers"), "/spec/jvmOptions/-Xmx", json!("64m"), "spec.jvmOptions.-Xmx is \"64m\""),
        (
            of(tenant, Kind::KafkaUser, &format!("{tenant}-admin")),
            "/spec/authorization/acls/0/operations/0",
            json!("Read"),
            "spec.authorization.acls[0].operations[0] is \"Read\", should be \"All\"",
        ),
        (
            of(tenant, Kind::KafkaUser, &format!("{tenant}-admin")),
            "/spec/authorization/acls/1",
            json!({ "resource": { "type": "group", "name": "*" }, "operations": ["All"], "type": "deny" }),
            "spec.authorization.acls[1].type is \"deny\", should not be there",
        ),
    ]
}

#[test]
fn a_changed_field_of_any_object_shows_in_the_plan_and_apply_mends_it() {
    each_engine(|engine| {
        let name = named("drift", engine);
        let place = Place::applied(engine, ready(), &Tenant::small(&name).with("access {\n groups = [\"team-a\"]\n }"));
        place.plan_is_empty();
        let changes = changes(&name);
        for (object, pointer, value, _) in &changes {
            cluster::replace(ready(), object, pointer, value);
        }
        let text = place.plan_changes();
        holds(&text, &["will be updated in-place", "drift"]);
        let plan = place.workspace.plan_json().unwrap();
        let drift = plan["resource_changes"][0]["change"]["before"]["drift"].clone();
        let lines: Vec<String> = serde_json::from_value(drift).unwrap();
        for (object, _, _, told) in &changes {
            let line = lines.iter().find(|line| line.starts_with(&object.to_string()) && line.contains(told));
            assert!(line.is_some(), "{object}: {told} is not among {lines:#?}");
            holds(&text, &[&object.to_string()]);
        }
        assert_eq!(lines.len(), changes.len(), "{lines:#?}");
        place.apply();
        place.plan_is_empty();
        for (object, pointer, value, _) in &changes {
            assert_ne!(cluster::get(ready(), object).unwrap().pointer(pointer), Some(value), "{object}");
        }
        place.destroy();
    });
}

#[test]
fn a_deleted_object_shows_in_the_plan_and_apply_makes_it_again() {
    each_engine(|engine| {
        let name = named("deleted", engine);
        let place = Place::applied(engine, ready(), &Tenant::small(&name).with("access {\n groups = [\"team-a\"]\n }"));
        let objects: BTreeSet<ObjectRef> =
            changes(&name).into_iter().map(|(object, ..)| object).filter(|object| object.namespace.is_some()).collect();
        for object in &objects {
            cluster::delete(ready(), object);
        }
        let text = place.plan_changes();
        for object in &objects {
            holds(&text, &[&format!("{object} does not exist")]);
        }
        place.apply();
        place.plan_is_empty();
        assert!(objects.iter().all(|object| cluster::get(ready(), object).is_some()));
        assert_eq!(place.phase(), "Ready");
        place.destroy();
    });
}

#[test]
fn brokers_that_somebody_added_are_told_and_go_once_their_data_is_moved() {
    each_engine(|engine| {
        let name = named("scaled", engine);
        let place = Place::applied(engine, ready(), &Tenant::small(&name));
        let brokers = of(&name, Kind::KafkaNodePool, "brokers");
        cluster::replace(ready(), &brokers, "/spec/replicas", &json!(4));
        holds(&place.plan_changes(), &["data movement: brokers 4 -> 3", "moved off those that go"]);
        place.apply();
        place.plan_is_empty();
        assert_eq!(cluster::get(ready(), &brokers).unwrap()["spec"]["replicas"], 3);
        assert_eq!(place.tenant()["sizing"]["brokers"], 3);
        place.destroy();
    });
}

#[test]
fn a_deleted_namespace_means_a_new_tenant() {
    each_engine(|engine| {
        let name = named("gone", engine);
        let place = Place::applied(engine, ready(), &Tenant::small(&name));
        cluster::delete(ready(), &namespace(&name));
        assert_eq!(place.actions(), ["create"]);
        place.apply();
        place.plan_is_empty();
        place.destroy();
    });
}

#[test]
fn fields_of_others_show_nothing_and_survive_an_apply() {
    each_engine(|engine| {
        let name = named("foreign", engine);
        let place = Place::applied(engine, ready(), &Tenant::small(&name));
        let body = json!({"apiVersion": "kafka.strimzi.io/v1", "kind": "Kafka", "metadata": {"name": name, "namespace": format!("kaas-{name}"),
            "labels": {"cost-center": "4711"}, "annotations": {"colleague/note": "hello"}},
            "spec": {"kafka": {"config": {"message.max.bytes": 2_000_000}}}});
        cluster::apply(ready(), &kafka(&name), &body);
        cluster::merge(
            ready(),
            &namespace(&name),
            &json!({"metadata": {"labels": {"team": "blue"}, "annotations": {"colleague/note": "hello"}}}),
        );
        place.plan_is_empty();
        place.configure(&Tenant { retention: "hours = 48", ..Tenant::small(&name) });
        place.apply();
        place.plan_is_empty();
        let live = cluster::get(ready(), &kafka(&name)).unwrap();
        assert_eq!(live["spec"]["kafka"]["config"]["message.max.bytes"], 2_000_000);
        assert_eq!(live["spec"]["kafka"]["config"]["log.retention.ms"], 172_800_000);
        assert_eq!(
            (&live["metadata"]["labels"]["cost-center"], &live["metadata"]["annotations"]["colleague/note"]),
            (&json!("4711"), &json!("hello"))
        );
        assert_eq!(cluster::get(ready(), &namespace(&name)).unwrap()["metadata"]["labels"]["team"], "blue");
        place.destroy();
    });
}
