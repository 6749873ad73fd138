//! Destroy leaves nothing on either cluster, whatever was done to the tenant, and names what holds it up.

use std::time::{Duration, Instant};

use anyhow::Context;
use kaas::domain::object::{Kind, ObjectRef};
use kaas_lab::cluster_api::provider::STOPPED;
use kaas_lab::{Lab, Server, block_on, client, objects, process};
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use super::world::{disturbed, hard, hard_with, home_cluster, inside, ready};
use crate::acceptance::cluster::{self, held_topic, namespace, of};
use crate::acceptance::place::{Place, flat, holds, said};
use kaas_lab::terraform::Engine;

/// A destroy that is held up ends this soon.
const HURRIED: &str = "timeouts {\n delete = \"25s\"\n }";
/// How long Cluster API may take to notice that a cluster does not answer.
const NOTICED: Duration = Duration::from_secs(180);

/// What a tenant's cluster could leave behind.
pub struct Traces {
    name: String,
    etcd_prefix: String,
}

impl Traces {
    /// Of a tenant that is there.
    pub fn of(lab: &Lab, name: &str) -> Self {
        let found = cluster::get(lab, &home_cluster(name)).unwrap();
        let etcd_prefix = format!("/clusters/{}/", found["metadata"]["uid"].as_str().unwrap());
        assert!(kaas_lab::etcd::count(lab.ports().etcd, &etcd_prefix).unwrap() > 0);
        Self { name: name.to_owned(), etcd_prefix }
    }

    fn processes(&self, lab: &Lab) -> Vec<process::Handle> {
        let name = &self.name;
        process::marked(&lab.folder().join(Server::ProcessProvider.name()).join(format!("kaas-{name}.{name}")))
    }

    /// That it left nothing.
    pub fn are_gone(&self, lab: &Lab) {
        let Self { name, etcd_prefix } = self;
        assert!(cluster::get(lab, &namespace(name)).is_none());
        let left: Vec<String> =
            objects::all(&lab.kubeconfig()).unwrap().into_iter().filter(|object| object.contains(&format!("kaas-{name}"))).collect();
        assert_eq!((left, self.processes(lab)), (vec![], vec![]));
        assert_eq!(kaas_lab::etcd::count(lab.ports().etcd, etcd_prefix).unwrap(), 0, "keys below {etcd_prefix} are left");
    }
}

/// Keeps the servers of a tenant's cluster stopped, or no longer.
pub fn keep_stopped(lab: &Lab, name: &str, stopped: bool) {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("controlplane.cluster.x-k8s.io", "v1alpha1", "ProcessControlPlane"));
    let patch = json!({"metadata": {"annotations": {STOPPED: stopped.then_some("true")}}});
    let done = block_on(async {
        let api: Api<DynamicObject> = Api::namespaced_with(client(&lab.kubeconfig()).await?, &format!("kaas-{name}"), &kind);
        let found = api.list(&ListParams::default()).await?.items.pop().context("find the control plane")?;
        let name = found.metadata.name.unwrap_or_default();
        Ok(api.patch(&name, &PatchParams::default(), &Patch::Merge(patch)).await.map(drop)?)
    });
    done.unwrap();
    let traces = Traces::of(lab, name);
    cluster::wait("the tenant's servers", || traces.processes(lab).is_empty() == stopped);
}

/// A server that does nothing until this is dropped. It is not restarted: a Cluster API that never reached a cluster takes minutes to say so.
pub struct Asleep(Pid);

impl Asleep {
    pub fn now(lab: &Lab, server: Server) -> Self {
        let pid = Pid::from_raw(lab.servers().iter().find(|running| running.server == server).unwrap().handle.pid);
        kill(pid, Signal::SIGSTOP).unwrap();
        Self(pid)
    }
}

impl Drop for Asleep {
    fn drop(&mut self) {
        kill(self.0, Signal::SIGCONT).unwrap();
    }
}

/// Waits until Cluster API says whether it reaches the tenant's cluster.
pub fn wait_reached(lab: &Lab, name: &str, status: &str) {
    let started = Instant::now();
    let says = || {
        let found = cluster::get(lab, &home_cluster(name)).unwrap();
        let conditions = found["status"]["conditions"].as_array().cloned().unwrap_or_default();
        conditions.iter().any(|condition| condition["type"] == "RemoteConnectionProbe" && condition["status"] == status)
    };
    while !says() {
        let waited = started.elapsed();
        assert!(waited < NOTICED, "Cluster API does not notice");
        // That a cluster answers again it sees at once and says when it next looks at the Cluster, which else is ten minutes later.
        let looked_at = json!({"metadata": {"annotations": {"tests.kaas.dev/look": waited.as_secs().to_string()}}});
        cluster::merge(lab, &home_cluster(name), &looked_at);
        std::thread::sleep(Duration::from_millis(500));
    }
    eprintln!("Cluster API said {status} after {:.0} s", started.elapsed().as_secs_f32());
}

