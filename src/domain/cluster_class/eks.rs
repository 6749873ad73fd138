//! The class `kaas-eks`. Its nodes are machines of its own making, as the AWS provider has no template for managed node groups.

use serde_json::{Value, json};

use super::machines::{self, label};
use super::patches::{From, Target, patch};
use super::{named, reference, template, variables};
use crate::domain::cluster::{Class, EKS_CLASS};
use crate::domain::names::{BROKER_WORKERS, SYSTEM_WORKERS};
use crate::domain::object::{Kind, Manifest};

pub fn build() -> Vec<Manifest> {
    let cluster = template(EKS_CLASS, "cluster", Kind::AwsManagedClusterTemplate, json!({}));
    let control_plane = template(EKS_CLASS, "control-plane", Kind::AwsManagedControlPlaneTemplate, control_plane());
    let machines = [(SYSTEM_WORKERS, machines::system_worker("m7g.large")), (BROKER_WORKERS, machines::worker("m7g.large"))];
    let workers = machines.map(|(workers, of)| Workers {
        name: workers,
        bootstrap: template(EKS_CLASS, workers, Kind::NodeadmConfigTemplate, node(workers)),
        machine: template(EKS_CLASS, workers, Kind::AwsMachineTemplate, machine(of)),
    });
    let worker = |workers: &Workers| json!({ "class": workers.name, "bootstrap": reference(&workers.bootstrap), "infrastructure": reference(&workers.machine) });
    let spec = json!({
        "infrastructure": reference(&cluster),
        "controlPlane": reference(&control_plane),
        "workers": { "machineDeployments": workers.iter().map(worker).collect::<Vec<_>>() },
        "variables": variables::definitions(Class::Eks),
        "patches": patches(),
    });
    let class = named(Kind::ClusterClass, EKS_CLASS.to_owned(), json!({ "spec": spec }));
    let mut manifests = vec![cluster, control_plane];
    manifests.extend(workers.into_iter().flat_map(|workers| [workers.machine, workers.bootstrap]));
    manifests.push(class);
    manifests
}

/// A class of workers.
struct Workers {
    name: &'static str,
    bootstrap: Manifest,
    machine: Manifest,
}

/// The region is only there until the variable sets it. Access entries beside the ConfigMap, in which the provider enters the nodes' role.
fn control_plane() -> Value {
    json!({
        "region": "us-east-1",
        "sshKeyName": "",
        "accessConfig": { "authenticationMode": "api_and_config_map" },
        "endpointAccess": { "public": true, "private": true },
        "network": { "vpc": { "availabilityZoneUsageLimit": 3, "availabilityZoneSelection": "Ordered" } },
        "logging": { "apiServer": true, "audit": true, "authenticator": true, "controllerManager": false, "scheduler": false },
    })
}

/// The image is EKS' own for the machine's architecture; it is started by nodeadm, which does not know how to fetch its part from Secrets Manager.
fn machine(mut machine: Value) -> Value {
    machine["ami"] = json!({ "eksLookupType": "AmazonLinux2023" });
    machine["cloudInit"] = json!({ "insecureSkipSecretsManager": true });
    machine
}

fn node(workers: &str) -> Value {
    let mut flags = vec![format!("--node-labels={}", label(workers))];
    if !machines::taints(workers).is_empty() {
        flags.push(format!("--register-with-taints={}:NoSchedule", label(workers)));
    }
    json!({ "kubelet": { "flags": flags } })
}

fn patches() -> Vec<Value> {
    let control_plane = [Target::ControlPlane(Kind::AwsManagedControlPlaneTemplate)];
    let variable = |name: &str, variable: &str, path: &str| patch(name, Some(variable), &control_plane, path, &From::Variable(variable));
    let mut patches = vec![
        patch("region", None, &control_plane, "/region", &From::Variable("region")),
        variable("ssh-key", "sshKeyName", "/sshKeyName"),
        variable("addons", "addons", "/addons"),
        variable("tags", "tags", "/additionalTags"),
        variable("public-endpoint", "publicEndpointCidrs", "/endpointAccess/publicCIDRs"),
        variable("vpc", "vpcId", "/network/vpc/id"),
        patch("subnets", Some("subnetIds"), &control_plane, "/network/subnets", &From::Template(SUBNETS)),
        patch("secrets-key", Some("kmsKeyArn"), &control_plane, "/encryptionConfig", &From::Template(SECRETS)),
    ];
    patches.extend(machines::patches(&[Target::Workers(&[SYSTEM_WORKERS, BROKER_WORKERS])]));
    patches
}

pub const SUBNETS: &str = "{{ range .subnetIds }}- id: {{ . }}\n{{ end }}";
const SECRETS: &str = "provider: {{ .kmsKeyArn }}\nresources: [secrets]\n";
