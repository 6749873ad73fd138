//! A tenant's cluster on nodes of several zones becomes smaller: the brokers that go are of the zones whose nodes go, for the volumes of the others stay in theirs.

use kaas::domain::object::{Kind, ObjectRef};
use kaas_lab::terraform::Engine;
use serde_json::{Value, json};

use super::nodes::{brokers_went_first, has_nodes, history, labels_of_nodes};
use super::world::{Inside, hard_with, inside, ready, with_nodes};
use crate::acceptance::cluster::{self, of};
use crate::acceptance::place::{Place, Tenant};

const NAME: &str = "zoned";
/// In which zone the volume of each broker is.
const VOLUMES: [(i64, &str); 5] = [(0, "a"), (1, "a"), (2, "b"), (3, "b"), (4, "c")];

fn with(brokers: u32) -> Tenant {
    let cluster = format!("{}\n zones = [\"a\", \"b\", \"c\"]", with_nodes("m7g.large"));
    hard_with(NAME, &cluster, &format!("sizing_override {{\n brokers = {brokers}\n }}"))
}

/// The volume of a broker as a cloud's driver makes it, which the lab has not.
fn volume(broker: i64) -> ObjectRef {
    ObjectRef::global(Kind::PersistentVolume, format!("disk-{broker}"))
}

fn make_volume(own: &Inside, broker: i64, zone: &str) {
    let claim = json!({"kind": "PersistentVolumeClaim", "apiVersion": "v1", "namespace": format!("kaas-{NAME}"),
        "name": format!("data-0-{NAME}-brokers-{broker}")});
    let in_zone = json!([{"matchExpressions": [{"key": "topology.disks.example.com/zone", "operator": "In", "values": [zone]}]}]);
    let spec = json!({"capacity": {"storage": "10Gi"}, "accessModes": ["ReadWriteOnce"], "persistentVolumeReclaimPolicy": "Retain",
        "claimRef": claim, "csi": {"driver": "disks.example.com", "volumeHandle": format!("disk-{broker}")},
        "nodeAffinity": {"required": {"nodeSelectorTerms": in_zone}}});
    let volume = volume(broker);
    let body = json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": volume.name}, "spec": spec});
    cluster::apply(own, &volume, &body);
}

/// The zones of the nodes for brokers.
fn nodes(own: &Inside) -> Vec<String> {
    let mut zones = labels_of_nodes(own, "topology.kubernetes.io/zone");
    zones.sort();
    zones
}

fn brokers(own: &Inside) -> Value {
    cluster::get(own, &of(NAME, Kind::KafkaNodePool, "brokers")).unwrap()["status"]["nodeIds"].clone()
}

#[test]
fn each_broker_that_stays_has_a_node_in_the_zone_of_its_volume() {
    let place = Place::applied(Engine::OpenTofu, ready(), &with(5));
    let own = inside(ready(), NAME);
    has_nodes(ready(), &own, NAME, 5);
    assert_eq!(nodes(&own), ["a", "a", "b", "b", "c"]);
    assert_eq!(brokers(&own), json!(VOLUMES.map(|(broker, _)| broker)));
    VOLUMES.into_iter().for_each(|(broker, zone)| make_volume(&own, broker, zone));

    let shrink = history(ready(), &own, NAME);
    place.configure(&with(3));
    place.apply();
    place.plan_is_empty();
    brokers_went_first(&shrink.so_far(), 3);
    has_nodes(ready(), &own, NAME, 3);
    assert_eq!(nodes(&own), ["a", "b", "c"]);
    assert_eq!(brokers(&own), json!([0, 2, 4]), "brokers stay whose zone has no node for them");

    // What was said of this shrink says nothing of a later one.
    place.configure(&with(4));
    place.apply();
    place.plan_is_empty();
    assert_eq!(brokers(&own), json!([0, 1, 2, 4]));
    let pool = cluster::get(&own, &of(NAME, Kind::KafkaNodePool, "brokers")).unwrap();
    assert!(pool["metadata"]["annotations"].get("strimzi.io/remove-node-ids").is_none(), "{pool}");
    VOLUMES.into_iter().for_each(|(broker, _)| cluster::delete_volume(&own, &volume(broker)));
    place.destroy();
}
