//! A tenant's cluster becomes smaller under real brokers: what they hold is moved, then they go, then their nodes, though the plugin dies while data moves.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use kaas::domain::object::Kind;
use kaas_lab::kafka::Client;
use kaas_lab::terraform::Engine;
use kaas_lab::{Options, TemporaryLab, block_on, objects};

use super::nodes::{asked_nodes, brokers_went_first, has_nodes, history, killed_when};
use super::world::{Inside, hard_with, home_cluster, inside, with_nodes};
use crate::acceptance::cluster::{self, of};
use crate::acceptance::kafka::{Credentials, connected};
use crate::acceptance::place::{Place, Tenant, holds};

const NAME: &str = "fewer";
const TOPIC: &str = "placed";
const PARTITIONS: i32 = 8;

fn with(brokers: u32) -> Tenant {
    hard_with(NAME, &with_nodes("m7g.large"), &format!("sizing_override {{\n brokers = {brokers}\n }}"))
}

fn sent(partition: i32) -> Vec<Bytes> {
    (0..50).map(|n| Bytes::from(format!("order {partition}-{n}"))).collect()
}

fn credentials(own: &Inside) -> Credentials {
    let secret = cluster::get(own, &of(NAME, Kind::Secret, &format!("{NAME}-admin"))).unwrap();
    serde_json::from_value(secret["data"].clone()).unwrap()
}

/// The brokers that hold a replica of the topic.
async fn holders(client: &mut Client) -> BTreeSet<i32> {
    let topics = client.topics(Some(&[TOPIC])).await.unwrap();
    topics.into_iter().flat_map(|topic| topic.partitions).flat_map(|partition| partition.replicas).collect()
}

#[test]
fn nodes_of_brokers_that_hold_data_stay_until_it_is_moved_though_the_plugin_is_killed() {
    let binary = Some(env!("CARGO_BIN_EXE_kaas-lab").into());
    let options = Options { cluster_api: true, lab_binary: binary, ..Options::named(&format!("hard-fewer-{}", std::process::id())) };
    let lab = TemporaryLab::with(&options).unwrap();
    let before = objects::settled(&lab.kubeconfig()).unwrap();
    let place = Place::applied(Engine::OpenTofu, &lab, &with(4));
    place.plan_is_empty();
    let own = inside(&lab, NAME);
    let pool = || cluster::get(&own, &of(NAME, Kind::KafkaNodePool, "brokers")).unwrap();
    has_nodes(&lab, &own, NAME, 4);
    let credentials = credentials(&own);
    let leaving = i32::try_from(pool()["status"]["nodeIds"][3].as_i64().unwrap()).unwrap();
    block_on(async {
        let mut client = connected(&place, &credentials).await;
        client.create_topic(TOPIC, PARTITIONS, 3, &BTreeMap::new()).await?;
        for partition in 0..PARTITIONS {
            client.produce(TOPIC, partition, &sent(partition)).await?;
        }
        assert!(holders(&mut client).await.contains(&leaving), "the broker that goes holds nothing");
        Ok(())
    })
    .unwrap();

    let shrink = history(&lab, &own, NAME);
    place.configure(&with(3));
    killed_when(&place, "the pool to be asked for three", || pool()["spec"]["replicas"] == 3);
    assert_eq!(asked_nodes(&cluster::get(&*lab, &home_cluster(NAME)).unwrap()), 4, "nobody has given up its node yet");
    holds(&place.plan_changes(), &["data movement: brokers 4 -> 3"]);
    place.apply();
    place.plan_is_empty();
    assert_eq!(place.phase(), "Ready");
    brokers_went_first(&shrink.so_far(), 3);
    has_nodes(&lab, &own, NAME, 3);
    block_on(async {
        let mut client = connected(&place, &credentials).await;
        assert!(!holders(&mut client).await.contains(&leaving));
        for partition in 0..PARTITIONS {
            assert_eq!(client.consume(TOPIC, partition, 0, 50, Duration::from_secs(30)).await?, sent(partition), "partition {partition}");
        }
        Ok(())
    })
    .unwrap();
    place.destroy();
    assert_eq!(objects::all(&lab.kubeconfig()).unwrap(), before);
    lab.down().unwrap();
}
