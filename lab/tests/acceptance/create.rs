//! From nothing to a tenant and back.

use kaas_lab::objects;
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
        place.destroy();
        let left: Vec<String> = objects::all(&ready().kubeconfig()).unwrap().into_iter().filter(|object| object.contains(&name)).collect();
        assert!(left.is_empty(), "{left:?}");
    });
}
