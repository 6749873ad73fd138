//! Certificates by DNS-01: what goes well, and each way in which it does not.

use anyhow::{Result, ensure};
use kaas_lab::dns::{Faults, Silence};
use serde_json::json;

use super::world::{World, until, verify};

#[tokio::test]
async fn a_wildcard_is_issued_by_records_that_the_acme_server_looked_up() -> Result<()> {
    let world = World::up("dns-issue").await?;
    let (key_id, key) = world.dns.acme_external_account();
    let secret =
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "eab", "namespace": "cert-manager"}, "stringData": {"key": key}});
    world.cluster.apply(&secret).await?;
    let bound = json!({"externalAccountBinding": {"keyID": key_id, "keySecretRef": {"name": "eab", "key": "key"}}});
    world.cluster.issuer(&world.dns, "kaas-pay", bound).await?;
    let domain = world.name("pay");
    world.cluster.certificate("pay-tls", "kaas-pay", &domain).await?;
    let chain = world.cluster.ready("pay-tls").await?;
    let root = world.dns.acme_root()?;
    verify(&chain, &root, &format!("bootstrap.{domain}"))?;
    ensure!(verify(&chain, &root, &domain).is_err(), "the wildcard is not for the domain itself");
    ensure!(verify(&chain, &world.dns.acme_ca()?, &format!("bootstrap.{domain}")).is_err(), "no other root signed it");
    let left = world.dns.query(&format!("_acme-challenge.{domain}"), "TXT")?;
    ensure!(left.values.is_empty(), "{left:?}");
    world.lab.down()
}

#[tokio::test]
async fn a_short_lived_certificate_is_renewed_by_itself() -> Result<()> {
    let options = kaas_lab::Options {
        pretend_ready: true,
        aws: true,
        dns: true,
        short_lived_s: 60,
        ..kaas_lab::Options::named(&format!("dns-renew-{}", std::process::id()))
    };
    let world = World::of(kaas_lab::TemporaryLab::with(&options)?).await?;
    world.cluster.issuer(&world.dns, "kaas-pay", json!({"profile": "shortlived"})).await?;
    let domain = world.name("pay");
    world.cluster.certificate("pay-tls", "kaas-pay", &domain).await?;
    let first = world.cluster.ready("pay-tls").await?;
    let next = until("another certificate", async || {
        let now = world.cluster.chain("pay-tls").await?;
        Ok(if now == first { Err("still the first".to_owned()) } else { Ok(now) })
    })
    .await?;
    verify(&next, &world.dns.acme_root()?, &format!("bootstrap.{domain}"))?;
    world.lab.down()
}

#[tokio::test]
async fn what_goes_wrong_is_told_and_mended() -> Result<()> {
    let world = World::up("dns-faults").await?;
    world.cluster.issuer(&world.dns, "kaas-pay", json!({"solvers": [{"dns01": {"route53": {"region": "eu-central-1"}}}]})).await?;

    // A name in no zone of this Route 53.
    world.cluster.certificate("elsewhere", "kaas-pay", "pay.example.org").await?;
    world.cluster.says("acme.cert-manager.io/v1", "Challenge", "pay.example.org").await?;

    let domain = world.name("limited");
    world.dns.order(Faults { acme_rate_limited: true, ..Faults::default() })?;
    world.cluster.certificate("limited", "kaas-pay", &domain).await?;
    world.cluster.says("acme.cert-manager.io/v1", "Order", "rateLimited").await?;
    world.dns.order(Faults::default())?;
    world.cluster.ready("limited").await?;

    world.dns.order(Faults { dns_silent: Silence::Acme, ..Faults::default() })?;
    world.cluster.certificate("silent", "kaas-pay", &world.name("silent")).await?;
    world.cluster.says("cert-manager.io/v1", "Certificate", "Failed").await?;
    world.dns.order(Faults::default())?;
    world.cluster.ready("silent").await?;

    let aws = world.lab.aws()?;
    let user = world.dns.cert_manager_user();
    let nothing =
        json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "route53:ListHostedZonesByName", "Resource": "*"}]});
    aws.allow("User", user, &nothing)?;
    world.cluster.certificate("denied", "kaas-pay", &world.name("denied")).await?;
    // The status leaves out what AWS said; the events have it.
    world.cluster.says("acme.cert-manager.io/v1", "Challenge", "failed to change Route 53 record set").await?;
    world.cluster.event("AccessDenied").await?;
    let all = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "route53:*", "Resource": "*"}]});
    aws.allow("User", user, &all)?;
    world.cluster.ready("denied").await?;
    world.lab.down()
}
