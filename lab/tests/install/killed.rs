//! The plugin dies in the middle of an installation: the next run goes on.

use kaas_lab::objects;

use super::world::{World, wait};
use crate::acceptance::killed::kill_plugin;

#[test]
fn an_installation_whose_plugin_was_killed_goes_on_and_a_removal_too() {
    let world = World::new("install-killed");
    let before = objects::settled(&world.lab.kubeconfig()).unwrap();
    world.configure("without = [\"strimzi\", \"monitoring\", \"cluster-api\", \"cluster-api-operator\"]", "");
    for place in
        [("v1", "ConfigMap", "kaas-system", "kaas-install-cert-manager"), ("apps/v1", "Deployment", "flux-system", "source-controller")]
    {
        killed_at(&world, &["apply", "-no-color", "-auto-approve"], place, true);
    }
    world.apply();
    world.plans_nothing();
    assert!(world.get("apps/v1", "Deployment", "flux-system", "helm-controller").is_some());
    killed_at(&world, &["destroy", "-no-color", "-auto-approve"], ("apps/v1", "Deployment", "flux-system", "source-controller"), false);
    world.workspace.destroy(&[]).unwrap().succeeded().unwrap();
    world.left(&before);
    world.lab.down().unwrap();
}

/// Kills the plugin below the CLI as soon as an object is there, or is gone.
fn killed_at(world: &World, command: &[&str], (version, kind, namespace, name): (&str, &str, &str, &str), there: bool) {
    let child = world.workspace.command(command).spawn().unwrap();
    wait(name, || if world.get(version, kind, namespace, name).is_some() == there { Ok(()) } else { Err("not yet".to_owned()) });
    kill_plugin(child);
}
