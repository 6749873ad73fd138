//! What is wrong is told, each at its field, and all at once.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::values::{Service, arn, cidr};
use super::*;
use crate::domain::eks::{AccessEntry, AccessPolicy, AddOn, Endpoint, NodeGroup, NodeShape, PodIdentity, Scaling, Taint, TaintEffect};

const ROLE: &str = "arn:aws:iam::111122223333:role/eks";

fn set<const N: usize>(items: [&str; N]) -> BTreeSet<String> {
    items.map(str::to_owned).into()
}

fn group() -> NodeGroup {
    NodeGroup {
        shape: NodeShape {
            role_arn: ROLE.to_owned(),
            subnet_ids: set(["subnet-1"]),
            instance_types: vec!["m6i.large".to_owned()],
            ami_type: Some("BOTTLEROCKET_x86_64".to_owned()),
            capacity_type: Some("SPOT".to_owned()),
            disk_gib: Some(100),
        },
        scaling: Scaling { min: 0, max: 3, desired: Some(1) },
        labels: BTreeMap::from([("node.kubernetes.io/pool".to_owned(), "a".to_owned())]),
        taints: BTreeSet::from([Taint { key: "dedicated".to_owned(), value: None, effect: TaintEffect::NoSchedule }]),
        max_unavailable: Some(1),
    }
}

fn identity(service_account: &str, role: &str) -> PodIdentity {
    PodIdentity { namespace: "kube-system".to_owned(), service_account: service_account.to_owned(), role_arn: role.to_owned() }
}

