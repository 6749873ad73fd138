//! Runs that end before Kafka is ready: by Ctrl-C or by their deadline. Nothing is lost or tainted, and the next apply goes on in place.

use std::process::Child;
use std::time::{Duration, Instant};

use kaas::domain::object::Kind;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::cluster::{self, of};
use super::place::{Place, Tenant, flat, holds, said};
use super::world::{Operated, each, each_engine, named, operated};

/// Within this time a run that was told to stop has stopped.
const PROMPT: Duration = Duration::from_secs(10);

/// Sends SIGINT as Ctrl-C does and gives what the CLI said.
fn interrupt(child: Child) -> String {
    let started = Instant::now();
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    let out = child.wait_with_output().unwrap();
    assert!(started.elapsed() < PROMPT, "it took {:?}", started.elapsed());
    flat(&format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr)))
}

#[test]
fn an_interrupted_create_keeps_its_state_and_the_next_apply_goes_on() {
    let mut lab = operated();
    let begun = each_engine(|engine| {
        let name = named("sigint", engine);
        let place = Place::new(engine, lab.lab());
        place.configure(&Tenant::small(&name));
        let child = place.workspace.command(&["apply", "-no-color", "-auto-approve"]).spawn().unwrap();
        let last = of(&name, Kind::KafkaUser, &format!("{name}-admin"));
        cluster::wait("the last object", || cluster::get(lab.lab(), &last).is_some());
        let text = interrupt(child);
        holds(
            &text,
            &["Interrupt", "Warning: The tenant is not ready yet", "The run was stopped while waiting for the tenant", "apply waits on"],
        );
        goes_on_later(&place);
        (place, name)
    });
    lab.start_operator();
    each(begun, |(place, name)| ends_well(&lab, &place, &name));
}

#[test]
fn a_deadline_that_passes_is_a_warning_and_the_next_apply_waits_on() {
    let mut lab = operated();
    let begun = each_engine(|engine| {
        let name = named("deadline", engine);
        let place = Place::new(engine, lab.lab());
        place.configure(&Tenant::small(&name).with("timeouts {\n create = \"2s\"\n }"));
        let text = flat(&said(&place.apply()));
        let warned = "Warning: The tenant is not ready yet";
        holds(
            &text,
            &[
                warned,
                "The deadline passed while waiting for the tenant",
                "is Strimzi running? The next plan shows how far it is",
                "1 added",
            ],
        );
        goes_on_later(&place);
        (place, name)
    });
    lab.start_operator();
    each(begun, |(place, name)| ends_well(&lab, &place, &name));
}

#[test]
fn an_update_that_no_operator_takes_in_is_a_warning_too() {
    let mut lab = operated();
    lab.start_operator();
    let begun = each_engine(|engine| {
        let name = named("untaken", engine);
        (Place::applied(engine, lab.lab(), &Tenant::small(&name)), name)
    });
    lab.stop_operator();
    let begun = each(begun, |(place, name)| {
        place.configure(&Tenant { retention: "hours = 48", ..Tenant::small(&name) }.with("timeouts {\n update = \"2s\"\n }"));
        let text = flat(&said(&place.apply()));
        holds(
            &text,
            &[
                "Warning: The tenant is not ready yet",
                "The deadline passed",
                "the operator has ",
                "The next plan shows how far it is",
                "1 changed",
            ],
        );
        (place, name)
    });
    lab.start_operator();
    each(begun, |(place, name)| ends_well(&lab, &place, &name));
}

/// The tenant is in the state, and the next plan waits for it in place.
fn goes_on_later(place: &Place) {
    assert_eq!(place.phase(), "Pending");
    assert_eq!(place.actions(), ["update"]);
    holds(&place.plan_changes(), &["will be updated in-place", "status"]);
}

fn ends_well(lab: &Operated, place: &Place, name: &str) {
    place.apply();
    assert_eq!(place.phase(), "Ready");
    place.plan_is_empty();
    place.destroy();
    assert!(cluster::get(lab.lab(), &cluster::namespace(name)).is_none());
}
