//! Labs come up, survive crashes, live side by side and leave nothing.

use std::path::Path;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::{Namespace, PersistentVolumeClaim, ResourceQuota};
use kaas_lab::{Came, Lab, Options, Server, TemporaryLab, block_on, client, environment, objects, process};
use kube::api::{Api, DeleteParams, Patch, PatchParams};
use serde_json::json;

fn options(dir: &Path, name: &str) -> Options {
    Options {
        dir: Some(dir.join(name)),
        pretend_ready: true,
        lab_binary: Some(env!("CARGO_BIN_EXE_kaas-lab").into()),
        ..Options::named(name)
    }
}

#[test]
fn a_lab_comes_up_once_and_leaves_no_process_and_no_file() {
    let place = tempfile::tempdir().unwrap();
    let options = options(place.path(), "once");
    let lab = TemporaryLab::with(&options).unwrap();
    assert_eq!(Lab::up(&options).unwrap().1, Came::WasUp);
    let folder = lab.folder().to_owned();
    assert!(lab.processes().len() >= 4);
    lab.down().unwrap();
    assert_eq!(process::marked(&folder), []);
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
    assert!(!environment::down(&folder).unwrap(), "the second down finds nothing");
}

#[test]
fn a_lab_whose_server_crashed_is_cleaned_up_and_started_anew() {
    let place = tempfile::tempdir().unwrap();
    let options = options(place.path(), "crash");
    let mut lab = TemporaryLab::with(&options).unwrap();
    let before = lab.processes();
    lab.stop(Server::Apiserver).unwrap();
    let (again, came) = Lab::up(&options).unwrap();
    assert_eq!(came, Came::Up);
    assert!(before.iter().all(|process| !process.alive()), "a process of the first start is left");
    again.health(Server::Apiserver).unwrap();
    lab.down().unwrap();
}

#[test]
fn two_labs_do_not_meet_and_a_server_can_be_restarted() {
    let place = tempfile::tempdir().unwrap();
    let mut first = TemporaryLab::with(&options(place.path(), "first")).unwrap();
    let second = TemporaryLab::with(&options(place.path(), "second")).unwrap();
    assert_ne!(first.url(), second.url());
    make_namespace(&first, "only-here");
    first.restart(Server::Apiserver).unwrap();
    assert!(objects::all(&first.kubeconfig()).unwrap().contains("Namespace only-here"));
    assert!(!objects::all(&second.kubeconfig()).unwrap().contains("Namespace only-here"));
    first.down().unwrap();
    second.health(Server::Apiserver).unwrap();
    second.down().unwrap();
}

#[test]
fn quotas_are_counted_claims_can_go_and_a_namespace_takes_its_objects_with_it() {
    let place = tempfile::tempdir().unwrap();
    let lab = TemporaryLab::with(&options(place.path(), "objects")).unwrap();
    let before = objects::settled(&lab.kubeconfig()).unwrap();
    assert!(before.contains("CustomResourceDefinition kafkas.kafka.strimzi.io"));
    make_namespace(&lab, "tenant");
    block_on(async {
        let client = client(&lab.kubeconfig()).await?;
        let apply = PatchParams::apply("test");
        let quotas: Api<ResourceQuota> = Api::namespaced(client.clone(), "tenant");
        let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": {"persistentvolumeclaims": "1"}}});
        quotas.patch("q", &apply, &Patch::Apply(quota)).await?;
        let claims: Api<PersistentVolumeClaim> = Api::namespaced(client.clone(), "tenant");
        let claim = |name: &str| json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}});
        let used = || async {
            Ok::<_, kube::Error>(quotas.get("q").await?.status.and_then(|s| Some(s.used?.get("persistentvolumeclaims")?.0.clone())))
        };
        wait("the quota to be counted", || async { Ok(used().await?.as_deref() == Some("0")) }).await;
        claims.patch("one", &apply, &Patch::Apply(claim("one"))).await?;
        let refused = claims.patch("two", &apply, &Patch::Apply(claim("two"))).await.unwrap_err();
        assert!(refused.to_string().contains("exceeded quota"), "{refused}");
        claims.delete("one", &DeleteParams::default()).await?;
        wait("the claim to go", || async { Ok(claims.get_opt("one").await?.is_none()) }).await;
        let namespaces: Api<Namespace> = Api::all(client);
        namespaces.delete("tenant", &DeleteParams::default()).await?;
        wait("the namespace to go", || async { Ok(namespaces.get_opt("tenant").await?.is_none()) }).await;
        Ok(())
    })
    .unwrap();
    assert_eq!(objects::all(&lab.kubeconfig()).unwrap(), before);
    lab.down().unwrap();
}

#[test]
fn a_lab_whose_folder_was_removed_by_hand_can_still_be_taken_down() {
    let place = tempfile::tempdir().unwrap();
    let lab = TemporaryLab::with(&options(place.path(), "removed")).unwrap();
    let folder = lab.folder().to_owned();
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(environment::down(&folder).unwrap());
    assert_eq!(process::marked(&folder), []);
}

#[test]
fn a_folder_that_is_not_a_labs_is_left_alone() {
    let place = tempfile::tempdir().unwrap();
    let options = options(place.path(), "mine");
    std::fs::create_dir(place.path().join("mine")).unwrap();
    std::fs::write(place.path().join("mine/letter"), "dear").unwrap();
    assert!(Lab::up(&options).unwrap_err().to_string().contains("not a lab's folder"));
    assert!(!environment::down(&place.path().join("mine")).unwrap());
    assert_eq!(std::fs::read_to_string(place.path().join("mine/letter")).unwrap(), "dear");
}

fn make_namespace(lab: &Lab, name: &str) {
    block_on(async {
        let namespaces: Api<Namespace> = Api::all(client(&lab.kubeconfig()).await?);
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        namespaces.patch(name, &PatchParams::apply("test"), &Patch::Apply(namespace)).await?;
        Ok(())
    })
    .unwrap();
}

async fn wait<F: Future<Output = Result<bool, kube::Error>>>(what: &str, mut come: impl FnMut() -> F) {
    let started = Instant::now();
    while !come().await.unwrap() {
        assert!(started.elapsed() < Duration::from_secs(30), "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