/// What the CLI says to a destroy that fails, as one line.
pub fn destroy_fails(place: &Place) -> String {
    let ran = place.workspace.destroy(&[]).unwrap();
    assert_eq!(ran.code, Some(1), "{}", said(&ran));
    flat(&said(&ran))
}

/// Asks for a deletion, and does not wait for it.
fn let_go(lab: &Lab, object: &ObjectRef) {
    let api = object.kind.api();
    let kind = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(api.group, api.version, api.kind), api.plural);
    let done = block_on(async {
        let client = client(&lab.kubeconfig()).await?;
        let api: Api<DynamicObject> = match &object.namespace {
            Some(namespace) => Api::namespaced_with(client, namespace, &kind),
            None => Api::all_with(client, &kind),
        };
        Ok(api.delete(&object.name, &DeleteParams::default()).await.map(drop)?)
    });
    done.unwrap();
}

fn release(tenant: &str, name: &str) -> ObjectRef {
    of(tenant, Kind::HelmRelease, name)
}

fn kubeconfig(tenant: &str) -> ObjectRef {
    of(tenant, Kind::Secret, &format!("{tenant}-kubeconfig"))
}

#[test]
fn a_tenant_whose_api_server_died_is_destroyed_as_soon_as_cluster_api_says_so() {
    let lab = disturbed();
    let place = Place::applied(Engine::OpenTofu, lab.lab(), &hard("bereft"));
    let traces = Traces::of(lab.lab(), "bereft");
    // It shall not notice yet.
    let asleep = Asleep::now(lab.lab(), Server::ClusterApi);
    keep_stopped(lab.lab(), "bereft", true);
    holds(
        &destroy_fails(&place),
        &[
            "The tenant's cluster cannot be reached from here",
            "Cluster API does not say that it is lost",
            "wait a minute if it has only just stopped",
        ],
    );
    drop(asleep);
    wait_reached(lab.lab(), "bereft", "False");
    let text = flat(&said(&place.destroy()));
    holds(&text, &["Warning: The tenant's cluster went unasked", "and Cluster API cannot reach it either", "may be left in the cloud"]);
    traces.are_gone(lab.lab());
}

#[test]
fn a_release_and_a_kubeconfig_that_others_deleted_are_no_loss() {
    let (lab, name) = (ready(), "plucked");
    let (place, traces) = (Place::applied(Engine::OpenTofu, lab, &hard(name)), Traces::of(lab, name));
    cluster::delete(lab, &release(name, "strimzi-kafka-operator"));
    // The provider of the control plane writes it again.
    let_go(lab, &kubeconfig(name));
    let text = said(&place.destroy());
    assert!(!text.contains("Warning: The tenant"), "{text}");
    traces.are_gone(lab);
}

#[test]
fn a_tenant_whose_namespace_or_cluster_others_deleted_is_destroyed() {
    let lab = ready();
    crate::acceptance::world::each(vec![namespace("spaceless"), home_cluster("clusterless")], |object| {
        let name = object.name.trim_start_matches("kaas-");
        let (place, traces) = (Place::applied(Engine::OpenTofu, lab, &hard(name)), Traces::of(lab, name));
        let_go(lab, &object);
        if object.kind == Kind::Cluster {
            cluster::wait("the Cluster to go", || cluster::get(lab, &object).is_none());
            holds(&place.plan_changes(), &["kaas_tenant.t", "Missing"]);
        }
        place.destroy();
        traces.are_gone(lab);
    });
}

#[test]
fn a_cluster_that_others_delete_under_way_is_not_waited_in() {
    let (lab, name) = (ready(), "snatched");
    let (place, traces) = (Place::applied(Engine::OpenTofu, lab, &hard(name)), Traces::of(lab, name));
    let (own, topic) = (inside(lab, name), of(name, Kind::KafkaTopic, "held"));
    cluster::apply(&own, &topic, &held_topic(name, "held"));
    let child = place.workspace.command(&["destroy", "-no-color", "-auto-approve"]).spawn().unwrap();
    cluster::wait("the topic's deletion", || {
        cluster::get(&own, &topic).is_some_and(|found| !found["metadata"]["deletionTimestamp"].is_null())
    });
    let_go(lab, &home_cluster(name));
    let begun = Instant::now();
    let out = child.wait_with_output().unwrap();
    let text = flat(&format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr)));
    assert_eq!(out.status.code(), Some(0), "{text}");
    assert!(begun.elapsed() < NOTICED, "it took {:?}", begun.elapsed());
    holds(&text, &["Warning: The tenant's cluster went unasked", "Somebody else has deleted it meanwhile"]);
    traces.are_gone(lab);
}

