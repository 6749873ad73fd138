//! One situation, one answer.

use std::collections::{BTreeMap, BTreeSet};

use super::super::super::*;
use super::wishes::ROLE;

const ARN: &str = "arn:aws:eks:eu-west-1:111122223333:cluster/platform";
const V33: EksVersion = EksVersion { minor: 33 };
const V34: EksVersion = EksVersion { minor: 34 };

fn group(instance_type: &str) -> NodeGroup {
    NodeGroup {
        shape: NodeShape { role_arn: ROLE.to_owned(), instance_types: vec![instance_type.to_owned()], ..NodeShape::default() },
        scaling: Scaling { min: 1, max: 5, desired: None },
        ..NodeGroup::default()
    }
}

fn wish() -> Wish {
    Wish {
        name: "platform".to_owned(),
        version: Some(V33),
        role_arn: ROLE.to_owned(),
        node_groups: BTreeMap::from([("system".to_owned(), group("m6i.large"))]),
        add_ons: BTreeMap::from(["coredns", "vpc-cni"].map(|name| (name.to_owned(), AddOn::default()))),
        ..Wish::default()
    }
}

/// A cluster as wished, without its parts.
fn bare(wish: &Wish) -> Seen {
    let cluster = ClusterSeen {
        arn: ARN.to_owned(),
        status: ClusterStatus::Active,
        version: V33,
        role_arn: ROLE.to_owned(),
        access_from: Endpoint::default(),
        tags: tags::part(wish),
        ..ClusterSeen::default()
    };
    Seen { cluster: Some(cluster), ..Seen::default() }
}

fn whole(wish: &Wish) -> Seen {
    let mut seen = bare(wish);
    for (name, group) in &wish.node_groups {
        let found = NodeGroupSeen {
            arn: name.clone(),
            status: PartStatus::Active,
            version: Some(V33),
            shape: group.shape.clone(),
            scaling: Scaling { desired: Some(3), ..group.scaling },
            tags: tags::node_group(wish, name),
            ..NodeGroupSeen::default()
        };
        seen.node_groups.insert(group_name(name, &group.shape), found);
    }
    for name in wish.add_ons.keys() {
        let found =
            AddOnSeen { arn: name.clone(), status: PartStatus::Active, tags: tags::add_on(wish, name, V33), ..AddOnSeen::default() };
        seen.add_ons.insert(name.clone(), found);
    }
    seen
}

fn system(seen: &mut Seen) -> &mut NodeGroupSeen {
    seen.node_groups.values_mut().next().unwrap()
}

fn issue(code: &str) -> Issue {
    Issue { code: code.to_owned(), message: "why".to_owned(), resource_ids: vec!["i-1".to_owned()] }
}

fn steps(wish: &Wish, seen: &Seen) -> Vec<Step> {
    match next(wish, seen, &Run::begin(seen)) {
        Next::Do(steps) => steps,
        other => panic!("{other:?}"),
    }
}

fn wait(next: Next) -> String {
    match next {
        Next::Wait(reason) => reason,
        other => panic!("{other:?}"),
    }
}

fn fault(next: Next) -> Fault {
    match next {
        Next::Failed(fault) => fault,
        other => panic!("{other:?}"),
    }
}

fn done(steps: impl IntoIterator<Item = Step>) -> Run {
    Run { done: steps.into_iter().collect(), ..Run::default() }
}

#[test]
fn nodes_come_with_the_network_and_before_the_add_ons_that_need_them() {
    let wish = wish();
    let seen = bare(&wish);
    let group = group_name("system", &wish.node_groups["system"].shape);
    assert_eq!(
        steps(&wish, &seen),
        [
            Step::CreateAddOn { name: "vpc-cni".to_owned(), kubernetes: V33 },
            Step::CreateNodeGroup { name: "system".to_owned(), group, desired: 1 },
        ]
    );
}

