//! Changes that would lose data, or that nothing can carry out, are refused in the plan, with the way out.

use kaas::domain::object::Kind;

use super::cluster;
use super::place::{Place, Tenant, flat, holds, said};
use super::world::{each_engine, named, ready};

#[test]
fn what_cannot_be_changed_is_refused_in_the_plan() {
    each_engine(|engine| {
        let name = named("forbidden", engine);
        let figures = |brokers: u32, gib: u32| {
            format!("kafka {{\n version = \"4.3.1\"\n }}\n sizing_override {{\n brokers = {brokers}\n volume_gib = {gib}\n }}\n")
        };
        let tenant = Tenant::small(&name).with(&figures(4, 300));
        let place = Place::applied(engine, ready(), &tenant);
        let refused = |tenant: &Tenant, told: &[&str]| {
            place.configure(tenant);
            holds(&place.plan_fails(), told);
        };
        refused(&tenant.with(&figures(2, 300)), &["three replicas need three brokers", "brokers = 2"]);
        refused(
            &tenant.with(&figures(4, 200)),
            &["Volume_gib = 200 is less than the 300 GiB that exist", "leave it at 300 or above", "volume_gib = 200"],
        );
        let unknown = figures(4, 300).replace("4.3.1", "4.1.0");
        refused(&tenant.with(&unknown), &["Kafka version not offered", "offered are 4.2.0", "version = \"4.1.0\""]);
        let older = figures(4, 300).replace("4.3.1", "4.2.1");
        refused(&tenant.with(&older), &["Kafka cannot go from 4.3.1 back to 4.2.1", "stay at 4.3.1 or above", "version = \"4.2.1\""]);
        let metadata = figures(4, 300).replace("version = \"4.3.1\"", "version = \"4.3.1\"\n metadata_version = \"4.2-IV1\"");
        refused(&tenant.with(&metadata), &["from 4.3-IV0 back to 4.2-IV1", "never lowers it", "metadata_version = \"4.2-IV1\""]);
        refused(&Tenant { isolation: "\"cluster\"", ..tenant.clone() }, &["Isolation", "isolation = \"cluster\""]);
        place.configure(&tenant);
        place.plan_is_empty();
        place.destroy();
    });
}

#[test]
fn a_protected_tenant_is_not_destroyed_or_replaced() {
    each_engine(|engine| {
        let name = named("protected", engine);
        let tenant = Tenant { protected: true, ..Tenant::small(&name) };
        let place = Place::applied(engine, ready(), &tenant);
        let way_out = "deletion_protection = false";
        let ran = place.workspace.run(&["plan", "-no-color", "-destroy"]).unwrap();
        assert_eq!(ran.code, Some(1));
        holds(&flat(&said(&ran)), &["Tenant is protected", &name, way_out]);
        let ran = place.workspace.destroy(&[]).unwrap();
        assert_eq!(ran.code, Some(1));
        holds(&flat(&said(&ran)), &["Tenant is protected", way_out]);
        place.configure(&Tenant { name: format!("{name}-2"), ..tenant.clone() });
        holds(&place.plan_fails(), &["Tenant is protected", "A change of name needs a new Kafka", way_out]);
        place.configure(&tenant.with("storage {\n class = \"other\"\n }"));
        holds(&place.plan_fails(), &["Tenant is protected", "storage.class", way_out]);
        place.resources("");
        holds(&place.plan_fails(), &["Tenant is protected", way_out]);
        // A replacement by command is no change of the configuration that a plan could refuse.
        place.configure(&tenant);
        let ran = place.workspace.apply(&["-replace=kaas_tenant.t"]).unwrap();
        assert_eq!(ran.code, Some(1));
        holds(&flat(&said(&ran)), &["Tenant is protected", way_out]);
        assert!(cluster::get(ready(), &cluster::kafka(&name)).is_some());
        place.plan_is_empty();
        // The way out that the messages name.
        place.configure(&Tenant { protected: false, ..tenant });
        place.apply();
        place.resources("");
        place.apply();
        assert!(cluster::get(ready(), &cluster::namespace(&name)).is_none());
    });
}

#[test]
fn an_unprotected_tenant_is_replaced_where_the_name_changes() {
    each_engine(|engine| {
        let name = named("replaced", engine);
        let place = Place::applied(engine, ready(), &Tenant::small(&name));
        let second = Tenant::small(&format!("{name}-2"));
        place.configure(&second);
        holds(&place.plan_changes(), &["must be replaced", "# forces replacement"]);
        place.apply();
        place.plan_is_empty();
        assert!(cluster::get(ready(), &cluster::namespace(&name)).is_none());
        assert!(cluster::get(ready(), &cluster::of(&second.name, Kind::Kafka, &second.name)).is_some());
        place.destroy();
    });
}
