//! Import: by id, by block, by identity, then an empty plan.

use kaas_lab::terraform::Engine;

use super::place::{Place, Tenant, flat, holds, said};
use super::world::{each_engine, named, ready};

/// Everything a tenant can say about itself.
const MUCH: &str = r#"
  partitions = 30
  kafka {
    version          = "4.3.0"
    metadata_version = "4.2-IV1"
    authentication   = "scram-sha-512"
    config = {
      "message.max.bytes" = "2000000"
    }
  }
  sizing_override {
    brokers    = 4
    volume_gib = 200
  }
  storage {
    class = "fast"
  }
  access {
    groups            = ["team-a", "team-b"]
    client_namespaces = ["apps"]
  }
"#;

fn tenants(engine: Engine, purpose: &str) -> [Tenant; 3] {
    let small = |suffix: &str| Tenant::small(&named(&format!("{purpose}-{suffix}"), engine));
    let minimal = Tenant { protected: true, ..small("min") };
    let much = Tenant { ingress: "1.5", egress: "0.25", retention: "gib = 30", ..small("much").with(MUCH) };
    let empty_block = small("block").with("kafka {}");
    [minimal, much, empty_block]
}

/// Destroys a tenant that may be protected.
fn destroy(place: &Place, tenant: &Tenant) {
    place.configure(&Tenant { protected: false, ..tenant.clone() });
    place.apply();
    place.destroy();
}

/// The state is forgotten and the tenant stays.
pub fn forget(place: &Place) {
    let ran = place.workspace.run(&["state", "rm", "kaas_tenant.t"]).unwrap();
    assert_eq!(ran.code, Some(0), "{}", said(&ran));
}

#[test]
fn a_tenant_imported_by_id_plans_empty() {
    each_engine(|engine| {
        for tenant in tenants(engine, "id") {
            let place = Place::applied(engine, ready(), &tenant);
            let before = place.tenant();
            forget(&place);
            let ran = place.workspace.import("kaas_tenant.t", &place.id(&tenant.name)).unwrap();
            assert_eq!(ran.code, Some(0), "{}", said(&ran));
            assert_eq!(place.tenant(), before);
            place.plan_is_empty();
            destroy(&place, &tenant);
        }
    });
}

#[test]
fn a_tenant_imported_by_a_block_plans_nothing_but_the_import() {
    each_engine(|engine| {
        for tenant in tenants(engine, "block") {
            let place = Place::applied(engine, ready(), &tenant);
            forget(&place);
            place
                .workspace
                .write("import.tf", &format!("import {{\n  to = kaas_tenant.t\n  id = \"{}\"\n}}\n", place.id(&tenant.name)))
                .unwrap();
            holds(&place.apply().stdout, &["1 imported, 0 added, 0 changed, 0 destroyed"]);
            place.plan_is_empty();
            destroy(&place, &tenant);
        }
    });
}

/// Terraform knows `identity` in import blocks from 1.12 on, OpenTofu from 1.12 on.
#[test]
fn a_tenant_imported_by_identity_plans_nothing_but_the_import() {
    each_engine(|engine| {
        let tenant = Tenant::small(&named("identity", engine));
        let place = Place::applied(engine, ready(), &tenant);
        forget(&place);
        let identity = format!("management_cluster = \"context/${{var.context}}\"\n    name = \"{}\"", tenant.name);
        place
            .workspace
            .write("import.tf", &format!("import {{\n  to = kaas_tenant.t\n  identity = {{\n    {identity}\n  }}\n}}\n"))
            .unwrap();
        let ran = place.workspace.apply(&[]).unwrap();
        if knows_identities(&place) {
            assert_eq!(ran.code, Some(0), "{}", said(&ran));
            holds(&ran.stdout, &["1 imported, 0 added, 0 changed, 0 destroyed"]);
            place.plan_is_empty();
        } else {
            holds(&flat(&said(&ran)), &["identity"]);
            std::fs::remove_file(place.workspace.dir().join("import.tf")).unwrap();
            let ran = place.workspace.import("kaas_tenant.t", &place.id(&tenant.name)).unwrap();
            assert_eq!(ran.code, Some(0), "{}", said(&ran));
        }
        let _ = std::fs::remove_file(place.workspace.dir().join("import.tf"));
        place.destroy();
    });
}

#[test]
fn a_management_cluster_imported_by_id_plans_empty() {
    each_engine(|engine| {
        let place = Place::new(engine, ready());
        place.resources(
            "resource \"kaas_management_cluster\" \"m\" {\n  existing {}\n}\noutput \"m\" {\n  value = kaas_management_cluster.m\n}\n",
        );
        place.apply();
        let before = place.workspace.output("m").unwrap();
        let ran = place.workspace.run(&["state", "rm", "kaas_management_cluster.m"]).unwrap();
        assert_eq!(ran.code, Some(0), "{}", said(&ran));
        let id = before["id"].as_str().unwrap();
        let ran = place.workspace.import("kaas_management_cluster.m", "context/elsewhere").unwrap();
        assert_eq!(ran.code, Some(1));
        holds(&flat(&said(&ran)), &["Another management cluster", "\"context/elsewhere\""]);
        let ran = place.workspace.import("kaas_management_cluster.m", id).unwrap();
        assert_eq!(ran.code, Some(0), "{}", said(&ran));
        place.plan_is_empty();
        assert_eq!(place.workspace.output("m").unwrap(), before);
        place.destroy();
    });
}

pub fn knows_identities(place: &Place) -> bool {
    let version = place.workspace.run(&["version", "-json"]).unwrap().json().unwrap();
    let mut parts = version["terraform_version"].as_str().unwrap().split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    (parts.next().unwrap(), parts.next().unwrap()) >= (1, 12)
}

#[test]
fn what_cannot_be_imported_is_told_why() {
    each_engine(|engine| {
        let place = Place::new(engine, ready());
        place.configure(&Tenant::small("no-such-tenant"));
        let fails = |id: &str, told: &[&str]| {
            let ran = place.workspace.import("kaas_tenant.t", id).unwrap();
            assert_eq!(ran.code, Some(1), "{id}");
            holds(&flat(&said(&ran)), told);
        };
        fails(&place.id("no-such-tenant"), &["non-existent", "no-such-tenant"]);
        fails("nonsense", &["Not the id of a tenant", "\"nonsense\" should be <management cluster>/<name>"]);
        fails("context/elsewhere/x", &["Another management cluster", "\"context/elsewhere\"", "leads to"]);
        fails(&place.id("Not_A_Name"), &["Not a name for a tenant", "\"Not_A_Name\""]);
    });
}
