//! Creates that are interrupted, answers that get lost, and parts that AWS cannot make.

use kaas_lab::aws::{Change, Fault};
use kaas_lab::terraform::Engine;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::world::{Cluster, Place, World, one_line, wait};

fn engine() -> Engine {
    let Some(engine) = Engine::available().into_iter().next() else { panic!("no CLI is here") };
    engine
}

/// Kills the provider's process below a CLI.
fn kill_plugin(cli: u32) {
    let plugin = std::fs::read_dir("/proc").unwrap().flatten().find_map(|entry| {
        let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        let command = std::fs::read(entry.path().join("cmdline")).ok()?;
        let parent: u32 = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
        (parent == cli && String::from_utf8_lossy(&command).contains("terraform-provider-kaas")).then(|| Pid::from_raw(pid))
    });
    kill(plugin.expect("the CLI runs no provider"), Signal::SIGKILL).unwrap();
}

#[test]
fn what_was_begun_is_gone_on_with_and_what_failed_is_told_and_mended() {
    let world = World::new("eks-broken");
    killed(&world);
    stopped(&world);
    failed_group(&world);
    failed_cluster(&world);
    assert_eq!(world.clusters(), Vec::<String>::new());
    world.lab.down().unwrap();
}

fn goes(place: &Place) {
    place.workspace.destroy(&[]).unwrap().succeeded().unwrap();
}

/// The plugin dies when the cluster is there; the answer to its creation got lost before, and AWS was too busy.
fn killed(world: &World) {
    let place = world.place(engine(), "killed");
    world.aws.order(&Fault::LoseResponse { action: "CreateCluster".to_owned(), times: 1 }).unwrap();
    world.aws.order(&Fault::Throttle { action: "DescribeCluster".to_owned(), times: 2 }).unwrap();
    let child = place.workspace.command(&["apply", "-no-color", "-auto-approve"]).spawn().unwrap();
    wait("the cluster", || world.clusters().contains(&"killed".to_owned()).then_some(()));
    kill_plugin(child.id());
    assert_ne!(child.wait_with_output().unwrap().status.code(), Some(0));
    assert_eq!(world.tags("killed").get("kaas.dev/phase").map(String::as_str), Some("creating"));
    place.apply();
    place.plans_nothing();
    assert_eq!(world.clusters(), ["killed"]);
    goes(&place);
}

/// A deadline that passes is no failure.
fn stopped(world: &World) {
    world.aws.set(&Change { delay_s: Some(8.0), ..Change::default() }).unwrap();
    let place = world.place(engine(), "slow");
    place.configure(&Cluster { beside: "timeouts {\n    create = \"3s\"\n  }", ..Cluster::default() });
    let said = one_line(&place.apply().stdout);
    assert!(said.contains("The EKS cluster is not ready yet") && said.contains("The deadline passed"), "{said}");
    assert_eq!(place.state()["status"]["phase"], "Creating");
    world.aws.set(&Change { delay_s: Some(0.3), ..Change::default() }).unwrap();
    assert_eq!(place.planned().0, ["update"]);
    place.configure(&Cluster::default());
    place.apply();
    place.plans_nothing();
    assert_eq!(place.state()["status"]["phase"], "Ready");
    goes(&place);
}

fn failed_group(world: &World) {
    let order = || {
        let (code, message) = ("NodeCreationFailure".to_owned(), "Instances failed to join the kubernetes cluster".to_owned());
        world.aws.order(&Fault::FailNodeGroup { code, message }).unwrap();
    };
    let place = world.place(engine(), "group");
    order();
    let said = place.apply_fails();
    for part in ["NodeCreationFailure", "Instances failed to join", "AmazonEKSWorkerNodePolicy", "A beginning is left"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(place.state().is_null(), "a state would be tainted");
    place.apply();
    place.plans_nothing();
    // The same when it is changed: the state stays, and is not tainted.
    order();
    place.configure(&Cluster { instance_type: "m6i.xlarge", ..Cluster::default() });
    assert!(place.apply_fails().contains("NodeCreationFailure"));
    assert_eq!(place.state()["status"]["phase"], "Degraded");
    assert_eq!(place.planned().0, ["update"]);
    place.apply();
    place.plans_nothing();
    assert_eq!(world.groups("group").len(), 1);
    goes(&place);
}

/// A cluster that FAILED is made anew by the next apply; nothing else helps.
fn failed_cluster(world: &World) {
    let place = world.place(engine(), "failed");
    world.aws.order(&Fault::FailCluster).unwrap();
    let said = place.apply_fails();
    assert!(said.contains("FAILED"), "{said}");
    place.apply();
    place.plans_nothing();
    goes(&place);
}
