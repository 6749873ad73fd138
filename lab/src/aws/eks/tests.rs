//! What EKS answers, without servers and with a time of its own.

use serde_json::{Map, Value, json};

use super::advance::advance;
use super::refusal::{Answer, Refusal};
use super::route::route;
use super::state::State;
use super::{Call, Facts, Subnet, object};
use crate::aws::faults::Fault;
use crate::aws::nodes;

struct World {
    state: State,
    now: f64,
}

impl World {
    fn new() -> Self {
        Self { state: State::default(), now: 0.0 }
    }

    /// With an active cluster `c`.
    fn active() -> Self {
        let mut world = Self::new();
        world.ask("POST", "clusters", cluster("c", "t")).unwrap();
        world.pass();
        world
    }

    fn ask(&mut self, method: &str, path: &str, body: Value) -> Answer<Value> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let segments: Vec<String> = path.split('/').map(str::to_owned).collect();
        let route = route(method, &segments).unwrap();
        let zone = |id: &str| (id.to_owned(), Subnet { vpc: "vpc-1".to_owned(), zone: format!("zone-{id}") });
        let facts = Facts { subnets: ["a", "b"].map(zone).into() };
        let (query, body): (_, Map<String, Value>) = (crate::aws::signature::parameters(query, false), object(body));
        let principal = "arn:aws:iam::123456789012:user/me";
        self.state.answer(&Call { region: "r", principal, route: &route, query: &query, body: &body, facts: &facts, now: self.now })
    }

    /// Lets the time pass that things take; servers answer and nodes join.
    fn pass(&mut self) {
        self.now += 10.0;
        for cluster in self.state.clusters.values_mut() {
            cluster.ready = true;
            for group in cluster.node_groups.values_mut() {
                group.nodes = nodes::wish(&group.view);
            }
        }
        advance(&mut self.state, self.now);
    }

    fn refused(&mut self, method: &str, path: &str, body: Value) -> (&'static str, String) {
        let Refusal { code, message, .. } = self.ask(method, path, body).unwrap_err();
        (code, message)
    }

    fn shown(&mut self, path: &str, what: &str) -> Value {
        self.ask("GET", path, json!({})).unwrap()[what].clone()
    }
}

fn cluster(name: &str, token: &str) -> Value {
    json!({"name": name, "version": "1.34", "roleArn": "arn:role", "resourcesVpcConfig": {"subnetIds": ["a", "b"]},
        "accessConfig": {"authenticationMode": "API"}, "clientRequestToken": token})
}

fn group(name: &str) -> Value {
    json!({"nodegroupName": name, "nodeRole": "arn:aws:iam::123456789012:role/node", "subnets": ["a"],
        "scalingConfig": {"minSize": 1, "maxSize": 3, "desiredSize": 2}})
}

#[test]
fn a_token_makes_a_repeated_request_the_same_request() {
    let mut world = World::new();
    let first = world.ask("POST", "clusters", cluster("c", "one")).unwrap();
    assert_eq!(first["cluster"]["status"], "CREATING");
    assert_eq!(world.ask("POST", "clusters", cluster("c", "one")).unwrap(), first);
    assert_eq!(world.refused("POST", "clusters", cluster("c", "two")).0, "ResourceInUseException");
    let mut other = cluster("c", "one");
    other["version"] = json!("1.35");
    assert_eq!(world.refused("POST", "clusters", other).0, "InvalidParameterException");
}

#[test]
fn a_token_of_a_node_group_that_is_gone_makes_a_new_one() {
    let mut world = World::active();
    let mut asked = group("g");
    asked["clientRequestToken"] = json!("same");
    let first = world.ask("POST", "clusters/c/node-groups", asked.clone()).unwrap()["nodegroup"]["nodegroupArn"].clone();
    world.pass();
    world.ask("DELETE", "clusters/c/node-groups/g", json!({})).unwrap();
    world.pass();
    assert_ne!(world.ask("POST", "clusters/c/node-groups", asked).unwrap()["nodegroup"]["nodegroupArn"], first);
}

#[test]
fn a_cluster_is_active_only_when_its_server_answers_and_the_delay_is_over() {
    let mut world = World::new();
    world.ask("POST", "clusters", cluster("c", "t")).unwrap();
    advance(&mut world.state, 100.0);
    assert_eq!(world.shown("clusters/c", "cluster")["status"], "CREATING", "the server does not answer yet");
    world.state.clusters.get_mut("r/c").unwrap().ready = true;
    advance(&mut world.state, 0.5);
    assert_eq!(world.shown("clusters/c", "cluster")["status"], "CREATING", "the delay is not over");
    advance(&mut world.state, 1.0);
    assert_eq!(world.shown("clusters/c", "cluster")["status"], "ACTIVE");
}

