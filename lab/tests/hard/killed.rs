//! The plugin dies behind each single change it makes to either cluster: the next run goes on, and in the end it is as if nothing had been.

use std::collections::BTreeMap;

use kaas_lab::{Lab, Options, TemporaryLab, objects};
use nix::unistd::Pid;

use super::killed_door::Door;
use super::world::{hard, inside};
use crate::acceptance::cluster::{self, namespace};
use crate::acceptance::place::{Place, holds};
use kaas_lab::terraform::Engine;

/// More changes than a life has steps.
const ENOUGH: usize = 120;

/// The providers' processes below a CLI.
pub fn plugins_of(parent: u32) -> Vec<Pid> {
    let is_one = |pid: &Pid| {
        let folder = format!("/proc/{pid}");
        let (Ok(stat), Ok(command)) = (std::fs::read_to_string(format!("{folder}/stat")), std::fs::read(format!("{folder}/cmdline")))
        else {
            return false;
        };
        let ppid = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse().ok());
        ppid == Some(parent) && String::from_utf8_lossy(&command).contains("terraform-provider-kaas")
    };
    let all = std::fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    all.map(Pid::from_raw).filter(is_one).collect()
}

/// How a run ended.
enum Ended {
    /// Behind this change.
    Killed(String),
    /// By itself, well.
    Well,
}

/// Runs a verb of the CLI whose plugin dies behind change number `at`.
fn run(door: &Door, place: &Place, verb: &str, at: usize) -> Ended {
    door.kill_at(at);
    let child = place.workspace.command(&[verb, "-no-color", "-auto-approve"]).spawn().unwrap();
    door.cli(child.id());
    let out = child.wait_with_output().unwrap();
    let changes = door.changes();
    if out.status.code() == Some(0) {
        return Ended::Well;
    }
    let said = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    // Whatever else goes wrong is no death of ours.
    assert!(changes.len() >= at && said.contains("lugin"), "{verb} failed by itself after {changes:?}:\n{said}");
    Ended::Killed(changes[at - 1].clone())
}

/// How many objects of each kind a tenant has on the management cluster, and in its own.
fn counted(lab: &Lab, name: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    let own = inside(lab, name);
    for (place, file) in [("home", lab.kubeconfig()), ("own", cluster::At::kubeconfig(&own))] {
        let all = objects::settled(&file).unwrap();
        for object in all.iter().filter(|object| object.contains(&format!("kaas-{name}"))) {
            *counts.entry(format!("{place} {}", object.split(' ').next().unwrap_or_default())).or_default() += 1;
        }
    }
    counts
}

#[test]
fn a_plugin_killed_behind_each_of_its_changes_makes_the_same_tenant_and_leaves_nothing_of_it() {
    let binary = Some(env!("CARGO_BIN_EXE_kaas-lab").into());
    let options =
        Options { pretend_ready: true, cluster_api: true, lab_binary: binary, ..Options::named(&format!("killed-{}", std::process::id())) };
    let lab = TemporaryLab::with(&options).unwrap();
    let before = objects::settled(&lab.kubeconfig()).unwrap();
    let door = Door::before(&lab);
    let mut place = Place::new(Engine::OpenTofu, &lab);
    place.workspace.set_variable("kubeconfig", door.kubeconfig());
    place.configure(&hard("felled"));
    created(&lab, &door, &place);
    let twin = Place::applied(Engine::OpenTofu, &lab, &hard("unhurt"));
    assert_eq!(counted(&lab, "felled"), counted(&lab, "unhurt"), "nothing is doubled, nothing is missing");
    twin.destroy();
    let prefix = etcd_prefix(&lab);
    destroyed(&lab, &door, &place);
    assert_eq!(objects::all(&lab.kubeconfig()).unwrap(), before);
    assert_eq!(kaas_lab::etcd::count(lab.ports().etcd, &prefix).unwrap(), 0);
    lab.down().unwrap();
}

fn etcd_prefix(lab: &Lab) -> String {
    let found = cluster::get(lab, &super::world::home_cluster("felled")).unwrap();
    format!("/clusters/{}/", found["metadata"]["uid"].as_str().unwrap())
}

/// A run that goes on repeats what is done, so each one lives one change longer. Behind the last change the tenant is made, and only its state is lost.
fn created(lab: &Lab, door: &Door, place: &Place) {
    let mut began = None;
    for at in 1..ENOUGH {
        let Ended::Killed(change) = run(door, place, "apply", at) else { panic!("nothing died behind {:?}", door.changes()) };
        eprintln!("killed behind {at}: {change}");
        let found = cluster::get(lab, &namespace("felled")).unwrap();
        assert_eq!(began.get_or_insert(found["metadata"]["uid"].clone()), &found["metadata"]["uid"], "it is the same beginning");
        assert_eq!(place.actions(), ["create"]);
        if found["metadata"]["annotations"]["kaas.dev/phase"] == "created" {
            assert!(at > 15, "only {at} changes make a tenant");
            break;
        }
    }
    door.kill_at(0);
    let id = place.id("felled");
    holds(&place.apply_fails(), &["exists already", &format!("import <address of this resource> {id}")]);
    place.workspace.import("kaas_tenant.t", &id).unwrap().succeeded().unwrap();
    // What only the configuration knows.
    place.apply();
    assert_eq!(place.phase(), "Ready");
    place.plan_is_empty();
}

/// What is gone is not deleted again, so each run makes one new change behind its first, which notes that the tenant goes.
fn destroyed(lab: &Lab, door: &Door, place: &Place) {
    let mut changes = 0;
    for _ in 1..ENOUGH {
        let Ended::Killed(change) = run(door, place, "destroy", 2) else {
            assert!(changes > 10, "only {changes} changes end a tenant");
            assert!(cluster::get(lab, &namespace("felled")).is_none());
            return;
        };
        eprintln!("killed behind: {change}");
        changes += 1;
    }
    panic!("it does not end");
}
