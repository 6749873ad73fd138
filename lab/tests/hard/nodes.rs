//! Nodes of a tenant's cluster follow its brokers: they come before brokers do and go after them, whatever happens in between. With OpenTofu alone: what both CLIs
//! do is held by the other journeys, and nodes cannot tell who asked.

use kaas::domain::names::WORKERS_LABEL;
use kaas::domain::object::Kind;
use kaas_lab::Lab;
use kaas_lab::terraform::Engine;
use serde_json::{Value, json};

use super::history::{Change, History, Watched, before, first};
use super::world::{Inside, hard_with, home_cluster, inside, ready, with_nodes};
use crate::acceptance::cluster::{self, At, namespace, of};
use crate::acceptance::killed::kill_plugin;
use crate::acceptance::place::{Place, Tenant, holds};

const CLUSTER: &str = "Cluster";
const NODE: &str = "Node";
const POOL: &str = "KafkaNodePool";

/// What decides about the order of things, on both clusters.
pub fn history(lab: &Lab, own: &Inside, tenant: &str) -> History {
    let namespace = || Some(format!("kaas-{tenant}"));
    History::of(vec![
        Watched { kubeconfig: lab.kubeconfig(), api: ("cluster.x-k8s.io", "v1beta2", CLUSTER), namespace: namespace() },
        Watched { kubeconfig: At::kubeconfig(own), api: ("", "v1", NODE), namespace: None },
        Watched { kubeconfig: At::kubeconfig(own), api: ("kafka.strimzi.io", "v1", POOL), namespace: namespace() },
    ])
}

