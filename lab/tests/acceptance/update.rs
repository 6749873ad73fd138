//! Changes that are made in place.

use kaas::domain::object::Kind;
use serde_json::{Value, json};

use super::cluster::{self, kafka, of};
use super::place::{Place, Tenant, holds};
use super::world::{each_engine, named, ready};

fn live(tenant: &str, kind: Kind, name: &str) -> Value {
    cluster::get(ready(), &of(tenant, kind, name)).unwrap_or_else(|| panic!("no {kind:?} {name}"))
}

/// Applies `tenant` as an update in place.
fn update(place: &Place, tenant: &Tenant) {
    place.configure(tenant);
    assert_eq!(place.actions(), ["update"]);
    place.apply();
    place.plan_is_empty();
    assert_eq!(place.phase(), "Ready");
}

#[test]
fn more_throughput_and_retention_give_more_brokers_and_larger_volumes() {
    each_engine(|engine| {
        let name = named("grow", engine);
        let small = Tenant::small(&name);
        let place = Place::applied(engine, ready(), &small);
        let figure = |figure: &str| place.tenant()["sizing"][figure].as_u64().unwrap();
        let (brokers, gib) = (figure("brokers"), figure("volume_gib"));
        let longer = Tenant { retention: "hours = 720", ..small.clone() };
        update(&place, &longer);
        assert!(figure("volume_gib") > gib);
        let pool = live(&name, Kind::KafkaNodePool, "brokers");
        assert_eq!(pool["spec"]["storage"]["volumes"][0]["size"], format!("{}Gi", figure("volume_gib")));
        let grown = figure("volume_gib");
        let faster = Tenant { ingress: "400", egress: "800", retention: "hours = 2", ..small.clone() };
        update(&place, &faster);
        assert!(figure("brokers") > brokers, "{}", place.tenant()["sizing"]);
        assert!(figure("volume_gib") >= grown, "a volume never shrinks");
        let many = figure("brokers");
        assert_eq!(live(&name, Kind::KafkaNodePool, "brokers")["spec"]["replicas"], many);
        // A smaller wish lowers what is promised and gives back brokers, never volumes.
        place.configure(&small);
        holds(&place.plan_changes(), &[&format!("data movement: brokers {many} -> {brokers}; partitions are moved off those that go")]);
        update(&place, &small);
        assert_eq!((figure("brokers"), figure("retention_ms")), (brokers, 86_400_000));
        assert!(figure("volume_gib") >= grown, "a volume never shrinks");
        assert_eq!(live(&name, Kind::KafkaNodePool, "brokers")["spec"]["replicas"], brokers);
        let room = live(&name, Kind::ResourceQuota, "kaas")["spec"]["hard"]["persistentvolumeclaims"].clone();
        assert_eq!(room, (brokers + 3).to_string());
        place.destroy();
    });
}

#[test]
fn kafka_is_upgraded_and_configured_in_place() {
    each_engine(|engine| {
        let name = named("kafka", engine);
        let tenant = Tenant::small(&name);
        let block =
            |version: &str, config: &str| tenant.with(&format!("kafka {{\n version = \"{version}\"\n config = {{\n {config}\n }}\n }}"));
        let place = Place::applied(engine, ready(), &block("4.3.0", "\"num.partitions\" = \"3\""));
        assert_eq!(place.tenant()["kafka_version"], "4.3.0");
        place.configure(&block("4.3.1", "\"num.partitions\" = \"3\""));
        holds(&place.plan_changes(), &["rolling restart: Kafka 4.3.0 -> 4.3.1"]);
        update(&place, &block("4.3.1", "\"num.partitions\" = \"3\""));
        assert_eq!(place.tenant()["status"]["kafka_version"], "4.3.1");
        update(&place, &block("4.3.1", "\"message.max.bytes\" = \"2000000\""));
        let config = cluster::get(ready(), &kafka(&name)).unwrap()["spec"]["kafka"]["config"].clone();
        assert_eq!((&config["message.max.bytes"], &config["num.partitions"]), (&json!("2000000"), &Value::Null), "{config}");
        // Without a version it stays at the one it has.
        place.configure(&tenant);
        place.apply();
        assert_eq!(place.tenant()["kafka_version"], "4.3.1");
        update(&place, &tenant.with("kafka {\n authentication = \"scram-sha-512\"\n }"));
        assert_eq!(live(&name, Kind::KafkaUser, &format!("{name}-admin"))["spec"]["authentication"]["type"], "scram-sha-512");
        place.destroy();
    });
}

#[test]
fn a_tenant_without_a_version_keeps_the_one_it_was_made_with() {
    each_engine(|engine| {
        let name = named("keeps", engine);
        let tenant = Tenant::small(&name);
        let place = Place::applied(engine, ready(), &tenant.with("kafka {\n version = \"4.2.1\"\n }"));
        place.configure(&tenant);
        place.apply();
        place.plan_is_empty();
        assert_eq!(place.tenant()["kafka_version"], "4.2.1");
        assert_eq!(cluster::get(ready(), &kafka(&name)).unwrap()["spec"]["kafka"]["version"], "4.2.1");
        place.destroy();
    });
}

#[test]
fn groups_come_and_go_and_protection_is_switched() {
    each_engine(|engine| {
        let name = named("access", engine);
        let tenant = Tenant::small(&name);
        let place = Place::applied(engine, ready(), &tenant);
        let binding = || cluster::get(ready(), &of(&name, Kind::RoleBinding, "kaas-viewer"));
        assert!(binding().is_none());
        update(&place, &tenant.with("access {\n groups = [\"team-a\", \"team-b\"]\n client_namespaces = [\"apps\"]\n }"));
        assert_eq!(binding().unwrap()["subjects"].as_array().unwrap().len(), 2);
        update(&place, &tenant.with("access {\n groups = [\"team-b\"]\n }"));
        assert_eq!(binding().unwrap()["subjects"][0]["name"], "team-b");
        assert_eq!(live(&name, Kind::NetworkPolicy, "kaas")["spec"]["ingress"][2]["from"], Value::Null);
        update(&place, &tenant);
        assert!(binding().is_none(), "the binding is left");
        update(&place, &Tenant { protected: true, ..tenant.clone() });
        update(&place, &tenant);
        place.destroy();
    });
}
