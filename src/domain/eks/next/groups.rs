//! Node groups: those that are missing, those that another shape takes the place of, and what of them changes in place.

use super::{Found, View};
use crate::domain::eks::compare::{self, DESIRED};
use crate::domain::eks::group::group_name;
use crate::domain::eks::seen::{Issue, NodeGroupSeen, PartStatus};
use crate::domain::eks::step::{Run, Step};
use crate::domain::eks::wish::{NodeGroup, Scaling};

/// What of a node group's ills may pass by itself: capacity that comes back, nodes on their way. Source: NodegroupIssueCode of the EKS API.
const PASSING: [&str; 8] = [
    "AsgInstanceLaunchFailures",
    "AutoScalingGroupInstanceRefreshActive",
    "AutoScalingGroupRateLimitExceeded",
    "ClusterUnreachable",
    "IamThrottling",
    "InstanceLimitExceeded",
    "InsufficientFreeAddresses",
    "InternalFailure",
];

/// Work that AWS is at, however long it takes.
const UNDER_WAY: &str = "AutoScalingGroupInstanceRefreshActive";

/// Every wished group is there and as wished.
pub fn stage(view: &View<'_>) -> Found {
    let mut found = Found::default();
    for (name, wished) in &view.wish.node_groups {
        let current = view.sorted.current.get(name.as_str());
        match current.and_then(|group| Some((*group, view.seen.node_groups.get(*group)?))) {
            Some((group, seen)) => present(view, &mut found, (name, wished), (group, seen)),
            None => missing(view, &mut found, name, wished),
        }
    }
    found
}

/// The name may be taken still: by a group that is being deleted, or that was made by hand.
fn missing(view: &View<'_>, found: &mut Found, name: &str, wished: &NodeGroup) {
    let group = group_name(name, &wished.shape);
    let what = format!("node group {group:?}");
    match view.seen.node_groups.get(&group) {
        Some(seen) if seen.status == PartStatus::Deleting => found.wait(&what, &seen.status, &seen.issues),
        Some(_) => found.fail(&what, "there with another shape or another's tags; delete it", &[]),
        None => {
            let desired = first_desired(view, name, wished.scaling);
            found.ask(view.run, Step::CreateNodeGroup { name: name.to_owned(), group, desired }, || format!("{what} is not shown yet"));
        }
    }
}

/// As many nodes as the group it takes the place of has, that an autoscaler may have set; at least one.
fn first_desired(view: &View<'_>, name: &str, scaling: Scaling) -> u32 {
    let former = view.sorted.former.iter().filter(|(_, user_name)| **user_name == name);
    let former = former.filter_map(|(group, _)| view.seen.node_groups.get(*group)?.scaling.desired).max();
    scaling.desired.unwrap_or_else(|| former.unwrap_or(1).max(1).max(scaling.min).min(scaling.max))
}

fn present(view: &View<'_>, found: &mut Found, (name, wished): (&str, &NodeGroup), (group, seen): (&str, &NodeGroupSeen)) {
    let what = format!("node group {group:?}");
    let created = view.run.has(&Step::CreateNodeGroup { name: name.to_owned(), group: group.to_owned(), desired: 0 });
    match &seen.status {
        PartStatus::CreateFailed if created => found.fail(&what, &seen.status, &seen.issues),
        PartStatus::CreateFailed | PartStatus::DeleteFailed => delete(view.run, found, group, seen),
        PartStatus::Active | PartStatus::Degraded | PartStatus::UpdateFailed => change(view, found, (name, wished), (group, seen)),
        status => found.wait(&what, status, &seen.issues),
    }
}

fn change(view: &View<'_>, found: &mut Found, (name, wished): (&str, &NodeGroup), (group, seen): (&str, &NodeGroupSeen)) {
    let what = format!("node group {group:?}");
    if updates(view.run, found, group, seen) {
        return;
    }
    let step =
        Step::UpdateNodeGroup { name: name.to_owned(), group: group.to_owned(), desired: next_desired(wished.scaling, seen.scaling) };
    let differences = compare::node_group(wished, seen);
    // An autoscaler may have changed the number again at once.
    let is_settled = differences.is_empty() || (view.run.has(&step) && differences.iter().all(|difference| difference.what == DESIRED));
    if !is_settled {
        let differences: Vec<String> = differences.iter().map(ToString::to_string).collect();
        found.ask(view.run, step, || format!("{what}: {}", differences.join(", ")));
    } else if behind(view, seen) {
        update_version(view, found, group, seen);
    } else if seen.status == PartStatus::Degraded {
        match is_passing(&seen.issues) {
            true if seen.issues.iter().any(|issue| issue.code == UNDER_WAY) => found.wait(&what, &seen.status, &seen.issues),
            true => found.ail(&what, &seen.status, &seen.issues),
            false => found.fail(&what, &seen.status, &seen.issues),
        }
    }
}

