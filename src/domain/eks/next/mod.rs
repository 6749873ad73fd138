//! What is done next so that an EKS cluster becomes what is wished: decided from what is there alone.
//!
//! The order: the control plane; who gets in, roles of pods, tags; settings of the control plane, one after the other; its version, one minor at a time, and
//! with each the node groups and the add-ons; node groups, new ones before the ones they replace go; add-ons; at last the mark of a beginning is taken away.
//! No step is asked for twice in a run. Every list of steps mends something, so that the rounds come to an end.

mod access;
mod add_ons;
mod control_plane;
mod groups;
pub mod removal;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::group::{self, Sorted};
use super::seen::{ClusterSeen, Issue, Seen};
use super::step::{Fault, Next, Run, Step};
use super::tags;
use super::wish::Wish;

/// What comes next on the way to `wish`.
pub fn next(wish: &Wish, seen: &Seen, run: &Run) -> Next {
    let what = format!("cluster {:?}", wish.name);
    let Some(cluster) = &seen.cluster else {
        let mut found = Found::default();
        found.ask(run, Step::CreateCluster, || format!("{what} is not shown yet"));
        return found.close().unwrap_or(Next::Done);
    };
    let view = View { wish, seen, cluster, run, sorted: group::sort(wish, seen), what };
    let stages: [fn(&View<'_>) -> Found; 7] = [
        control_plane::standing,
        access::stage,
        control_plane::settings,
        control_plane::version,
        |view| groups::stage(view).and(add_ons::before_nodes(view)),
        |view| groups::former(view).and(add_ons::stage(view)),
        finish,
    ];
    stages.into_iter().find_map(|stage| stage(&view).close()).unwrap_or(Next::Done)
}

/// All that a decision is made from.
struct View<'a> {
    wish: &'a Wish,
    seen: &'a Seen,
    cluster: &'a ClusterSeen,
    run: &'a Run,
    sorted: Sorted<'a>,
    /// `cluster "platform"`.
    what: String,
}

/// What a stage comes to. Steps go before faults, so that one part that fails does not hold up others, and faults before waits; what ails is waited for
/// with what is under way, which may be its cure, and is told by itself when it is all that is left.
#[derive(Debug, Default)]
struct Found {
    steps: Vec<Step>,
    faults: Vec<Fault>,
    waits: Vec<String>,
    ailing: Vec<Fault>,
}

impl Found {
    /// A step that this run has not taken yet; else what it waits for.
    fn ask(&mut self, run: &Run, step: Step, wait: impl FnOnce() -> String) {
        if run.has(&step) { self.waits.push(wait()) } else { self.steps.push(step) }
    }

    fn fail(&mut self, what: &str, status: impl ToString, issues: &[Issue]) {
        self.faults.push(Fault { what: what.to_owned(), status: status.to_string(), issues: issues.to_vec() });
    }

    fn ail(&mut self, what: &str, status: impl ToString, issues: &[Issue]) {
        self.ailing.push(Fault { what: what.to_owned(), status: status.to_string(), issues: issues.to_vec() });
    }

    fn wait(&mut self, what: &str, status: impl ToString, issues: &[Issue]) {
        self.waits.push(Fault { what: what.to_owned(), status: status.to_string(), issues: issues.to_vec() }.to_string());
    }

    /// With what the other comes to; its steps go first.
    fn and(mut self, other: Self) -> Self {
        self.steps.splice(0..0, other.steps);
        self.faults.extend(other.faults);
        self.waits.extend(other.waits);
        self.ailing.extend(other.ailing);
        self
    }

    /// Something is to be done or waited for.
    fn is_open(&self) -> bool {
        !(self.steps.is_empty() && self.faults.is_empty() && self.waits.is_empty() && self.ailing.is_empty())
    }

    /// None: nothing is left to do here.
    fn close(self) -> Option<Next> {
        if !self.steps.is_empty() {
            return Some(Next::Do(self.steps));
        }
        if let Some(fault) = self.faults.into_iter().next() {
            return Some(Next::Failed(fault));
        }
        if self.waits.is_empty() {
            return self.ailing.into_iter().next().map(Next::Ailing);
        }
        let waits = self.waits.into_iter().chain(self.ailing.iter().map(Fault::to_string));
        Some(Next::Wait(waits.collect::<Vec<_>>().join(", ")))
    }
}

impl Run {
    /// Whether AWS took this step in this run. How many nodes were asked for does not matter.
    fn has(&self, step: &Step) -> bool {
        let same = |done: &Step| match (done, step) {
            (Step::CreateNodeGroup { group, .. }, Step::CreateNodeGroup { group: other, .. })
            | (Step::UpdateNodeGroup { group, .. }, Step::UpdateNodeGroup { group: other, .. }) => group == other,
            (done, step) => done == step,
        };
        self.done.iter().any(same)
    }
}

/// Tags of what has this ARN, where they are not as they should be.
fn tag(found: &mut Found, view: &View<'_>, arn: &str, wanted: &BTreeMap<String, String>, tags: &BTreeMap<String, String>) {
    if let Some((set, remove)) = tags::difference(wanted, &view.wish.dropped_tags, tags) {
        found.ask(view.run, Step::Tag { arn: arn.to_owned(), set, remove }, || format!("tags of {arn} are not shown yet"));
    }
}

/// The very last: all has been made.
fn finish(view: &View<'_>) -> Found {
    let mut found = Found::default();
    if tags::is_unfinished(view.cluster) {
        let remove = tags::of_beginning(&view.cluster.tags);
        let step = Step::Tag { arn: view.cluster.arn.clone(), set: BTreeMap::new(), remove };
        found.ask(view.run, step, || format!("tags of {} are not shown yet", view.what));
    }
    found
}
