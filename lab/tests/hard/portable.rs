//! The same configuration with another isolation makes the equivalent Kafka.

use kaas::domain::object::{Kind, ObjectRef};
use serde_json::Value;

use super::world::{hard_with, inside, ready};
use crate::acceptance::cluster::{self, At, kafka, of};
use crate::acceptance::place::{Place, Tenant};
use crate::acceptance::world::{each_engine, named};

const MUCH: &str = r#"
  kafka {
    version        = "4.3.0"
    authentication = "scram-sha-512"
    config = {
      "message.max.bytes" = "2000000"
    }
  }
  sizing_override {
    brokers    = 4
    volume_gib = 200
  }
  access {
    groups            = ["team-a"]
    client_namespaces = ["apps"]
  }
"#;

/// Everything that makes the Kafka, as it is.
fn objects(tenant: &str) -> Vec<ObjectRef> {
    vec![
        kafka(tenant),
        of(tenant, Kind::KafkaNodePool, "brokers"),
        of(tenant, Kind::KafkaNodePool, "controllers"),
        of(tenant, Kind::KafkaUser, &format!("{tenant}-admin")),
        of(tenant, Kind::NetworkPolicy, "kaas"),
        of(tenant, Kind::ResourceQuota, "kaas"),
        of(tenant, Kind::LimitRange, "kaas"),
    ]
}

fn specs(at: &impl At, tenant: &str) -> Vec<Value> {
    objects(tenant).iter().map(|object| cluster::get(at, object).unwrap_or_else(|| panic!("no {object}"))["spec"].clone()).collect()
}

#[test]
fn the_same_configuration_with_another_isolation_makes_the_equivalent_kafka() {
    each_engine(|engine| {
        let name = named("portable", engine);
        let soft = Place::applied(engine, ready(), &Tenant::small(&name).with(MUCH));
        let (soft_specs, soft_tenant) = (specs(ready(), &name), soft.tenant());
        soft.destroy();
        let hard = Place::applied(engine, ready(), &hard_with(&name, "", MUCH));
        for ((object, soft), hard) in objects(&name).iter().zip(&soft_specs).zip(specs(&inside(ready(), &name), &name)) {
            assert_eq!(*soft, hard, "{object}");
        }
        let hard_tenant = hard.tenant();
        for part in ["sizing", "kafka_version", "bootstrap_servers"] {
            assert_eq!(soft_tenant[part], hard_tenant[part], "{part}");
        }
        hard.destroy();
    });
}
