//! One apply makes network, control plane and machines in AWS, and a Kafka on them; another brings all of it to the next Kubernetes; destroy leaves nothing in AWS.

use std::collections::BTreeMap;

use aws_sdk_eks::types::{Addon, AuthenticationMode, Cluster, LogType};
use k8s_openapi::api::core::v1::Node;
use kaas::domain::names::{BROKER_WORKERS, SYSTEM_WORKERS, WORKERS_LABEL};

use super::world::{World, is_applied, on_eks};
use crate::acceptance::cluster::{self, kafka, namespace};
use crate::hard::world::inside;

const KEY: &str = "arn:aws:kms:eu-central-1:123456789012:key/0f1e2d3c-0f1e-2d3c-0f1e-2d3c4b5a6978";

#[test]
fn an_eks_cluster_with_machines_and_a_kafka_is_made_by_one_apply_upgraded_by_another_and_leaves_nothing_in_aws() {
    let world = World::new("on-eks");
    world.aws.allow_cluster_api(&[KEY.to_owned()]).unwrap();
    let before = world.in_ec2();
    let name = "cloud";
    let variables = "variables = {\n      tags                = jsonencode({ team = \"blue\" })\n      publicEndpointCidrs = jsonencode([\"10.0.0.0/8\"])\n    }";
    let of_version =
        |version: &str| on_eks(name, &format!("kubernetes_version = \"{version}\"\n    kms_key_arn = \"{KEY}\"\n    {variables}"));
    let place = world.place(&of_version("1.35.4"));
    is_applied(&place);

    let eks = world.cluster(name);
    is_as_the_class_says(&eks);
    assert_eq!(eks.version(), Some("1.35"));
    let first_add_ons = add_ons(&world, &eks);
    let names: Vec<&str> = first_add_ons.keys().map(String::as_str).collect();
    assert_eq!(names, ["aws-ebs-csi-driver", "coredns", "eks-pod-identity-agent", "kube-proxy", "vpc-cni"]);
    in_a_network_of_its_own(&world, name, &eks);
    let first_machines = machines(&world, &eks);
    machines_are_nodes(&first_machines, &world.nodes(name), "v1.35.");
    assert!(cluster::get(&inside(&world.lab, name), &kafka(name)).is_some(), "Kafka is in the tenant's cluster");

    world.configure(&place, &of_version("1.36.3"));
    is_applied(&place);
    let upgraded = world.cluster(name);
    assert_eq!((upgraded.version(), upgraded.name()), (Some("1.36"), eks.name()));
    assert_ne!(add_ons(&world, &upgraded)["kube-proxy"], first_add_ons["kube-proxy"], "of the version that goes with Kubernetes");
    let machines = machines(&world, &upgraded);
    machines_are_nodes(&machines, &world.nodes(name), "v1.36.");
    assert!(machines.iter().all(|id| !first_machines.contains(id)), "each made anew: {machines:?}");

    place.destroy();
    assert_eq!(world.clusters(), Vec::<String>::new());
    assert_eq!(world.in_ec2(), before);
    assert!(cluster::get(&*world.lab, &namespace(name)).is_none());
    world.lab.down().unwrap();
}

/// The versions of the add-ons by their names.
fn add_ons(world: &World, eks: &Cluster) -> BTreeMap<String, String> {
    let named = |add_on: &Addon| Some((add_on.addon_name()?.to_owned(), add_on.addon_version()?.to_owned()));
    world.add_ons(eks).iter().filter_map(named).collect()
}

/// The ids of the cluster's running machines.
fn machines(world: &World, eks: &Cluster) -> Vec<String> {
    let owned = format!("tag:kubernetes.io/cluster/{}", eks.name().unwrap());
    let filters = [("Filter.1.Name", owned.as_str()), ("Filter.1.Value.1", "owned")];
    let running = [("Filter.2.Name", "instance-state-name"), ("Filter.2.Value.1", "running")];
    world.ids(&[&[("Action", "DescribeInstances")], &filters[..], &running[..]].concat(), "instanceId")
}

fn is_as_the_class_says(eks: &Cluster) {
    assert!(eks.name().unwrap().starts_with("kaas-cloud_cloud"), "{:?}", eks.name());
    assert_eq!(eks.tags().unwrap()["team"], "blue");
    let network = eks.resources_vpc_config().unwrap();
    assert!(network.endpoint_public_access() && network.endpoint_private_access());
    assert_eq!(network.public_access_cidrs(), ["10.0.0.0/8"]);
    let access = eks.access_config().unwrap().authentication_mode();
    assert_eq!(access, Some(&AuthenticationMode::ApiAndConfigMap));
    let logged = eks.logging().unwrap().cluster_logging().iter().find(|setup| setup.enabled() == Some(true)).unwrap();
    assert_eq!(logged.types(), [LogType::Api, LogType::Audit, LogType::Authenticator]);
    assert_eq!(eks.encryption_config()[0].provider().unwrap().key_arn(), Some(KEY));
}

fn in_a_network_of_its_own(world: &World, name: &str, eks: &Cluster) {
    let network = eks.resources_vpc_config().unwrap();
    let owned = format!("tag:sigs.k8s.io/cluster-api-provider-aws/cluster/{name}");
    assert_eq!(world.filtered("DescribeVpcs", "vpcId", (&owned, "owned")), [network.vpc_id().unwrap().to_owned()]);
    let subnets = world.filtered("DescribeSubnets", "subnetId", ("vpc-id", network.vpc_id().unwrap()));
    assert_eq!(subnets.len(), 6, "a public and a private one in three zones: {subnets:?}");
    let mut own = network.subnet_ids().to_vec();
    own.sort();
    assert_eq!(own, subnets);
}

/// Three for the brokers, which only these may use, and three for all else; each is a machine of EC2.
fn machines_are_nodes(machines: &[String], nodes: &[Node], version: &str) {
    let id = |node: &Node| node.spec.as_ref()?.provider_id.as_ref()?.rsplit('/').next().map(str::to_owned);
    let mut ids: Vec<String> = nodes.iter().filter_map(id).collect();
    ids.sort();
    assert_eq!(ids, machines);
    let mut counts = BTreeMap::new();
    for node in nodes {
        let kubelet = &node.status.as_ref().unwrap().node_info.as_ref().unwrap().kubelet_version;
        assert!(kubelet.starts_with(version) && kubelet.contains("-eks-"), "{kubelet}");
        let workers = node.metadata.labels.as_ref().unwrap()[WORKERS_LABEL].as_str();
        let taints = node.spec.as_ref().unwrap().taints.as_ref().map_or(0, Vec::len);
        *counts.entry((workers, taints)).or_default() += 1;
    }
    assert_eq!(counts, BTreeMap::from([((BROKER_WORKERS, 1), 3), ((SYSTEM_WORKERS, 0), 3)]));
}
