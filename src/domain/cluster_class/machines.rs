//! The machines of both classes: encrypted volumes, metadata only by token, and which machine type and key the variables give them.

use serde_json::{Value, json};

use super::patches::{From, Target, patch};
use crate::domain::names::{BROKER_WORKERS, SYSTEM_WORKERS, WORKERS_LABEL};

/// The images of all that runs on a node, and its logs. What Kafka keeps is on volumes of its own.
const ROOT_GIB: u64 = 50;
/// With room for etcd.
const CONTROL_PLANE_ROOT_GIB: u64 = 80;

/// Instance profiles that `clusterawsadm` makes for Cluster API.
const NODE_PROFILE: &str = "nodes.cluster-api-provider-aws.sigs.k8s.io";
const CONTROL_PLANE_PROFILE: &str = "control-plane.cluster-api-provider-aws.sigs.k8s.io";

/// The machine type is only there until a variable sets it: the schema wants one.
pub fn worker(machine_type: &str) -> Value {
    machine(machine_type, NODE_PROFILE, ROOT_GIB, 1)
}

/// A worker whose pods may ask for the machine's role: one hop more than the machine itself. The EBS driver of EKS, which makes the volumes, runs there, not on
/// brokers' nodes, which it does not tolerate. Source: aws-ebs-csi-driver, `docs/install.md` and its issue 2966 (a hop limit of 2, or a role of its own).
pub fn system_worker(machine_type: &str) -> Value {
    machine(machine_type, NODE_PROFILE, ROOT_GIB, 2)
}

/// Its pods, such as the one that makes volumes, may ask for the machine's role: one hop more than the machine itself.
pub fn control_plane(machine_type: &str) -> Value {
    machine(machine_type, CONTROL_PLANE_PROFILE, CONTROL_PLANE_ROOT_GIB, 2)
}

fn machine(machine_type: &str, profile: &str, root_gib: u64, hops: u64) -> Value {
    json!({
        "instanceType": machine_type,
        "iamInstanceProfile": profile,
        // An empty name is no key at all; without it the provider looks for a key called "default".
        "sshKeyName": "",
        "rootVolume": { "size": root_gib, "type": "gp3", "encrypted": true },
        "instanceMetadataOptions": { "httpEndpoint": "enabled", "httpTokens": "required", "httpPutResponseHopLimit": hops, "instanceMetadataTags": "disabled" },
    })
}

/// "key=value" as the kubelet takes labels.
pub fn label(workers: &str) -> String {
    format!("{WORKERS_LABEL}={workers}")
}

/// Only brokers run on brokers' nodes.
pub fn taints(workers: &str) -> Vec<Value> {
    if workers == BROKER_WORKERS { vec![json!({ "key": WORKERS_LABEL, "value": workers, "effect": "NoSchedule" })] } else { Vec::new() }
}

/// Of the machines in both classes. `all` are those that take the key, the SSH key and tags; workers have a profile and a type of their own.
pub fn patches(all: &[Target<'_>]) -> Vec<Value> {
    let workers = [Target::Workers(&[SYSTEM_WORKERS, BROKER_WORKERS])];
    vec![
        patch("brokers-machine-type", None, &[Target::Workers(&[BROKER_WORKERS])], "/instanceType", &From::Variable("nodeMachineType")),
        patch("system-machine-type", None, &[Target::Workers(&[SYSTEM_WORKERS])], "/instanceType", &From::Variable("systemMachineType")),
        patch("machine-ssh-key", Some("sshKeyName"), all, "/sshKeyName", &From::Variable("sshKeyName")),
        patch("machine-volume-key", Some("kmsKeyArn"), all, "/rootVolume/encryptionKey", &From::Variable("kmsKeyArn")),
        patch("machine-tags", Some("tags"), all, "/additionalTags", &From::Variable("tags")),
        patch("node-profile", Some("nodeInstanceProfile"), &workers, "/iamInstanceProfile", &From::Variable("nodeInstanceProfile")),
    ]
}
