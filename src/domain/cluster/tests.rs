//! What the Cluster of a tenant must show, and what is refused before one is made.

use serde_json::Value;

use super::*;
use crate::domain::names::WORKERS_LABEL;
use crate::domain::sizing::size;
use crate::domain::tenant::tests::{PAYMENTS, tenant};

fn sizing() -> Sizing {
    let spec = tenant(PAYMENTS);
    size(&spec.wish, &spec.overrides, None).unwrap()
}

fn cluster(json: &str) -> ClusterSpec {
    serde_json::from_str(json).unwrap()
}

fn built(cluster: &ClusterSpec, sizing: &Sizing) -> Value {
    let manifest = build(&tenant(PAYMENTS), cluster, sizing);
    assert_eq!(manifest.object.to_string(), "Cluster kaas-payments/payments");
    assert_eq!(manifest.body["apiVersion"], "cluster.x-k8s.io/v1beta2");
    manifest.body["spec"].clone()
}

fn variable<'a>(spec: &'a Value, name: &str) -> Option<&'a Value> {
    spec["topology"]["variables"].as_array()?.iter().find(|variable| variable["name"] == name).map(|variable| &variable["value"])
}

const EKS: &str = r#"{"region":"eu-central-1"}"#;
const AWS: &str = r#"{"class":"kaas-aws","region":"eu-central-1","ssh_key_name":"ops","control_plane_machine_type":"m6i.xlarge",
    "node_machine_type":"m7g.4xlarge","kms_key_arn":"arn:aws:kms:eu-central-1:111122223333:key/a"}"#;
const OWN: &str = r#"{"class":"proxmox","class_namespace":"platform","variables":{"pool":{"a":[1]}},"broker_worker_class":"big",
    "system_worker_class":"small","control_plane_replicas":3,"zones":["a","b"]}"#;

