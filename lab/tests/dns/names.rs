//! Records that external-dns writes, and what the DNS server says of them.

use anyhow::{Result, ensure};
use kaas_lab::dns::Code;
use serde_json::json;

use super::world::World;

#[tokio::test]
async fn a_load_balancer_gets_its_name_and_the_name_goes_with_it() -> Result<()> {
    let world = World::up("dns-names").await?;
    let name = world.name("bootstrap.pay");
    let absent = world.dns.query(&name, "A")?;
    ensure!(absent.code == Code::NameError && absent.has_soa, "{absent:?}");

    world.cluster.load_balancer("bootstrap", &name, json!({"ip": "127.64.0.7"})).await?;
    world.resolves(&name, &["127.64.0.7"]).await?;
    let owner = world.dns.query(&format!("a-{name}"), "TXT")?.values.join(" ");
    ensure!(owner.contains("external-dns/owner=kaas") && owner.contains("external-dns/resource=service/pay/bootstrap"), "{owner}");

    // A load balancer of AWS has a host name: the record is an alias, answered with the address behind.
    let broker = world.name("broker-0.pay");
    world.cluster.load_balancer("broker", &broker, json!({"hostname": "k8s-pay-127-64-0-8.elb.eu-central-1.amazonaws.com"})).await?;
    world.resolves(&broker, &["127.64.0.8"]).await?;

    let soa = world.dns.query(world.dns.zone_name(), "SOA")?;
    ensure!(soa.values.len() == 1, "{soa:?}");
    let other = world.dns.query("example.org", "A")?;
    ensure!(other.code == Code::Refused, "{other:?}");

    for (service, name) in [("bootstrap", &name), ("broker", &broker)] {
        world.cluster.delete_service(service).await?;
        world.resolves(name, &[]).await?;
        let owner = world.dns.query(&format!("a-{name}"), "TXT")?;
        ensure!(owner.values.is_empty(), "{owner:?}");
    }
    world.lab.down()
}
