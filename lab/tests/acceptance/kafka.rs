//! The one journey with real brokers, with OpenTofu from a filesystem mirror: what Terraform changes reaches Kafka, and messages survive it.
//! What both CLIs do is held by the journeys without Kafka; brokers cannot tell who asked.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use bytes::Bytes;
use kaas::domain::object::Kind;
use kaas_lab::kafka::{Client, ResourceKind, Security};
use kaas_lab::terraform::{Engine, Install};
use kaas_lab::{Lab, Options, TemporaryLab, block_on, objects};

use super::cluster::{self, of};
use super::place::{Place, Tenant};

const NAME: &str = "orders";
const TOPIC: &str = "placed";

/// The Secret of the admin, in base64.
pub type Credentials = BTreeMap<String, String>;

pub fn credentials(lab: &Lab, tenant: &str) -> Credentials {
    let secret = cluster::get(lab, &of(tenant, Kind::Secret, &format!("{tenant}-admin"))).unwrap();
    serde_json::from_value(secret["data"].clone()).unwrap()
}

fn decoded(text: &str) -> String {
    String::from_utf8(base64::engine::general_purpose::STANDARD.decode(text).unwrap()).unwrap()
}

/// A client with the addresses and the authority that the tenant reports.
pub async fn connected(place: &Place, credentials: &Credentials) -> Client {
    let tenant = place.tenant();
    let (servers, ca) = (tenant["bootstrap_servers"].as_str().unwrap(), tenant["ca_certificate"].as_str().unwrap());
    Client::connect(servers, ca, Some((&decoded(&credentials["user.crt"]), &decoded(&credentials["user.key"])))).await.unwrap()
}

/// Nothing that opens a door is in the state, in a plan, or in any other file of the folder.
fn no_secret_is_told(place: &Place, credentials: &Credentials) {
    place.workspace.run(&["plan", "-no-color", "-out=saved", "-replace=kaas_tenant.t"]).unwrap().succeeded().unwrap();
    let shown = |args: &[&str]| place.workspace.run(args).unwrap().succeeded().unwrap().stdout;
    let state = std::fs::read_to_string(place.workspace.dir().join("terraform.tfstate")).unwrap();
    assert!(state.contains("BEGIN CERTIFICATE") && state.contains("orders-admin"), "it is the state that is looked at");
    let texts = [
        state,
        shown(&["show", "-no-color", "-json"]),
        shown(&["show", "-no-color", "-json", "saved"]),
        shown(&["show", "-no-color", "saved"]),
    ];
    for text in &texts {
        assert!(!text.contains("PRIVATE KEY"), "a key is told");
        let key = decoded(&credentials["user.key"]);
        assert!(!text.contains(&credentials["user.key"]) && !text.contains(key.lines().nth(1).unwrap()), "the admin's key is told");
    }
}

/// A tenant whose clients log in by SCRAM: the administrator's password from its Secret opens it, and nothing else does.
fn a_tenant_with_passwords(lab: &Lab, place: &Place) {
    place.configure(&Tenant::small(NAME).with("kafka {\n authentication = \"scram-sha-512\"\n }"));
    place.apply();
    place.plan_is_empty();
    let tenant = place.tenant();
    let secret = tenant["kubernetes"]["admin_secret"].as_str().unwrap();
    let credentials = cluster::get(lab, &of(NAME, Kind::Secret, secret)).unwrap();
    let password = decoded(credentials["data"]["password"].as_str().unwrap());
    let state = std::fs::read_to_string(place.workspace.dir().join("terraform.tfstate")).unwrap();
    assert!(!state.contains(&password), "the password is in the state");
    let (servers, ca) = (tenant["bootstrap_servers"].as_str().unwrap(), tenant["ca_certificate"].as_str().unwrap());
    let sent: Vec<Bytes> = (0..10).map(|n| Bytes::from(format!("order {n}"))).collect();
    block_on(async {
        let tls = Security::tls(ca, None)?;
        let mut client = Client::connect_with(servers, tls.clone().with_scram(secret, &password)).await?;
        client.create_topic(TOPIC, 1, 3, &BTreeMap::new()).await?;
        client.produce(TOPIC, 0, &sent).await?;
        assert_eq!(client.consume(TOPIC, 0, 0, sent.len(), Duration::from_secs(30)).await?, sent);
        for stranger in [tls.clone(), tls.with_scram(secret, "guessed")] {
            assert!(Client::connect_with(servers, stranger).await.is_err(), "a stranger was let in");
        }
        Ok(())
    })
    .unwrap();
    place.destroy();
}

#[test]
fn messages_survive_an_upgrade_that_terraform_makes_and_nothing_is_left_of_them_after_destroy() {
    let options =
        Options { lab_binary: Some(env!("CARGO_BIN_EXE_kaas-lab").into()), ..Options::named(&format!("real-{}", std::process::id())) };
    let lab = TemporaryLab::with(&options).unwrap();
    let before = objects::settled(&lab.kubeconfig()).unwrap();
    let place = Place::installed(Engine::OpenTofu, &lab, Install::Mirror);
    let kafka = |version: &str, bytes: u32| {
        Tenant::small(NAME)
            .with(&format!("kafka {{\n version = \"{version}\"\n config = {{\n \"message.max.bytes\" = \"{bytes}\"\n }}\n }}"))
    };
    place.configure(&kafka("4.3.0", 1_500_000));
    place.workspace.init().unwrap().succeeded().unwrap();
    place.apply();
    place.plan_is_empty();
    let credentials = credentials(&lab, NAME);
    no_secret_is_told(&place, &credentials);
    let sent: Vec<Bytes> = (0..100).map(|n| Bytes::from(format!("order {n}"))).collect();
    block_on(async {
        let mut client = connected(&place, &credentials).await;
        client.create_topic(TOPIC, 1, 3, &BTreeMap::new()).await?;
        client.produce(TOPIC, 0, &sent).await?;
        Ok(())
    })
    .unwrap();
    place.configure(&kafka("4.3.1", 2_500_000));
    assert_eq!(place.actions(), ["update"]);
    place.apply();
    place.plan_is_empty();
    assert_eq!(place.tenant()["status"]["kafka_version"], "4.3.1");
    block_on(async {
        let mut client = connected(&place, &credentials).await;
        assert_eq!(client.consume(TOPIC, 0, 0, sent.len(), Duration::from_secs(30)).await?, sent);
        let broker = client.brokers().await?.keys().next().unwrap().to_string();
        let config = client.configs(ResourceKind::Broker, &broker, Some(&["message.max.bytes", "log.retention.ms"])).await?;
        assert_eq!((config["message.max.bytes"].as_str(), config["log.retention.ms"].as_str()), ("2500000", "86400000"));
        Ok(())
    })
    .unwrap();
    place.destroy();
    a_tenant_with_passwords(&lab, &place);
    assert_eq!(objects::all(&lab.kubeconfig()).unwrap(), before);
    let servers: Vec<_> = lab.servers().iter().map(|running| running.handle).collect();
    cluster::wait("the brokers to end", || lab.processes().iter().all(|process| servers.contains(process)));
    lab.down().unwrap();
}
