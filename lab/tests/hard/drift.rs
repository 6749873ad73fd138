//! What others change on either cluster shows in the plan by object and field, and apply mends it; what is theirs is left alone.

use kaas::domain::object::{Kind, ObjectRef};
use serde_json::{Value, json};

use super::world::{hard_with, home_cluster, inside, ready};
use crate::acceptance::cluster::{self, kafka, of};
use crate::acceptance::drift::changes;
use crate::acceptance::place::{Place, Tenant, holds};
use crate::acceptance::world::{each_engine, named};

/// A field of every object on the management cluster, as [`changes`] has them for where Kafka is.
fn at_home(tenant: &str) -> Vec<(ObjectRef, &'static str, Value, &'static str)> {
    let release = |name: &str| of(tenant, Kind::HelmRelease, name);
    let source = |name: &str| of(tenant, Kind::OciRepository, name);
    vec![
        (
            cluster::namespace(tenant),
            "/metadata/labels/app.kubernetes.io~1managed-by",
            json!("somebody"),
            "metadata.labels[\"app.kubernetes.io/managed-by\"] is \"somebody\", should be \"kaas\"",
        ),
        (
            home_cluster(tenant),
            "/spec/topology/variables/0/value",
            json!("attic"),
            "spec.topology.variables[\"region\"].value is \"attic\", should be \"cellar\"",
        ),
        (release("cert-manager"), "/spec/interval", json!("1m"), "spec.interval is \"1m\", should be \"10m\""),
        (
            release("strimzi-kafka-operator"),
            "/spec/values/watchAnyNamespace",
            json!(false),
            "spec.values.watchAnyNamespace is false, should be true",
        ),
        (source("cert-manager"), "/spec/interval", json!("2h"), "spec.interval is \"2h\", should be \"1h\""),
        (source("strimzi-kafka-operator"), "/spec/ref/tag", json!("1.1.0"), "spec.ref.tag is \"1.1.0\", should be \"1.2.0\""),
    ]
}

fn tenant(name: &str) -> Tenant {
    hard_with(name, "variables = {\n region = \"cellar\"\n }", "access {\n groups = [\"team-a\"]\n }")
}

fn told(place: &Place) -> Vec<String> {
    let plan = place.workspace.plan_json().unwrap();
    serde_json::from_value(plan["resource_changes"][0]["change"]["before"]["drift"].clone()).unwrap()
}

#[test]
fn a_changed_field_on_either_cluster_shows_in_the_plan_and_apply_mends_it() {
    each_engine(|engine| {
        let name = named("drift", engine);
        let place = Place::applied(engine, ready(), &tenant(&name));
        place.plan_is_empty();
        let own = inside(ready(), &name);
        let (home, there) = (at_home(&name), changes(&name));
        for (object, pointer, value, _) in &home {
            cluster::replace(ready(), object, pointer, value);
        }
        for (object, pointer, value, _) in &there {
            cluster::replace(&own, object, pointer, value);
        }
        holds(&place.plan_changes(), &["will be updated in-place", "drift"]);
        let lines = told(&place);
        for ((object, _, _, told), place) in home.iter().map(|c| (c, "")).chain(there.iter().map(|c| (c, "in its own cluster, "))) {
            let line = lines.iter().find(|line| line.starts_with(&format!("{place}{object}: ")) && line.contains(told));
            assert!(line.is_some(), "{place}{object}: {told} is not among {lines:#?}");
        }
        assert_eq!(lines.len(), home.len() + there.len(), "{lines:#?}");
        place.apply();
        place.plan_is_empty();
        assert!(home.iter().all(|(object, pointer, value, _)| cluster::get(ready(), object).unwrap().pointer(pointer) != Some(value)));
        assert!(there.iter().all(|(object, pointer, value, _)| cluster::get(&own, object).unwrap().pointer(pointer) != Some(value)));
        place.destroy();
    });
}

#[test]
fn deleted_objects_are_made_again_and_fields_of_others_stay() {
    each_engine(|engine| {
        let name = named("deleted", engine);
        let place = Place::applied(engine, ready(), &tenant(&name));
        let own = inside(ready(), &name);
        let home_cluster = home_cluster(&name);
        cluster::merge(ready(), &home_cluster, &json!({"metadata": {"labels": {"cost-center": "4711"}}}));
        cluster::merge(&own, &kafka(&name), &json!({"metadata": {"annotations": {"colleague/note": "hello"}}}));
        place.plan_is_empty();
        let (source, pool) = (of(&name, Kind::OciRepository, "cert-manager"), of(&name, Kind::KafkaNodePool, "brokers"));
        let (user, policy) = (of(&name, Kind::KafkaUser, &format!("{name}-admin")), of(&name, Kind::NetworkPolicy, "kaas"));
        cluster::delete(ready(), &source);
        for object in [&kafka(&name), &pool, &user, &policy] {
            cluster::delete(&own, object);
        }
        let text = place.plan_changes();
        holds(&text, &[&format!("{source} does not exist")]);
        for object in [&kafka(&name), &pool, &user, &policy] {
            holds(&text, &[&format!("in its own cluster, {object} does not exist")]);
        }
        place.apply();
        place.plan_is_empty();
        assert_eq!(place.phase(), "Ready");
        assert_eq!(cluster::get(ready(), &home_cluster).unwrap()["metadata"]["labels"]["cost-center"], "4711");
        // Apart from the others: with a release goes what it installed in the tenant's cluster.
        cluster::delete(ready(), &of(&name, Kind::HelmRelease, "cert-manager"));
        holds(&place.plan_changes(), &[&format!("{} does not exist", of(&name, Kind::HelmRelease, "cert-manager"))]);
        place.apply();
        place.plan_is_empty();
        place.destroy();
    });
}
