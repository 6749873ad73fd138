//! The same wish gives the same figures wherever it is asked.

use super::place::{Place, Tenant, flat, holds, said};
use super::world::{each_engine, named, ready};

const ASK: &str = r#"
data "kaas_sizing" "d" {
  throughput {
    ingress_mib_per_second = 12.5
    egress_mib_per_second  = 40
  }
  retention {
    hours = 36
  }
}
output "data" {
  value = data.kaas_sizing.d.sizing
}
output "function" {
  value = provider::kaas::size(12.5, 40, 36)
}
"#;

#[test]
fn the_tenant_the_data_source_and_the_function_give_the_same_figures() {
    each_engine(|engine| {
        let tenant = Tenant { ingress: "12.5", egress: "40", retention: "hours = 36", ..Tenant::small(&named("sizing", engine)) };
        let place = Place::new(engine, ready());
        place.resources(&format!("{ASK}{}", tenant.block()));
        place.apply();
        let figures = place.tenant()["sizing"].clone();
        assert!(figures["brokers"].as_u64() >= Some(3), "{figures}");
        assert_eq!(place.workspace.output("data").unwrap(), figures);
        assert_eq!(place.workspace.output("function").unwrap(), figures);
        place.plan_is_empty();
        place.destroy();
    });
}

#[test]
fn wrong_arguments_are_refused_at_the_argument() {
    each_engine(|engine| {
        let place = Place::new(engine, ready());
        let fails = |call: &str, told: &[&str]| {
            place.resources(&format!("output \"x\" {{\n  value = provider::kaas::size({call})\n}}\n"));
            holds(&place.plan_fails(), told);
        };
        fails("0, 2, 24", &["\"ingress_mib_per_second\"", "zero"]);
        fails("1, -2, 24", &["\"egress_mib_per_second\"", "negative"]);
        fails("1, 2, 0", &["\"retention_hours\"", "must be above zero"]);
        fails("1, 2, null", &["\"retention_hours\"", "null"]);
        fails("100000, 2, 1", &["no layout carries this ingress"]);
        place.resources(&ASK.replace("hours = 36", "hours = 36\n    gib = 1"));
        let ran = place.workspace.run(&["validate", "-no-color"]).unwrap();
        holds(&flat(&said(&ran)), &["hours and gib exclude each other", "in data \"kaas_sizing\" \"d\""]);
    });
}
