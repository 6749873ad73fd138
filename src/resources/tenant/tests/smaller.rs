//! Brokers that become smaller: until all of them are, the room and the machines of the larger ones stay.

use serde_json::{Value as Json, json};

use super::{
    own_cluster::{all_well_but, hard, well, wish},
    plan, state,
};
use crate::{
    drivers::kubernetes::tests::Log,
    framework::{attr::Attr, parts::Call, timeouts::Timeouts},
    resources::{connection::Connection, tenant::apply},
};

const LARGE: &str = "m7g.4xlarge";
const SMALL: &str = "m7g.2xlarge";

fn list(item: Json) -> Json {
    json!({ "kind": "List", "apiVersion": "v1", "metadata": { "resourceVersion": "1" }, "items": [item] })
}

/// The figures of the quota that are asked for, in their order.
fn rooms(log: &Log, what: &str) -> Vec<String> {
    let quotas = log.bodies("/resourcequotas/kaas?fieldManager");
    quotas.iter().map(|quota| quota["spec"]["hard"][what].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_quota_has_room_for_the_larger_brokers_until_all_are_smaller() {
    let before = state(&hard(3, LARGE));
    let after = plan(&hard(3, SMALL), Some(&before)).tenant;
    let (cluster, log) = all_well_but(wish(&before), "", 3, 3, |line| {
        let quota = json!({ "metadata": { "name": "kaas" }, "spec": { "hard": { "requests.cpu": "99", "requests.memory": "1Gi" } } });
        line.ends_with("/namespaces/kaas-payments/resourcequotas/kaas").then_some(quota)
    });
    let connection = Connection::to(cluster.clone()).with_own_cluster("payments", cluster);
    apply::update(&connection, before, after, &mut Call::default()).await.map_err(|failed| failed.diagnostics).unwrap();
    let (cpu, memory) = (rooms(&log, "requests.cpu"), rooms(&log, "requests.memory"));
    assert!(cpu.len() == 2 && cpu[0] == "99" && cpu[1] != "99", "{cpu:?}");
    assert!(memory[0] == memory[1] && memory[0] != "1Gi", "{memory:?}");
    let lines = log.lines();
    let at = |part: &str| lines.iter().rposition(|line| line.starts_with("PATCH") && line.contains(part)).unwrap();
    assert!(at("/resourcequotas/kaas?") > at("/kafkas/payments?"), "the room went before the brokers did");
}

/// Otherwise the next apply, which knows them by the state alone, would take them away under the larger brokers.
#[tokio::test]
async fn a_run_that_ends_before_the_brokers_are_smaller_keeps_the_machines_in_the_state() {
    let before = state(&hard(3, LARGE));
    let mut wanted = hard(3, SMALL);
    wanted.timeouts = Timeouts { update: Attr::Known("3s".parse().unwrap()), ..Timeouts::default() }.into();
    let after = plan(&wanted, Some(&before)).tenant;
    let had = wish(&before);
    let (cluster, log) = all_well_but(had.clone(), "", 3, 3, move |line| {
        let mut kafka = well("kafkas", "payments", &had);
        kafka["status"]["conditions"] = json!([{ "type": "NotReady", "status": "True", "reason": "Creating", "message": "brokers roll" }]);
        (line.contains("/kafkas?") && !line.contains("watch=")).then(|| list(kafka))
    });
    let connection = Connection::to(cluster.clone()).with_own_cluster("payments", cluster);
    let failed = apply::update(&connection, before, after, &mut Call::default()).await.map(|_| ()).unwrap_err();
    let told = failed.diagnostics.iter().find(|error| error.summary == "The tenant is not smaller yet").unwrap();
    assert!(told.detail.contains("while waiting for the tenant's Kafka: ") && told.detail.contains("brokers roll"), "{}", told.detail);
    let machine = |tenant: &super::Tenant| tenant.sizing.known().unwrap().instance_type.clone();
    assert_eq!(machine(&failed.reached.unwrap()), LARGE.into());
    let machines = log.bodies("/clusters/payments?fieldManager");
    assert!(machines.iter().all(|cluster| cluster.to_string().contains(LARGE)), "{machines:?}");
}
