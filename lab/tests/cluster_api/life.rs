//! Clusters come, side by side, are upgraded, survive the stand-in and their own servers, and go without a trace.

use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Namespace;
use kaas_lab::{Server, block_on, client, objects};
use kube::api::{Api, DeleteParams, Patch, PatchParams};
use serde_json::json;

use super::world::{Tenant, World, wait};

#[test]
fn two_clusters_live_side_by_side_and_leave_nothing() {
    let mut world = World::new("capi-life");
    let before = objects::settled(&world.lab.kubeconfig()).unwrap();
    let started = Instant::now();
    {
        let (one, two) = (world.tenant("one"), world.tenant("two"));
        for tenant in [one, two] {
            tenant.wait_available();
            assert!(tenant.answers());
            assert_eq!(tenant.processes().len(), 2, "an API server and its controllers");
        }
        eprintln!("two clusters were available after {:.1} s", started.elapsed().as_secs_f32());
        namespaces_come_and_go(one);
        assert!(!namespaces(two).contains(&"kept".to_owned()), "what is in one cluster is not in the other");
        variables_reach_the_infrastructure(one);
        upgrade(one);
    }
    let running: Vec<_> = [world.known("one").processes(), world.known("two").processes()].concat();
    world.lab.restart(Server::ProcessProvider).unwrap();
    assert!(running.iter().all(|process| process.alive()), "a cluster outlives the controllers that made it");
    a_dead_server_comes_back(world.known("two"));
    // Cluster API and the stand-in go on when the management cluster was away.
    world.lab.restart(Server::Apiserver).unwrap();
    let (one, two) = (world.known("one"), world.known("two"));
    upgrade(two);
    let prefixes = [one.etcd_prefix(), two.etcd_prefix()];
    assert!(prefixes.iter().all(|prefix| world.etcd_keys(prefix) > 0));
    for tenant in [one, two] {
        tenant.delete();
        assert_eq!(tenant.processes(), []);
        tenant.delete_namespace();
    }
    for prefix in prefixes {
        assert_eq!(world.etcd_keys(&prefix), 0, "keys below {prefix} are left");
    }
    let gone = || {
        let left: Vec<String> = objects::all(&world.lab.kubeconfig()).unwrap().symmetric_difference(&before).cloned().collect();
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    };
    wait("nothing to be left", gone);
    world.lab.down().unwrap();
}

fn namespaces(tenant: Tenant<'_>) -> Vec<String> {
    let file = tenant.kubeconfig();
    block_on(async {
        let api: Api<Namespace> = Api::all(client(&file).await?);
        Ok(api.list(&Default::default()).await?.items.into_iter().filter_map(|namespace| namespace.metadata.name).collect())
    })
    .unwrap()
}

/// It has the controllers that end a namespace.
fn namespaces_come_and_go(tenant: Tenant<'_>) {
    let file = tenant.kubeconfig();
    for name in ["kept", "passing"] {
        block_on(async {
            let api: Api<Namespace> = Api::all(client(&file).await?);
            let manifest = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
            api.patch(name, &PatchParams::apply("test"), &Patch::Apply(manifest)).await?;
            Ok(())
        })
        .unwrap();
    }
    block_on(async {
        let api: Api<Namespace> = Api::all(client(&file).await?);
        Ok(api.delete("passing", &DeleteParams::default()).await.map(|_| ())?)
    })
    .unwrap();
    wait("a namespace of the tenant's cluster to go", || {
        let there = namespaces(tenant);
        if there.contains(&"passing".to_owned()) { Err(format!("{there:?}")) } else { Ok(()) }
    });
    assert!(namespaces(tenant).contains(&"kept".to_owned()));
}

fn variables_reach_the_infrastructure(tenant: Tenant<'_>) {
    let infrastructure = block_on(async {
        let api = tenant.api("infrastructure.cluster.x-k8s.io", "v1alpha1", "ProcessCluster").await;
        Ok(api.list(&Default::default()).await?.items)
    })
    .unwrap();
    assert_eq!(infrastructure.len(), 1);
    assert_eq!(infrastructure[0].data["spec"]["region"], "cellar");
}

fn upgrade(tenant: Tenant<'_>) {
    tenant.apply("v1.37.1").unwrap();
    tenant.wait_condition("TopologyReconciled", "False");
    tenant.wait_condition("TopologyReconciled", "True");
    tenant.wait_condition("Available", "True");
    assert_eq!(tenant.control_plane().unwrap().data["status"]["version"], "v1.37.1");
    assert!(tenant.answers());
}

fn a_dead_server_comes_back(tenant: Tenant<'_>) {
    let before = tenant.processes();
    kaas_lab::process::stop(&before, Duration::from_secs(5)).unwrap();
    wait("its servers to be started again", || {
        let now = tenant.processes();
        if now.len() == 2 && now.iter().all(|process| !before.contains(process)) && tenant.answers() {
            Ok(())
        } else {
            Err(format!("{now:?}"))
        }
    });
}
