//! From nothing to a tenant and back.

use std::collections::BTreeMap;

use kaas_lab::objects;
use kaas_lab::terraform::Engine;
use serde_json::json;

use super::place::{Place, Tenant};
use super::world::{each_engine, named, ready};

const BOTH: &str = r#"
resource "kaas_management_cluster" "m" {
  existing {}
}
output "bootstrap" {
  value = kaas_tenant.t.bootstrap_servers
}
output "brokers" {
  value = kaas_tenant.t.sizing.brokers
}
"#;

/// The cluster and its tenant, as the quickstart has them.
fn both(tenant: &Tenant) -> String {
    BOTH.to_owned() + &tenant.block().replace("\"context/${var.context}\"", "kaas_management_cluster.m.id")
}

#[test]
fn one_apply_adopts_the_cluster_and_makes_its_tenant() {
    each_engine(|engine| {
        let name = named("create", engine);
        let place = Place::new(engine, ready());
        place.resources(&both(&Tenant::small(&name)));
        let plan = place.workspace.plan_json().unwrap();
        let changes = plan["resource_changes"].as_array().unwrap();
        let planned = &changes.iter().find(|change| change["type"] == "kaas_tenant").unwrap()["change"];
        assert_eq!(planned["actions"], json!(["create"]));
        assert_eq!((&planned["after_unknown"]["id"], &planned["after_unknown"]["status"]), (&json!(true), &json!(true)), "{planned}");
        // Known when the plan is made, though the cluster is not.
        for known in ["sizing", "kafka_version", "kubernetes", "drift"] {
            assert_ne!(planned["after_unknown"][known], json!(true), "{known} is unknown");
        }
        assert_eq!(planned["after"]["sizing"]["brokers"], 3);
        assert!(planned["after"]["sizing"]["reasons"]["brokers"].as_str().unwrap().contains("brokers"), "{planned}");
        assert_eq!(plan["output_changes"]["brokers"]["after"], 3);
        place.apply();
        place.plan_is_empty();
        let cluster = place.attributes("kaas_management_cluster.m");
        assert_eq!(cluster["id"], format!("context/{}", ready().context()));
        assert_eq!(cluster["endpoint"], ready().url());
        let begins = |attribute: &str, start: &str| cluster[attribute].as_str().is_some_and(|value| value.starts_with(start));
        assert!(begins("ca_certificate", "-----BEGIN CERTIFICATE-----") && begins("kubernetes_version", "v1."), "{cluster}");
        let tenant = place.tenant();
        assert_eq!(tenant["id"], place.id(&name));
        assert_eq!(tenant["sizing"], planned["after"]["sizing"]);
        assert_eq!(
            tenant["status"],
            json!({"phase": "Ready", "reason": null, "message": null, "kafka_version": "4.3.1", "metadata_version": "4.3-IV0"})
        );
        let (namespace, admin) = (format!("kaas-{name}"), format!("{name}-admin"));
        assert_eq!(
            tenant["kubernetes"],
            json!({"namespace": namespace, "cluster": null, "kubeconfig_secret": null, "kafka": name, "admin_user": admin, "admin_secret": admin})
        );
        assert_eq!(place.workspace.output("bootstrap").unwrap(), tenant["bootstrap_servers"]);
        assert!(tenant["ca_certificate"].as_str().unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
        assert!(tenant["cluster_id"].as_str().is_some_and(|id| !id.is_empty()), "{tenant}");
        place.destroy();
        let left: Vec<String> = objects::all(&ready().kubeconfig()).unwrap().into_iter().filter(|object| object.contains(&name)).collect();
        assert!(left.is_empty(), "{left:?}");
    });
}

/// What the provider asked the API server in one plan, by its own log.
fn asked(place: &Place) -> BTreeMap<String, usize> {
    let mut command = place.workspace.command(&["plan", "-no-color", "-detailed-exitcode"]);
    let out = command.env("TF_LOG_PROVIDER", "debug").output().unwrap();
    let log = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(0), "{log}");
    let mut counts = BTreeMap::new();
    for line in log.lines().filter(|line| line.contains("asked the API server:")) {
        let act = line.split("act=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
        *counts.entry(act.to_owned()).or_default() += 1;
    }
    counts
}

#[test]
fn a_plan_asks_no_more_for_four_tenants_than_for_one() {
    let place = Place::new(Engine::OpenTofu, ready());
    let configure = |tenants: usize| {
        let tenant = Tenant::small("counted-${count.index}").with(&format!("count = {tenants}"));
        place.resources(&format!("resource \"kaas_management_cluster\" \"m\" {{\n  existing {{}}\n}}\n{}", tenant.block()));
        place.apply();
    };
    configure(1);
    let for_one = asked(&place);
    assert!(for_one.values().all(|times| *times == 1), "{for_one:#?}");
    assert!(
        for_one.contains_key("list Kafka in every namespace") && for_one.contains_key("list KafkaNodePool in every namespace"),
        "{for_one:#?}"
    );
    configure(4);
    assert_eq!(asked(&place), for_one);
    place.destroy();
}
