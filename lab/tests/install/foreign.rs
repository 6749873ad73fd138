//! A cert-manager that somebody else has installed is left, and adopted when that is said.

use kaas_lab::objects;
use serde_json::json;

use super::world::World;

const ONLY: &str = "without = [\"strimzi\", \"monitoring\", \"cluster-api\", \"cluster-api-operator\", \"flux\"]";

#[test]
fn what_others_installed_is_left_until_it_is_adopted() {
    let world = World::new("install-foreign");
    let before = objects::settled(&world.lab.kubeconfig()).unwrap();
    world.apply_object(&json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "cert-manager" } }));
    world.apply_object(&json!({ "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": { "name": "cert-manager", "namespace": "cert-manager", "annotations": { "owner": "somebody" } } }));
    world.configure(ONLY, "");
    let said = world.apply();
    assert!(said.contains("cert-manager is left as it is") && said.contains("on_conflict"), "{said}");
    assert!(world.get("apps/v1", "Deployment", "cert-manager", "cert-manager").is_none());
    world.plans_nothing();
    world.configure(&format!("{ONLY}\n on_conflict = \"adopt\""), "");
    world.apply();
    world.plans_nothing();
    let adopted = world.get("v1", "ServiceAccount", "cert-manager", "cert-manager").unwrap();
    assert_eq!(adopted["metadata"]["labels"]["kaas.dev/component"], "cert-manager");
    assert_eq!(adopted["metadata"]["annotations"]["owner"], "somebody", "what others set stays");
    world.workspace.destroy(&[]).unwrap().succeeded().unwrap();
    // The namespace was there before.
    assert!(world.get("v1", "Namespace", "", "cert-manager").is_some());
    world.delete("v1", "Namespace", "", "cert-manager");
    world.left(&before);
    world.lab.down().unwrap();
}
