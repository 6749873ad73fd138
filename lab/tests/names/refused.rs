//! What is refused before anything is made, each with what to do about it.

use aws_sdk_route53::types::RrType;
use kaas_lab::terraform::Engine;

use super::world::{Route53, acme_block, dns_block, domain, named, place, ready};
use crate::acceptance::cluster::{self, of};
use crate::acceptance::place::{Tenant, holds};
use kaas::domain::object::Kind;

#[test]
fn a_record_of_somebody_else_is_named_and_stays() {
    let lab = ready();
    let (dns, route53) = (lab.dns().unwrap(), Route53::of(lab));
    let record = format!("bootstrap.taken.{}", domain(&dns));
    route53.write(&record, RrType::A, "192.0.2.1");
    for managed_by in ["external-dns", "provider"] {
        let place = place(Engine::OpenTofu, lab);
        place.configure(&Tenant::small("taken").with(&dns_block(&dns, &format!("managed_by = \"{managed_by}\""))));
        holds(&place.apply_fails(), &[&record]);
        assert!(cluster::get(lab, &of("taken", Kind::Kafka, "taken")).is_none(), "a Kafka was made");
    }
    assert_eq!(dns.resolve(&record).unwrap(), ["192.0.2.1".parse::<std::net::IpAddr>().unwrap()]);
    route53.delete(&record, RrType::A, "192.0.2.1");
}

#[test]
fn a_tenant_of_the_same_name_on_another_management_cluster_keeps_its_records() {
    let lab = ready();
    let (dns, route53) = (lab.dns().unwrap(), Route53::of(lab));
    let record = format!("bootstrap.namesake.{}", domain(&dns));
    let beside = format!("a-{record}");
    let owner = "\"heritage=external-dns,external-dns/owner=kaas-namesake-ffffffff,external-dns/resource=service/kaas-namesake/namesake-kafka-outside-bootstrap\"";
    route53.write(&record, RrType::A, "192.0.2.1");
    route53.write(&beside, RrType::Txt, owner);
    for managed_by in ["external-dns", "provider"] {
        let place = place(Engine::OpenTofu, lab);
        place.configure(&Tenant::small("namesake").with(&dns_block(&dns, &format!("managed_by = \"{managed_by}\""))));
        holds(&place.apply_fails(), &[&record, "kaas-namesake-ffffffff"]);
    }
    assert_eq!(route53.of_tenant("namesake"), [format!("A {record}"), format!("TXT {beside}")]);
    route53.delete(&record, RrType::A, "192.0.2.1");
    route53.delete(&beside, RrType::Txt, owner);
}

#[test]
fn a_zone_that_is_not_there_or_is_another_is_told_with_the_attribute() {
    let lab = ready();
    let dns = lab.dns().unwrap();
    for (zone, parts) in [
        ("zone_id = \"Z0000000000NOTHERE\"", ["Z0000000000NOTHERE", "zone_id"]),
        ("zone_name = \"nowhere.example.test\"", ["nowhere.example.test", "zone_name"]),
    ] {
        let place = place(Engine::OpenTofu, lab);
        let inside = if zone.contains("nowhere") { "nowhere.example.test" } else { dns.zone_name() };
        place.configure(&Tenant::small("zoneless").with(&format!("dns {{\n    {zone}\n    domain = \"{inside}\"\n  }}")));
        holds(&place.apply_fails(), &parts);
        assert!(cluster::get(lab, &of("zoneless", Kind::Kafka, "zoneless")).is_none(), "a Kafka was made");
    }
}

#[test]
fn a_zone_that_its_parent_does_not_delegate_to_is_told() {
    let lab = ready();
    let dns = lab.dns().unwrap();
    let child = format!("team.{}", dns.zone_name());
    let zone = lab.aws().unwrap().hosted_zone(&child).unwrap();
    let place = place(Engine::OpenTofu, lab);
    let names = format!("dns {{\n    zone_id = \"{zone}\"\n    domain = \"{child}\"\n  }}\n  {}", acme_block(&dns, ""));
    place.configure(&Tenant::small("undelegated").with(&names));
    holds(&place.apply_fails(), &[&child, "NS"]);
}

#[test]
fn what_cannot_be_is_refused_by_the_plan_all_at_once() {
    let lab = ready();
    let place = place(Engine::OpenTofu, lab);
    let wrong = "dns {\n    domain = \"No_Domain\"\n    ttl_s = 0\n    managed_by = \"nobody\"\n  }\n  tls {\n    issuer = \"acme\"\n  }\n  external {\n    type = \"pigeon\"\n    source_ranges = [\"10.0.0.0\"]\n  }";
    place.configure(&Tenant::small("wrong").with(wrong));
    holds(&place.plan_fails(), &["No_Domain", "ttl_s is 0", "\"nobody\"", "directory_url", "\"pigeon\"", "10.0.0.0"]);
    // Certificates by DNS-01 need a zone that somebody writes into.
    let dns = lab.dns().unwrap();
    let without = named(&dns, "wrong").more.replace(&format!("zone_id = \"{}\"", dns.zone_id()), "managed_by = \"none\"");
    place.configure(&Tenant::small("wrong").with(&without));
    holds(&place.plan_fails(), &["DNS-01"]);
}