/// The known trap: a topic's finalizer is its operator's, and an operator that goes first leaves a namespace that never ends.
#[test]
fn a_topic_that_outlived_its_operator_is_named_and_so_is_a_held_volume() {
    let name = "outlived";
    let place = Place::applied(Engine::OpenTofu, ready(), &hard_with(name, "", HURRIED));
    let (traces, own) = (Traces::of(ready(), name), inside(ready(), name));
    let (topic, claim) = (of(name, Kind::KafkaTopic, "orders"), of(name, Kind::PersistentVolumeClaim, "data-0"));
    cluster::apply(&own, &topic, &held_topic(name, "orders"));
    let body = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data-0", "namespace": format!("kaas-{name}"), "finalizers": ["example.com/backup"]},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}});
    cluster::apply(&own, &claim, &body);
    cluster::delete(ready(), &release(name, "strimzi-kafka-operator"));
    let text = destroy_fails(&place);
    holds(
        &text,
        &[
            "The tenant is not gone yet",
            &format!("KafkaTopic kaas-{name}/orders"),
            "held by the finalizers strimzi.io/topic-operator",
            &format!("Its operator does not run: Deployment kaas-{name}/{name}-entity-operator does not exist"),
            "Destroy again",
        ],
    );
    assert!(cluster::get(&own, &kafka_of(name)).is_some(), "Kafka waits for its topics");
    holds(&place.plan_changes(), &["kaas_tenant.t"]);
    cluster::merge(&own, &topic, &json!({"metadata": {"finalizers": null}}));
    let text = destroy_fails(&place);
    holds(&text, &[&format!("PersistentVolumeClaim kaas-{name}/data-0"), "example.com/backup", "Destroy again"]);
    cluster::merge(&own, &claim, &json!({"metadata": {"finalizers": null}}));
    ends(&place);
    traces.are_gone(ready());
}

fn kafka_of(name: &str) -> ObjectRef {
    cluster::kafka(name)
}

/// Destroys again until it is done: a hurried destroy may need more than one run.
fn ends(place: &Place) {
    let mut said_last = String::new();
    for _ in 0..5 {
        let ran = place.workspace.destroy(&[]).unwrap();
        if ran.code == Some(0) {
            return;
        }
        said_last = said(&ran);
    }
    panic!("it does not end: {said_last}");
}

#[test]
fn controllers_that_do_not_run_are_named_and_the_next_destroy_goes_on() {
    let mut lab = disturbed();
    let name = "uncared";
    let place = Place::applied(Engine::OpenTofu, lab.lab(), &hard_with(name, "", HURRIED));
    lab.stop(Server::FluxStandIn);
    holds(
        &destroy_fails(&place),
        &[
            "The tenant is not gone yet",
            "The deadline passed",
            &format!("HelmRelease kaas-{name}/strimzi-drain-cleaner"),
            "finalizers.fluxcd.io",
            "Flux's helm-controller has not taken up its deletion",
            "Destroy again",
        ],
    );
    holds(&place.plan_changes(), &["kaas_tenant.t"]);
    lab.stop(Server::ProcessProvider);
    lab.restart(Server::FluxStandIn);
    holds(
        &destroy_fails(&place),
        &[
            "The tenant's cluster is not gone yet",
            &format!("Cluster kaas-{name}/{name} is Deleting"),
            "Cluster API and the provider of the infrastructure take it away: see that their controllers run",
        ],
    );
    let traces = Traces::of(lab.lab(), name);
    lab.restart(Server::ProcessProvider);
    ends(&place);
    traces.are_gone(lab.lab());
}

#[test]
fn a_kubeconfig_that_nobody_writes_any_more_is_waited_for_and_then_gone_without() {
    let mut lab = disturbed();
    let name = "locked";
    let place = Place::applied(Engine::OpenTofu, lab.lab(), &hard(name));
    lab.stop(Server::ProcessProvider);
    cluster::delete(lab.lab(), &kubeconfig(name));
    let begun = Instant::now();
    let child = place.workspace.command(&["destroy", "-no-color", "-auto-approve"]).spawn().unwrap();
    let ends = |found: Value| !found["metadata"]["deletionTimestamp"].is_null();
    while !cluster::get(lab.lab(), &home_cluster(name)).is_some_and(ends) {
        assert!(begun.elapsed() < NOTICED);
        std::thread::sleep(Duration::from_millis(500));
    }
    assert!(begun.elapsed() > Duration::from_secs(50), "its controller had {:?} to write it", begun.elapsed());
    let traces = Traces::of(lab.lab(), name);
    lab.restart(Server::ProcessProvider);
    let out = child.wait_with_output().unwrap();
    let text = flat(&format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr)));
    assert_eq!(out.status.code(), Some(0), "{text}");
    holds(&text, &["Warning: The tenant's cluster went unasked", &format!("Secret kaas-{name}/{name}-kubeconfig is gone")]);
    traces.are_gone(lab.lab());
}
