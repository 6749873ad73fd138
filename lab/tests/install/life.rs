//! The whole life of an installation without internet: from nothing, no drift, drift told and mended, upgraded, in use, removed without a trace.

use kaas_lab::objects;
use serde_json::json;

use super::mirror::{CERT_MANAGER, FAR_CERT_MANAGER, OLD_CERT_MANAGER, REGISTRY};
use super::world::World;

const DNS: &str = "external_dns {\n domains = [\"kafka.example.com\"]\n owner_id = \"lab\"\n }";

#[test]
fn an_air_gapped_site_is_installed_kept_upgraded_and_left_without_a_trace() {
    let world = World::new("install");
    let before = objects::settled(&world.lab.kubeconfig()).unwrap();
    world.configure(&format!("cert_manager = \"{OLD_CERT_MANAGER}\"\n{DNS}"), "");
    world.apply();
    world.plans_nothing();
    let components = world.workspace.output("components").unwrap();
    for (name, version) in [("cert_manager", OLD_CERT_MANAGER), ("strimzi", "1.2.0")] {
        assert_eq!(components[name], version, "{components}");
    }
    images_are_the_sites(&world);
    drift_is_told_and_mended(&world);
    upgraded(&world);
    in_use(&world);
    world.workspace.destroy(&[]).unwrap().succeeded().unwrap();
    world.left(&before);
    world.lab.down().unwrap();
}

fn images_are_the_sites(world: &World) {
    let deployment = world.get("apps/v1", "Deployment", "cert-manager", "cert-manager").unwrap();
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["image"], format!("{REGISTRY}/jetstack/cert-manager-controller:v{OLD_CERT_MANAGER}"));
    assert_eq!(container["args"][0], format!("--acme-http01-solver-image={REGISTRY}/jetstack/cert-manager-acmesolver:v{OLD_CERT_MANAGER}"));
    let core = world.get("operator.cluster.x-k8s.io/v1alpha2", "CoreProvider", "capi-system", "cluster-api").unwrap();
    assert_eq!(core["spec"]["version"], "v1.13.6");
    assert!(world.get("apps/v1", "Deployment", "flux-system", "notification-controller").is_none());
}

fn drift_is_told_and_mended(world: &World) {
    world.apply_object(
        &json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "helm-controller", "namespace": "flux-system" },
        "spec": { "replicas": 3 } }),
    );
    world.delete("v1", "ServiceAccount", "cert-manager", "cert-manager");
    let said = world.plans();
    for part in [
        "Deployment flux-system/helm-controller: spec.replicas is 3, should be 1",
        "ServiceAccount cert-manager/cert-manager does not exist",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    world.apply();
    world.plans_nothing();
}

fn upgraded(world: &World) {
    assert!(world.get("v1", "ConfigMap", "cert-manager", "cert-manager-old").is_some());
    world.configure(&format!("cert_manager = \"{FAR_CERT_MANAGER}\"\n{DNS}"), "");
    let said = super::world::unwrapped(&world.workspace.plan(&[]).unwrap().1.stderr);
    assert!(said.contains("one minor version at a time") && said.contains("apply a 1.21 version first"), "{said}");
    world.configure(&format!("cert_manager = \"{CERT_MANAGER}\"\n{DNS}"), "");
    world.apply();
    world.plans_nothing();
    assert!(world.get("v1", "ConfigMap", "cert-manager", "cert-manager-old").is_none());
    assert_eq!(world.workspace.output("components").unwrap()["cert_manager"], CERT_MANAGER);
}

/// What somebody made with the installed kinds keeps them.
fn in_use(world: &World) {
    let issuer = json!({ "apiVersion": "cert-manager.io/v1", "kind": "ClusterIssuer", "metadata": { "name": "of-others" }, "spec": { "selfSigned": {} } });
    world.apply_object(&issuer);
    let ran = world.workspace.destroy(&[]).unwrap();
    let said = super::world::unwrapped(&ran.stderr);
    assert!(ran.code == Some(1) && said.contains("cert-manager is in use") && said.contains("ClusterIssuer of-others"), "{said}");
    assert!(world.get("apps/v1", "Deployment", "flux-system", "source-controller").is_some(), "nothing is removed by halves");
    world.delete("cert-manager.io/v1", "ClusterIssuer", "", "of-others");
}