fn is_broker_node(node: &&Value) -> bool {
    let conditions = node["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let is_ready = conditions.iter().any(|condition| condition["type"] == "Ready" && condition["status"] == "True");
    is_ready && node["metadata"]["labels"][WORKERS_LABEL] == "brokers"
}

/// The types of the brokers' nodes that were Ready right before a change.
fn machines_before(changes: &[Change], change: &Change) -> Vec<String> {
    let nodes = before(changes, NODE, change).into_iter().filter(is_broker_node);
    nodes.map(|node| node["metadata"]["labels"]["node.kubernetes.io/instance-type"].as_str().unwrap().to_owned()).collect()
}

fn is_brokers(pool: &Value) -> bool {
    pool["metadata"]["name"] == "brokers"
}

/// For how many brokers the cluster is asked to have nodes.
pub fn asked_nodes(cluster: &Value) -> u64 {
    let all = cluster["spec"]["topology"]["workers"]["machineDeployments"].as_array().cloned().unwrap_or_default();
    all.iter().filter(|one| one["class"] == "brokers").filter_map(|one| one["replicas"].as_u64()).sum()
}

/// Nodes were there before any of these brokers was asked for.
fn nodes_came_first(changes: &[Change], brokers: u64) {
    let asked = first(changes, POOL, |pool| is_brokers(pool) && pool["spec"]["replicas"] == brokers);
    let nodes = machines_before(changes, asked);
    assert_eq!(nodes.len() as u64, brokers, "when {brokers} brokers were asked for there were the nodes {nodes:?}");
}

/// The brokers were gone before any of their nodes was given up.
pub fn brokers_went_first(changes: &[Change], brokers: u64) {
    let given_up = first(changes, CLUSTER, |cluster| asked_nodes(cluster) == brokers);
    let pools = before(changes, POOL, given_up);
    let pool = pools.iter().find(|pool| is_brokers(pool)).unwrap();
    assert_eq!((&pool["spec"]["replicas"], &pool["status"]["replicas"]), (&json!(brokers), &json!(brokers)));
    let nodes = machines_before(changes, given_up);
    assert!(nodes.len() as u64 > brokers, "when nodes were given up there were {nodes:?}");
}

/// Waits until there are just so many nodes for brokers, and that is what is asked for.
pub fn has_nodes(lab: &Lab, own: &Inside, tenant: &str, wanted: usize) {
    cluster::wait(&format!("{wanted} nodes for brokers"), || machines(own).len() == wanted);
    assert_eq!(asked_nodes(&cluster::get(lab, &home_cluster(tenant)).unwrap()), wanted as u64);
}

/// The types of the brokers' nodes.
fn machines(own: &Inside) -> Vec<String> {
    labels_of_nodes(own, "node.kubernetes.io/instance-type")
}

/// What a label says of each of the brokers' nodes that are Ready.
pub fn labels_of_nodes(own: &Inside, label: &str) -> Vec<String> {
    let node = Watched { kubeconfig: At::kubeconfig(own), api: ("", "v1", NODE), namespace: None };
    let seen = History::of(vec![node]).so_far();
    let nodes = seen.iter().filter_map(|change| change.object.as_ref()).filter(is_broker_node);
    nodes.map(|node| node["metadata"]["labels"][label].as_str().unwrap().to_owned()).collect()
}

fn pool(own: &Inside, tenant: &str) -> Value {
    cluster::get(own, &of(tenant, Kind::KafkaNodePool, "brokers")).unwrap()
}

/// Begins an apply and kills its plugin once something has come.
pub fn killed_when(place: &Place, what: &str, come: impl FnMut() -> bool) {
    let child = place.workspace.command(&["apply", "-no-color", "-auto-approve"]).spawn().unwrap();
    cluster::wait(what, come);
    kill_plugin(child);
}

fn settled(place: &Place) {
    place.apply();
    assert_eq!(place.phase(), "Ready");
    place.plan_is_empty();
}

/// A wish of this throughput, on brokers of one kind.
fn wish(name: &str, ingress: &'static str, machine: &str, cluster: &str) -> Tenant {
    let size = format!("sizing_override {{\n instance_type = \"{machine}\"\n volume_gib = 1000\n }}");
    Tenant { ingress, egress: ingress, retention: "hours = 1", ..hard_with(name, cluster, &size) }
}

#[test]
fn nodes_come_before_brokers_and_go_after_them_though_the_plugin_is_killed() {
    let name = "grown";
    let cluster = format!("{}\n system_worker_class = \"system\"", with_nodes("m7g.xlarge"));
    let wish = |ingress| wish(name, ingress, "m7g.xlarge", &cluster);
    let place = Place::applied(Engine::OpenTofu, ready(), &wish("1"));
    place.plan_is_empty();
    let brokers = || place.tenant()["sizing"]["brokers"].as_u64().unwrap();
    let few = brokers();
    let (lab, own) = (ready(), inside(ready(), name));
    has_nodes(lab, &own, name, few as usize);

    let growth = history(lab, &own, name);
    place.configure(&wish("100"));
    let many = place.workspace.plan_json().unwrap()["resource_changes"][0]["change"]["after"]["sizing"]["brokers"].as_u64().unwrap();
    assert!(many > few, "{many} brokers are no more than {few}");
    killed_when(&place, "nodes to be asked for", || asked_nodes(&cluster::get(lab, &home_cluster(name)).unwrap()) == many);
    assert_eq!(pool(&own, name)["spec"]["replicas"], few, "no broker is asked for before it has a node");
    holds(&place.plan_changes(), &[&format!("brokers {few} -> {many}")]);
    settled(&place);
    nodes_came_first(&growth.so_far(), many);
    has_nodes(lab, &own, name, many as usize);

    let shrink = history(lab, &own, name);
    place.configure(&wish("1"));
    killed_when(&place, "brokers to be taken back", || pool(&own, name)["spec"]["replicas"] == few);
    holds(&place.plan_changes(), &[&format!("should be {many}")]);
    settled(&place);
    brokers_went_first(&shrink.so_far(), few);
    has_nodes(lab, &own, name, few as usize);
    place.destroy();
    assert!(cluster::get(lab, &home_cluster(name)).is_none() && cluster::get(lab, &namespace(name)).is_none());
}

#[test]
fn other_machines_come_before_larger_brokers_and_after_smaller_ones() {
    let (name, large, small) = ("other", "m7g.2xlarge", "m7g.xlarge");
    let wish = |machine| wish(name, "1", machine, &with_nodes(machine));
    let place = Place::applied(Engine::OpenTofu, ready(), &wish(small));
    let (lab, own) = (ready(), inside(ready(), name));
    let memory = |pool: &Value| pool["spec"]["resources"]["requests"]["memory"].clone();
    let little = memory(&pool(&own, name));

    let growth = history(lab, &own, name);
    place.configure(&wish(large));
    settled(&place);
    let changes = growth.so_far();
    let grew = first(&changes, POOL, |pool| is_brokers(pool) && memory(pool) != little);
    assert_eq!(machines_before(&changes, grew), [large; 3], "brokers grew before their machines");
    assert_eq!(machines(&own), [large; 3]);

    let shrink = history(lab, &own, name);
    place.configure(&wish(small));
    settled(&place);
    let changes = shrink.so_far();
    let type_of = |cluster: &Value| {
        let variables = cluster["spec"]["topology"]["variables"].as_array().cloned().unwrap_or_default();
        variables.into_iter().find(|one| one["name"] == "nodeMachineType").map(|one| one["value"].clone())
    };
    let given_up = first(&changes, CLUSTER, |cluster| type_of(cluster) == Some(json!(small)));
    let pools = before(&changes, POOL, given_up);
    assert_eq!(pools.into_iter().find(|pool| is_brokers(pool)).map(memory), Some(little), "machines shrank before their brokers");
    assert_eq!(machines(&own), [small; 3]);

    cluster::replace(lab, &home_cluster(name), "/spec/topology/workers/machineDeployments/0/replicas", &json!(4));
    holds(&place.plan_changes(), &["spec.topology.workers.machineDeployments[\\\"brokers\\\"].replicas is 4, should be 3"]);
    settled(&place);
    has_nodes(lab, &own, name, 3);
    place.destroy();
    assert!(cluster::get(lab, &namespace(name)).is_none());
}
