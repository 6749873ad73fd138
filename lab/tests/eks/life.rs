//! A cluster from nothing to nothing, by every CLI of this machine.

use k8s_openapi::api::core::v1::Namespace;
use kaas_lab::client;
use kaas_lab::terraform::Engine;
use kube::api::{Api, DeleteParams, PostParams};
use serde_json::json;

use super::world::{Cluster, Place, World};

#[test]
fn a_cluster_comes_changes_and_goes() {
    let world = World::new("eks-life");
    for engine in Engine::available() {
        let name = format!("{engine:?}").to_lowercase();
        let place = world.place(engine, &name);
        made(&world, &place);
        upgraded(&world, &place);
        regrouped(&world, &place);
        adopted(&place);
        destroyed(&world, &place);
    }
    assert_eq!(world.clusters(), Vec::<String>::new());
    world.lab.down().unwrap();
}

fn made(world: &World, place: &Place) {
    place.apply();
    place.plans_nothing();
    let state = place.state();
    let id = format!("eks/{}/{}", world.aws.region(), place.name);
    assert_eq!((state["id"].as_str(), state["status"]["phase"].as_str()), (Some(id.as_str()), Some("Ready")));
    assert!(state["endpoint"].as_str().unwrap().starts_with("https://127.0.0.1:"), "{state}");
    assert!(state["ca_certificate"].as_str().unwrap().contains("BEGIN CERTIFICATE"));
    assert!(state["kubernetes_version"].as_str().unwrap().starts_with("v1."), "{state}");
    assert_eq!(state["vpc_id"], world.ready.vpc_id.as_str());
    let tags = world.tags(&place.name);
    assert_eq!(tags.get("kaas.dev/management-cluster"), Some(&place.name));
    assert!(!tags.contains_key("kaas.dev/phase"), "{tags:?}");
    assert_eq!(world.groups(&place.name), [state["node_groups"][0]["eks_name"].as_str().unwrap()]);
}

fn upgraded(world: &World, place: &Place) {
    place.configure(&Cluster { version: "1.36", ..Cluster::default() });
    let (actions, change) = place.planned();
    assert_eq!(actions, ["update"]);
    assert!(change["after"]["changes"].to_string().contains("1.36"), "{change}");
    place.apply();
    place.plans_nothing();
    let group = world.groups(&place.name).remove(0);
    let shown =
        world.run(async { world.admin().describe_nodegroup().cluster_name(&place.name).nodegroup_name(&group).send().await.unwrap() });
    assert_eq!(shown.nodegroup.unwrap().version.as_deref(), Some("1.36"));
    place.configure(&Cluster { version: "1.35", ..Cluster::default() });
    let refused = place.fails(&["plan", "-no-color"]);
    assert!(refused.contains("1.36") && refused.contains("1.35"), "{refused}");
}

fn regrouped(world: &World, place: &Place) {
    let before = world.groups(&place.name);
    let upgraded = Cluster { version: "1.36", ..Cluster::default() };
    place.configure(&Cluster { max_size: 4, ..upgraded.clone() });
    place.apply();
    assert_eq!(world.groups(&place.name), before, "sizes are changed in place");
    place.configure(&Cluster { instance_type: "m6i.xlarge", ..upgraded });
    place.apply();
    place.plans_nothing();
    let after = world.groups(&place.name);
    assert!(after.len() == 1 && after != before, "{before:?} became {after:?}");
}

/// Forgotten and imported again.
fn adopted(place: &Place) {
    let (address, id) = ("kaas_management_cluster.platform", place.state()["id"].as_str().unwrap().to_owned());
    place.workspace.run(&["state", "rm", address]).unwrap().succeeded().unwrap();
    let taken = place.apply_fails();
    assert!(taken.contains("Name already taken") && taken.contains(&format!("import <address of this resource> {id}")), "{taken}");
    place.workspace.import(address, &id).unwrap().succeeded().unwrap();
    let (actions, change) = place.planned();
    assert!(actions == ["no-op"] || actions == ["update"], "{change}");
    place.apply();
    place.plans_nothing();
}

fn destroyed(world: &World, place: &Place) {
    let last = Cluster { version: "1.36", instance_type: "m6i.xlarge", ..Cluster::default() };
    place.configure(&Cluster { protected: true, ..last.clone() });
    place.apply();
    let refused = place.fails(&["destroy", "-no-color", "-auto-approve"]);
    assert!(refused.contains("Management cluster is protected"), "{refused}");
    place.configure(&last);
    place.apply();
    let namespaces = || async {
        let kubernetes = client(&world.aws.kubeconfig(&place.name)).await.unwrap();
        Api::<Namespace>::all(kubernetes)
    };
    let tenant = json!({ "metadata": { "name": "kaas-payments", "labels": { "kaas.dev/tenant": "payments" } } });
    let tenant: Namespace = serde_json::from_value(tenant).unwrap();
    world.run(async { namespaces().await.create(&PostParams::default(), &tenant).await.unwrap() });
    let refused = place.fails(&["destroy", "-no-color", "-auto-approve"]);
    assert!(refused.contains("Tenants live on the management cluster") && refused.contains("the tenants payments"), "{refused}");
    assert!(world.clusters().contains(&place.name));
    world.run(async {
        namespaces().await.delete("kaas-payments", &DeleteParams::default()).await.unwrap();
        while namespaces().await.get_opt("kaas-payments").await.unwrap().is_some() {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    });
    place.workspace.destroy(&[]).unwrap().succeeded().unwrap();
    assert!(!world.clusters().contains(&place.name));
}
