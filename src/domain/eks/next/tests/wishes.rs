//! Random wishes, of few values, so that two of them often share some.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::{btree_map, btree_set};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

use super::super::super::*;

pub const ROLE: &str = "arn:aws:iam::111122223333:role/eks";
pub const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1";
pub const CREATOR: &str = "arn:aws:iam::111122223333:role/creator";
const POLICY: &str = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy";

fn text(choices: &'static [&'static str]) -> impl Strategy<Value = String> {
    select(choices).prop_map(str::to_owned)
}

fn texts(choices: &'static [&'static str]) -> impl Strategy<Value = BTreeSet<String>> {
    btree_set(text(choices), 0..=choices.len())
}

fn pairs() -> impl Strategy<Value = BTreeMap<String, String>> {
    btree_map(text(&["team", "stage"]), text(&["a", "b"]), 0..3)
}

fn scaling() -> impl Strategy<Value = Scaling> {
    (0..4_u32, 0..4_u32, of(0..4_u32)).prop_map(|(min, more, desired)| {
        let max = (min + more).max(1);
        Scaling { min, max, desired: desired.map(|desired| (min + desired).min(max)) }
    })
}

fn shape() -> impl Strategy<Value = NodeShape> {
    let subnets = btree_set(text(&["subnet-1", "subnet-2"]), 1..3);
    (subnets, text(&["m6i.large", "m7i.large"]), of(Just("AL2023_x86_64_STANDARD".to_owned())), of(select(vec![20_u32, 50]))).prop_map(
        |(subnet_ids, instance_type, ami_type, disk_gib)| NodeShape {
            role_arn: ROLE.to_owned(),
            subnet_ids,
            instance_types: vec![instance_type],
            ami_type,
            disk_gib,
            capacity_type: None,
        },
    )
}

fn taints() -> impl Strategy<Value = BTreeSet<Taint>> {
    let taint = (text(&["dedicated"]), of(text(&["", "x"])));
    taint.prop_map(|(key, value)| BTreeSet::from([Taint { key, value, effect: TaintEffect::NoSchedule }]))
}

fn node_group() -> impl Strategy<Value = NodeGroup> {
    (shape(), scaling(), pairs(), of(taints()), of(1..3_u32)).prop_map(|(shape, scaling, labels, taints, max_unavailable)| NodeGroup {
        shape,
        scaling,
        labels,
        taints: taints.unwrap_or_default(),
        max_unavailable,
    })
}

fn add_on() -> impl Strategy<Value = AddOn> {
    let configuration = of(text(&["{}", r#"{"a":1}"#]));
    (of(text(&["v1", "v2"])), of(Just(ROLE.to_owned())), configuration)
        .prop_map(|(version, service_account_role_arn, configuration)| AddOn { version, service_account_role_arn, configuration })
}

fn access_entry() -> impl Strategy<Value = AccessEntry> {
    let policies = btree_map(Just(POLICY.to_owned()), texts(&["default"]).prop_map(|namespaces| AccessPolicy { namespaces }), 0..2);
    (texts(&["viewers"]), policies).prop_map(|(kubernetes_groups, policies)| AccessEntry { kubernetes_groups, policies })
}

/// One role for each service account.
fn pod_identities() -> impl Strategy<Value = BTreeSet<PodIdentity>> {
    btree_map(text(&["a", "b"]), text(&["role-1", "role-2"]), 0..3).prop_map(|roles| {
        let identity = |(service_account, role): (String, String)| PodIdentity {
            namespace: "kube-system".to_owned(),
            service_account,
            role_arn: format!("arn:aws:iam::111122223333:role/{role}"),
        };
        roles.into_iter().map(identity).collect()
    })
}

fn endpoint() -> impl Strategy<Value = Endpoint> {
    (any::<bool>(), any::<bool>(), texts(&["10.0.0.0/8", "0.0.0.0/0"])).prop_map(|(public, private, cidrs)| Endpoint {
        public,
        private: private || !public,
        public_cidrs: if public { cidrs } else { BTreeSet::new() },
    })
}

fn control_plane() -> impl Strategy<Value = Wish> {
    let version = of((30..34_u32).prop_map(|minor| EksVersion { minor }));
    let support = of(select(vec![SupportType::Standard, SupportType::Extended]));
    let network = (btree_set(text(&["subnet-1", "subnet-2", "subnet-3"]), 2..4), texts(&["sg-1"]), endpoint());
    let rest = (of(Just(KEY.to_owned())), texts(&["api", "audit"]), support, any::<bool>(), pairs());
    (version, network, rest).prop_map(
        |(version, (subnet_ids, security_group_ids, endpoint), (key, log_types, support_type, protected, tags))| Wish {
            name: "platform".to_owned(),
            owner: "me".to_owned(),
            version,
            role_arn: ROLE.to_owned(),
            subnet_ids,
            security_group_ids,
            endpoint,
            secrets_key_arn: key,
            log_types,
            support_type,
            deletion_protection: protected,
            tags,
            ..Wish::default()
        },
    )
}

pub fn wish() -> impl Strategy<Value = Wish> {
    let add_ons = btree_map(text(&["vpc-cni", "kube-proxy", "coredns", "aws-ebs-csi-driver"]), add_on(), 0..4);
    let access = (btree_map(text(&[CREATOR, "arn:aws:iam::111122223333:user/u"]), access_entry(), 0..3), pod_identities());
    let groups = btree_map(text(&["system", "brokers"]), node_group(), 0..3);
    (control_plane(), groups, add_ons, access).prop_map(|(wish, node_groups, add_ons, (access_entries, pod_identities))| Wish {
        node_groups,
        add_ons,
        access_entries,
        pod_identities,
        ..wish
    })
}
