//! Who writes a tenant's records, and that they go with it.

use kaas_lab::terraform::Engine;

use super::world::{Route53, certificate, dns_block, domain, named, place, ready};
use crate::acceptance::place::{Tenant, holds};
use crate::acceptance::world::{each_engine, named as name_of};

/// The smallest tenant has three brokers.
fn names_of(tenant: &str, domain: &str) -> Vec<String> {
    let mut names: Vec<String> =
        ["bootstrap", "broker-0", "broker-1", "broker-2"].map(|first| format!("A {first}.{tenant}.{domain}")).into();
    names.sort();
    names
}

fn addresses(of_tenant: &[String]) -> Vec<String> {
    of_tenant.iter().filter(|record| record.starts_with("A ")).cloned().collect()
}

#[test]
fn a_tenant_gets_names_by_external_dns_and_a_certificate_by_acme_and_both_go_with_it() {
    let lab = ready();
    let (dns, route53) = (lab.dns().unwrap(), Route53::of(lab));
    each_engine(|engine| {
        let name = name_of("public", engine);
        let place = place(engine, lab);
        place.configure(&named(&dns, &name));
        let plan = place.plan_changes();
        let bootstrap = format!("bootstrap.{name}.{}:9094", domain(&dns));
        holds(&plan, &[&bootstrap]);
        place.apply();
        place.plan_is_empty();
        let tenant = place.tenant();
        assert_eq!((tenant["bootstrap_servers"].as_str(), tenant["status"]["phase"].as_str()), (Some(bootstrap.as_str()), Some("Ready")));
        assert!(certificate(&place)["not_after"].is_string(), "{}", certificate(&place));
        let records = route53.of_tenant(&name);
        assert_eq!(addresses(&records), names_of(&name, &domain(&dns)));
        assert_eq!(
            records.iter().filter(|record| record.starts_with("TXT ")).count(),
            4,
            "each record has its owner beside it: {records:?}"
        );
        place.destroy();
        assert_eq!(route53.of_tenant(&name), Vec::<String>::new());
    });
}

#[test]
fn the_provider_writes_the_records_itself_where_it_is_told_to() {
    let lab = ready();
    let (dns, route53) = (lab.dns().unwrap(), Route53::of(lab));
    let name = "own-hand";
    let place = place(Engine::OpenTofu, lab);
    place.configure(&Tenant::small(name).with(&dns_block(&dns, "managed_by = \"provider\"")));
    place.apply();
    place.plan_is_empty();
    let records = route53.of_tenant(name);
    assert_eq!(addresses(&records), names_of(name, &domain(&dns)));
    let lost = format!("broker-1.{name}.{}", domain(&dns));
    let address = lab.dns().unwrap().resolve(&lost).unwrap()[0].to_string();
    route53.delete(&lost, aws_sdk_route53::types::RrType::A, &address);
    holds(&place.plan_changes(), &[&lost]);
    place.apply();
    place.plan_is_empty();
    assert_eq!(addresses(&route53.of_tenant(name)), names_of(name, &domain(&dns)));
    place.destroy();
    assert_eq!(route53.of_tenant(name), Vec::<String>::new());
}

#[test]
fn a_tenant_without_names_tells_the_addresses_it_has() {
    let lab = ready();
    for (name, kind) in [("by-address", "load-balancer"), ("by-port", "node-port")] {
        let place = place(Engine::OpenTofu, lab);
        place.configure(&Tenant::small(name).with(&format!("external {{\n    type = \"{kind}\"\n  }}")));
        place.apply();
        place.plan_is_empty();
        let tenant = place.tenant();
        let servers = tenant["bootstrap_servers"].as_str().unwrap().to_owned();
        assert!(
            servers
                .split(',')
                .all(|server| server.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())),
            "{servers}"
        );
        place.destroy();
    }
}
