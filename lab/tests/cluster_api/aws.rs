//! The provider for AWS as a judge: a class of EKS goes through its schemas, its webhooks and the real topology controller, and no call leaves the machine.

use kaas_lab::{Server, apply, block_on};
use kube::api::{Api, DynamicObject, ListParams};
use serde_json::{Value, json};

use super::world::{Tenant, World, resource};

#[test]
fn a_cluster_of_a_class_for_eks_is_laid_out_and_can_be_deleted() {
    let world = World::new("capi-aws");
    let tenant = world.known("eks");
    apply(&world.lab.kubeconfig(), &manifests(&tenant.namespace())).unwrap();
    tenant.wait_condition("TopologyReconciled", "True");
    let control_plane = only(tenant, "controlplane.cluster.x-k8s.io", "AWSManagedControlPlane");
    assert_eq!(control_plane["spec"]["region"], "eu-west-1");
    assert_eq!(control_plane["spec"]["version"], "v1.36.3");
    let name = control_plane["spec"]["eksClusterName"].as_str().unwrap();
    assert!(name.starts_with("kaas-eks_"), "the webhook of the provider for AWS names the cluster: {name}");
    let machines = only(tenant, "infrastructure.cluster.x-k8s.io", "AWSMachineTemplate");
    assert_eq!(machines["spec"]["template"]["spec"]["instanceType"], "r7g.xlarge");
    let nodes = only(tenant, "cluster.x-k8s.io", "MachineDeployment");
    assert_eq!(nodes["spec"]["replicas"], 3);
    tenant.wait_condition("InfrastructureReady", "False");
    let log = std::fs::read_to_string(world.lab.log(Server::ClusterApiAws)).unwrap();
    assert!(!log.contains("amazonaws.com"), "the provider for AWS called AWS: {log}");
    tenant.delete();
    world.lab.down().unwrap();
}

/// The one object of a kind that the topology made: the class's own templates do not carry its label.
fn only(tenant: Tenant<'_>, group: &'static str, kind: &'static str) -> Value {
    let mut all = block_on(async {
        let api: Api<DynamicObject> = Api::namespaced_with(tenant.client().await, &tenant.namespace(), &resource(group, "v1beta2", kind));
        Ok(api.list(&ListParams::default().labels("topology.cluster.x-k8s.io/owned")).await?.items)
    })
    .unwrap();
    assert_eq!(all.len(), 1, "{kind}");
    all.remove(0).data
}

fn manifests(namespace: &str) -> Vec<Value> {
    let head = |name: &str| json!({"name": name, "namespace": namespace});
    let object = |group: &str, kind: &str, name: &str, spec: Value| json!({"apiVersion": format!("{group}.cluster.x-k8s.io/v1beta2"), "kind": kind, "metadata": head(name), "spec": spec});
    let reference = |group: &str, kind: &str, name: &str| json!({"templateRef": {"apiVersion": format!("{group}.cluster.x-k8s.io/v1beta2"), "kind": kind, "name": name}});
    let patch = |group: &str, kind: &str, matched: Value, path: &str, variable: &str| {
        json!({"name": variable, "definitions": [{
            "selector": {"apiVersion": format!("{group}.cluster.x-k8s.io/v1beta2"), "kind": kind, "matchResources": matched},
            "jsonPatches": [{"op": "add", "path": path, "valueFrom": {"variable": variable}}]}]})
    };
    let text = |name: &str| json!({"name": name, "required": true, "schema": {"openAPIV3Schema": {"type": "string"}}});
    let class = json!({
        "infrastructure": reference("infrastructure", "AWSManagedClusterTemplate", "eks"),
        "controlPlane": reference("controlplane", "AWSManagedControlPlaneTemplate", "eks"),
        "workers": {"machineDeployments": [{"class": "node", "bootstrap": reference("bootstrap", "NodeadmConfigTemplate", "eks"),
            "infrastructure": reference("infrastructure", "AWSMachineTemplate", "eks")}]},
        "variables": [text("region"), text("machineType")],
        "patches": [
            patch("controlplane", "AWSManagedControlPlaneTemplate", json!({"controlPlane": true}), "/spec/template/spec/region", "region"),
            patch("infrastructure", "AWSMachineTemplate", json!({"machineDeploymentClass": {"names": ["node"]}}), "/spec/template/spec/instanceType", "machineType"),
        ],
    });
    let topology = json!({"classRef": {"name": "eks"}, "version": "v1.36.3",
        "variables": [{"name": "region", "value": "eu-west-1"}, {"name": "machineType", "value": "r7g.xlarge"}],
        "workers": {"machineDeployments": [{"class": "node", "name": "brokers", "replicas": 3}]}});
    vec![
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}),
        object("infrastructure", "AWSManagedClusterTemplate", "eks", json!({"template": {"spec": {}}})),
        object("controlplane", "AWSManagedControlPlaneTemplate", "eks", json!({"template": {"spec": {"region": "eu-central-1"}}})),
        object("bootstrap", "NodeadmConfigTemplate", "eks", json!({"template": {"spec": {}}})),
        object("infrastructure", "AWSMachineTemplate", "eks", json!({"template": {"spec": {"instanceType": "m7g.large"}}})),
        json!({"apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "ClusterClass", "metadata": head("eks"), "spec": class}),
        json!({"apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Cluster", "metadata": head("eks"), "spec": {"topology": topology}}),
    ]
}
