//! What a changed wish does to a cluster that runs: known before it is done, so that a plan can say it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use super::check::Field;
use super::compare::{self, reach};
use super::group::meets;
use super::seen::{AddOnSeen, NodeGroupSeen};
use super::version::{EksVersion, EksVersionError};
use super::wish::{AddOn, NodeGroup, Wish};

/// Changes that only another control plane can have, each with its reason.
pub fn replacement(prior: &Wish, planned: &Wish) -> Vec<(Field, String)> {
    let mut found = Vec::new();
    let mut fixed = |field, is_changed: bool, why: &str| {
        if is_changed {
            found.push((field, format!("{why}, so another cluster takes the place of this one")));
        }
    };
    let is_other = |prior: &Option<String>, planned: &Option<String>| prior.is_some() && planned.is_some() && prior != planned;
    fixed(Field::Name, prior.name != planned.name, "EKS cannot rename a cluster");
    fixed(Field::RoleArn, prior.role_arn != planned.role_arn, "EKS cannot change the role of a control plane");
    let cidr = is_other(&prior.service_cidr, &planned.service_cidr);
    fixed(Field::ServiceCidr, cidr, "EKS cannot change the network of Services");
    let key = is_other(&prior.secrets_key_arn, &planned.secrets_key_arn);
    fixed(Field::SecretsKeyArn, key, "EKS cannot encrypt Secrets with another key");
    found
}

/// Changes that cannot be, and what to do instead.
pub fn refused(prior: &Wish, planned: &Wish) -> Vec<(Field, String)> {
    let mut found = Vec::new();
    if let (Some(from), Some(to)) = (prior.version, planned.version)
        && to < from
    {
        found.push((Field::Version, EksVersionError::Downgrade { from, to }.to_string()));
    }
    if let (Some(key), None) = (&prior.secrets_key_arn, &planned.secrets_key_arn) {
        found.push((Field::SecretsKeyArn, format!("EKS cannot stop encrypting Secrets once it has begun to; leave {key} there")));
    }
    found
}

/// Minutes that EKS usually takes for one minor of the control plane.
const MINUTES_OF_MINOR: u32 = 10;
/// For another way in or another network of the control plane.
const MINUTES_OF_SETTING: u32 = 5;
/// To encrypt the Secrets that are there. Source: EKS user guide, "Enable secret encryption": up to 45 minutes.
const MINUTES_OF_ENCRYPTION: u32 = 45;

/// One line for each change of a running cluster, such as "rolling: node group "system" m6i.large -> m6i.xlarge: …", the most disturbing first. Changes
/// that are refused or need another cluster are not told here.
pub fn effects(prior: &Wish, planned: &Wish) -> Vec<String> {
    let mut lines = Lines::default();
    version(prior, planned, &mut lines);
    control_plane(prior, planned, &mut lines);
    for name in prior.node_groups.keys().chain(planned.node_groups.keys()).collect::<BTreeSet<_>>() {
        node_group(name, prior.node_groups.get(name), planned.node_groups.get(name), &mut lines);
    }
    for name in prior.add_ons.keys().chain(planned.add_ons.keys()).collect::<BTreeSet<_>>() {
        add_on(name, prior.add_ons.get(name), planned.add_ons.get(name), &mut lines);
    }
    access(prior, planned, &mut lines);
    [lines.rolling, lines.slow, lines.live].concat()
}

/// By how much they disturb.
#[derive(Default)]
struct Lines {
    rolling: Vec<String>,
    slow: Vec<String>,
    live: Vec<String>,
}

impl Lines {
    fn rolling(&mut self, what: impl Display) {
        self.rolling.push(format!("rolling: {what}"));
    }

    fn slow(&mut self, minutes: u32, what: impl Display) {
        self.slow.push(format!("slow (about {minutes} minutes): {what}"));
    }

    fn live(&mut self, what: impl Display) {
        self.live.push(format!("live: {what}"));
    }
}

