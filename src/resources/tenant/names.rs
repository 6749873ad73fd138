//! A tenant's names across an apply: new ones come first, and those of before go when the new ones answer.

use crate::{
    domain::{
        dns::{DnsSpec, ManagedBy},
        tenant::TenantSpec,
    },
    framework::{diagnostic::Diagnostics, parts::Call},
    resources::tenant::{
        apply::{self, Reached},
        model::Tenant,
        outside::{self, gone},
        prepare::Prepared,
        wait::Outcome,
    },
};

/// Everything of an apply. Of a tenant whose names change it is done twice: with the names of before beside the new ones, and without them.
pub async fn all(prepared: &mut Prepared, prior: Option<&Tenant>, call: &mut Call) -> Result<Reached, Diagnostics> {
    prepared.spec.leaving.clone_from(&prepared.before);
    for before in prepared.before.iter().chain(&prepared.begun_names).filter(|before| is_handed_over(&prepared.spec, before)) {
        if let Some(Outcome::Waiting { what, why }) = gone::given_up_to(prepared, before, call).await? {
            return Err(not_yet(&what, why));
        }
    }
    let reached = apply::all(prepared, prior, call).await?;
    let is_done = reached.there && matches!(reached.outcome, Outcome::Ready);
    if is_done {
        gone::pruned(&prepared.place, &prepared.spec).await?;
        let shared_owner = outside::shared_owner(prepared, call).await?;
        if let (Some(found), Some(owner)) = (prepared.spec.dns.as_mut().and_then(|dns| dns.found.as_mut()), shared_owner) {
            found.shared_owner = Some(owner);
        }
    }
    let before = prepared.spec.leaving.take();
    if before.is_none() && prepared.begun_names.is_empty() {
        return Ok(reached);
    }
    match reached {
        _ if is_done => {}
        // Nothing was there before; what was begun is gone on with.
        reached if prior.is_none() => return Ok(reached),
        Reached { outcome: Outcome::Waiting { what, why }, .. } => return Err(not_yet(&what, why)),
        reached @ Reached { .. } => return Ok(reached),
    }
    let reached = match before {
        Some(before) => give_up(prepared, &before, call).await?,
        None => reached,
    };
    if !matches!(reached.outcome, Outcome::Ready) {
        return Ok(reached);
    }
    for begun in &prepared.begun_names {
        if let Some(Outcome::Waiting { what, why }) = gone::given_up(prepared, begun, false, call).await? {
            return Err(not_yet(&what, why));
        }
    }
    (prepared.before, prepared.begun_names) = (None, Vec::new());
    Ok(reached)
}

/// The new names answer: those of before go.
async fn give_up(prepared: &Prepared, before: &DnsSpec, call: &mut Call) -> Result<Reached, Diagnostics> {
    let Prepared { spec, sizing, .. } = prepared;
    let mut outcome = apply::apply_and_wait(prepared, call).await?;
    if matches!(outcome, Outcome::Ready)
        && let Some(early) = gone::given_up(prepared, before, true, call).await?
    {
        outcome = early;
    }
    if let Outcome::Waiting { what, why } = outcome {
        return Err(not_yet(&what, why));
    }
    if spec.own_cluster().is_some() {
        if let Some(early) = apply::bring_home(prepared, spec, sizing, call).await? {
            return Ok(Reached { outcome: early, there: true });
        }
        // The external-dns that went may have taken names along that were its own before.
        if let Some(early) = outside::settle(prepared, call).await? {
            return Ok(Reached { outcome: early, there: true });
        }
    }
    Ok(Reached { outcome: Outcome::Ready, there: true })
}

/// Whether an external-dns that works for many takes over names that it would else leave alone, as another owner's.
fn is_handed_over(spec: &TenantSpec, before: &DnsSpec) -> bool {
    let same = |dns: &DnsSpec| dns.domain == before.domain && dns.zone() == before.zone() && dns.managed_by == ManagedBy::ExternalDns;
    spec.own_cluster().is_none() && before.managed_by == ManagedBy::Provider && spec.dns.as_ref().is_some_and(same)
}

/// An error, so that the state keeps the names that are still there: by them the next apply knows what has to go.
fn not_yet(what: &str, why: &str) -> Diagnostics {
    Diagnostics::of_error(
        "The tenant's names are not changed yet",
        format!(
            "{why} while waiting: {}. The names of before stay until the new ones answer. Apply again: it goes on from here.",
            what.trim_end_matches('.')
        ),
    )
}
