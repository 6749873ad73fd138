//! Another domain, taken up in place: the new names come first, the old ones go last.

use kaas::domain::names::NAMES_ANNOTATION;
use kaas::domain::object::{Kind, ObjectRef};
use kaas_lab::terraform::Engine;

use super::world::{Route53, acme_block, certificate, domain, place, ready};
use crate::acceptance::cluster;
use crate::acceptance::killed::kill_plugin;
use crate::acceptance::place::{Tenant, holds};

#[test]
fn another_domain_is_taken_up_in_place_and_nothing_of_the_old_one_is_left() {
    let lab = ready();
    let (dns, route53) = (lab.dns().unwrap(), Route53::of(lab));
    let (old, new) = (domain(&dns), format!("new.{}", domain(&dns)));
    let place = place(Engine::OpenTofu, lab);
    let named = |domain: &str| {
        let names = format!("dns {{\n    zone_id = \"{}\"\n    domain = \"{domain}\"\n  }}\n  {}", dns.zone_id(), acme_block(&dns, ""));
        Tenant::small("moving").with(&names)
    };
    let addresses = |domain: &str| {
        let below = format!(".moving.{domain}");
        route53.of_tenant("moving").iter().filter(|record| record.starts_with("A ") && record.ends_with(&below)).count()
    };
    place.configure(&named(&old));
    place.apply();
    assert_eq!((addresses(&old), addresses(&new)), (4, 0));
    place.configure(&named(&new));
    let plan = place.plan_changes();
    holds(&plan, &[&format!("bootstrap.moving.{new}:9094"), "rolling restart"]);
    assert_eq!(place.actions(), ["update"]);
    place.apply();
    place.plan_is_empty();
    assert_eq!(place.tenant()["bootstrap_servers"], format!("bootstrap.moving.{new}:9094"));
    assert_eq!((addresses(&old), addresses(&new)), (0, 4));
    assert!(certificate(&place)["ready"] == true, "{}", certificate(&place));
    place.destroy();
    assert_eq!(route53.of_tenant("moving"), Vec::<String>::new());
}

#[test]
fn a_change_of_names_that_died_leaves_nothing_behind_when_it_is_taken_back_or_the_tenant_is_destroyed() {
    let lab = ready();
    let (dns, route53) = (lab.dns().unwrap(), Route53::of(lab));
    let (old, new) = (domain(&dns), format!("died.{}", domain(&dns)));
    let place = place(Engine::OpenTofu, lab);
    let named = |domain: &str, more: &str| {
        let names = format!(
            "dns {{\n    zone_id = \"{}\"\n    domain = \"{domain}\"\n    managed_by = \"provider\"\n  }}\n  {more}",
            dns.zone_id()
        );
        Tenant::small("torn").with(&names)
    };
    let of_new = || route53.of_tenant("torn").into_iter().filter(|record| record.contains(".died.")).collect::<Vec<_>>();
    let die = |more: &str| {
        place.configure(&named(&new, more));
        let child = place.workspace.command(&["apply", "-no-color", "-auto-approve"]).spawn().unwrap();
        cluster::wait("a record of the new domain", || !of_new().is_empty());
        kill_plugin(child);
        assert!(cluster::get(lab, &cluster::namespace("torn")).unwrap()["metadata"]["annotations"][NAMES_ANNOTATION].is_string());
    };
    place.configure(&named(&old, ""));
    place.apply();
    die("");
    place.configure(&named(&old, ""));
    holds(&place.plan_changes(), &[&format!("names below torn.{new}")]);
    place.apply();
    place.plan_is_empty();
    assert_eq!(of_new(), Vec::<String>::new());
    assert!(cluster::get(lab, &cluster::namespace("torn")).unwrap()["metadata"]["annotations"][NAMES_ANNOTATION].is_null());
    // With a certificate that never got into the state.
    die(&acme_block(&dns, ""));
    let issuer = ObjectRef::global(Kind::ClusterIssuer, "kaas-torn");
    assert!(cluster::get(lab, &issuer).is_some());
    place.destroy();
    assert_eq!(route53.of_tenant("torn"), Vec::<String>::new());
    assert!(cluster::get(lab, &issuer).is_none());
}
