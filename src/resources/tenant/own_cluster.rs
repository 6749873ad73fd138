//! The tenant's own Kubernetes cluster as a configuration says it, and the domain's view of it. No I/O.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    domain::{
        cluster::{self, ClusterSpec, KubernetesVersion, Setting},
        releases::{Component, ComponentVersions},
        sizing::Sizing,
        tenant::OwnCluster,
    },
    framework::{attr::Attr, diagnostic::Diagnostics, model::Field, model::Model, path::Path},
    resources::{
        tenant::{model::Tenant, parse::known},
        wishes::capitalised,
    },
};

/// The tenant's own Kubernetes cluster, for `isolation = "cluster"`. It is made by Cluster API from a ClusterClass, so any infrastructure that Cluster API
/// knows will do.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct ClusterSettings {
    /// ClusterClass: `kaas-eks` (managed control plane on AWS), `kaas-aws` (kubeadm on EC2), or one of your own, with its `class_namespace`.
    #[tf(optional, replace, default = "kaas-eks")]
    pub class: Attr<String>,
    /// Namespace of a ClusterClass of your own.
    #[tf(optional, replace)]
    pub class_namespace: Attr<String>,
    /// Kubernetes version, such as `1.36.3`. Unset, a new tenant gets the provider's default and keeps it. It is raised in place, one minor version at a time,
    /// and never goes back. 1.37 needs Cluster API 1.14.1 or later.
    #[tf(optional)]
    pub kubernetes_version: Attr<String>,
    /// AWS region; needed by `kaas-eks` and `kaas-aws`.
    #[tf(optional, replace)]
    pub region: Attr<String>,
    /// EC2 key pair with which nodes can be reached by SSH. Unset: none.
    #[tf(optional)]
    pub ssh_key_name: Attr<String>,
    /// EC2 instance type of the control plane's machines, for `kaas-aws`.
    #[tf(optional)]
    pub control_plane_machine_type: Attr<String>,
    /// EC2 instance type of the brokers' nodes. Unset, the sizing says it. Another type replaces the nodes one by one; the volumes move with their brokers.
    #[tf(optional)]
    pub node_machine_type: Attr<String>,
    /// EC2 instance type of the nodes for Kafka's controllers and the operators. Unset, it follows from the sizing.
    #[tf(optional)]
    pub system_machine_type: Attr<String>,
    /// ARN of the KMS key that encrypts the nodes' volumes and, with `kaas-eks`, Kubernetes' Secrets. Unset, it is the account's default key.
    #[tf(optional, replace)]
    pub kms_key_arn: Attr<String>,
    /// Availability zones (failure domains) over which brokers' nodes, and those of Kafka's controllers, are spread evenly; name three. Unset, the infrastructure
    /// chooses, which on AWS is one zone for all. Volumes stay in their zones, so other zones need a new Kafka.
    #[tf(optional, replace)]
    pub zones: Attr<Vec<String>>,
    /// Further variables of the ClusterClass by name. Values that are not texts are given by `jsonencode`.
    #[tf(optional)]
    pub variables: Attr<BTreeMap<String, String>>,
    /// Worker class of your own ClusterClass in which each broker gets a node. Unset, the class brings its nodes with it.
    #[tf(optional)]
    pub broker_worker_class: Attr<String>,
    /// Worker class of your own ClusterClass for Kafka's controllers and the operators.
    #[tf(optional)]
    pub system_worker_class: Attr<String>,
    /// Machines of the control plane where the class has any; 3 with `kaas-aws`.
    #[tf(optional)]
    pub control_plane_replicas: Attr<u32>,
    /// Addresses of pods, such as `192.168.0.0/16`. Unset, the class says it.
    #[tf(optional, replace)]
    pub pod_cidr: Attr<String>,
}

/// Versions of the charts that run in the tenant's cluster, for `isolation = "cluster"`. Each unset one is the provider's pinned version; changing one
/// upgrades that operator.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct OperatorVersions {
    /// Chart of Strimzi, such as `1.2.0`. Which Kafka and Kubernetes versions it runs is checked in the plan.
    #[tf(optional)]
    pub strimzi: Attr<String>,
    /// Chart of Strimzi's Drain Cleaner, which has Strimzi move the brokers of a node that is drained.
    #[tf(optional)]
    pub drain_cleaner: Attr<String>,
    /// Chart of cert-manager, such as `v1.21.2`.
    #[tf(optional)]
    pub cert_manager: Attr<String>,
    /// Chart of external-dns.
    #[tf(optional)]
    pub external_dns: Attr<String>,
    /// Chart kube-prometheus-stack.
    #[tf(optional)]
    pub prometheus: Attr<String>,
    /// Chart of the EBS driver; `kaas-aws` only, for EKS brings it as an add-on.
    #[tf(optional)]
    pub ebs_csi: Attr<String>,
    /// Chart of the AWS cloud controller; `kaas-aws` only.
    #[tf(optional)]
    pub cloud_controller: Attr<String>,
    /// Chart of the network, Cilium; `kaas-aws` only.
    #[tf(optional)]
    pub network: Attr<String>,
}

