//! One apply makes network, control plane and machines in AWS, and a Kafka on them; destroy leaves nothing in AWS.

use std::collections::BTreeMap;

use aws_sdk_eks::types::{AuthenticationMode, Cluster, LogType};
use k8s_openapi::api::core::v1::Node;
use kaas::domain::names::{BROKER_WORKERS, SYSTEM_WORKERS, WORKERS_LABEL};

use super::world::{World, on_eks};
use crate::acceptance::cluster::{self, kafka, namespace};
use crate::hard::world::inside;

const KEY: &str = "arn:aws:kms:eu-central-1:123456789012:key/0f1e2d3c-0f1e-2d3c-0f1e-2d3c4b5a6978";

#[test]
fn one_apply_makes_an_eks_cluster_with_machines_and_a_kafka_and_destroy_leaves_nothing_in_aws() {
    let world = World::new("on-eks");
    world.aws.allow_cluster_api(&[KEY.to_owned()]).unwrap();
    let before = world.in_ec2();
    let name = "cloud";
    let variables = "variables = {\n      tags                = jsonencode({ team = \"blue\" })\n      publicEndpointCidrs = jsonencode([\"10.0.0.0/8\"])\n    }";
    let place = world.place(&on_eks(name, &format!("kms_key_arn = \"{KEY}\"\n    {variables}")));
    place.apply();
    assert_eq!(place.phase(), "Ready", "{}", place.tenant()["status"]);
    place.plan_is_empty();

    let eks = world.cluster(name);
    is_as_the_class_says(&eks);
    let add_ons: Vec<String> = world.add_ons(&eks).iter().filter_map(|add_on| add_on.addon_name().map(str::to_owned)).collect();
    assert_eq!(add_ons, ["aws-ebs-csi-driver", "coredns", "eks-pod-identity-agent", "kube-proxy", "vpc-cni"]);
    in_a_network_of_its_own(&world, name, &eks);
    let owned = format!("tag:kubernetes.io/cluster/{}", eks.name().unwrap());
    let machines = world.filtered("DescribeInstances", "instanceId", (&owned, "owned"));
    machines_are_nodes(&machines, &world.nodes(name));
    assert!(cluster::get(&inside(&world.lab, name), &kafka(name)).is_some(), "Kafka is in the tenant's cluster");

    place.destroy();
    assert_eq!(world.clusters(), Vec::<String>::new());
    assert_eq!(world.in_ec2(), before);
    assert!(cluster::get(&*world.lab, &namespace(name)).is_none());
    world.lab.down().unwrap();
}

fn is_as_the_class_says(eks: &Cluster) {
    assert_eq!(eks.version(), Some("1.36"));
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
fn machines_are_nodes(machines: &[String], nodes: &[Node]) {
    let id = |node: &Node| node.spec.as_ref()?.provider_id.as_ref()?.rsplit('/').next().map(str::to_owned);
    let mut ids: Vec<String> = nodes.iter().filter_map(id).collect();
    ids.sort();
    assert_eq!(ids, machines);
    let mut counts = BTreeMap::new();
    for node in nodes {
        let workers = node.metadata.labels.as_ref().unwrap()[WORKERS_LABEL].as_str();
        let taints = node.spec.as_ref().unwrap().taints.as_ref().map_or(0, Vec::len);
        *counts.entry((workers, taints)).or_default() += 1;
    }
    assert_eq!(counts, BTreeMap::from([((BROKER_WORKERS, 1), 3), ((SYSTEM_WORKERS, 0), 3)]));
}
