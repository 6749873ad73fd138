//! What is done next so that nothing of an EKS cluster is left. Its add-ons, pod identities and access entries go with it.

use super::{Found, groups};
use crate::domain::eks::seen::{ClusterSeen, ClusterStatus, Issue, NodeGroupSeen, PartStatus, Seen};
use crate::domain::eks::step::{Next, Run, Step};
use crate::domain::eks::tags;

type Stage = fn(&Seen, &ClusterSeen, &Run, &str) -> Found;

/// What comes next on the way to nothing: deletion protection off, our node groups, the cluster. Node groups of others are theirs to delete, and named before
/// anything is.
pub fn next_removal(seen: &Seen, run: &Run) -> Next {
    let Some(cluster) = &seen.cluster else { return Next::Done };
    let what = format!("cluster {:?}", name(cluster));
    let stages: [Stage; 5] = [groups_of_others, standing, node_groups, groups_that_go, delete];
    stages.into_iter().find_map(|stage| stage(seen, cluster, run, &what).close()).unwrap_or(Next::Done)
}

/// What EKS is still doing to it is waited for: it would refuse.
fn standing(_: &Seen, cluster: &ClusterSeen, run: &Run, what: &str) -> Found {
    let mut found = Found::default();
    match &cluster.status {
        ClusterStatus::Active => {}
        ClusterStatus::Failed if run.has(&Step::DeleteCluster) => found.fail(what, &cluster.status, &cluster.issues),
        ClusterStatus::Failed => {}
        status => found.wait(what, status, &cluster.issues),
    }
    for update in cluster.updates.iter().filter(|update| !update.failed) {
        found.waits.push(format!("{} of {what} is under way", update.kind));
    }
    // It is switched on ACTIVE clusters only, and those that failed are deleted all the same. Source: EKS user guide, deletion protection.
    if !found.is_open() && cluster.deletion_protection && cluster.status == ClusterStatus::Active {
        let step = Step::UpdateDeletionProtection { to: false };
        let news = cluster.updates.iter().find(|update| update.failed && !run.former_failures.contains(&update.id));
        match news.filter(|_| run.has(&step)) {
            Some(update) => found.fail(&format!("{} of {what}", update.kind), "Failed", &update.issues),
            None => found.ask(run, step, || format!("deletion protection of {what} is still on")),
        }
    }
    found
}

fn node_groups(seen: &Seen, _: &ClusterSeen, run: &Run, _: &str) -> Found {
    let mut found = Found::default();
    for (group, seen) in ours(seen) {
        groups::delete(run, &mut found, group, seen);
    }
    found
}

/// EKS deletes no cluster that has node groups.
fn groups_that_go(seen: &Seen, _: &ClusterSeen, _: &Run, _: &str) -> Found {
    let mut found = Found::default();
    for (group, seen) in others(seen).filter(|(_, seen)| seen.status == PartStatus::Deleting) {
        found.wait(&format!("node group {group:?}"), &seen.status, &seen.issues);
    }
    found
}

fn groups_of_others(seen: &Seen, _: &ClusterSeen, _: &Run, what: &str) -> Found {
    let mut found = Found::default();
    let staying = others(seen).filter(|(_, seen)| seen.status != PartStatus::Deleting);
    let issue = |(group, seen): (&String, &NodeGroupSeen)| Issue {
        code: "ResourceInUse".to_owned(),
        message: format!("node group {group:?} was not made by this resource; delete it where it was made"),
        resource_ids: vec![seen.arn.clone()],
    };
    let issues: Vec<Issue> = staying.map(issue).collect();
    if !issues.is_empty() {
        found.fail(what, "still used by node groups of others", &issues);
    }
    found
}

fn delete(_: &Seen, _: &ClusterSeen, run: &Run, what: &str) -> Found {
    let mut found = Found::default();
    found.ask(run, Step::DeleteCluster, || format!("{what} is still there"));
    found
}

fn ours(seen: &Seen) -> impl Iterator<Item = (&String, &NodeGroupSeen)> {
    seen.node_groups.iter().filter(|(_, seen)| tags::are_ours(&seen.tags))
}

fn others(seen: &Seen) -> impl Iterator<Item = (&String, &NodeGroupSeen)> {
    seen.node_groups.iter().filter(|(_, seen)| !tags::are_ours(&seen.tags))
}

/// The last part of the ARN.
fn name(cluster: &ClusterSeen) -> &str {
    cluster.arn.rsplit('/').next().unwrap_or_default()
}
