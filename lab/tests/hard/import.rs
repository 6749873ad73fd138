//! Import: the whole tenant rebuilt from its name, then an empty plan.

use super::world::{hard_with, ready};
use crate::acceptance::import::{forget, knows_identities};
use crate::acceptance::place::{Place, Tenant, holds, said};
use crate::acceptance::world::{each_engine, named};

/// Everything a tenant can say about a cluster of the lab's class.
fn tenants(names: [&str; 2]) -> [Tenant; 2] {
    let cluster = "kubernetes_version = \"1.35.4\"\n    variables = {\n      region = \"cellar\"\n    }";
    let more =
        "operators {\n    strimzi = \"1.1.0\"\n  }\n  kafka {\n    version = \"4.3.0\"\n  }\n  access {\n    groups = [\"team-a\"]\n  }";
    [hard_with(names[0], "", ""), hard_with(names[1], cluster, more)]
}

#[test]
fn an_imported_tenant_plans_empty() {
    each_engine(|engine| {
        let names = [named("import-min", engine), named("import-much", engine)];
        for tenant in tenants([&names[0], &names[1]]) {
            let place = Place::applied(engine, ready(), &tenant);
            let before = place.tenant();
            forget(&place);
            let ran = place.workspace.import("kaas_tenant.t", &place.id(&tenant.name)).unwrap();
            assert_eq!(ran.code, Some(0), "{}", said(&ran));
            assert_eq!(place.tenant(), before);
            place.plan_is_empty();
            if knows_identities(&place) {
                forget(&place);
                let identity = format!("management_cluster = \"context/${{var.context}}\"\n    name = \"{}\"", tenant.name);
                let block = format!("import {{\n  to = kaas_tenant.t\n  identity = {{\n    {identity}\n  }}\n}}\n");
                place.workspace.write("import.tf", &block).unwrap();
                holds(&place.apply().stdout, &["1 imported, 0 added, 0 changed, 0 destroyed"]);
                place.plan_is_empty();
            }
            place.destroy();
        }
    });
}