fn version(prior: &Wish, planned: &Wish, lines: &mut Lines) {
    let (Some(from), Some(to)) = (prior.version, planned.version) else { return };
    if to <= from {
        return;
    }
    let minors = to.minor - from.minor;
    let path: Vec<String> = (from.minor..=to.minor).map(|minor| EksVersion { minor }.to_string()).collect();
    lines.slow(
        minors.saturating_mul(MINUTES_OF_MINOR),
        format_args!("control plane {}, one minor at a time; the Kubernetes API stays up", path.join(" -> ")),
    );
    let kept: Vec<&str> = prior.node_groups.keys().filter(|name| planned.node_groups.contains_key(*name)).map(String::as_str).collect();
    if !kept.is_empty() {
        let each = if minors > 1 { ", with each minor" } else { "" };
        lines.rolling(format_args!("nodes of {} are replaced by nodes of {to}{each}", kept.join(", ")));
    }
    let unpinned: Vec<&str> =
        planned.add_ons.iter().filter(|(_, add_on)| add_on.version.is_none()).map(|(name, _)| name.as_str()).collect();
    if !unpinned.is_empty() {
        lines.rolling(format_args!("add-ons {} go to what AWS chooses for {to}", unpinned.join(", ")));
    }
}

fn control_plane(prior: &Wish, planned: &Wish, lines: &mut Lines) {
    if reach(&prior.endpoint) != reach(&planned.endpoint) {
        let lost = if prior.endpoint.public && !planned.endpoint.public { "; then it is reached from the VPC only" } else { "" };
        lines.slow(MINUTES_OF_SETTING, format_args!("endpoint of the Kubernetes API{lost}"));
    }
    if (&prior.subnet_ids, &prior.security_group_ids) != (&planned.subnet_ids, &planned.security_group_ids) {
        lines.slow(MINUTES_OF_SETTING, "subnets and security groups of the control plane");
    }
    if prior.log_types != planned.log_types {
        lines.slow(MINUTES_OF_SETTING, "logging of the control plane");
    }
    if prior.secrets_key_arn.is_none() && planned.secrets_key_arn.is_some() {
        lines.slow(MINUTES_OF_ENCRYPTION, "Secrets are encrypted with the key; this cannot be undone");
    }
    if planned.support_type.is_some() && prior.support_type != planned.support_type {
        lines.live("support of the version; EXTENDED costs more");
    }
    if prior.deletion_protection != planned.deletion_protection {
        lines.live(format_args!("deletion protection is switched {}", if planned.deletion_protection { "on" } else { "off" }));
    }
    if prior.tags != planned.tags {
        lines.live("tags");
    }
}

fn node_group(name: &str, prior: Option<&NodeGroup>, planned: Option<&NodeGroup>, lines: &mut Lines) {
    match (prior, planned) {
        (None, Some(_)) => lines.live(format_args!("node group {name:?} is made")),
        (Some(_), None) => lines.rolling(format_args!("node group {name:?} is drained and deleted")),
        (Some(prior), Some(planned)) if !meets(&planned.shape, &prior.shape) => {
            let differences: Vec<String> =
                compare::shape(&planned.shape, &prior.shape).iter().map(|d| format!("{} {} -> {}", d.what, d.found, d.wished)).collect();
            lines.rolling(format_args!(
                "node group {name:?}: {}; new nodes are made first, then the former ones drained and deleted",
                differences.join(", ")
            ));
        }
        (Some(prior), Some(planned)) => {
            let seen = NodeGroupSeen {
                scaling: prior.scaling,
                labels: prior.labels.clone(),
                taints: prior.taints.clone(),
                max_unavailable: prior.max_unavailable,
                ..NodeGroupSeen::default()
            };
            for difference in compare::node_group(planned, &seen) {
                lines.live(format_args!("node group {name:?}: {} {} -> {}", difference.what, difference.found, difference.wished));
            }
        }
        (None, None) => {}
    }
}

