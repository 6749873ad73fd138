//! The plugin dies in the middle of its work: the next run goes on, without an error and without making anything twice.

use std::process::Child;

use kaas::domain::object::{Kind, ObjectRef};
use kaas_lab::objects;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

use super::cluster::{self, kafka, namespace, of};
use super::place::{Place, Tenant};
use super::world::{Operated, each, each_engine, named, operated};

/// Kills the provider's process below the CLI `child` and waits for the CLI to fail.
pub fn kill_plugin(child: Child) {
    let plugin = plugin_of(child.id()).expect("the CLI runs no provider");
    kill(plugin, Signal::SIGKILL).unwrap();
    assert_ne!(child.wait_with_output().unwrap().status.code(), Some(0));
}

fn plugin_of(parent: u32) -> Option<Pid> {
    std::fs::read_dir("/proc").unwrap().flatten().find_map(|entry| {
        let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        let command = std::fs::read(entry.path().join("cmdline")).ok()?;
        let ppid: u32 = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
        (ppid == parent && String::from_utf8_lossy(&command).contains("terraform-provider-kaas")).then(|| Pid::from_raw(pid))
    })
}

/// Kills the plugin of an apply as soon as `object` exists.
fn killed_at(lab: &Operated, place: &Place, object: &ObjectRef) {
    let child = place.workspace.command(&["apply", "-no-color", "-auto-approve"]).spawn().unwrap();
    cluster::wait(&object.to_string(), || cluster::get(lab.lab(), object).is_some());
    kill_plugin(child);
}

#[test]
fn a_create_whose_plugin_was_killed_goes_on_where_it_was() {
    let mut lab = operated();
    let begun = each_engine(|engine| {
        let at = |purpose: &str, object: fn(&str) -> ObjectRef| {
            let name = named(purpose, engine);
            let place = Place::new(engine, lab.lab());
            place.configure(&Tenant::small(&name));
            killed_at(&lab, &place, &object(&name));
            (place, name)
        };
        let admin = |name: &str| of(name, Kind::KafkaUser, &format!("{name}-admin"));
        [at("early", namespace), at("midway", kafka), at("late", admin)]
    });
    lab.start_operator();
    each(begun, |begun| begun.into_iter().for_each(|(place, name)| goes_on(&lab, &place, &name)));
}

fn goes_on(lab: &Operated, place: &Place, name: &str) {
    let began = cluster::get(lab.lab(), &namespace(name)).unwrap()["metadata"]["uid"].clone();
    assert_eq!(place.actions(), ["create"]);
    place.apply();
    assert_eq!(place.phase(), "Ready");
    place.plan_is_empty();
    let now = cluster::get(lab.lab(), &namespace(name)).unwrap();
    assert_eq!((&now["metadata"]["uid"], &now["metadata"]["annotations"]["kaas.dev/phase"]), (&began, &json!("created")));
    let all = objects::all(&lab.lab().kubeconfig()).unwrap();
    let count = |kind: &str| all.iter().filter(|object| object.starts_with(&format!("{kind} kaas-{name}/"))).count();
    assert_eq!((count("Kafka"), count("KafkaNodePool"), count("KafkaUser")), (1, 2, 1), "{all:?}");
    place.destroy();
}

#[test]
fn a_destroy_whose_plugin_was_killed_goes_on_where_it_was() {
    let mut lab = operated();
    lab.start_operator();
    each_engine(|engine| {
        let name = named("felled", engine);
        let place = Place::applied(engine, lab.lab(), &Tenant::small(&name));
        // Something that holds the destroy up.
        let topic = of(&name, Kind::KafkaTopic, "held");
        cluster::apply(lab.lab(), &topic, &cluster::held_topic(&name, "held"));
        let child = place.workspace.command(&["destroy", "-no-color", "-auto-approve"]).spawn().unwrap();
        cluster::wait("the topic's deletion", || {
            cluster::get(lab.lab(), &topic).is_some_and(|topic| !topic["metadata"]["deletionTimestamp"].is_null())
        });
        kill_plugin(child);
        cluster::merge(lab.lab(), &topic, &json!({"metadata": {"finalizers": null}}));
        place.destroy();
        assert!(cluster::get(lab.lab(), &namespace(&name)).is_none());
    });
}
