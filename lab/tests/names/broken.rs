//! What keeps a certificate from being issued: each ends in a message that a person can act on, long before the deadline where waiting is in vain, and the next
//! apply goes on.

use kaas_lab::Lab;
use kaas_lab::dns::{Faults, Silence};
use kaas_lab::terraform::Engine;
use serde_json::json;

use super::world::{Route53, acme_block, broken, dns_block, place};
use crate::acceptance::place::{Tenant, flat, holds, said};

/// Applies a tenant whose certificate cannot be had: the state says why. Then the cause goes, and the next apply brings the tenant.
fn is_told_and_mended(lab: &Lab, name: &str, create: &str, parts: &[&str], mend: impl FnOnce()) {
    let dns = lab.dns().unwrap();
    let place = place(Engine::OpenTofu, lab);
    let timeouts = format!("timeouts {{\n    create = \"{create}\"\n    update = \"5m\"\n    delete = \"5m\"\n  }}");
    place.configure(&Tenant::small(name).with(&format!("{}\n  {}\n  {timeouts}", dns_block(&dns, ""), acme_block(&dns, ""))));
    let ran = place.apply();
    holds(&flat(&said(&ran)), parts);
    let status = place.tenant()["status"].clone();
    assert_ne!(status["phase"], "Ready", "{status}");
    assert_eq!(place.actions(), ["update"], "the next plan goes on in place");
    mend();
    place.apply();
    place.plan_is_empty();
    assert_eq!(place.phase(), "Ready");
    place.destroy();
    assert_eq!(Route53::of(lab).of_tenant(name), Vec::<String>::new());
}

#[test]
fn a_rate_limit_of_the_acme_server_is_told() {
    let broken = broken();
    let dns = broken.lab().dns().unwrap();
    dns.order(Faults { acme_rate_limited: true, ..Faults::default() }).unwrap();
    is_told_and_mended(broken.lab(), "limited", "10m", &["RateLimited", "letsencrypt-staging"], || dns.order(Faults::default()).unwrap());
}

#[test]
fn an_acme_server_that_does_not_see_the_answer_is_told() {
    let broken = broken();
    let dns = broken.lab().dns().unwrap();
    dns.order(Faults { dns_silent: Silence::Acme, ..Faults::default() }).unwrap();
    is_told_and_mended(broken.lab(), "unseen", "10m", &["DNS-01", "unseen"], || dns.order(Faults::default()).unwrap());
}

#[test]
fn a_role_that_may_not_write_the_answer_is_told() {
    let broken = broken();
    let lab = broken.lab();
    let (aws, dns) = (lab.aws().unwrap(), lab.dns().unwrap());
    let may = |actions: &[&str]| {
        let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]});
        aws.allow("User", dns.cert_manager_user(), &policy).unwrap();
    };
    may(&["route53:ListHostedZonesByName", "route53:GetChange", "route53:ListResourceRecordSets"]);
    is_told_and_mended(lab, "denied", "10m", &["AccessDenied", "route53:ChangeResourceRecordSets"], || {
        may(&["route53:*", "sts:AssumeRole"])
    });
}
