//! A tenant in a network that the user's own modules made, with public names: its cluster stands in the subnets it is given, its pods have a role of the
//! provider's making, and destroy leaves the network, and in it nothing but the tags that Cluster API's provider for AWS never takes off a subnet.

use aws_sdk_eks::types::Cluster;
use kaas_lab::terraform::Engine;

use super::world::{World, is_applied, on_eks};
use crate::acceptance::place::holds;
use crate::names::world::{Route53, acme_block, dns_block, place};

const NAME: &str = "guest";

#[test]
fn a_tenant_lives_in_a_network_of_the_users_with_names_and_a_role_and_leaves_nothing_in_it() {
    let world = World::named("on-eks-guest");
    world.aws.allow_cluster_api(&[]).unwrap();
    let network = Network::new(&world);
    let before = world.in_ec2();
    let Network { vpc, subnets } = &network;
    let variables = format!("variables = {{\n      vpcId     = \"{vpc}\"\n      subnetIds = jsonencode({subnets:?})\n    }}");
    let dns = world.lab.dns().unwrap();
    let mut tenant = on_eks(NAME, &variables);
    tenant.more = format!("{}\n  {}\n  {}", tenant.more, dns_block(&dns, ""), acme_block(&dns, ""));
    let place = place(Engine::OpenTofu, &world.lab);
    world.configure(&place, &tenant);
    is_applied(&place);

    let eks = world.cluster(NAME);
    stands_in(&eks, &network);
    assert_eq!(world.filtered("DescribeVpcs", "vpcId", ("vpc-id", &network.vpc)).len(), 1);
    assert!(!Route53::of(&world.lab).of_tenant(NAME).is_empty());
    assert_eq!(world.pod_identities(&eks), ["cert-manager/cert-manager", "external-dns/external-dns"]);
    assert_eq!(world.roles(NAME), 1);
    world.disarm(NAME);
    holds(&place.plan_changes(), &["IAM role kaas-guest-", "policy \\\"external-dns\\\" is missing"]);
    is_applied(&place);

    place.destroy();
    assert_eq!((world.clusters(), world.roles(NAME)), (Vec::new(), 0));
    assert_eq!(Route53::of(&world.lab).of_tenant(NAME), Vec::<String>::new());
    assert_eq!(world.in_ec2(), before);
    let tags = |id: &String| world.filtered("DescribeTags", "key", ("resource-id", id));
    assert_eq!(tags(&network.vpc), Vec::<String>::new());
    for subnet in &network.subnets {
        assert_eq!(tags(subnet), [format!("kubernetes.io/cluster/{}", eks.name().unwrap()), "kubernetes.io/role/internal-elb".to_owned()]);
    }
    world.lab.down().unwrap();
}

fn stands_in(eks: &Cluster, network: &Network) {
    let found = eks.resources_vpc_config().unwrap();
    assert_eq!(found.vpc_id(), Some(network.vpc.as_str()));
    let mut subnets = found.subnet_ids().to_vec();
    subnets.sort();
    assert_eq!(subnets, network.subnets);
}

/// A VPC with a private subnet in each of two zones, as another module makes it.
struct Network {
    vpc: String,
    subnets: Vec<String>,
}

impl Network {
    fn new(world: &World) -> Self {
        let [vpc] = &world.ids(&[("Action", "CreateVpc"), ("CidrBlock", "10.40.0.0/16")], "vpcId")[..] else { panic!("no VPC") };
        let subnet = |(zone, range): (&str, &str)| {
            let zone = format!("{}{zone}", world.aws.region());
            let asked = [("Action", "CreateSubnet"), ("VpcId", vpc.as_str()), ("CidrBlock", range), ("AvailabilityZone", zone.as_str())];
            world.ids(&asked, "subnetId").remove(0)
        };
        let mut subnets: Vec<String> = [("a", "10.40.0.0/20"), ("b", "10.40.16.0/20")].into_iter().map(subnet).collect();
        subnets.sort();
        Self { vpc: vpc.clone(), subnets }
    }
}
