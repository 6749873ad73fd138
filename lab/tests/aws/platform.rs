//! What stands in for the pods of EKS clusters: there before a cluster is active, kept running, gone with it.

use std::path::{Path, PathBuf};

use aws_sdk_eks::types::ClusterStatus;
use kaas_lab::aws::{Change, Platform};
use kaas_lab::process::{self, Handle};
use kaas_lab::{Server, objects};

use super::world::{World, wait};

/// The cluster's own servers, and what runs in it.
const OWN: usize = 2;

fn folder(world: &World, name: &str) -> PathBuf {
    world.aws.kubeconfig(name).parent().unwrap().to_owned()
}

/// The process of a cluster with an argument that ends so.
fn running(folder: &Path, name: &str) -> Option<Handle> {
    let arguments = |process: &Handle| std::fs::read(format!("/proc/{}/cmdline", process.pid)).unwrap_or_default();
    process::marked(folder)
        .into_iter()
        .find(|process| String::from_utf8_lossy(&arguments(process)).split('\0').any(|word| word.ends_with(name)))
}

#[test]
fn operators_are_there_when_a_cluster_is_active_stay_and_go_with_it() {
    let mut world = World::new("aws-platform");
    world.run(world.cluster("bare", "1.35"));
    assert_eq!(process::marked(&folder(&world, "bare")).len(), OWN, "nothing runs in clusters unless ordered");

    world.aws.set(&Change { platform: Some(Platform::Soft), ..Change::default() }).unwrap();
    world.run(world.cluster("soft", "1.35"));
    let (place, strimzi) = (folder(&world, "soft"), Server::StrimziStandIn.name());
    let before = running(&place, strimzi).unwrap();
    let held = objects::all(&world.aws.kubeconfig("soft")).unwrap();
    assert!(held.iter().any(|object| object.contains("kafkas.kafka.strimzi.io")), "{held:?}");

    world.lab.stop(Server::AwsEks).unwrap();
    assert!(before.alive(), "it goes on without who started it");
    world.lab.restart(Server::AwsEks).unwrap();
    process::stop(&[before], std::time::Duration::from_secs(10)).unwrap();
    world.run(wait("the operator to come back", || async { running(&place, strimzi) }));
    let (operator, server) = (running(&place, strimzi).unwrap(), running(&place, "/kube-apiserver").unwrap());
    process::stop(&[server], std::time::Duration::from_secs(10)).unwrap();
    world.run(wait("the API server to come back", || async { running(&place, "/kube-apiserver") }));
    assert!(operator.alive(), "pods outlive their API server");
    assert_eq!(process::marked(&folder(&world, "bare")).len(), OWN);

    world.run(async {
        world.admin().delete_cluster().name("soft").send().await.unwrap();
        wait("the cluster to be gone", || async { (!place.exists()).then_some(()) }).await;
        assert_eq!(world.describe("bare").await.status, Some(ClusterStatus::Active));
    });
    assert_eq!(process::marked(&place), []);
    // One that is there when the lab is taken down.
    world.run(world.cluster("late", "1.35"));
    assert!(running(&folder(&world, "late"), strimzi).is_some());
    let lab = world.lab.folder().to_owned();
    world.lab.down().unwrap();
    assert_eq!(process::marked(&lab), []);
}
