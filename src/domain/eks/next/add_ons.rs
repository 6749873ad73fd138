//! Add-ons. Those that make nodes ready are made with the nodes, all others once there are nodes for their pods.

use std::collections::BTreeMap;

use super::{Found, View};
use crate::domain::eks::compare;
use crate::domain::eks::seen::{AddOnSeen, Issue, PartStatus};
use crate::domain::eks::step::Step;
use crate::domain::eks::tags;
use crate::domain::eks::wish::AddOn;

/// They run on each node by a DaemonSet, so they are well without any, and no node is Ready without the first.
const BEFORE_NODES: [&str; 3] = ["vpc-cni", "kube-proxy", "eks-pod-identity-agent"];

/// What of an add-on's ills may pass by itself. Source: AddonIssueCode of the EKS API.
const PASSING: [&str; 3] = [NO_PODS, "ClusterUnreachable", "InternalFailure"];
const NO_PODS: &str = "InsufficientNumberOfReplicas";

/// Those that nodes need are asked for and mended; nobody waits for them yet. Their versions follow the nodes', as those of all others.
pub fn before_nodes(view: &View<'_>) -> Found {
    let mut found = Found::default();
    for (name, wished) in view.wish.add_ons.iter().filter(|(name, _)| BEFORE_NODES.contains(&name.as_str())) {
        let only_version = view.seen.add_ons.get(name).is_some_and(|seen| {
            let is_well = matches!(seen.status, PartStatus::Active | PartStatus::Degraded);
            is_well && compare::add_on(wished, seen, view.cluster.version).iter().all(|difference| difference.what == compare::VERSION)
        });
        if !only_version {
            add_on(view, &mut found, name, wished);
        }
    }
    Found { waits: Vec::new(), ailing: Vec::new(), ..found }
}

/// Every wished add-on is there and as wished, and none of ours that is not wished.
pub fn stage(view: &View<'_>) -> Found {
    let mut found = Found::default();
    for (name, wished) in &view.wish.add_ons {
        add_on(view, &mut found, name, wished);
    }
    for (name, seen) in &view.seen.add_ons {
        if tags::are_ours(&seen.tags) && !view.wish.add_ons.contains_key(name) {
            delete(view, &mut found, name, seen);
        }
    }
    found
}

fn add_on(view: &View<'_>, found: &mut Found, name: &str, wished: &AddOn) {
    let what = format!("add-on {name:?}");
    let create = Step::CreateAddOn { name: name.to_owned(), kubernetes: view.cluster.version };
    let Some(seen) = view.seen.add_ons.get(name) else {
        found.ask(view.run, create, || format!("{what} is not shown yet"));
        return;
    };
    let is_degraded = seen.status == PartStatus::Degraded;
    match &seen.status {
        PartStatus::CreateFailed if view.run.has(&create) => found.fail(&what, &seen.status, &seen.issues),
        PartStatus::CreateFailed | PartStatus::DeleteFailed => delete(view, found, name, seen),
        PartStatus::UpdateFailed => update(view, found, name, seen),
        PartStatus::Active | PartStatus::Degraded => {
            if !compare::add_on(wished, seen, view.cluster.version).is_empty() {
                update(view, found, name, seen);
            } else if is_degraded && is_passing(&seen.issues) {
                if expects_nodes(view) || !is_without_pods(&seen.issues) {
                    found.ail(&what, &seen.status, &seen.issues);
                }
            } else if is_degraded {
                found.fail(&what, &seen.status, &seen.issues);
            }
        }
        status => found.wait(&what, status, &seen.issues),
    }
}

/// To what is wished, or AWS chooses for the cluster's version; the tag says for which one that was.
fn update(view: &View<'_>, found: &mut Found, name: &str, seen: &AddOnSeen) {
    let what = format!("add-on {name:?}");
    let kubernetes = view.cluster.version;
    let step = Step::UpdateAddOn { name: name.to_owned(), kubernetes };
    let is_pinned = view.wish.add_ons.get(name).is_some_and(|wished| wished.version.is_some());
    let chosen = BTreeMap::from([(tags::KUBERNETES.to_owned(), kubernetes.to_string())]);
    if seen.status == PartStatus::UpdateFailed && view.run.has(&step) {
        found.fail(&what, &seen.status, &seen.issues);
        return;
    }
    found.ask(view.run, step, || format!("{what} is not shown as asked yet"));
    if !is_pinned && seen.tags.get(tags::KUBERNETES) != chosen.get(tags::KUBERNETES) {
        let step = Step::Tag { arn: seen.arn.clone(), set: chosen, remove: Default::default() };
        found.ask(view.run, step, || format!("tags of {what} are not shown yet"));
    }
}

fn delete(view: &View<'_>, found: &mut Found, name: &str, seen: &AddOnSeen) {
    let what = format!("add-on {name:?}");
    let step = Step::DeleteAddOn { name: name.to_owned() };
    match &seen.status {
        PartStatus::DeleteFailed if view.run.has(&step) => found.fail(&what, &seen.status, &seen.issues),
        PartStatus::Creating | PartStatus::Updating | PartStatus::Deleting | PartStatus::Other(_) => {
            found.wait(&what, &seen.status, &seen.issues);
        }
        _ => found.ask(view.run, step, || format!("{what} is still there")),
    }
}

/// Before the control plane goes further, those whose version is AWS's choice come to the present one. Pinned ones may know only the version wished: they wait.
pub fn follow(view: &View<'_>, found: &mut Found) {
    for (name, wished) in &view.wish.add_ons {
        let Some(seen) = view.seen.add_ons.get(name) else { continue };
        let chosen_for = seen.tags.get(tags::KUBERNETES);
        let is_behind = wished.version.is_none() && chosen_for != Some(&view.cluster.version.to_string());
        match &seen.status {
            PartStatus::CreateFailed | PartStatus::DeleteFailed => {}
            PartStatus::UpdateFailed if wished.version.is_none() => update(view, found, name, seen),
            PartStatus::Active | PartStatus::Degraded | PartStatus::UpdateFailed => {
                if is_behind {
                    update(view, found, name, seen);
                }
            }
            status => found.wait(&format!("add-on {name:?}"), status, &seen.issues),
        }
    }
}

fn is_passing(issues: &[Issue]) -> bool {
    issues.iter().all(|issue| PASSING.contains(&issue.code.as_str()))
}

fn is_without_pods(issues: &[Issue]) -> bool {
    issues.iter().all(|issue| issue.code == NO_PODS)
}

/// Whether some node group has nodes, whoever made it. Without one, pods of an add-on have nowhere to run, and waiting does not help.
fn expects_nodes(view: &View<'_>) -> bool {
    let mut groups = view.seen.node_groups.values().filter(|group| group.status != PartStatus::Deleting);
    groups.any(|group| group.scaling.desired.unwrap_or(group.scaling.min) > 0)
}
