//! Machines come and go by the real controllers: each has a Node in its own cluster, whatever happens to the stand-in, and a dead cluster keeps none of them.

use k8s_openapi::api::core::v1::Node;
use kaas::domain::names::WORKERS_LABEL;
use kaas_lab::{Server, block_on, client, objects};
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, ListParams};
use serde_json::{Value, json};

use super::world::{Tenant, World, wait};

const VERSION: &str = "v1.36.3";

fn workers(class: &str, replicas: u32) -> Value {
    json!({"class": class, "name": class, "replicas": replicas, "metadata": {"labels": {WORKERS_LABEL: class}}, "failureDomain": "attic"})
}

/// The nodes of these workers.
fn nodes(tenant: Tenant<'_>, class: &str) -> Vec<Node> {
    let file = tenant.kubeconfig();
    let params = ListParams::default().labels(&format!("{WORKERS_LABEL}={class}"));
    block_on(async { Ok(Api::<Node>::all(client(&file).await?).list(&params).await?.items) }).unwrap()
}

/// Waits until there are so many, with all of the cluster as it is wished.
fn has_nodes(tenant: Tenant<'_>, class: &str, wanted: usize) {
    wait(&format!("{wanted} nodes of {class}"), || {
        let found: Vec<String> = nodes(tenant, class).iter().map(ResourceExt::name_any).collect();
        if found.len() == wanted { Ok(()) } else { Err(format!("{found:?}")) }
    });
    tenant.wait_available();
}

fn machines(tenant: Tenant<'_>, group: &str, version: &str, kind: &str) -> Vec<Value> {
    block_on(async { Ok(tenant.api(group, version, kind).await.list(&ListParams::default()).await?.items) })
        .unwrap()
        .into_iter()
        .map(|machine| serde_json::to_value(machine).unwrap())
        .collect()
}

fn nodes_are_like_those_of_machines(tenant: Tenant<'_>) {
    for node in nodes(tenant, "brokers") {
        let labels = node.labels();
        assert_eq!(labels["topology.kubernetes.io/zone"], "attic");
        assert_eq!(labels["node.kubernetes.io/instance-type"], "m7g.xlarge");
        let (name, spec, status) = (node.name_any(), node.spec.unwrap(), node.status.unwrap());
        // What admission and bootstrapping put there the controllers have taken away.
        let taints: Vec<_> = spec.taints.unwrap_or_default().into_iter().map(|taint| (taint.key, taint.value, taint.effect)).collect();
        assert_eq!(taints, [(WORKERS_LABEL.to_owned(), Some("brokers".to_owned()), "NoSchedule".to_owned())]);
        assert_eq!(status.allocatable.unwrap()["cpu"].0, "4");
        let all = machines(tenant, "cluster.x-k8s.io", "v1beta2", "Machine");
        let own = all.iter().find(|machine| machine["status"]["nodeRef"]["name"] == name.as_str()).unwrap();
        assert_eq!(own["spec"]["providerID"].as_str(), spec.provider_id.as_deref());
        assert_eq!(own["status"]["nodeInfo"]["kubeletVersion"], VERSION);
    }
    assert!(nodes(tenant, "system").iter().all(|node| node.spec.as_ref().unwrap().taints.is_none()));
}

#[test]
fn machines_have_nodes_that_come_and_go_with_them() {
    let mut world = World::new("capi-workers");
    let before = objects::settled(&world.lab.kubeconfig()).unwrap();
    let large = [("nodeMachineType", "m7g.xlarge")];
    {
        let tenant = world.tenant("nodes");
        tenant.apply_with(VERSION, &large, &[workers("system", 1), workers("brokers", 2)]).unwrap();
        tenant.wait_available();
        has_nodes(tenant, "system", 1);
        has_nodes(tenant, "brokers", 2);
        nodes_are_like_those_of_machines(tenant);
    }
    world.lab.restart(Server::ProcessProvider).unwrap();
    let tenant = world.known("nodes");
    let kept: Vec<String> = nodes(tenant, "brokers").iter().map(ResourceExt::name_any).collect();
    tenant.apply_with(VERSION, &large, &[workers("system", 1), workers("brokers", 3)]).unwrap();
    has_nodes(tenant, "brokers", 3);
    assert!(kept.iter().all(|kept| nodes(tenant, "brokers").iter().any(|node| node.name_any() == *kept)), "a restart replaces no machine");

    let file = tenant.kubeconfig();
    block_on(async { Ok(Api::<Node>::all(client(&file).await?).delete(&kept[0], &DeleteParams::default()).await.map(drop)?) }).unwrap();
    has_nodes(tenant, "brokers", 3);

    tenant.apply_with(VERSION, &[], &[workers("system", 1), workers("brokers", 1)]).unwrap();
    has_nodes(tenant, "brokers", 1);
    wait("the machine of another type", || {
        let kinds: Vec<String> =
            nodes(tenant, "brokers").iter().map(|node| node.labels()["node.kubernetes.io/instance-type"].clone()).collect();
        if kinds == ["m7g.large"] { Ok(()) } else { Err(format!("{kinds:?}")) }
    });
    wait("the machines that nobody wants to go", || {
        let left = machines(tenant, "infrastructure.cluster.x-k8s.io", "v1alpha1", "ProcessMachine").len();
        if left == 2 { Ok(()) } else { Err(left.to_string()) }
    });

    // What is dead holds nothing up.
    tenant.keep_stopped(true);
    wait("its servers to stop", || if tenant.processes().is_empty() { Ok(()) } else { Err(format!("{:?}", tenant.processes())) });
    let prefix = tenant.etcd_prefix();
    tenant.delete();
    tenant.delete_namespace();
    assert_eq!(world.etcd_keys(&prefix), 0);
    wait("nothing to be left", || {
        let left: Vec<String> = objects::all(&world.lab.kubeconfig()).unwrap().symmetric_difference(&before).cloned().collect();
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    });
    world.lab.down().unwrap();
}