/// The cluster that a tenant asks for. None where something is wrong (then `found` says so) or not known yet.
pub fn spec(tenant: &Tenant, found: &mut Diagnostics) -> Option<OwnCluster> {
    let versions = versions(&tenant.operators, found)?;
    let settings = match &tenant.cluster {
        Attr::Unknown => return None,
        Attr::Null => return Some(OwnCluster { cluster: ClusterSpec::default(), versions }),
        Attr::Known(settings) => settings,
    };
    let kubernetes_version = match &settings.kubernetes_version {
        Attr::Unknown => return None,
        Attr::Null => None,
        Attr::Known(text) => Some(parsed_version(text, found)?),
    };
    Some(OwnCluster {
        cluster: ClusterSpec {
            class: known(&settings.class)?.unwrap_or_else(|| ClusterSpec::default().class),
            class_namespace: known(&settings.class_namespace)?,
            kubernetes_version,
            region: known(&settings.region)?,
            ssh_key_name: known(&settings.ssh_key_name)?,
            control_plane_machine_type: known(&settings.control_plane_machine_type)?,
            node_machine_type: known(&settings.node_machine_type)?,
            system_machine_type: known(&settings.system_machine_type)?,
            kms_key_arn: known(&settings.kms_key_arn)?,
            zones: known(&settings.zones)?.unwrap_or_default(),
            variables: known(&settings.variables)?.unwrap_or_default().into_iter().map(|(name, text)| (name, variable(text))).collect(),
            broker_worker_class: known(&settings.broker_worker_class)?,
            system_worker_class: known(&settings.system_worker_class)?,
            control_plane_replicas: known(&settings.control_plane_replicas)?,
            pod_cidr: known(&settings.pod_cidr)?,
        },
        versions,
    })
}

/// A text among the settings.
type Part = fn(&ClusterSettings) -> &Attr<String>;

/// The settings whose change replaces the tenant, and whether each changed.
pub fn replaced(planned: &Attr<ClusterSettings>, prior: &Attr<ClusterSettings>) -> Vec<(Path, bool)> {
    let text = |block: &Attr<ClusterSettings>, part: Part| block.known().map_or(Attr::Null, |block| part(block).clone());
    let zones = |block: &Attr<ClusterSettings>| block.known().map_or(Attr::Null, |block| block.zones.clone());
    let parts: [(Field, Part); 5] = [
        (ClusterSettings::CLASS, |block| &block.class),
        (ClusterSettings::CLASS_NAMESPACE, |block| &block.class_namespace),
        (ClusterSettings::REGION, |block| &block.region),
        (ClusterSettings::KMS_KEY_ARN, |block| &block.kms_key_arn),
        (ClusterSettings::POD_CIDR, |block| &block.pod_cidr),
    ];
    let mut changes: Vec<(Path, bool)> =
        parts.into_iter().map(|(field, part)| (Tenant::CLUSTER.then(field), text(planned, part) != text(prior, part))).collect();
    changes.push((Tenant::CLUSTER.then(ClusterSettings::ZONES), zones(planned) != zones(prior)));
    changes
}

/// Everything that is wrong with the cluster for a tenant of this size, each at its attribute.
pub fn check(cluster: &ClusterSpec, sizing: &Sizing, found: &mut Diagnostics) {
    for error in cluster::check(cluster, sizing) {
        found.error_at(place(error.setting()), "This cluster cannot be made", format!("{}.", capitalised(&error.to_string())));
    }
}

/// The blocks of a configuration that ask for this cluster again.
pub fn blocks(own: &OwnCluster) -> (Attr<ClusterSettings>, Attr<OperatorVersions>) {
    let ClusterSpec {
        class,
        class_namespace,
        kubernetes_version,
        region,
        ssh_key_name,
        control_plane_machine_type,
        node_machine_type,
        system_machine_type,
        kms_key_arn,
        zones,
        variables,
        broker_worker_class,
        system_worker_class,
        control_plane_replicas,
        pod_cidr,
    } = own.cluster.clone();
    let variables: BTreeMap<String, String> = variables.into_iter().map(|(name, value)| (name, variable_text(value))).collect();
    let settings = ClusterSettings {
        class: class.into(),
        class_namespace: class_namespace.into(),
        kubernetes_version: kubernetes_version.map(|version| version.to_string()).into(),
        region: region.into(),
        ssh_key_name: ssh_key_name.into(),
        control_plane_machine_type: control_plane_machine_type.into(),
        node_machine_type: node_machine_type.into(),
        system_machine_type: system_machine_type.into(),
        kms_key_arn: kms_key_arn.into(),
        zones: (!zones.is_empty()).then_some(zones).into(),
        variables: (!variables.is_empty()).then_some(variables).into(),
        broker_worker_class: broker_worker_class.into(),
        system_worker_class: system_worker_class.into(),
        control_plane_replicas: control_plane_replicas.into(),
        pod_cidr: pod_cidr.into(),
    };
    let ComponentVersions { cloud_controller, network, ebs_csi, cert_manager, monitoring, external_dns, strimzi, drain_cleaner } =
        own.versions.clone();
    let operators = (own.versions != ComponentVersions::default()).then(|| OperatorVersions {
        strimzi: strimzi.into(),
        drain_cleaner: drain_cleaner.into(),
        cert_manager: cert_manager.into(),
        external_dns: external_dns.into(),
        prometheus: monitoring.into(),
        ebs_csi: ebs_csi.into(),
        cloud_controller: cloud_controller.into(),
        network: network.into(),
    });
    (settings.into(), operators.into())
}

