//! Tenants with a Kubernetes cluster of their own: cert-manager and external-dns run for that cluster alone.

use kaas_lab::terraform::Engine;
use kaas_lab::{Options, TemporaryLab, objects};

use super::world::{Route53, acme_block, certificate, dns_block, options, place};
use crate::hard::world::hard_with;

#[test]
fn a_tenant_with_a_cluster_of_its_own_gets_names_and_a_certificate_there_and_both_go_with_it() {
    let binary = Some(env!("CARGO_BIN_EXE_kaas-lab").into());
    let lab = TemporaryLab::with(&Options { cluster_api: true, pretend_ready: true, lab_binary: binary, ..options("named-hard") }).unwrap();
    let (dns, route53) = (lab.dns().unwrap(), Route53::of(&lab));
    let before = objects::settled(&lab.kubeconfig()).unwrap();
    let place = place(Engine::OpenTofu, &lab);
    place.configure(&hard_with("apart", "", &format!("{}\n  {}", dns_block(&dns, ""), acme_block(&dns, ""))));
    place.apply();
    place.plan_is_empty();
    assert_eq!(place.tenant()["bootstrap_servers"], format!("bootstrap.apart.{}:9094", dns.zone_name()));
    assert!(certificate(&place)["not_after"].is_string(), "{}", certificate(&place));
    let records = route53.of_tenant("apart");
    assert_eq!(records.iter().filter(|record| record.starts_with("A ")).count(), 4, "{records:?}");
    place.destroy();
    assert_eq!(route53.of_tenant("apart"), Vec::<String>::new());
    assert_eq!(objects::all(&lab.kubeconfig()).unwrap(), before);
    lab.down().unwrap();
}
