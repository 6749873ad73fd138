//! The class `kaas-aws`: kubeadm on EC2, with etcd on the control plane's machines.

use serde_json::{Value, json};

use super::eks::SUBNETS;
use super::machines::{self, label, taints};
use super::patches::{From, Target, patch};
use super::{named, reference, template, variables};
use crate::domain::cluster::{AWS_CLASS, Class};
use crate::domain::names::{BROKER_WORKERS, SYSTEM_WORKERS};
use crate::domain::object::{Kind, Manifest};

pub fn build() -> Vec<Manifest> {
    let cluster = template(AWS_CLASS, "cluster", Kind::AwsClusterTemplate, cluster());
    let control_plane = template(AWS_CLASS, "control-plane", Kind::KubeadmControlPlaneTemplate, control_plane());
    let control_plane_machine = template(AWS_CLASS, "control-plane", Kind::AwsMachineTemplate, machines::control_plane("m6i.large"));
    let machine = template(AWS_CLASS, "node", Kind::AwsMachineTemplate, machines::worker("m6i.large"));
    let workers =
        [SYSTEM_WORKERS, BROKER_WORKERS].map(|workers| (workers, template(AWS_CLASS, workers, Kind::KubeadmConfigTemplate, node(workers))));
    let worker = |(name, bootstrap): &(&str, Manifest)| json!({ "class": name, "bootstrap": reference(bootstrap), "infrastructure": reference(&machine) });
    let mut control_plane_class = reference(&control_plane);
    control_plane_class["machineInfrastructure"] = reference(&control_plane_machine);
    let spec = json!({
        "infrastructure": reference(&cluster),
        "controlPlane": control_plane_class,
        "workers": { "machineDeployments": workers.iter().map(worker).collect::<Vec<_>>() },
        "variables": variables::definitions(Class::Aws),
        "patches": patches(),
    });
    let class = named(Kind::ClusterClass, AWS_CLASS.to_owned(), json!({ "spec": spec }));
    let mut manifests = vec![cluster, control_plane, control_plane_machine, machine];
    manifests.extend(workers.into_iter().map(|(_, bootstrap)| bootstrap));
    manifests.push(class);
    manifests
}

/// The region is only there until the variable sets it. The ports are those of the network that goes between nodes (Cilium: VXLAN and health).
fn cluster() -> Value {
    let rule = |description: &str, protocol: &str, port: i64| json!({ "description": description, "protocol": protocol, "fromPort": port, "toPort": port });
    json!({
        "region": "us-east-1",
        "sshKeyName": "",
        "controlPlaneLoadBalancer": { "loadBalancerType": "nlb" },
        "network": {
            "vpc": { "availabilityZoneUsageLimit": 3, "availabilityZoneSelection": "Ordered" },
            "cni": { "cniIngressRules": [rule("VXLAN (cilium)", "udp", 8472), rule("health (cilium)", "tcp", 4240)] },
        },
    })
}

/// Kubernetes' own name for a machine is the one EC2 has for it, by which the cloud controller finds it.
const NODE_NAME: &str = "{{ ds.meta_data.local_hostname }}";

fn control_plane() -> Value {
    let external = json!([{ "name": "cloud-provider", "value": "external" }]);
    let registration = json!({ "name": NODE_NAME, "kubeletExtraArgs": external });
    json!({ "kubeadmConfigSpec": {
        "clusterConfiguration": { "controllerManager": { "extraArgs": external } },
        "initConfiguration": { "nodeRegistration": registration },
        "joinConfiguration": { "nodeRegistration": registration },
    } })
}

fn node(workers: &str) -> Value {
    let arguments = json!([{ "name": "cloud-provider", "value": "external" }, { "name": "node-labels", "value": label(workers) }]);
    let mut registration = json!({ "name": NODE_NAME, "kubeletExtraArgs": arguments });
    let taints = taints(workers);
    if !taints.is_empty() {
        registration["taints"] = json!(taints);
    }
    json!({ "joinConfiguration": { "nodeRegistration": registration } })
}

fn patches() -> Vec<Value> {
    let cluster = [Target::InfrastructureCluster(Kind::AwsClusterTemplate)];
    let machines = [Target::ControlPlaneMachines, Target::Workers(&[SYSTEM_WORKERS, BROKER_WORKERS])];
    let variable = |name: &str, variable: &str, path: &str| patch(name, Some(variable), &cluster, path, &From::Variable(variable));
    let mut patches = vec![
        patch("region", None, &cluster, "/region", &From::Variable("region")),
        variable("ssh-key", "sshKeyName", "/sshKeyName"),
        variable("tags", "tags", "/additionalTags"),
        variable("vpc", "vpcId", "/network/vpc/id"),
        patch("subnets", Some("subnetIds"), &cluster, "/network/subnets", &From::Template(SUBNETS)),
        patch("control-plane-machine-type", None, &machines[..1], "/instanceType", &From::Variable("controlPlaneMachineType")),
        patch("image", Some("imageId"), &machines, "/ami", &From::Template("id: {{ .imageId }}\n")),
        patch("image-owner", Some("imageOwner"), &machines, "/imageLookupOrg", &From::Variable("imageOwner")),
    ];
    patches.extend(machines::patches(&machines));
    patches
}
