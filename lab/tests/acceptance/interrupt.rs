//! Runs that end before Kafka is ready: by Ctrl-C or by their deadline. Nothing is lost or tainted, and the next apply goes on in place.

use std::process::Child;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::cluster::{self, kafka};
use super::place::{Place, Tenant, flat, holds};
use super::world::{each_engine, named, operated};

/// Within this time a run that was told to stop has stopped.
const PROMPT: Duration = Duration::from_secs(10);

/// Sends SIGINT as Ctrl-C does and gives what the CLI said, with its exit code.
fn interrupt(child: Child) -> (Option<i32>, String) {
    let started = Instant::now();
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    let out = child.wait_with_output().unwrap();
    assert!(started.elapsed() < PROMPT, "it took {:?}", started.elapsed());
    (out.status.code(), flat(&format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))))
}

#[test]
fn an_interrupted_create_keeps_its_state_and_the_next_apply_goes_on() {
    let mut lab = operated();
    each_engine(|engine| {
        let name = named("sigint", engine);
        let place = Place::new(engine, lab.lab());
        place.configure(&Tenant::small(&name));
        let child = place.workspace.command(&["apply", "-no-color", "-auto-approve"]).spawn().unwrap();
        cluster::wait("the last object", || {
            cluster::get(lab.lab(), &cluster::of(&name, kaas::domain::object::Kind::KafkaUser, &format!("{name}-admin"))).is_some()
        });
        let (_, text) = interrupt(child);
        holds(&text, &["Interrupt", "The tenant is not ready yet", "The run was stopped while waiting for the tenant", "apply waits on"]);
        assert_ne!(place.phase(), "Ready");
        assert_eq!(place.actions(), ["update"]);
    });
    lab.start_operator();
    each_engine(|engine| {
        let name = named("sigint", engine);
        let place = Place::new(engine, lab.lab());
        place.configure(&Tenant::small(&name));
        place.workspace.import("kaas_tenant.t", &place.id(&name)).unwrap().succeeded().unwrap();
        place.plan_is_empty();
        place.destroy();
    });
}

#[test]
fn a_deadline_that_passes_is_a_warning_and_the_next_apply_waits_on() {
    let mut lab = operated();
    let places: Vec<Place> = kaas_lab::terraform::Engine::available().into_iter().map(|engine| Place::new(engine, lab.lab())).collect();
    for place in &places {
        let tenant = Tenant::small(&named("deadline", place.engine)).with("timeouts {\n create = \"2s\"\n }");
        place.configure(&tenant);
        let text = flat(&super::place::said(&place.apply()));
        holds(&text, &["Warning: The tenant is not ready yet", "The deadline passed", "the operator has not taken in KafkaNodePool", "is Strimzi running?"]);
        assert_eq!(place.phase(), "Creating");
        let text = place.plan_changes();
        holds(&text, &["will be updated in-place", "status"]);
    }
    lab.start_operator();
    for place in &places {
        place.apply();
        assert_eq!(place.phase(), "Ready");
        place.plan_is_empty();
        let name = named("deadline", place.engine);
        assert!(cluster::get(lab.lab(), &kafka(&name)).is_some());
        place.destroy();
        assert!(cluster::get(lab.lab(), &cluster::namespace(&name)).is_none());
    }
}