#[test]
fn while_a_cluster_changes_no_other_change_begins_and_nothing_is_deleted() {
    let mut world = World::active();
    let update = world.ask("POST", "clusters/c/updates", json!({"version": "1.35"})).unwrap()["update"]["id"].clone();
    let path = format!("clusters/c/updates/{}", update.as_str().unwrap());
    assert_eq!(world.shown(&path, "update")["status"], "InProgress");
    assert_eq!(world.refused("POST", "clusters/c/update-config", json!({"deletionProtection": true})).0, "ResourceInUseException");
    assert_eq!(world.refused("DELETE", "clusters/c", json!({})).0, "ResourceInUseException");
    world.pass();
    assert_eq!(world.shown(&path, "update")["status"], "Successful");
    assert_eq!(world.shown("clusters/c", "cluster")["version"], "1.35");
    let newest = world.refused("POST", "clusters/c/updates", json!({"version": "1.34"})).1;
    assert_eq!(newest, "Unsupported Kubernetes minor version update from 1.35 to 1.34");
}

#[test]
fn one_request_changes_one_thing_and_only_if_it_changes() {
    let mut world = World::active();
    let two = json!({"deletionProtection": true, "upgradePolicy": {"supportType": "STANDARD"}});
    assert_eq!(world.refused("POST", "clusters/c/update-config", two).1, "Only one type of update can be allowed.");
    let logs = json!({"logging": {"clusterLogging": [{"types": ["api", "audit"], "enabled": true}]}});
    world.ask("POST", "clusters/c/update-config", logs.clone()).unwrap();
    world.pass();
    assert_eq!(world.shown("clusters/c", "cluster")["logging"]["clusterLogging"][0], json!({"types": ["api", "audit"], "enabled": true}));
    assert_eq!(world.refused("POST", "clusters/c/update-config", logs).1, "No changes needed for the logging config provided");
}

#[test]
fn secrets_are_encrypted_once_and_for_all() {
    let mut world = World::active();
    let config = json!({"encryptionConfig": [{"resources": ["secrets"], "provider": {"keyArn": "arn:key"}}]});
    world.ask("POST", "clusters/c/encryption-config/associate", config.clone()).unwrap();
    world.pass();
    assert_eq!(world.shown("clusters/c", "cluster")["encryptionConfig"][0]["provider"]["keyArn"], "arn:key");
    assert_eq!(world.refused("POST", "clusters/c/encryption-config/associate", config).0, "InvalidParameterException");
}

#[test]
fn a_change_that_was_to_fail_changes_nothing_and_says_why() {
    let mut world = World::active();
    world.state.faults.order(&Fault::FailUpdate { code: "OperationNotPermitted".to_owned(), message: "no".to_owned() });
    assert_eq!(world.refused("POST", "clusters/c/updates", json!({"version": "1.36"})).0, "InvalidParameterException");
    let id = world.ask("POST", "clusters/c/updates", json!({"version": "1.35"})).unwrap()["update"]["id"].clone();
    world.pass();
    let update = world.shown(&format!("clusters/c/updates/{}", id.as_str().unwrap()), "update");
    assert_eq!((&update["status"], &update["errors"][0]["errorMessage"]), (&json!("Failed"), &json!("no")));
    let after = world.shown("clusters/c", "cluster");
    assert_eq!((&after["status"], &after["version"]), (&json!("ACTIVE"), &json!("1.34")));
}

#[test]
fn sizes_of_a_node_group_fit_each_other() {
    let mut world = World::active();
    world.ask("POST", "clusters/c/node-groups", group("g")).unwrap();
    world.pass();
    let change = |sizes: Value| json!({"scalingConfig": sizes});
    assert!(
        world
            .refused("POST", "clusters/c/node-groups/g/update-config", change(json!({"minSize": 4})))
            .1
            .contains("less than minimum capacity")
    );
    world.ask("POST", "clusters/c/node-groups/g/update-config", change(json!({"maxSize": 9, "desiredSize": 5}))).unwrap();
    world.pass();
    let sizes = world.shown("clusters/c/node-groups/g", "nodegroup")["scalingConfig"].clone();
    assert_eq!(sizes, json!({"minSize": 1, "maxSize": 9, "desiredSize": 5}));
}

#[test]
fn a_cluster_goes_only_without_node_groups() {
    let mut world = World::active();
    world.ask("POST", "clusters/c/node-groups", group("g")).unwrap();
    assert_eq!(world.refused("DELETE", "clusters/c/node-groups/g", json!({})).0, "ResourceInUseException");
    world.pass();
    assert_eq!(world.refused("DELETE", "clusters/c", json!({})).1, "Cluster has nodegroups attached");
    world.ask("DELETE", "clusters/c/node-groups/g", json!({})).unwrap();
    world.pass();
    assert_eq!(world.ask("DELETE", "clusters/c", json!({})).unwrap()["cluster"]["status"], "DELETING");
}

#[test]
fn access_entries_need_their_mode_and_node_roles_get_theirs_from_eks() {
    let mut world = World::active();
    world.ask("POST", "clusters/c/node-groups", group("g")).unwrap();
    let entries = world.shown("clusters/c/access-entries", "accessEntries");
    assert_eq!(entries, json!(["arn:aws:iam::123456789012:role/node", "arn:aws:iam::123456789012:user/me"]));
    let mut old = cluster("old", "t");
    old["accessConfig"] = json!({"authenticationMode": "CONFIG_MAP"});
    world.ask("POST", "clusters", old).unwrap();
    assert_eq!(world.refused("GET", "clusters/old/access-entries", json!({})).0, "InvalidRequestException");
}