fn add_on(name: &str, prior: Option<&AddOn>, planned: Option<&AddOn>, lines: &mut Lines) {
    match (prior, planned) {
        (None, Some(_)) => lines.live(format_args!("add-on {name:?} is made")),
        (Some(_), None) => lines.live(format_args!("add-on {name:?} is removed, and what it runs in the cluster")),
        (Some(prior), Some(planned)) => {
            let seen = AddOnSeen {
                version: prior.version.clone(),
                service_account_role_arn: prior.service_account_role_arn.clone(),
                configuration: prior.configuration.clone(),
                tags: BTreeMap::from([(super::tags::KUBERNETES.to_owned(), EksVersion::default().to_string())]),
                ..AddOnSeen::default()
            };
            let mut differences = compare::add_on(planned, &seen, EksVersion::default());
            if planned.version.is_none() && prior.version.is_some() {
                lines.rolling(format_args!("add-on {name:?}: version goes to what AWS chooses; its pods restart"));
            }
            differences.retain(|difference| difference.found != difference.wished);
            for difference in differences {
                lines.rolling(format_args!(
                    "add-on {name:?}: {} {} -> {}; its pods restart",
                    difference.what, difference.found, difference.wished
                ));
            }
        }
        (None, None) => {}
    }
}

fn access(prior: &Wish, planned: &Wish, lines: &mut Lines) {
    let principals: BTreeSet<&String> = prior.access_entries.keys().chain(planned.access_entries.keys()).collect();
    for principal in principals {
        match (prior.access_entries.get(principal), planned.access_entries.get(principal)) {
            (None, Some(_)) => lines.live(format_args!("{principal} gets access")),
            (Some(_), None) => lines.live(format_args!("{principal} loses access")),
            (Some(prior), Some(planned)) if prior != planned => lines.live(format_args!("access of {principal} changes")),
            _ => {}
        }
    }
    for identity in planned.pod_identities.difference(&prior.pod_identities) {
        lines.live(format_args!("{} begins; pods have it from their next start on", compare::pod_identity(identity)));
    }
    for identity in prior.pod_identities.difference(&planned.pod_identities) {
        lines.live(format_args!("{} ends", compare::pod_identity(identity)));
    }
}

#[cfg(test)]
mod tests {
    use super::super::{NodeShape, PodIdentity, Scaling};
    use super::*;

    fn wish() -> Wish {
        let shape = NodeShape { instance_types: vec!["m6i.large".to_owned()], ..NodeShape::default() };
        let group = NodeGroup { shape, scaling: Scaling { min: 1, max: 3, desired: None }, ..NodeGroup::default() };
        Wish {
            name: "platform".to_owned(),
            version: Some(EksVersion { minor: 32 }),
            role_arn: "role".to_owned(),
            service_cidr: Some("10.0.0.0/16".to_owned()),
            secrets_key_arn: Some("key".to_owned()),
            node_groups: BTreeMap::from([("system".to_owned(), group)]),
            add_ons: BTreeMap::from([("coredns".to_owned(), AddOn::default())]),
            ..Wish::default()
        }
    }

    fn changed(change: impl FnOnce(&mut Wish)) -> Wish {
        let mut planned = wish();
        change(&mut planned);
        planned
    }

    fn lines(change: impl FnOnce(&mut Wish)) -> Vec<String> {
        effects(&wish(), &changed(change))
    }

    #[test]
    fn what_was_fixed_at_the_beginning_means_another_cluster() {
        type Case = (fn(&mut Wish), Field);
        let cases: [Case; 4] = [
            (|w| w.name = "other".to_owned(), Field::Name),
            (|w| w.role_arn = "other".to_owned(), Field::RoleArn),
            (|w| w.service_cidr = Some("10.1.0.0/16".to_owned()), Field::ServiceCidr),
            (|w| w.secrets_key_arn = Some("other".to_owned()), Field::SecretsKeyArn),
        ];
        for (change, field) in cases {
            let found = replacement(&wish(), &changed(change));
            assert_eq!(found.iter().map(|(field, _)| field).collect::<Vec<_>>(), [&field]);
            assert!(found[0].1.ends_with("another cluster takes the place of this one"), "{found:?}");
        }
        let open = changed(|wish| (wish.service_cidr, wish.version) = (None, Some(EksVersion { minor: 34 })));
        assert_eq!(replacement(&wish(), &open), []);
        let before = changed(|wish| wish.secrets_key_arn = None);
        assert_eq!((replacement(&before, &wish()), refused(&before, &wish())), (vec![], vec![]));
    }

