//! Who gets in, which roles pods have, and the tags of everything: all that is changed at once. First of all, so that the caller gets in and pods that
//! start later have their roles.

use std::collections::BTreeSet;

use super::{Found, View, tag};
use crate::domain::eks::compare::{access_entry, is_pinned_by_mistake, pod_identity};
use crate::domain::eks::seen::{AccessEntrySeen, Issue, PartStatus};
use crate::domain::eks::step::Step;
use crate::domain::eks::tags;
use crate::domain::eks::wish::AccessEntry;

pub fn stage(view: &View<'_>) -> Found {
    let mut found = Found::default();
    tag(&mut found, view, &view.cluster.arn, &tags::part(view.wish), &view.cluster.tags);
    access_entries(view, &mut found);
    pod_identities(view, &mut found);
    tags_of_groups(view, &mut found);
    tags_of_add_ons(view, &mut found);
    found
}

/// An entry that is wished and that another made becomes ours.
fn access_entries(view: &View<'_>, found: &mut Found) {
    for (principal, wished) in &view.wish.access_entries {
        match view.seen.access_entries.get(principal) {
            None => {
                let step = Step::CreateAccessEntry { principal_arn: principal.clone() };
                found.ask(view.run, step, || format!("access of {principal} is not shown yet"));
            }
            Some(seen) => change(view, found, principal, wished, seen),
        }
    }
    for (principal, seen) in &view.seen.access_entries {
        if tags::are_ours(&seen.tags) && !view.wish.access_entries.contains_key(principal) {
            let step = Step::DeleteAccessEntry { principal_arn: principal.clone() };
            found.ask(view.run, step, || format!("access of {principal} is still there"));
        }
    }
}

fn change(view: &View<'_>, found: &mut Found, principal: &str, wished: &AccessEntry, seen: &AccessEntrySeen) {
    let mut ask = |step| {
        found.ask(view.run, step, || {
            let differences: Vec<String> = access_entry(wished, &seen.entry).iter().map(ToString::to_string).collect();
            format!("access of {principal}: {}", differences.join(", "))
        });
    };
    let principal_arn = || principal.to_owned();
    if wished.kubernetes_groups != seen.entry.kubernetes_groups {
        ask(Step::UpdateAccessEntry { principal_arn: principal_arn() });
    }
    for (policy_arn, policy) in &wished.policies {
        if seen.entry.policies.get(policy_arn) != Some(policy) {
            ask(Step::AssociatePolicy { principal_arn: principal_arn(), policy_arn: policy_arn.clone() });
        }
    }
    for policy_arn in seen.entry.policies.keys().filter(|policy_arn| !wished.policies.contains_key(*policy_arn)) {
        ask(Step::DisassociatePolicy { principal_arn: principal_arn(), policy_arn: policy_arn.clone() });
    }
    tag(found, view, &seen.arn, &tags::part(view.wish), &seen.tags);
}

/// A service account has one role: the former association goes before the new one comes. One that another made is not taken from them.
fn pod_identities(view: &View<'_>, found: &mut Found) {
    let mut taken = BTreeSet::new();
    for (identity, seen) in &view.seen.pod_identities {
        if view.wish.pod_identities.contains(identity) {
            tag(found, view, &seen.arn, &tags::part(view.wish), &seen.tags);
        } else if tags::are_ours(&seen.tags) {
            let step = Step::DeletePodIdentity { association_id: seen.association_id.clone() };
            found.ask(view.run, step, || format!("{} is still there", pod_identity(identity)));
        } else {
            taken.insert((&identity.namespace, &identity.service_account, &identity.role_arn));
        }
    }
    for identity in view.wish.pod_identities.iter().filter(|identity| !view.seen.pod_identities.contains_key(*identity)) {
        let of_another =
            taken.iter().find(|(namespace, account, _)| **namespace == identity.namespace && **account == identity.service_account);
        if let Some((_, _, role)) = of_another {
            let message = format!(
                "the service account has role {role} by an association that this cluster's resource did not make; remove it, or this wish"
            );
            let issue = Issue { code: "ResourceInUse".to_owned(), message, resource_ids: Vec::new() };
            found.fail(&pod_identity(identity), "taken", &[issue]);
        } else {
            let step = Step::CreatePodIdentity { identity: identity.clone() };
            found.ask(view.run, step, || format!("{} is not shown yet", pod_identity(identity)));
        }
    }
}

fn tags_of_groups(view: &View<'_>, found: &mut Found) {
    for (name, group) in &view.sorted.current {
        if let Some(seen) = view.seen.node_groups.get(*group).filter(|seen| is_lasting(&seen.status)) {
            tag(found, view, &seen.arn, &tags::node_group(view.wish, name), &seen.tags);
        }
    }
}

/// For which version of Kubernetes AWS chose an add-on is said by its update.
fn tags_of_add_ons(view: &View<'_>, found: &mut Found) {
    for (name, wished) in &view.wish.add_ons {
        let Some(seen) = view.seen.add_ons.get(name).filter(|seen| is_lasting(&seen.status)) else { continue };
        tag(found, view, &seen.arn, &tags::part(view.wish), &seen.tags);
        if is_pinned_by_mistake(wished, seen) {
            let remove = BTreeSet::from([tags::KUBERNETES.to_owned()]);
            let step = Step::Tag { arn: seen.arn.clone(), set: tags::Tags::new(), remove };
            found.ask(view.run, step, || format!("tags of {} are not shown yet", seen.arn));
        }
    }
}

/// What failed when it was made is made anew.
fn is_lasting(status: &PartStatus) -> bool {
    !matches!(status, PartStatus::Creating | PartStatus::Deleting | PartStatus::CreateFailed | PartStatus::DeleteFailed)
}
