//! One apply makes a tenant's cluster, what runs in it, and its Kafka.

use kaas::domain::object::Kind;
use kaas_lab::cluster_api::tenants;
use serde_json::{Value, json};

use super::world::{hard, hard_with, home_cluster, inside, ready};
use crate::acceptance::cluster::{self, kafka, namespace, of};
use crate::acceptance::place::{Place, holds};
use crate::acceptance::world::{each_engine, named};

/// The lines of a secret text long enough to be told apart from other texts, and the text in base64 as one.
fn secrets(secret: &Value) -> Vec<String> {
    secret["data"].as_object().unwrap().values().filter_map(Value::as_str).filter(|text| text.len() > 40).map(str::to_owned).collect()
}

fn no_secret_is_told(place: &Place, name: &str) {
    let kubeconfig = tenants::kubeconfig(&ready().kubeconfig(), &format!("kaas-{name}"), name).unwrap().unwrap();
    let key = kubeconfig.lines().find_map(|line| line.trim().strip_prefix("client-key-data: ")).map(|key| key.trim_matches('"').to_owned());
    let home = cluster::get(ready(), &of(name, Kind::Secret, &format!("{name}-kubeconfig"))).unwrap();
    let mut hidden = secrets(&home);
    hidden.extend(key);
    assert!(!hidden.is_empty());
    place.workspace.run(&["plan", "-no-color", "-out=saved", "-replace=kaas_tenant.t"]).unwrap().succeeded().unwrap();
    let shown = |args: &[&str]| place.workspace.run(args).unwrap().succeeded().unwrap().stdout;
    let state = std::fs::read_to_string(place.workspace.dir().join("terraform.tfstate")).unwrap();
    assert!(state.contains(&format!("{name}-kubeconfig")), "it is the state that is looked at");
    for text in [state, shown(&["show", "-no-color", "-json"]), shown(&["show", "-no-color", "-json", "saved"])] {
        assert!(!text.contains("PRIVATE KEY") && hidden.iter().all(|secret| !text.contains(secret)), "a secret is told");
    }
}

#[test]
fn one_apply_makes_a_cluster_and_a_kafka_in_it_and_destroy_takes_all_away() {
    each_engine(|engine| {
        let name = named("made", engine);
        let place = Place::applied(engine, ready(), &hard(&name));
        place.plan_is_empty();
        let tenant = place.tenant();
        assert_eq!(tenant["status"]["phase"], "Ready");
        assert_eq!(tenant["kubernetes"]["namespace"], format!("kaas-{name}"));
        assert_eq!(tenant["kubernetes"]["cluster"], name);
        assert_eq!(tenant["kubernetes"]["kubeconfig_secret"], format!("{name}-kubeconfig"));
        assert_eq!(tenant["kubernetes_version"], "1.36.3");
        assert_eq!((&tenant["drift"], &tenant["changes"]), (&json!([]), &json!([])));
        let (home, own) = (ready(), inside(ready(), &name));
        assert!(cluster::get(home, &kafka(&name)).is_none() && cluster::get(&own, &kafka(&name)).is_some());
        let topology = cluster::get(home, &home_cluster(&name)).unwrap()["spec"]["topology"].clone();
        assert_eq!(topology["version"], "v1.36.3");
        assert_eq!(topology["variables"], json!([{"name": "region", "value": "here"}]), "the class's default, which is no drift");
        no_secret_is_told(&place, &name);
        place.destroy();
        assert!(cluster::get(home, &namespace(&name)).is_none());
        assert!(cluster::get(home, &home_cluster(&name)).is_none());
    });
}

#[test]
fn one_apply_makes_two_tenants_side_by_side() {
    each_engine(|engine| {
        let names = [named("first", engine), named("second", engine)];
        let region = |region: &str| format!("variables = {{\n region = \"{region}\"\n }}");
        let (first, second) = (hard_with(&names[0], &region("attic"), ""), hard_with(&names[1], &region("cellar"), ""));
        let place = Place::new(engine, ready());
        place.resources(&format!("{}{}", first.block(), second.block().replace("\"kaas_tenant\" \"t\"", "\"kaas_tenant\" \"u\"")));
        let said = place.apply().stdout;
        holds(&said, &["2 added, 0 changed, 0 destroyed"]);
        let begun = |address: &str| said.find(&format!("{address}: Creating...")).unwrap();
        let ended = said.find("Creation complete").unwrap();
        assert!(begun("kaas_tenant.t") < ended && begun("kaas_tenant.u") < ended, "one waited for the other:\n{said}");
        place.plan_is_empty();
        for (name, region) in names.iter().zip(["attic", "cellar"]) {
            let topology = cluster::get(ready(), &home_cluster(name)).unwrap()["spec"]["topology"].clone();
            assert_eq!(topology["variables"], json!([{"name": "region", "value": region}]));
            assert!(cluster::get(&inside(ready(), name), &kafka(name)).is_some());
        }
        place.destroy();
        assert!(names.iter().all(|name| cluster::get(ready(), &namespace(name)).is_none()));
    });
}
