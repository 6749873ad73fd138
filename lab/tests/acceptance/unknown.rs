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

#[test]
fn a_tenant_is_planned_while_the_provider_block_is_unknown() {
    each_engine(|engine| {
        let name = named("unknown", engine);
        let tenant = Tenant::small(&name);
        let mut place = Place::new(engine, ready());
        place.workspace.set_variable("generation", "1");
        place.write(PROVIDER, &tenant.block());
        holds(&place.plan_changes(), &["kaas_tenant.t will be created", "2 to add"]);
        place.apply();
        place.plan_is_empty();
        // The cluster's file is to be made anew: the tenant cannot be looked at in this plan.
        place.workspace.set_variable("generation", "2");
        let text = flat(&place.plan_changes());
        holds(&text, &["Tenant not refreshed", "last known state is used", "1 to add, 0 to change, 1 to destroy"]);
        place.write(PROVIDER, &Tenant { retention: "hours = 36", ..tenant }.block());
        place.apply();
        place.plan_is_empty();
        assert_eq!(place.tenant()["sizing"]["retention_ms"], 129_600_000);
        place.destroy();
    });
}