fn good() -> Wish {
    let policy = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy".to_owned();
    let entry = AccessEntry {
        kubernetes_groups: set(["viewers"]),
        policies: BTreeMap::from([(policy, AccessPolicy { namespaces: set(["team-*", "default"]) })]),
    };
    let configuration = Some(r#"{"replicaCount":3}"#.to_owned());
    Wish {
        name: "platform_1-a".to_owned(),
        role_arn: ROLE.to_owned(),
        subnet_ids: set(["subnet-1", "subnet-2"]),
        security_group_ids: set(["sg-1"]),
        service_cidr: Some("172.20.0.0/16".to_owned()),
        endpoint: Endpoint { public: true, private: true, public_cidrs: set(["203.0.113.0/24", "2001:db8::/32"]) },
        secrets_key_arn: Some("arn:aws-cn:kms:cn-north-1:111122223333:key/1234".to_owned()),
        log_types: set(LOG_TYPES),
        tags: BTreeMap::from([("team/name".to_owned(), "päyments @ x".to_owned())]),
        access_entries: BTreeMap::from([("arn:aws:iam::111122223333:user/path/u".to_owned(), entry)]),
        node_groups: BTreeMap::from([("system".to_owned(), group())]),
        add_ons: BTreeMap::from([("coredns".to_owned(), AddOn { configuration, ..AddOn::default() })]),
        pod_identities: BTreeSet::from([identity("ebs-csi-controller-sa", ROLE)]),
        ..Wish::default()
    }
}

/// Of a good wish that was changed.
fn errors(change: impl FnOnce(&mut Wish)) -> Vec<WishError> {
    let mut wish = good();
    change(&mut wish);
    check(&wish)
}

fn of_group(change: impl FnOnce(&mut NodeGroup)) -> Vec<NodeGroupPart> {
    let errors = errors(|wish| change(wish.node_groups.get_mut("system").unwrap()));
    let part = |error: &WishError| match error.field() {
        Field::NodeGroup { name, part } if name == "system" => *part,
        other => panic!("{other:?}"),
    };
    errors.iter().map(part).collect()
}

#[test]
fn a_good_wish_has_nothing_wrong() {
    assert_eq!(check(&good()), []);
}

#[test]
fn each_fault_of_the_control_plane_is_told_at_its_field() {
    type Case = (fn(&mut Wish), Field, &'static str);
    let cases: [Case; 17] = [
        (|w| w.name = "-a".to_owned(), Field::Name, "no name of a cluster"),
        (|w| w.name = "a".repeat(101), Field::Name, "no name of a cluster"),
        (|w| w.role_arn = "eks".to_owned(), Field::RoleArn, "no ARN of an IAM role"),
        (|w| w.role_arn = "arn:aws:iam::111122223333:user/u".to_owned(), Field::RoleArn, "no ARN of an IAM role"),
        (|w| w.subnet_ids = set(["subnet-1"]), Field::SubnetIds, "1 given, and EKS needs at least two"),
        (|w| w.subnet_ids = set(["subnet-1", "vpc-1"]), Field::SubnetIds, "no id of a subnet"),
        (|w| w.security_group_ids = set(["sg-1", "sg-2", "sg-3", "sg-4", "sg-5", "sg-6"]), Field::SecurityGroupIds, "five at most"),
        (|w| w.security_group_ids = set(["web"]), Field::SecurityGroupIds, "no id of a security group"),
        (|w| w.service_cidr = Some("8.8.8.0/24".to_owned()), Field::ServiceCidr, "from /12 to /24"),
        (|w| w.service_cidr = Some("10.0.0.0/8".to_owned()), Field::ServiceCidr, "from /12 to /24"),
        (|w| w.service_cidr = Some("10.0.0.1/16".to_owned()), Field::ServiceCidr, "write \"10.0.0.0/16\""),
        (|w| w.endpoint = Endpoint { public: false, private: false, public_cidrs: set([]) }, Field::Endpoint, "neither public nor private"),
        (|w| w.endpoint.public = false, Field::PublicCidrs, "there is no public endpoint"),
        (|w| w.endpoint.public_cidrs = set(["203.0.113.7"]), Field::PublicCidrs, "no network"),
        (|w| w.secrets_key_arn = Some("arn:aws:kms:eu-west-1:111122223333:alias/eks".to_owned()), Field::SecretsKeyArn, "not of an alias"),
        (|w| w.log_types = set(["etcd"]), Field::LogTypes, "there are api, audit"),
        (|w| w.tags = BTreeMap::from([("Kaas.dev/owner".to_owned(), String::new())]), Field::Tags, "this provider's"),
    ];
    for (change, field, message) in cases {
        let errors = errors(change);
        assert_eq!(errors.iter().map(WishError::field).collect::<Vec<_>>(), [&field], "{errors:?}");
        assert!(errors[0].to_string().contains(message), "{}", errors[0]);
    }
}

#[test]
fn tags_are_held_to_what_aws_takes() {
    let of = |pairs: Vec<(String, String)>| errors(|wish| wish.tags = pairs.into_iter().collect()).len();
    let plain = |count: usize| (0..count).map(|index| (format!("k{index}"), String::new())).collect::<Vec<_>>();
    assert_eq!(of(plain(46)), 0);
    assert_eq!(of(plain(47)), 1);
    for (key, value) in [("aws:x", ""), ("", ""), (&*"k".repeat(129), ""), ("k", &*"v".repeat(257)), ("k!", ""), ("k", "#")] {
        assert_eq!(of(vec![(key.to_owned(), value.to_owned())]), 1, "{key} {value}");
    }
    assert_eq!(of(vec![("k".repeat(128), "ü".repeat(256))]), 0);
}

#[test]
fn each_fault_of_a_node_group_is_told_at_its_field() {
    type Case = (fn(&mut NodeGroup), NodeGroupPart);
    let cases: [Case; 22] = [
        (|g| g.shape.role_arn.clear(), NodeGroupPart::RoleArn),
        (|g| g.shape.subnet_ids.clear(), NodeGroupPart::SubnetIds),
        (|g| g.shape.subnet_ids = set(["a"]), NodeGroupPart::SubnetIds),
        (|g| g.shape.instance_types = vec!["m6i".to_owned()], NodeGroupPart::InstanceTypes),
        (|g| g.shape.instance_types = vec!["m6i.large".to_owned(); 2], NodeGroupPart::InstanceTypes),
        (|g| g.shape.instance_types = (0..21).map(|i| format!("m{i}.large")).collect(), NodeGroupPart::InstanceTypes),
        (|g| g.shape.ami_type = Some("CUSTOM".to_owned()), NodeGroupPart::AmiType),
        (|g| g.shape.capacity_type = Some("spot".to_owned()), NodeGroupPart::CapacityType),
        (|g| g.shape.disk_gib = Some(0), NodeGroupPart::DiskGib),
        (|g| g.shape.disk_gib = Some(16_385), NodeGroupPart::DiskGib),
        (|g| g.scaling = Scaling { min: 0, max: 0, desired: None }, NodeGroupPart::Scaling),
        (|g| g.scaling = Scaling { min: 4, max: 3, desired: None }, NodeGroupPart::Scaling),
        (|g| g.scaling = Scaling { min: 1, max: 3, desired: Some(4) }, NodeGroupPart::Scaling),
        (|g| g.scaling = Scaling { min: 1, max: 3, desired: Some(0) }, NodeGroupPart::Scaling),
        (|g| g.max_unavailable = Some(0), NodeGroupPart::MaxUnavailable),
        (|g| g.max_unavailable = Some(101), NodeGroupPart::MaxUnavailable),
        (|g| g.labels = BTreeMap::from([("k8s.io/x".to_owned(), "v".to_owned())]), NodeGroupPart::Labels),
        (|g| g.labels = BTreeMap::from([("eks.amazonaws.com/nodegroup".to_owned(), "v".to_owned())]), NodeGroupPart::Labels),
        (|g| g.labels = BTreeMap::from([(format!("example.com/{}", "k".repeat(52)), "v".to_owned())]), NodeGroupPart::Labels),
        (|g| g.labels = BTreeMap::from([("k".to_owned(), String::new())]), NodeGroupPart::Labels),
        (|g| g.labels = BTreeMap::from([("k".to_owned(), "-v".to_owned())]), NodeGroupPart::Labels),
        (|g| g.taints.extend([Taint { key: "a b".to_owned(), value: None, effect: TaintEffect::NoExecute }]), NodeGroupPart::Taints),
    ];
    for (index, (change, part)) in cases.into_iter().enumerate() {
        assert_eq!(of_group(change), [part], "case {index}");
    }
    let again = Taint { key: "dedicated".to_owned(), value: Some("x".to_owned()), effect: TaintEffect::NoSchedule };
    assert_eq!(of_group(|group| group.taints.extend([again])), [NodeGroupPart::Taints]);
}

#[test]
fn names_of_node_groups_leave_room_for_what_is_added() {
    let named = |name: &str| errors(|wish| drop(wish.node_groups.insert(name.to_owned(), group()))).len();
    assert_eq!((named(&"a".repeat(56)), named(&"a".repeat(57)), named(""), named("a.b"), named("-a")), (0, 1, 1, 1, 1));
}

#[test]
fn access_add_ons_and_pod_identities_are_checked() {
    type Case = (fn(&mut Wish), &'static str);
    let cases: [Case; 11] = [
        (|w| drop(w.access_entries.insert("u".to_owned(), AccessEntry::default())), "no ARN of an IAM role or user"),
        (|w| w.access_entries.values_mut().next().unwrap().kubernetes_groups = set(["system:masters"]), "Kubernetes' own"),
        (|w| drop(w.access_entries.values_mut().next().unwrap().policies.insert("p".to_owned(), AccessPolicy::default())), "access policy"),
        (|w| w.access_entries.values_mut().next().unwrap().policies.values_mut().next().unwrap().namespaces = set(["A"]), "namespace"),
        (|w| w.add_ons.get_mut("coredns").unwrap().configuration = Some("[]".to_owned()), "JSON, but no object"),
        (|w| w.add_ons.get_mut("coredns").unwrap().configuration = Some("replicas: 3".to_owned()), "no JSON"),
        (|w| w.add_ons.get_mut("coredns").unwrap().version = Some("1.12".to_owned()), "no version of an add-on"),
        (|w| w.add_ons.get_mut("coredns").unwrap().service_account_role_arn = Some("r".to_owned()), "no ARN of an IAM role"),
        (|w| drop(w.add_ons.insert("a b".to_owned(), AddOn::default())), "no name of an add-on"),
        (|w| w.pod_identities.extend([identity("a b", ROLE)]), "no name of a service account"),
        (|w| w.pod_identities.extend([identity("ebs-csi-controller-sa", "arn:aws:iam::111122223333:role/x")]), "it has two roles"),
    ];
    for (change, message) in cases {
        let errors = errors(change);
        assert_eq!(errors.len(), 1, "{message}: {errors:?}");
        assert!(errors[0].to_string().contains(message), "{}", errors[0]);
    }
}

#[test]
fn all_faults_are_told_at_once() {
    assert_eq!(check(&Wish::default()).len(), 3);
    let errors = errors(|wish| (wish.name, wish.role_arn, wish.log_types) = (String::new(), String::new(), set(["x", "y"])));
    assert_eq!(errors.len(), 4, "{errors:?}");
}

proptest! {
    #[test]
    fn a_network_is_accepted_exactly_as_it_is_written(address: u32, bits in 0..=32_u32) {
        let network = if bits == 0 { 0 } else { address >> (32 - bits) << (32 - bits) };
        let text = format!("{}/{bits}", std::net::Ipv4Addr::from_bits(network));
        prop_assert!(cidr(&text).is_ok());
        let found = cidr(&format!("{}/{bits}", std::net::Ipv4Addr::from_bits(address)));
        prop_assert_eq!(found.is_ok(), network == address);
    }

    #[test]
    fn no_text_makes_a_check_panic(text in ".{0,80}") {
        prop_assert!(cidr(&text).is_err() || text.contains('/'));
        prop_assert!(!arn(&text, Service::IamRole) || text.starts_with("arn:"));
        let found = errors(|wish| {
            wish.name.clone_from(&text);
            wish.tags = BTreeMap::from([(text.clone(), text.clone())]);
            wish.node_groups = BTreeMap::from([(text.clone(), NodeGroup { labels: BTreeMap::from([(text.clone(), text.clone())]), ..group() })]);
        });
        for error in found {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}
