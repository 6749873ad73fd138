//! `kaas_management_cluster` keeps the classes: it applies them, plans nothing afterwards, mends what was changed, and takes away what nobody uses.

use std::collections::BTreeSet;

use kaas::domain::cluster_class::{class_ref, of};
use kaas::domain::object::{Kind, Manifest, ObjectRef};
use kaas_lab::objects;
use kaas_lab::terraform::Engine;
use serde_json::json;

use super::world::{Place, World, unwrapped, wait};

fn template(class: &str, kind: Kind) -> ObjectRef {
    of(class).into_iter().map(|manifest| manifest.object).find(|object| object.kind == kind).unwrap()
}

/// A Cluster of the class kaas-eks with no workers.
fn cluster(world: &World) -> ObjectRef {
    world.namespace("kaas-used");
    let object = ObjectRef::namespaced(Kind::Cluster, "kaas-used", "used");
    let topology = json!({ "classRef": { "name": "kaas-eks", "namespace": "kaas-system" }, "version": "v1.36.0",
        "variables": [{ "name": "region", "value": "eu-central-1" }] });
    let body = json!({ "apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Cluster",
        "metadata": { "name": "used", "namespace": "kaas-used" }, "spec": { "topology": topology } });
    world.apply(&Manifest { object: object.clone(), body }, false).unwrap();
    object
}

#[test]
fn classes_come_are_mended_and_go_with_the_resource() {
    let world = World::new("classes");
    // Nothing of the lab's own is in the namespace, so that the provider makes it.
    world.delete_and_wait(&ObjectRef::global(Kind::Namespace, "kaas-system"));
    let before = objects::settled(&world.lab.kubeconfig()).unwrap();
    for engine in Engine::available() {
        let place = Place::new(engine, &world);
        place.configure("");
        place.workspace.init().unwrap().succeeded().unwrap();
        place.apply();
        assert_eq!(place.classes(), json!(["kaas-aws", "kaas-eks"]));
        place.plans_nothing();
        drift_is_told_and_mended(&world, &place);
        place.import();
        place.plans_nothing();
        sets_are_kept(&world, &place);
        place.workspace.destroy(&[]).unwrap().succeeded().unwrap();
        nothing_is_left(&world, &before);
    }
    world.lab.down().unwrap();
}

fn nothing_is_left(world: &World, before: &BTreeSet<String>) {
    wait("nothing to be left", || {
        let now = objects::all(&world.lab.kubeconfig()).unwrap();
        let left: Vec<&String> = now.difference(before).collect();
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    });
}

fn drift_is_told_and_mended(world: &World, place: &Place) {
    let machine = template("kaas-aws", Kind::AwsMachineTemplate);
    world.delete(&machine);
    world.patch(
        &class_ref("kaas-eks"),
        &json!([{ "op": "replace", "path": "/spec/variables/1/schema/openAPIV3Schema/description", "value": "x" }]),
    );
    // An earlier version of the provider made this.
    let mut old = of("kaas-eks").into_iter().find(|manifest| manifest.object.kind == Kind::AwsMachineTemplate).unwrap();
    old.object.name = "kaas-eks-node-00000000".to_owned();
    old.body["metadata"]["name"] = json!(old.object.name);
    world.apply(&old, false).unwrap();
    let said = place.plans();
    for part in [format!("{machine} does not exist"), "is \\\"x\\\", should be".to_owned()] {
        assert!(said.contains(&part), "{part}: {said}");
    }
    place.apply();
    place.plans_nothing();
    assert!(world.get(&machine).is_some());
    assert!(world.get(&old.object).is_none(), "a template that no class names is left");
}

fn sets_are_kept(world: &World, place: &Place) {
    place.configure("cluster_classes = [\"kaas-eks\"]");
    place.apply();
    place.plans_nothing();
    assert!(world.get(&class_ref("kaas-aws")).is_none() && world.list(Kind::KubeadmConfigTemplate, "kaas-system").is_empty());
    // What was set stays when it is no longer said.
    place.configure("");
    place.plans_nothing();
    place.configure("cluster_classes = []");
    let used = cluster(world);
    let said = place.refused();
    assert!(said.contains("is in use") && said.contains("kaas-used/used"), "{said}");
    place.configure("");
    let ran = place.workspace.destroy(&[]).unwrap().succeeded().unwrap();
    let said = unwrapped(&ran.stdout);
    assert!(said.contains("stays in the cluster") && said.contains("kaas-used/used"), "{said}");
    assert!(world.get(&class_ref("kaas-eks")).is_some());
    place.configure("cluster_classes = [\"kaas-eks\"]");
    place.apply();
    world.delete_and_wait(&used);
    world.delete_and_wait(&ObjectRef::global(Kind::Namespace, "kaas-used"));
}

#[test]
fn what_is_missing_for_a_class_is_named_and_foreign_things_stay() {
    let world = World::new("classes-missing");
    let crd = ObjectRef::global(Kind::CustomResourceDefinition, "nodeadmconfigtemplates.bootstrap.cluster.x-k8s.io");
    world.delete_and_wait(&crd);
    let before = objects::settled(&world.lab.kubeconfig()).unwrap();
    let place = Place::new(Engine::OpenTofu, &world);
    place.configure("cluster_classes = [\"kaas-eks\"]");
    place.workspace.init().unwrap().succeeded().unwrap();
    let said = place.refused();
    assert!(said.contains("NodeadmConfigTemplate") && said.contains("provider for AWS"), "{said}");
    place.configure("");
    place.apply();
    assert_eq!(place.classes(), json!(["kaas-aws"]));
    place.plans_nothing();
    place.workspace.destroy(&[]).unwrap().succeeded().unwrap();
    // The lab's own class lies in the same namespace.
    nothing_is_left(&world, &before);
    assert!(world.get(&ObjectRef::namespaced(Kind::ClusterClass, "kaas-system", "process")).is_some());
    world.lab.down().unwrap();
}