fn versions(block: &Attr<OperatorVersions>, found: &mut Diagnostics) -> Option<ComponentVersions> {
    let versions = match block {
        Attr::Unknown => return None,
        Attr::Null => ComponentVersions::default(),
        Attr::Known(block) => ComponentVersions {
            cloud_controller: known(&block.cloud_controller)?,
            network: known(&block.network)?,
            ebs_csi: known(&block.ebs_csi)?,
            cert_manager: known(&block.cert_manager)?,
            monitoring: known(&block.prometheus)?,
            external_dns: known(&block.external_dns)?,
            strimzi: known(&block.strimzi)?,
            drain_cleaner: known(&block.drain_cleaner)?,
        },
    };
    let errors = versions.check();
    for error in &errors {
        let at = Tenant::OPERATORS.then(version_field(error.component));
        found.error_at(at, "Not a version", format!("{}.", capitalised(&error.to_string())));
    }
    errors.is_empty().then_some(versions)
}

fn parsed_version(text: &str, found: &mut Diagnostics) -> Option<KubernetesVersion> {
    text.parse()
        .map_err(|error: cluster::version::KubernetesVersionError| {
            let at = Tenant::CLUSTER.then(ClusterSettings::KUBERNETES_VERSION);
            found.error_at(at, "Kubernetes version not offered", format!("{}.", capitalised(&error.to_string())));
        })
        .ok()
}

/// What is JSON is meant as such; everything else is a text.
fn variable(text: String) -> Value {
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

fn variable_text(value: Value) -> String {
    match value {
        Value::String(text) if serde_json::from_str::<Value>(&text).is_err() => text,
        other => other.to_string(),
    }
}

/// Where a chart's version is written.
pub const fn version_field(component: Component) -> Field {
    match component {
        Component::CloudController => OperatorVersions::CLOUD_CONTROLLER,
        Component::Network => OperatorVersions::NETWORK,
        Component::EbsCsi => OperatorVersions::EBS_CSI,
        Component::CertManager => OperatorVersions::CERT_MANAGER,
        Component::Monitoring => OperatorVersions::PROMETHEUS,
        Component::ExternalDns => OperatorVersions::EXTERNAL_DNS,
        Component::Strimzi => OperatorVersions::STRIMZI,
        Component::DrainCleaner => OperatorVersions::DRAIN_CLEANER,
    }
}

fn place(setting: Setting) -> Path {
    let field = match setting {
        Setting::Class => ClusterSettings::CLASS,
        Setting::ClassNamespace => ClusterSettings::CLASS_NAMESPACE,
        Setting::KubernetesVersion => ClusterSettings::KUBERNETES_VERSION,
        Setting::Region => ClusterSettings::REGION,
        Setting::SshKeyName => ClusterSettings::SSH_KEY_NAME,
        Setting::ControlPlaneMachineType => ClusterSettings::CONTROL_PLANE_MACHINE_TYPE,
        Setting::NodeMachineType => ClusterSettings::NODE_MACHINE_TYPE,
        Setting::SystemMachineType => ClusterSettings::SYSTEM_MACHINE_TYPE,
        Setting::KmsKeyArn => ClusterSettings::KMS_KEY_ARN,
        Setting::Zones => ClusterSettings::ZONES,
        Setting::Variables => ClusterSettings::VARIABLES,
        Setting::BrokerWorkerClass => ClusterSettings::BROKER_WORKER_CLASS,
        Setting::SystemWorkerClass => ClusterSettings::SYSTEM_WORKER_CLASS,
        Setting::ControlPlaneReplicas => ClusterSettings::CONTROL_PLANE_REPLICAS,
        Setting::PodCidr => ClusterSettings::POD_CIDR,
    };
    Tenant::CLUSTER.then(field)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn variables_read_back_as_they_were() {
        for value in [json!("eu-x"), json!("5"), json!(5), json!(true), json!({ "a": [1] }), json!("true"), json!("{"), json!("")] {
            assert_eq!(variable(variable_text(value.clone())), value);
        }
        assert_eq!(variable("eu-x".to_owned()), json!("eu-x"));
    }

    #[test]
    fn a_cluster_of_which_nothing_is_said_is_written_as_its_class_alone() {
        let (settings, operators) = blocks(&OwnCluster::default());
        assert_eq!(settings.known().and_then(|settings| settings.class.known()).map(String::as_str), Some("kaas-eks"));
        assert!(operators.is_null());
    }
}
