//! The journey with real brokers: clients outside come in by public names, trust the ACME server's root alone, and lose nothing while the certificate is renewed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use base64::Engine as _;
use bytes::Bytes;
use kaas::domain::object::Kind;
use kaas_lab::kafka::{Client, Names, Security};
use kaas_lab::terraform::Engine;
use kaas_lab::{Lab, TemporaryLab, block_on, objects};

use super::world::{Route53, acme_block, dns_block, options, place};
use crate::acceptance::cluster::{self, of};
use crate::acceptance::kafka::credentials;
use crate::acceptance::place::{Place, Tenant};
use crate::stand_in::java;

const NAME: &str = "orders";
const TOPIC: &str = "placed";
/// How long a renewed certificate may take until every broker shows it.
const ROLLED: Duration = Duration::from_secs(240);

fn decoded(text: &str) -> String {
    String::from_utf8(base64::engine::general_purpose::STANDARD.decode(text).unwrap()).unwrap()
}

/// How an application outside comes in.
fn security(lab: &Lab) -> Security {
    let (dns, held) = (lab.dns().unwrap(), credentials(lab, NAME));
    let pair = (decoded(&held["user.crt"]), decoded(&held["user.key"]));
    let tls = Security::tls(&dns.acme_root().unwrap(), Some((&pair.0, &pair.1))).unwrap();
    tls.with_names(Names::Server(dns.server()))
}

/// Produces one numbered message after the other until `done`, each again until it is confirmed. Says how many there are, and how many the partition holds, for
/// one whose confirmation was lost is there twice.
async fn produce_until(servers: &str, security: &Security, done: impl Fn() -> bool) -> anyhow::Result<(u64, usize)> {
    let mut client = None;
    let (mut sent, mut held) = (0_u64, 0);
    while !done() {
        let started = Instant::now();
        loop {
            let produced = async {
                if client.is_none() {
                    client = Some(Client::connect_with(servers, security.clone()).await?);
                }
                match &mut client {
                    Some(client) => client.produce(TOPIC, 0, &[Bytes::from(sent.to_string())]).await.map(|produced| produced.base_offset),
                    None => Ok(0),
                }
            };
            match produced.await {
                Ok(offset) => {
                    held = usize::try_from(offset)? + 1;
                    break;
                }
                Err(error) => {
                    anyhow::ensure!(started.elapsed() < Duration::from_secs(120), "message {sent}: {error}");
                    client = None;
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
        sent += 1;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok((sent, held))
}

/// The certificate as cert-manager keeps it.
fn kept_certificate(lab: &Lab) -> String {
    let secret = cluster::get(lab, &of(NAME, Kind::Secret, &format!("{NAME}-external-tls"))).unwrap();
    secret["data"]["tls.crt"].as_str().unwrap().to_owned()
}

/// Asks cert-manager for another certificate, as `cmctl renew` does, and produces until every broker has been restarted with it.
fn renewed_while_a_client_produces(lab: &Lab, place: &Place) {
    let servers = place.tenant()["bootstrap_servers"].as_str().unwrap().to_owned();
    let (before, nodes) = (kept_certificate(lab), java(lab));
    cluster::renew(lab, &of(NAME, Kind::Certificate, &format!("{NAME}-external-tls")));
    let (security, started) = (security(lab), Instant::now());
    // Three brokers are restarted; controllers have no such listener.
    let rolled = || {
        let now = java(lab);
        let gone = nodes.iter().filter(|node| !now.contains(node)).count();
        assert!(started.elapsed() < ROLLED, "{gone} of three brokers were restarted with another certificate");
        gone >= 3 && now.len() == nodes.len() && kept_certificate(lab) != before
    };
    let (sent, held) = block_on(produce_until(&servers, &security, rolled)).unwrap();
    let values: BTreeSet<u64> = block_on(async {
        let mut client = Client::connect_with(&servers, security.clone()).await?;
        let values = client.consume(TOPIC, 0, 0, held, Duration::from_secs(60)).await?;
        Ok(values.iter().filter_map(|value| std::str::from_utf8(value).ok()?.parse().ok()).collect())
    })
    .unwrap();
    let lost: Vec<u64> = (0..sent).filter(|number| !values.contains(number)).collect();
    assert!(sent > 0 && lost.is_empty(), "of {sent} messages are lost: {lost:?}");
}

#[test]
fn clients_outside_come_in_by_public_names_and_lose_nothing_while_the_certificate_is_renewed() {
    let lab = TemporaryLab::with(&kaas_lab::Options { lab_binary: Some(env!("CARGO_BIN_EXE_kaas-lab").into()), ..options("named-real") })
        .unwrap();
    let before = objects::settled(&lab.kubeconfig()).unwrap();
    let dns = lab.dns().unwrap();
    let place = place(Engine::OpenTofu, &lab);
    place.configure(&Tenant::small(NAME).with(&format!("{}\n  {}", dns_block(&dns, ""), acme_block(&dns, ""))));
    place.apply();
    place.plan_is_empty();
    let servers = place.tenant()["bootstrap_servers"].as_str().unwrap().to_owned();
    assert_eq!(servers, format!("bootstrap.{NAME}.{}:9094", dns.zone_name()));
    let root = dns.acme_root().unwrap();
    block_on(async {
        let mut client = Client::connect_with(&servers, security(&lab)).await?;
        client.create_topic(TOPIC, 1, 3, &BTreeMap::new()).await?;
        let stranger = Security::tls(&root, None)?.with_names(Names::Server(dns.server()));
        assert!(Client::connect_with(&servers, stranger).await.is_err(), "a client without a certificate was let in");
        Ok(())
    })
    .unwrap();
    renewed_while_a_client_produces(&lab, &place);
    place.plan_is_empty();
    place.destroy();
    assert_eq!(Route53::of(&lab).of_tenant(NAME), Vec::<String>::new());
    assert_eq!(objects::all(&lab.kubeconfig()).unwrap(), before);
    lab.down().unwrap();
}