#[test]
fn a_cluster_that_is_made_is_waited_for_and_one_that_failed_is_told_with_awss_reason() {
    let wish = wish();
    assert_eq!(steps(&wish, &Seen::default()), [Step::CreateCluster]);
    assert!(wait(next(&wish, &Seen::default(), &done([Step::CreateCluster]))).contains("not shown yet"));
    let mut seen = bare(&wish);
    let cluster = seen.cluster.as_mut().unwrap();
    cluster.issues = vec![issue("Ec2SubnetNotFound")];
    cluster.status = ClusterStatus::Creating;
    assert!(wait(next(&wish, &seen, &Run::default())).starts_with(r#"cluster "platform" is CREATING: Ec2SubnetNotFound: why (i-1)"#));
    seen.cluster.as_mut().unwrap().status = ClusterStatus::Failed;
    let fault = fault(next(&wish, &seen, &Run::default()));
    assert_eq!((fault.status.as_str(), fault.issues[0].code.as_str()), ("FAILED", "Ec2SubnetNotFound"));
}

#[test]
fn a_group_that_failed_before_is_made_anew_and_one_that_fails_now_is_told() {
    let wish = wish();
    let mut seen = whole(&wish);
    let name = seen.node_groups.keys().next().unwrap().clone();
    system(&mut seen).status = PartStatus::CreateFailed;
    system(&mut seen).issues = vec![issue("NodeCreationFailure")];
    assert_eq!(steps(&wish, &seen), [Step::DeleteNodeGroup { group: name.clone() }]);
    let run = done([
        Step::DeleteNodeGroup { group: name.clone() },
        Step::CreateNodeGroup { name: "system".to_owned(), group: name.clone(), desired: 1 },
    ]);
    let fault = fault(next(&wish, &seen, &run));
    assert_eq!((fault.what, fault.status), (format!("node group {name:?}"), "CREATE_FAILED".to_owned()));
    assert_eq!(fault.issues, [issue("NodeCreationFailure")]);
}

#[test]
fn another_shape_is_made_first_with_as_many_nodes_and_then_the_former_goes() {
    let mut wish = wish();
    let mut seen = whole(&wish);
    let former = seen.node_groups.keys().next().unwrap().clone();
    wish.node_groups.insert("system".to_owned(), group("m7i.large"));
    let new = group_name("system", &wish.node_groups["system"].shape);
    assert_eq!(steps(&wish, &seen), [Step::CreateNodeGroup { name: "system".to_owned(), group: new.clone(), desired: 3 }]);
    let drift = drift(&wish, &seen);
    assert!(drift[0].contains("instance types is m6i.large, should be m7i.large; another is made in its place"), "{drift:?}");
    let found =
        NodeGroupSeen { shape: wish.node_groups["system"].shape.clone(), status: PartStatus::Creating, ..system(&mut seen).clone() };
    seen.node_groups.insert(new.clone(), found);
    assert!(wait(next(&wish, &seen, &Run::default())).contains("CREATING"));
    seen.node_groups.get_mut(&new).unwrap().status = PartStatus::Active;
    assert_eq!(steps(&wish, &seen), [Step::DeleteNodeGroup { group: former }]);
}

#[test]
fn versions_go_control_plane_nodes_add_ons_and_again() {
    let mut wish = wish();
    let mut seen = whole(&wish);
    wish.version = Some(EksVersion { minor: 35 });
    let name = seen.node_groups.keys().next().unwrap().clone();
    assert_eq!(steps(&wish, &seen), [Step::UpdateVersion { to: V34 }]);
    seen.cluster.as_mut().unwrap().version = V34;
    assert_eq!(steps(&wish, &seen), [Step::UpdateNodeGroupVersion { group: name, to: V34 }]);
    system(&mut seen).version = Some(V34);
    let steps = steps(&wish, &seen);
    assert_eq!(steps[0], Step::UpdateAddOn { name: "coredns".to_owned(), kubernetes: V34 });
    assert!(matches!(&steps[1], Step::Tag { arn, set, .. } if arn == "coredns" && set[tags::KUBERNETES] == "1.34"), "{steps:?}");
    for add_on in seen.add_ons.values_mut() {
        add_on.tags.insert(tags::KUBERNETES.to_owned(), "1.34".to_owned());
    }
    assert_eq!(self::steps(&wish, &seen), [Step::UpdateVersion { to: EksVersion { minor: 35 } }]);
}

#[test]
fn a_pinned_add_on_waits_for_the_last_version() {
    let mut wish = wish();
    let mut seen = whole(&wish);
    wish.version = Some(V34);
    let pinned = AddOn { version: Some("v1.12.4-eksbuild.1".to_owned()), ..AddOn::default() };
    wish.add_ons = BTreeMap::from([("coredns".to_owned(), pinned), ("vpc-cni".to_owned(), AddOn::default())]);
    seen.add_ons.get_mut("coredns").unwrap().tags = tags::part(&wish);
    assert_eq!(steps(&wish, &seen), [Step::UpdateVersion { to: V34 }]);
}

#[test]
fn an_update_that_failed_before_is_tried_again_and_one_that_fails_now_is_told() {
    let mut wish = wish();
    wish.log_types = BTreeSet::from(["api".to_owned()]);
    let mut seen = whole(&wish);
    let failed =
        |id: &str| Update { id: id.to_owned(), kind: "LoggingUpdate".to_owned(), failed: true, issues: vec![issue("AccessDenied")] };
    seen.cluster.as_mut().unwrap().updates = vec![failed("1")];
    let mut run = Run::begin(&seen);
    assert_eq!(next(&wish, &seen, &run), Next::Do(vec![Step::UpdateLogging]));
    run.done.insert(Step::UpdateLogging);
    assert!(wait(next(&wish, &seen, &run)).contains("logging is none, should be api"));
    seen.cluster.as_mut().unwrap().updates.push(failed("2"));
    assert_eq!(fault(next(&wish, &seen, &run)).issues, [issue("AccessDenied")]);
}

#[test]
fn nodes_that_cannot_be_drained_are_told() {
    let mut wish = wish();
    let mut seen = whole(&wish);
    wish.version = Some(V34);
    seen.cluster.as_mut().unwrap().version = V34;
    let group = seen.node_groups.keys().next().unwrap().clone();
    let issues = vec![issue("PodEvictionFailure")];
    system(&mut seen).updates = vec![Update { id: "1".to_owned(), kind: "VersionUpdate".to_owned(), failed: true, issues: issues.clone() }];
    assert_eq!(fault(next(&wish, &seen, &done([Step::UpdateNodeGroupVersion { group, to: V34 }]))).issues, issues);
}

#[test]
fn an_autoscalers_number_is_left_and_only_brought_within_new_bounds() {
    let mut wish = wish();
    let seen = whole(&wish);
    assert_eq!(next(&wish, &seen, &Run::default()), Next::Done);
    let mut scale = |min, max, desired| {
        wish.node_groups.get_mut("system").unwrap().scaling = Scaling { min, max, desired };
        match &steps(&wish, &seen)[..] {
            [Step::UpdateNodeGroup { desired, .. }] => *desired,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(scale(1, 9, None), None);
    assert_eq!(scale(4, 9, None), Some(4));
    assert_eq!(scale(1, 2, None), Some(2));
    assert_eq!(scale(1, 5, Some(5)), Some(5));
}

#[test]
fn a_number_that_an_autoscaler_changes_back_at_once_is_not_fought_over() {
    let mut wish = wish();
    let mut seen = whole(&wish);
    wish.node_groups.get_mut("system").unwrap().scaling.desired = Some(5);
    let [step] = &steps(&wish, &seen)[..] else { panic!("one step") };
    system(&mut seen).scaling.desired = Some(4);
    assert_eq!(next(&wish, &seen, &done([step.clone()])), Next::Done);
}

#[test]
fn degraded_parts_are_waited_for_where_that_may_help() {
    let wish = wish();
    for (code, passes) in [("AsgInstanceLaunchFailures", true), ("Ec2SecurityGroupNotFound", false)] {
        let mut seen = whole(&wish);
        system(&mut seen).status = PartStatus::Degraded;
        system(&mut seen).issues = vec![issue(code)];
        assert_eq!(matches!(next(&wish, &seen, &Run::default()), Next::Ailing(_)), passes, "{code}");
    }
    for (code, passes) in [("InsufficientNumberOfReplicas", true), ("AccessDenied", false)] {
        let mut seen = whole(&wish);
        let coredns = seen.add_ons.get_mut("coredns").unwrap();
        (coredns.status, coredns.issues) = (PartStatus::Degraded, vec![issue(code)]);
        assert_eq!(matches!(next(&wish, &seen, &Run::default()), Next::Ailing(_)), passes, "{code}");
    }
}

#[test]
fn what_ails_has_failed_only_once_nothing_is_under_way_that_may_cure_it() {
    let wish = wish();
    let mut seen = whole(&wish);
    let coredns = seen.add_ons.get_mut("coredns").unwrap();
    (coredns.status, coredns.issues) = (PartStatus::Degraded, vec![issue("InsufficientNumberOfReplicas")]);
    let Next::Ailing(fault) = next(&wish, &seen, &Run::default()) else { panic!("all else is there") };
    assert_eq!((fault.what.as_str(), fault.issues), (r#"add-on "coredns""#, vec![issue("InsufficientNumberOfReplicas")]));
    seen.add_ons.get_mut("vpc-cni").unwrap().status = PartStatus::Updating;
    let waiting = wait(next(&wish, &seen, &Run::default()));
    assert!(waiting.contains("\"vpc-cni\" is UPDATING") && waiting.contains("\"coredns\" is DEGRADED: Insufficient"), "{waiting}");
    // Its pods have no node yet: the nodes are waited for.
    system(&mut seen).status = PartStatus::Creating;
    assert_eq!(wait(next(&wish, &seen, &Run::default())).matches("DEGRADED").count(), 0);
}

#[test]
fn add_ons_without_any_node_are_not_waited_for() {
    let mut wish = wish();
    wish.node_groups.clear();
    let mut seen = whole(&wish);
    let coredns = seen.add_ons.get_mut("coredns").unwrap();
    (coredns.status, coredns.issues) = (PartStatus::Degraded, vec![issue("InsufficientNumberOfReplicas")]);
    assert_eq!(next(&wish, &seen, &Run::default()), Next::Done);
}

#[test]
fn what_cannot_be_changed_is_a_fault_that_says_it() {
    let mut wish = wish();
    let seen = whole(&wish);
    wish.version = Some(EksVersion { minor: 32 });
    let fault = fault(next(&wish, &seen, &Run::default()));
    assert!(fault.status.contains("version is 1.33, should be 1.32"), "{fault:?}");
}

#[test]
fn support_that_ends_earlier_waits_for_the_version_and_longer_support_does_not() {
    let mut wish = wish();
    let mut seen = whole(&wish);
    wish.version = Some(V34);
    wish.support_type = Some(SupportType::Standard);
    assert_eq!(steps(&wish, &seen), [Step::UpdateVersion { to: V34 }]);
    wish.support_type = Some(SupportType::Extended);
    assert_eq!(steps(&wish, &seen), [Step::UpdateSupport]);
    seen.cluster.as_mut().unwrap().support_type = Some(SupportType::Extended);
    assert_eq!(steps(&wish, &seen), [Step::UpdateVersion { to: V34 }]);
}

#[test]
fn an_entry_of_the_creator_becomes_ours_once_it_is_wished() {
    let mut wish = wish();
    let mut seen = whole(&wish);
    seen.access_entries.insert("p".to_owned(), AccessEntrySeen { arn: "entry".to_owned(), ..AccessEntrySeen::default() });
    assert_eq!(next(&wish, &seen, &Run::default()), Next::Done);
    wish.access_entries
        .insert("p".to_owned(), AccessEntry { kubernetes_groups: BTreeSet::from(["g".to_owned()]), ..AccessEntry::default() });
    let steps = steps(&wish, &seen);
    assert_eq!(steps[0], Step::UpdateAccessEntry { principal_arn: "p".to_owned() });
    assert!(matches!(&steps[1], Step::Tag { arn, .. } if arn == "entry"), "{steps:?}");
}

#[test]
fn a_role_of_a_service_account_that_others_gave_is_not_taken_from_them() {
    let mut wish = wish();
    let mut seen = whole(&wish);
    let identity = |role: &str| PodIdentity { namespace: "n".to_owned(), service_account: "s".to_owned(), role_arn: role.to_owned() };
    seen.pod_identities.insert(identity("theirs"), PodIdentitySeen::default());
    wish.pod_identities.insert(identity("ours"));
    assert!(fault(next(&wish, &seen, &Run::default())).issues[0].message.contains("has role theirs"));
    seen.pod_identities.values_mut().next().unwrap().tags = tags::part(&wish);
    seen.pod_identities.values_mut().next().unwrap().association_id = "a-1".to_owned();
    let expected = [Step::DeletePodIdentity { association_id: "a-1".to_owned() }, Step::CreatePodIdentity { identity: identity("ours") }];
    assert_eq!(steps(&wish, &seen), expected);
}

#[test]
fn the_mark_of_a_beginning_goes_last() {
    let wish = Wish { run: "1f2e".to_owned(), ..wish() };
    let mut seen = whole(&wish);
    seen.cluster.as_mut().unwrap().tags = tags::new_cluster(&wish);
    assert_eq!(drift(&wish, &seen), [r#"cluster "platform" was begun and not finished"#]);
    let remove = BTreeSet::from([tags::PHASE.to_owned(), tags::RUN.to_owned()]);
    assert_eq!(steps(&wish, &seen), [Step::Tag { arn: ARN.to_owned(), set: BTreeMap::new(), remove }]);
}

#[test]
fn tags_that_nobody_wished_are_left_and_dropped_ones_go() {
    let mut wish = wish();
    let mut seen = whole(&wish);
    seen.cluster.as_mut().unwrap().tags.extend([("cost".to_owned(), "1".to_owned()), ("old".to_owned(), "1".to_owned())]);
    assert_eq!(next(&wish, &seen, &Run::default()), Next::Done);
    wish.dropped_tags = BTreeSet::from(["old".to_owned()]);
    let remove = wish.dropped_tags.clone();
    assert_eq!(steps(&wish, &seen), [Step::Tag { arn: ARN.to_owned(), set: BTreeMap::new(), remove }]);
}

#[test]
fn removal_takes_protection_off_then_our_groups_and_names_those_of_others() {
    let wish = wish();
    let mut seen = whole(&wish);
    let ours = seen.node_groups.keys().next().unwrap().clone();
    seen.node_groups.insert("others".to_owned(), NodeGroupSeen { status: PartStatus::Active, ..NodeGroupSeen::default() });
    seen.cluster.as_mut().unwrap().deletion_protection = true;
    let first = |seen: &Seen, run: &Run| next_removal(seen, run);
    let others = fault(first(&seen, &Run::default()));
    assert_eq!((others.what.as_str(), others.issues.len()), (r#"cluster "platform""#, 1));
    assert!(others.issues[0].message.contains("\"others\""), "named before anything is deleted: {others:?}");
    seen.node_groups.get_mut("others").unwrap().status = PartStatus::Deleting;
    assert_eq!(first(&seen, &Run::default()), Next::Do(vec![Step::UpdateDeletionProtection { to: false }]));
    seen.cluster.as_mut().unwrap().deletion_protection = false;
    assert_eq!(first(&seen, &Run::default()), Next::Do(vec![Step::DeleteNodeGroup { group: ours.clone() }]));
    system(&mut seen).status = PartStatus::Deleting;
    seen.node_groups.get_mut(&ours).unwrap().status = PartStatus::DeleteFailed;
    assert_eq!(fault(first(&seen, &done([Step::DeleteNodeGroup { group: ours.clone() }]))).status, "DELETE_FAILED");
    seen.node_groups.remove(&ours);
    assert!(wait(first(&seen, &Run::default())).contains("\"others\" is DELETING"));
    seen.node_groups.clear();
    assert_eq!(first(&seen, &Run::default()), Next::Do(vec![Step::DeleteCluster]));
    seen.cluster.as_mut().unwrap().status = ClusterStatus::Deleting;
    assert!(wait(first(&seen, &done([Step::DeleteCluster]))).contains("DELETING"));
    assert_eq!(first(&Seen::default(), &done([Step::DeleteCluster])), Next::Done);
}
