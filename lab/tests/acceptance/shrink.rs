//! Brokers that go, and come again, with real brokers: what they hold is moved first, whatever happens meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use kaas::domain::object::Kind;
use kaas_lab::kafka::Client;
use kaas_lab::terraform::{Engine, Install};
use kaas_lab::{Lab, Options, Server, TemporaryLab, block_on};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::cluster::{self, of};
use super::kafka::{connected, credentials};
use super::killed::kill_plugin;
use super::place::{Place, Tenant, flat, holds, said};

const NAME: &str = "fewer";
const TOPIC: &str = "placed";
const PARTITIONS: i32 = 8;

/// Stops the operator as it stands, or lets it go on; what it runs runs on.
fn operator(lab: &Lab, signal: Signal) {
    let running = lab.servers().iter().find(|one| one.server == Server::StrimziStandIn).unwrap().handle;
    kill(Pid::from_raw(running.pid), signal).unwrap();
}

fn with(brokers: u32) -> Tenant {
    Tenant::small(NAME).with(&format!("sizing_override {{\n brokers = {brokers}\n }}"))
}

fn sent(partition: i32) -> Vec<Bytes> {
    (0..50).map(|n| Bytes::from(format!("order {partition}-{n}"))).collect()
}

async fn all_messages_are_there(client: &mut Client) {
    for partition in 0..PARTITIONS {
        let read = client.consume(TOPIC, partition, 0, 50, Duration::from_secs(30)).await.unwrap();
        assert_eq!(read, sent(partition), "partition {partition}");
    }
}

/// The brokers that hold a replica of the topic.
async fn holders(client: &mut Client) -> BTreeSet<i32> {
    let topics = client.topics(Some(&[TOPIC])).await.unwrap();
    topics.into_iter().flat_map(|topic| topic.partitions).flat_map(|partition| partition.replicas).collect()
}

fn pool(lab: &Lab, pointer: &str) -> serde_json::Value {
    let pool = cluster::get(lab, &of(NAME, Kind::KafkaNodePool, "brokers")).unwrap();
    pool.pointer(pointer).cloned().unwrap_or_default()
}

const MOVED: &str = "data movement: brokers 4 -> 3; partitions are moved off those that go";

/// While the operator does nothing: of one the plugin is killed, of the other the deadline passes. Plans go on saying what is to come.
fn two_applies_that_do_not_end(lab: &Lab, place: &Place) {
    let child = place.workspace.command(&["apply", "-no-color", "-auto-approve"]).spawn().unwrap();
    cluster::wait("the pool to be asked for three", || pool(lab, "/spec/replicas") == 3);
    kill_plugin(child);
    holds(&place.plan_changes(), &[MOVED, "spec.replicas is 3, should be 4"]);
    let hasty = with(3);
    place.configure(&hasty.with(&format!("{}\ntimeouts {{\n update = \"3s\"\n }}", hasty.more)));
    let ran = place.apply();
    holds(&flat(&said(&ran)), &["The tenant is not ready yet", "node pool brokers"]);
    place.configure(&hasty);
    // What it does to Kafka it says already, as the last apply did not end.
    let planned = flat(&place.plan_changes());
    holds(&planned, &["4 brokers run where 3 are wanted, until what they hold is moved off them", "brokers = 4 -> 3"]);
    assert!(!planned.contains("ResourceQuota"), "their room is theirs: {planned}");
}

#[test]
fn brokers_go_with_their_data_moved_though_the_plugin_is_killed_and_come_again() {
    let options =
        Options { lab_binary: Some(env!("CARGO_BIN_EXE_kaas-lab").into()), ..Options::named(&format!("shrink-{}", std::process::id())) };
    let lab = TemporaryLab::with(&options).unwrap();
    let place = Place::installed(Engine::OpenTofu, &lab, Install::DevOverride);
    place.configure(&with(4));
    place.apply();
    place.plan_is_empty();
    let credentials = credentials(&lab, NAME);
    let servers = |place: &Place| place.tenant()["bootstrap_servers"].as_str().unwrap().split(',').count();
    assert_eq!(servers(&place), 4);
    let leaving = pool(&lab, "/status/nodeIds/3").as_i64().unwrap();
    block_on(async {
        let mut client = connected(&place, &credentials).await;
        client.create_topic(TOPIC, PARTITIONS, 3, &BTreeMap::new()).await?;
        for partition in 0..PARTITIONS {
            client.produce(TOPIC, partition, &sent(partition)).await?;
        }
        assert!(holders(&mut client).await.contains(&i32::try_from(leaving)?), "the broker that goes holds nothing");
        Ok(())
    })
    .unwrap();

    place.configure(&with(3));
    holds(&place.plan_changes(), &[MOVED]);
    operator(&lab, Signal::SIGSTOP);
    two_applies_that_do_not_end(&lab, &place);
    operator(&lab, Signal::SIGCONT);
    place.apply();
    place.plan_is_empty();
    assert_eq!((place.tenant()["sizing"]["brokers"].as_u64(), place.phase().as_str(), servers(&place)), (Some(3), "Ready", 3));
    assert_eq!(pool(&lab, "/status/nodeIds").as_array().unwrap().len(), 3);
    let claim = of(NAME, Kind::PersistentVolumeClaim, &format!("data-0-{NAME}-brokers-{leaving}"));
    cluster::wait("the volume of the broker to go", || {
        cluster::get(&*lab, &claim).is_none_or(|claim| !claim["metadata"]["deletionTimestamp"].is_null())
    });
    block_on(async {
        let mut client = connected(&place, &credentials).await;
        assert!(!holders(&mut client).await.contains(&i32::try_from(leaving)?));
        assert_eq!(client.brokers().await?.len(), 3);
        all_messages_are_there(&mut client).await;
        Ok(())
    })
    .unwrap();

    place.configure(&with(4));
    holds(&place.plan_changes(), &["data movement: brokers 3 -> 4; partitions are moved onto those that come"]);
    place.apply();
    place.plan_is_empty();
    let come = i32::try_from(pool(&lab, "/status/nodeIds/3").as_i64().unwrap()).unwrap();
    cluster::wait("the new broker to hold data", || {
        block_on(async { Ok(holders(&mut connected(&place, &credentials).await).await.contains(&come)) }).unwrap()
    });
    block_on(async {
        all_messages_are_there(&mut connected(&place, &credentials).await).await;
        Ok(())
    })
    .unwrap();
    place.destroy();
    lab.down().unwrap();
}