/// The wish's; else the present one, where the bounds do not allow it, within them.
fn next_desired(wished: Scaling, seen: Scaling) -> Option<u32> {
    let within = seen.desired.map(|desired| desired.max(wished.min).min(wished.max));
    wished.desired.or_else(|| within.filter(|within| seen.desired != Some(*within)))
}

/// Changes under way are waited for, and those that failed in this run are told. Whether there are any.
fn updates(run: &Run, found: &mut Found, group: &str, seen: &NodeGroupSeen) -> bool {
    let asked = |step: &Step| match step {
        Step::UpdateNodeGroup { group: other, .. } | Step::UpdateNodeGroupVersion { group: other, .. } => other == group,
        _ => false,
    };
    let was_asked = run.done.iter().any(asked);
    let mut any = false;
    for update in &seen.updates {
        let what = format!("{} of node group {group:?}", update.kind);
        if !update.failed {
            found.waits.push(format!("{what} is under way"));
            any = true;
        } else if was_asked && !run.former_failures.contains(&update.id) {
            found.fail(&what, "Failed", &update.issues);
            any = true;
        }
    }
    any
}

fn behind(view: &View<'_>, seen: &NodeGroupSeen) -> bool {
    seen.version.is_some_and(|version| version < view.cluster.version)
}

fn update_version(view: &View<'_>, found: &mut Found, group: &str, seen: &NodeGroupSeen) {
    let to = view.cluster.version;
    let step = Step::UpdateNodeGroupVersion { group: group.to_owned(), to };
    let from = seen.version.unwrap_or_default();
    found.ask(view.run, step, || format!("node group {group:?} is at {from}, not yet at {to}"));
}

/// Before the control plane goes further, all nodes of ours come to its present version, also of groups that will go: they carry pods till then.
pub fn follow(view: &View<'_>, found: &mut Found) {
    for group in view.sorted.current.values().chain(view.sorted.former.keys()) {
        let Some(seen) = view.seen.node_groups.get(*group) else { continue };
        match &seen.status {
            PartStatus::Deleting | PartStatus::CreateFailed | PartStatus::DeleteFailed => {}
            PartStatus::Active | PartStatus::Degraded | PartStatus::UpdateFailed => {
                if !updates(view.run, found, group, seen) && behind(view, seen) {
                    update_version(view, found, group, seen);
                }
            }
            status => found.wait(&format!("node group {group:?}"), status, &seen.issues),
        }
    }
}

/// Ours that nobody wishes or that were replaced. Called when all wished ones are ACTIVE, so that pods have where to go.
pub fn former(view: &View<'_>) -> Found {
    let mut found = Found::default();
    for group in view.sorted.former.keys() {
        if let Some(seen) = view.seen.node_groups.get(*group) {
            delete(view.run, &mut found, group, seen);
        }
    }
    found
}

/// What EKS is still doing to it is waited for: it would refuse.
pub fn delete(run: &Run, found: &mut Found, group: &str, seen: &NodeGroupSeen) {
    let what = format!("node group {group:?}");
    let step = Step::DeleteNodeGroup { group: group.to_owned() };
    match &seen.status {
        PartStatus::DeleteFailed if run.has(&step) => found.fail(&what, &seen.status, &seen.issues),
        PartStatus::Creating | PartStatus::Updating | PartStatus::Deleting | PartStatus::Other(_) => {
            found.wait(&what, &seen.status, &seen.issues);
        }
        _ => found.ask(run, step, || format!("{what} is still there")),
    }
}

fn is_passing(issues: &[Issue]) -> bool {
    issues.iter().all(|issue| PASSING.contains(&issue.code.as_str()))
}