    #[test]
    fn the_way_back_is_refused_with_the_way_out() {
        let back = refused(&wish(), &changed(|wish| (wish.version, wish.secrets_key_arn) = (Some(EksVersion { minor: 31 }), None)));
        assert_eq!(back.iter().map(|(field, _)| field).collect::<Vec<_>>(), [&Field::Version, &Field::SecretsKeyArn]);
        assert!(back[0].1.contains("from 1.32 back to 1.31") && back[1].1.contains("leave key there"), "{back:?}");
        assert_eq!(refused(&wish(), &changed(|wish| wish.version = None)), []);
    }

    #[test]
    fn an_upgrade_says_its_path_and_what_follows() {
        let rolling = [
            "rolling: nodes of system are replaced by nodes of 1.34, with each minor",
            "rolling: add-ons coredns go to what AWS chooses for 1.34",
        ];
        let found = lines(|wish| wish.version = Some(EksVersion { minor: 34 }));
        assert_eq!(found[..2], rolling);
        let slow = "slow (about 20 minutes): control plane 1.32 -> 1.33 -> 1.34, one minor at a time; the Kubernetes API stays up";
        assert_eq!(found[2..], [slow]);
    }

    #[test]
    fn another_shape_is_rolling_and_other_bounds_are_live() {
        let system = |wish: &mut Wish, change: fn(&mut NodeGroup)| change(wish.node_groups.get_mut("system").unwrap());
        assert_eq!(
            lines(|wish| system(wish, |group| group.shape.instance_types = vec!["m7i.large".to_owned()])),
            [
                "rolling: node group \"system\": instance types m6i.large -> m7i.large; new nodes are made first, then the former ones drained and deleted"
            ]
        );
        assert_eq!(
            lines(|wish| system(wish, |group| group.scaling.max = 9)),
            ["live: node group \"system\": bounds 1 to 3 nodes -> 1 to 9 nodes"]
        );
        assert_eq!(lines(|wish| wish.node_groups.clear()), ["rolling: node group \"system\" is drained and deleted"]);
    }

    #[test]
    fn every_other_change_has_its_line_and_no_change_has_none() {
        type Case = (fn(&mut Wish), &'static str);
        let cases: [Case; 10] = [
            (|w| w.endpoint.public = false, "slow (about 5 minutes): endpoint of the Kubernetes API; then it is reached from the VPC only"),
            (|w| w.subnet_ids.extend(["subnet-1".to_owned()]), "slow (about 5 minutes): subnets and security groups of the control plane"),
            (|w| w.log_types.extend(["api".to_owned()]), "slow (about 5 minutes): logging of the control plane"),
            (|w| w.deletion_protection = true, "live: deletion protection is switched on"),
            (|w| drop(w.tags.insert("a".to_owned(), "b".to_owned())), "live: tags"),
            (|w| w.add_ons.clear(), "live: add-on \"coredns\" is removed, and what it runs in the cluster"),
            (
                |w| w.add_ons.get_mut("coredns").unwrap().version = Some("v1".to_owned()),
                "rolling: add-on \"coredns\": version none -> v1; its pods restart",
            ),
            (|w| drop(w.add_ons.insert("vpc-cni".to_owned(), AddOn::default())), "live: add-on \"vpc-cni\" is made"),
            (|w| drop(w.access_entries.insert("p".to_owned(), Default::default())), "live: p gets access"),
            (
                |w| {
                    w.pod_identities.extend([PodIdentity {
                        namespace: "n".to_owned(),
                        service_account: "s".to_owned(),
                        role_arn: "r".to_owned(),
                    }])
                },
                "live: pod identity of n/s with role r begins; pods have it from their next start on",
            ),
        ];
        for (change, line) in cases {
            assert_eq!(lines(change), [line]);
        }
        let first = changed(|wish| wish.secrets_key_arn = None);
        assert_eq!(effects(&first, &wish()), ["slow (about 45 minutes): Secrets are encrypted with the key; this cannot be undone"]);
        assert_eq!(effects(&wish(), &wish()), Vec::<String>::new());
    }
}