#[test]
fn a_cluster_reads_back_from_what_is_written_and_is_eks_by_default() {
    for text in [EKS, AWS, OWN, "{}"] {
        let read = cluster(text);
        assert_eq!(cluster(&serde_json::to_string(&read).unwrap()), read);
    }
    assert_eq!((cluster("{}").class(), cluster(AWS).class(), cluster(OWN).class()), (Class::Eks, Class::Aws, Class::Own));
    assert_eq!(cluster(r#"{"class":"kaas-eks","class_namespace":"mine"}"#).class(), Class::Own);
}

#[test]
fn a_managed_cluster_is_named_after_its_class_and_sized_by_the_wish() {
    let mut sizing = sizing();
    sizing.brokers = 6;
    let spec = built(&cluster(EKS), &sizing);
    let topology = &spec["topology"];
    assert_eq!(topology["classRef"], serde_json::json!({ "name": "kaas-eks", "namespace": "kaas-system" }));
    assert_eq!(topology["version"], "v1.36.3");
    assert_eq!(
        (variable(&spec, "region").unwrap(), variable(&spec, "nodeMachineType").unwrap()),
        (&json!("eu-central-1"), &json!(sizing.instance_type))
    );
    assert!(variable(&spec, "addons").unwrap().as_array().unwrap().iter().any(|addon| addon["name"] == "aws-ebs-csi-driver"));
    assert!(variable(&spec, "sshKeyName").is_none() && spec.get("clusterNetwork").is_none() && topology.get("controlPlane").is_none());
    let deployments = topology["workers"]["machineDeployments"].as_array().unwrap();
    let shape = |at: usize| (deployments[at]["class"].as_str(), deployments[at]["name"].as_str(), deployments[at]["replicas"].as_u64());
    assert_eq!(
        (deployments.len(), shape(0), shape(1)),
        (2, (Some("system"), Some("system"), Some(3)), (Some("brokers"), Some("brokers"), Some(6)))
    );
    assert_eq!(deployments[1]["metadata"]["labels"][WORKERS_LABEL], "brokers");
    assert!(deployments[1].get("failureDomain").is_none());
}

#[test]
fn kubeadm_on_ec2_has_a_control_plane_of_its_own() {
    let spec = built(&cluster(AWS), &sizing());
    assert_eq!(spec["topology"]["controlPlane"]["replicas"], 3);
    assert_eq!(spec["clusterNetwork"]["pods"]["cidrBlocks"][0], "192.168.0.0/16");
    for (name, value) in [
        ("controlPlaneMachineType", "m6i.xlarge"),
        ("sshKeyName", "ops"),
        ("nodeMachineType", "m7g.4xlarge"),
        ("systemMachineType", "m7g.large"),
        ("kmsKeyArn", "arn:aws:kms:eu-central-1:111122223333:key/a"),
    ] {
        assert_eq!(variable(&spec, name), Some(&json!(value)), "{name}");
    }
    assert!(variable(&spec, "addons").is_none());
}

#[test]
fn a_class_of_ones_own_gets_what_one_names_and_nothing_else() {
    let spec = built(&cluster(OWN), &sizing());
    let topology = &spec["topology"];
    assert_eq!(topology["classRef"], json!({ "name": "proxmox", "namespace": "platform" }));
    assert_eq!(topology["variables"], json!([{ "name": "pool", "value": { "a": [1] } }]));
    let deployments = topology["workers"]["machineDeployments"].as_array().unwrap();
    let classes: Vec<_> = deployments.iter().map(|deployment| deployment["class"].as_str().unwrap()).collect();
    assert_eq!(classes, ["small", "small", "big", "big"]);
    let bare = built(&cluster(r#"{"class":"x","class_namespace":"y"}"#), &sizing());
    assert_eq!(bare, json!({ "topology": { "classRef": { "name": "x", "namespace": "y" }, "version": "v1.36.3" } }));
}

#[test]
fn brokers_and_controllers_are_shared_evenly_over_zones() {
    let mut sizing = sizing();
    for (brokers, zones, expected) in [
        (6, vec!["a", "b", "c"], vec![("brokers-a", 2), ("brokers-b", 2), ("brokers-c", 2)]),
        (7, vec!["a", "b", "c"], vec![("brokers-a", 3), ("brokers-b", 2), ("brokers-c", 2)]),
        (3, vec!["a", "b", "c", "d"], vec![("brokers-a", 1), ("brokers-b", 1), ("brokers-c", 1)]),
        (3, vec!["a"], vec![("brokers-a", 3)]),
        (3, vec![], vec![("brokers", 3)]),
    ] {
        sizing.brokers = brokers;
        let cluster = ClusterSpec { zones: zones.into_iter().map(str::to_owned).collect(), ..cluster(EKS) };
        let counts = broker_counts(&cluster, &sizing);
        assert_eq!(counts.iter().map(|(name, nodes)| (name.as_str(), *nodes)).collect::<Vec<_>>(), expected);
        let deployments = built(&cluster, &sizing)["topology"]["workers"]["machineDeployments"].clone();
        let (system, brokers): (Vec<&Value>, Vec<&Value>) =
            deployments.as_array().unwrap().iter().partition(|one| one["class"] == "system");
        // Kafka's controllers are a quorum: no zone may take two of three with it where there are three zones.
        let most = 3_u64.div_ceil(cluster.zones.len().max(1) as u64);
        assert_eq!(system.iter().map(|one| one["replicas"].as_u64().unwrap()).sum::<u64>(), 3);
        assert!(system.iter().all(|one| one["replicas"].as_u64().unwrap() <= most), "{system:?}");
        for one in system {
            assert_eq!(one["failureDomain"].as_str(), one["name"].as_str().unwrap().strip_prefix("system-"));
        }
        assert_eq!(brokers.len(), counts.len());
        for (deployment, (name, nodes)) in brokers.into_iter().zip(counts) {
            assert_eq!((deployment["name"].as_str(), deployment["replicas"].as_u64()), (Some(name.as_str()), Some(nodes.into())));
            assert_eq!(deployment["failureDomain"].as_str(), name.strip_prefix("brokers-"));
        }
    }
}

#[test]
fn brokers_tolerate_what_keeps_others_off_their_nodes() {
    let brokers = placement(&cluster(EKS), Placed::Brokers).unwrap();
    assert_eq!(brokers["tolerations"][0]["key"], WORKERS_LABEL);
    let term = |placement: &Value| {
        let required = &placement["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
        required["nodeSelectorTerms"][0]["matchExpressions"][0]["values"][0].as_str().map(str::to_owned)
    };
    assert_eq!(term(&brokers).as_deref(), Some("brokers"));
    let system = placement(&cluster(EKS), Placed::System).unwrap();
    assert_eq!((term(&system).as_deref(), system.get("tolerations")), (Some("system"), None));
    assert_eq!(placement(&cluster(r#"{"class":"x","class_namespace":"y"}"#), Placed::Brokers), None);
}

#[test]
fn the_other_nodes_are_the_smallest_that_hold_a_controller() {
    let mut sizing = sizing();
    for (instance_type, memory, expected) in [("r6i.4xlarge", 2048, "r6i.large"), ("m7g.8xlarge", 4096, "m7g.xlarge")] {
        sizing.instance_type = instance_type.to_owned();
        sizing.controller_memory_mib = memory;
        assert_eq!(system_machine_type(&cluster(EKS), &sizing), expected);
    }
    assert_eq!(system_machine_type(&cluster(r#"{"system_machine_type":"t3.large"}"#), &sizing), "t3.large");
}

#[test]
fn clusters_that_can_be_made_are_not_refused() {
    for text in [
        EKS,
        AWS,
        OWN,
        r#"{"region":"us-gov-west-1","kubernetes_version":"1.34.2","zones":["us-gov-west-1a"],"variables":{"vpcId":"vpc-1"}}"#,
    ] {
        assert_eq!(check(&cluster(text), &sizing()), [], "{text}");
    }
}

#[test]
fn everything_wrong_is_named_at_its_setting() {
    for (text, setting, expected) in [
        ("{}", Setting::Region, "class kaas-eks needs a region"),
        (r#"{"class":"kaas-aws"}"#, Setting::Region, "class kaas-aws needs a region"),
        (r#"{"region":"Frankfurt"}"#, Setting::Region, "no region of AWS"),
        (r#"{"region":"eu-central-1a"}"#, Setting::Region, "no region of AWS"),
        (r#"{"class":"mine"}"#, Setting::ClassNamespace, "say in class_namespace where it is"),
        (r#"{"class":"Mine","class_namespace":"x"}"#, Setting::Class, "no name of a ClusterClass"),
        (r#"{"class":"m","class_namespace":"x","region":"eu-west-1"}"#, Setting::Region, "class m has no use for region"),
        (r#"{"class":"m","class_namespace":"x","zones":["a"]}"#, Setting::Zones, "name its worker class"),
        (r#"{"class":"m","class_namespace":"x","control_plane_replicas":2}"#, Setting::ControlPlaneReplicas, "not an odd number"),
        (
            r#"{"region":"eu-west-1","control_plane_machine_type":"m5.large"}"#,
            Setting::ControlPlaneMachineType,
            "AWS runs the control plane",
        ),
        (r#"{"region":"eu-west-1","pod_cidr":"10.0.0.0/8"}"#, Setting::PodCidr, "addresses of the VPC"),
        (r#"{"class":"kaas-aws","region":"eu-west-1","pod_cidr":"10.0.0.0/33"}"#, Setting::PodCidr, "no network"),
        (r#"{"region":"eu-west-1","zones":["a","a"]}"#, Setting::Zones, "named twice"),
        (r#"{"region":"eu-west-1","zones":["eu-west-1A"]}"#, Setting::Zones, "no zone"),
        (r#"{"region":"eu-west-1","kms_key_arn":"alias/x"}"#, Setting::KmsKeyArn, "no ARN of a KMS key"),
        (r#"{"region":"eu-west-1","broker_worker_class":"x"}"#, Setting::BrokerWorkerClass, "classes have their own"),
        (r#"{"region":"eu-west-1","variables":{"colour":1}}"#, Setting::Variables, "does not have; it has addons, "),
        (r#"{"region":"eu-west-1","variables":{"region":"x"}}"#, Setting::Variables, "is set by region"),
        (r#"{"class":"kaas-aws","region":"eu-west-1","variables":{"addons":[]}}"#, Setting::Variables, "does not have"),
        (r#"{"region":"eu-west-1","variables":{"tags":null}}"#, Setting::Variables, "leave it out"),
        (r#"{"region":"eu-west-1","kubernetes_version":"1.33.1"}"#, Setting::Variables, "no pinned add-on versions for Kubernetes 1.33.1"),
    ] {
        let errors = check(&cluster(text), &sizing());
        assert_eq!(errors.len(), 1, "{text}: {errors:?}");
        assert_eq!(errors[0].setting(), setting, "{text}");
        assert!(errors[0].to_string().contains(expected), "{}", errors[0]);
    }
    let small = cluster(r#"{"region":"eu-west-1","node_machine_type":"m5.large"}"#);
    let mut sizing = sizing();
    sizing.instance_type = "m7g.xlarge".to_owned();
    assert!(check(&small, &sizing)[0].to_string().contains("cannot hold a broker that is sized for m7g.xlarge: it has 2 vCPUs and 8 GiB"));
}

#[test]
fn a_zone_whose_label_would_be_too_long_is_refused() {
    let long = ClusterSpec { zones: vec!["z".repeat(60)], ..cluster(EKS) };
    assert!(check(&long, &sizing())[0].to_string().contains("too long"));
}

#[test]
fn one_image_is_not_given_to_two_kinds_of_processor() {
    for (name, arm) in
        [("m7g.large", true), ("c7gn.xlarge", true), ("t4g.small", true), ("m6i.large", false), ("g5.xlarge", false), ("i3en.large", false)]
    {
        assert_eq!(workers::is_arm(name), arm, "{name}");
    }
    let with = |more: &str| cluster(&format!(r#"{{"class":"kaas-aws","region":"eu-west-1"{more}}}"#));
    assert_eq!(variable(&built(&with(""), &sizing()), "controlPlaneMachineType"), Some(&json!("m7g.large")));
    let image = r#","variables":{"imageId":"ami-1"}"#;
    assert_eq!(check(&with(image), &sizing()), []);
    assert_eq!(check(&with(r#","control_plane_machine_type":"m6i.large""#), &sizing()), []);
    let mixed = check(&with(&format!(r#"{image},"control_plane_machine_type":"m6i.large""#)), &sizing());
    assert!(mixed[0].to_string().contains("has an Arm processor and m6i.large has none"), "{mixed:?}");
}
