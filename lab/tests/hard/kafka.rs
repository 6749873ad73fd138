//! The one journey with real brokers in a tenant's own cluster: messages pass over mutual TLS with the credentials that lie there.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use bytes::Bytes;
use kaas::domain::object::Kind;
use kaas_lab::kafka::Client;
use kaas_lab::terraform::Engine;
use kaas_lab::{Options, TemporaryLab, block_on, objects};

use super::world::{hard, inside};
use crate::acceptance::cluster::{self, of};
use crate::acceptance::place::Place;

const NAME: &str = "orders";
const TOPIC: &str = "placed";

#[test]
fn messages_pass_with_the_credentials_in_the_tenants_own_cluster_and_nothing_is_left_after_destroy() {
    let binary = Some(env!("CARGO_BIN_EXE_kaas-lab").into());
    let options = Options { cluster_api: true, lab_binary: binary, ..Options::named(&format!("hard-real-{}", std::process::id())) };
    let lab = TemporaryLab::with(&options).unwrap();
    let before = objects::settled(&lab.kubeconfig()).unwrap();
    let place = Place::applied(Engine::OpenTofu, &lab, &hard(NAME));
    place.plan_is_empty();
    let tenant = place.tenant();
    let secret = of(NAME, Kind::Secret, tenant["kubernetes"]["admin_secret"].as_str().unwrap());
    assert!(cluster::get(&lab, &secret).is_none(), "credentials are in the tenant's cluster only");
    let credentials = cluster::get(&inside(&lab, NAME), &secret).unwrap();
    let pem = |key: &str| {
        let text = credentials["data"][key].as_str().unwrap();
        String::from_utf8(base64::engine::general_purpose::STANDARD.decode(text).unwrap()).unwrap()
    };
    let (servers, ca) = (tenant["bootstrap_servers"].as_str().unwrap(), tenant["ca_certificate"].as_str().unwrap());
    let sent: Vec<Bytes> = (0..100).map(|n| Bytes::from(format!("order {n}"))).collect();
    block_on(async {
        let mut client = Client::connect(servers, ca, Some((&pem("user.crt"), &pem("user.key")))).await?;
        client.create_topic(TOPIC, 1, 3, &BTreeMap::new()).await?;
        client.produce(TOPIC, 0, &sent).await?;
        assert_eq!(client.consume(TOPIC, 0, 0, sent.len(), Duration::from_secs(30)).await?, sent);
        assert!(Client::connect(servers, ca, None).await.is_err(), "a client without a certificate was let in");
        Ok(())
    })
    .unwrap();
    place.destroy();
    assert_eq!(objects::all(&lab.kubeconfig()).unwrap(), before);
    let servers: Vec<_> = lab.servers().iter().map(|running| running.handle).collect();
    cluster::wait("the tenant's servers to end", || lab.processes().iter().all(|process| servers.contains(process)));
    lab.down().unwrap();
}
