//! The real admission webhooks of Cluster API and of its provider for AWS judge what is applied.

use kaas_lab::{block_on, client};
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};

use super::world::{World, resource};

#[test]
fn webhooks_of_every_controller_refuse_what_the_schemas_cannot_see() {
    let world = World::new("capi-webhooks");
    let refused = |group: &str, kind: &str, spec: Value| {
        let manifest = json!({"apiVersion": format!("{group}/v1beta2"), "kind": kind, "metadata": {"name": "x"}, "spec": spec});
        let answer = block_on(async {
            let api: Api<DynamicObject> =
                Api::default_namespaced_with(client(&world.lab.kubeconfig()).await?, &resource(group, "v1beta2", kind));
            Ok(api.patch("x", &PatchParams::apply("test").dry_run(), &Patch::Apply(manifest)).await)
        });
        answer.unwrap().unwrap_err().to_string()
    };
    let version = json!({"topology": {"classRef": {"name": "process", "namespace": "kaas-system"}, "version": "newest"}});
    let message = refused("cluster.x-k8s.io", "Cluster", version);
    assert!(message.contains("admission webhook") && message.contains("version"), "{message}");

    let io1 = json!({"template": {"spec": {"instanceType": "m7g.large", "rootVolume": {"size": 50, "type": "io1"}}}});
    let message = refused("infrastructure.cluster.x-k8s.io", "AWSMachineTemplate", io1);
    assert!(message.contains("admission webhook") && message.contains("iops"), "{message}");

    let template = json!({"template": {"spec": {"kubeadmConfigSpec": {"files": [{"path": "/a", "content": "x", "contentFrom": {"secret": {"name": "s", "key": "k"}}}]}}}});
    let message = refused("controlplane.cluster.x-k8s.io", "KubeadmControlPlaneTemplate", template);
    assert!(message.contains("admission webhook"), "{message}");

    let both =
        json!({"template": {"spec": {"files": [{"path": "/a", "content": "x", "contentFrom": {"secret": {"name": "s", "key": "k"}}}]}}});
    let message = refused("bootstrap.cluster.x-k8s.io", "KubeadmConfigTemplate", both);
    assert!(message.contains("admission webhook"), "{message}");
    world.lab.down().unwrap();
}
