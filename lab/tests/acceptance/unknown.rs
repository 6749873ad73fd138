//! A provider block that is only known after apply, as when the cluster is made in the same run.

use super::place::{Place, Tenant, flat, holds};
use super::world::{each_engine, named, ready};

const PROVIDER: &str = r#"
variable "generation" {
  type = string
}
resource "terraform_data" "cluster" {
  input            = var.kubeconfig
  triggers_replace = var.generation
}
provider "kaas" {
  kubernetes {
    config_path    = terraform_data.cluster.output
    config_context = var.context
  }
}
"#;

const ADOPTED: &str = "resource \"kaas_management_cluster\" \"m\" {\n  existing {}\n}\n";

#[test]
fn a_cluster_and_its_tenant_are_planned_while_the_provider_block_is_unknown() {
    each_engine(|engine| {
        let name = named("unknown", engine);
        let tenant = Tenant::small(&name);
        let both = |tenant: &Tenant| format!("{ADOPTED}{}", tenant.block());
        let mut place = Place::new(engine, ready());
        place.workspace.set_variable("generation", "1");
        place.write(PROVIDER, &both(&tenant));
        holds(&place.plan_changes(), &["kaas_management_cluster.m will be created", "kaas_tenant.t will be created", "3 to add"]);
        place.apply();
        place.plan_is_empty();
        // The cluster's file is to be made anew: neither the cluster nor the tenant can be looked at in this plan.
        place.workspace.set_variable("generation", "2");
        let text = flat(&place.plan_changes());
        for what in ["cluster", "tenant"] {
            holds(&text, &[&format!("so the {what} was not looked at; its last known state is used")]);
        }
        holds(&text, &["Management cluster not refreshed", "Tenant not refreshed", "1 to add, 0 to change, 1 to destroy"]);
        place.write(PROVIDER, &both(&Tenant { retention: "hours = 36", ..tenant }));
        place.apply();
        place.plan_is_empty();
        assert_eq!(place.tenant()["sizing"]["retention_ms"], 129_600_000);
        place.destroy();
    });
}
