//! The control plane: that it is there and well, its settings one after the other, and its version with what follows it.

use super::{Found, View, add_ons, groups};
use crate::domain::eks::compare;
use crate::domain::eks::seen::{ClusterSeen, ClusterStatus};
use crate::domain::eks::step::{Run, Step};
use crate::domain::eks::version::EksVersion;
use crate::domain::eks::wish::SupportType;

/// Nothing can be done before it is ACTIVE and no change is under way.
pub fn standing(view: &View<'_>) -> Found {
    let mut found = Found::default();
    status(&mut found, &view.what, view.cluster, view.run);
    for difference in compare::fixed(view.wish, view.cluster) {
        let status = format!("not what is wished, and this cannot be changed: {difference}");
        found.fail(&view.what, status, &[]);
    }
    found
}

/// Of a cluster that is to be or to go.
pub fn status(found: &mut Found, what: &str, cluster: &ClusterSeen, run: &Run) {
    match &cluster.status {
        ClusterStatus::Active => {}
        ClusterStatus::Failed => found.fail(what, &cluster.status, &cluster.issues),
        status => found.wait(what, status, &cluster.issues),
    }
    for update in &cluster.updates {
        if !update.failed {
            found.waits.push(format!("{} of {what} is under way", update.kind));
        } else if !run.former_failures.contains(&update.id) && run.done.iter().any(changes_control_plane) {
            found.fail(&format!("{} of {what}", update.kind), "Failed", &update.issues);
        }
    }
}

fn changes_control_plane(step: &Step) -> bool {
    matches!(
        step,
        Step::UpdateVersion { .. }
            | Step::UpdateEndpoint
            | Step::UpdateNetwork
            | Step::UpdateLogging
            | Step::UpdateSupport
            | Step::UpdateDeletionProtection { .. }
            | Step::EncryptSecrets
    )
}

/// EKS takes one change at a time. Support that ends earlier waits for the version: AWS grants it only to young ones.
pub fn settings(view: &View<'_>) -> Found {
    let mut found = Found::default();
    let waits_for_version =
        |step: &Step| *step == Step::UpdateSupport && view.wish.support_type == Some(SupportType::Standard) && upward(view).is_some();
    let mut settings = compare::settings(view.wish, view.cluster).into_iter();
    if let Some((step, difference)) = settings.find(|(step, _)| !waits_for_version(step)) {
        found.ask(view.run, step, || format!("{}: {difference}", view.what));
    }
    found
}

/// One minor further, once the nodes and the add-ons have come to the present one.
pub fn version(view: &View<'_>) -> Found {
    let mut found = Found::default();
    let Some(to) = upward(view) else { return found };
    groups::follow(view, &mut found);
    if found.is_open() {
        return found;
    }
    add_ons::follow(view, &mut found);
    if found.is_open() {
        return found;
    }
    found.ask(view.run, Step::UpdateVersion { to }, || format!("{} is at {}, not yet at {to}", view.what, view.cluster.version));
    found
}

/// The next minor on the way to the version wished.
fn upward(view: &View<'_>) -> Option<EksVersion> {
    let present = view.cluster.version;
    view.wish.version.filter(|wished| *wished > present).map(|_| EksVersion { minor: present.minor + 1 })
}
