//! What a change of a tenant will do, said before it is done: sizes with their reasons, what is refused and why. No I/O.

use crate::{
    domain::{
        sizing::{Floor, Sizing},
        tenant::TenantSpec,
    },
    framework::{
        attr::Attr,
        diagnostic::Diagnostics,
        parts::{Change, Verdict},
        path::Path,
    },
    resources::{
        tenant::{
            changes, id,
            model::{Storage, Tenant},
            outside, own_cluster, parse, plan_cluster, versions,
        },
        wishes::{self, SizingReport},
    },
};

/// Completes the plan of a create or an update.
pub fn plan(change: &Change<'_, Tenant>, planned: &mut Tenant, verdict: &mut Verdict) {
    let found = &mut verdict.found;
    parse::validate(planned, found);
    planned.id = id(planned);
    planned.kubernetes = plan_cluster::location(planned);
    planned.kubernetes_version = plan_cluster::version(planned, change.prior);
    planned.kafka_version = versions::wanted(planned, change.prior, found);
    let sizing = size(planned, change.prior, found);
    plan_cluster::check(planned, (change.prior, None), sizing.as_ref(), found);
    planned.drift = Attr::Known(Vec::new());
    planned.changes = Attr::Known(Vec::new());
    let Some(prior) = change.prior else {
        plan_cluster::warn_of_one_zone(planned, found);
        outside::plan(planned, None);
        return;
    };
    refuse_moving(planned, prior, found);
    let replacing = replacing(planned, prior);
    if prior.deletion_protection.known().is_none_or(|protected| *protected) {
        refuse_replacing(replacing, planned, prior, found);
    } else {
        let reason = format!("needs a new Kafka, and the data of the tenant {} is deleted", shown(&prior.name));
        verdict.replace.extend(replacing.into_iter().map(|path| (path, reason.clone())));
        if planned.management_cluster.is_unknown() {
            let reason = format!(
                "the management cluster is not known before apply, and the data of the tenant {} is deleted, even if it is the same",
                shown(&prior.name)
            );
            verdict.replace.push((Tenant::MANAGEMENT_CLUSTER.into(), reason));
        }
    }
    changes::plan(planned, prior);
    keep_addresses(planned, prior);
    if !is_ready(prior) {
        await_addresses(planned, prior);
    }
    let versions = planned.kafka_version != prior.kafka_version || planned.kubernetes_version != prior.kubernetes_version;
    let figures = planned.sizing != prior.sizing || versions || planned.operators != prior.operators || planned.cluster != prior.cluster;
    if !is_ready(prior) || has_drift(prior) || figures {
        planned.status = Attr::Unknown;
    }
    outside::plan(planned, Some(prior));
}

/// Refuses to destroy a protected tenant when the plan is made, not when it is applied.
pub fn plan_destroy(prior: &Tenant, found: &mut Diagnostics) {
    if prior.deletion_protection.known().is_none_or(|protected| *protected) {
        found.error_at(
            Tenant::DELETION_PROTECTION,
            "Tenant is protected",
            format!(
                "Destroying the tenant {} deletes its Kafka and all data in it. If that is wanted, set deletion_protection = false, apply, and destroy then.",
                shown(&prior.name)
            ),
        );
    }
}

/// Whether the last look at the tenant found it ready.
fn is_ready(prior: &Tenant) -> bool {
    prior.status.known().and_then(|status| status.phase.known()).is_some_and(|phase| phase == "Ready")
}

fn has_drift(prior: &Tenant) -> bool {
    prior.drift.known().is_some_and(|drift| !drift.is_empty())
}

/// Sizes the tenant. Volumes and machines stay at least as they are; brokers may become fewer, once what they hold is moved off them.
fn size(planned: &mut Tenant, prior: Option<&Tenant>, found: &mut Diagnostics) -> Option<Sizing> {
    let mut told = Diagnostics::none();
    let wish = wishes::wish(&planned.throughput, &planned.retention, &planned.partitions, &mut told);
    let (Some(wish), Some(overrides)) = (wish, wishes::overrides(&planned.sizing_override)) else {
        planned.sizing = Attr::Unknown;
        return None;
    };
    let floor = prior.and_then(|prior| prior.sizing.known()).and_then(SizingReport::floor).as_ref().map(Floor::without_brokers);
    let sizing = wishes::size(&wish, &overrides, floor.as_ref(), found);
    planned.sizing = sizing.as_ref().map_or(Attr::Unknown, |sizing| SizingReport::of(sizing).into());
    sizing
}

/// Refuses to move a tenant between isolations, which would leave its data behind.
pub fn refuse_moving(planned: &Tenant, prior: &Tenant, found: &mut Diagnostics) {
    if let (Attr::Known(to), Attr::Known(from)) = (&planned.isolation, &prior.isolation)
        && to != from
    {
        found.error_at(
            Tenant::ISOLATION,
            "Isolation cannot be changed",
            format!(
                "The tenant lives with isolation = {from:?}; its data cannot be moved to isolation = {to:?} in place. Make a second tenant with the new \
                 isolation, copy the topics with MirrorMaker 2, move the clients, and destroy this one."
            ),
        );
    }
}

/// Refuses to go on with a beginning of the other isolation, of which nothing would be seen any more. `had`: whether it has a cluster of its own.
pub fn refuse_other_beginning(spec: &TenantSpec, had: Option<bool>, found: &mut Diagnostics) {
    let shown = |own: bool| if own { parse::CLUSTER } else { parse::NAMESPACE };
    if let Some(had) = had.filter(|had| *had != spec.own_cluster().is_some()) {
        found.error_at(
            Tenant::ISOLATION,
            "Isolation cannot be changed",
            format!(
                "A beginning of the tenant {} with isolation = {:?} is left in the namespace {}. Set it back and apply: that goes on from there. To have the other isolation \
                 after all, then set deletion_protection = false, apply, destroy the tenant, and make it with the other.",
                spec.name,
                shown(had),
                spec.name.namespace()
            ),
        );
    }
}

/// What changes so that only a new Kafka can have it.
fn replacing(planned: &Tenant, prior: &Tenant) -> Vec<Path> {
    let storage =
        |tenant: &Tenant, part: fn(&Storage) -> &Attr<String>| tenant.storage.known().map_or(Attr::Null, |storage| part(storage).clone());
    let class: fn(&Storage) -> &Attr<String> = |storage| &storage.class;
    let key: fn(&Storage) -> &Attr<String> = |storage| &storage.kms_key_arn;
    let mut changes: Vec<(Path, bool)> = vec![
        (Tenant::NAME.into(), planned.name != prior.name),
        (
            Tenant::MANAGEMENT_CLUSTER.into(),
            planned.management_cluster != prior.management_cluster && !planned.management_cluster.is_unknown(),
        ),
        (Tenant::STORAGE.then(Storage::CLASS), storage(planned, class) != storage(prior, class)),
        (Tenant::STORAGE.then(Storage::KMS_KEY_ARN), storage(planned, key) != storage(prior, key)),
    ];
    changes.extend(own_cluster::replaced(&planned.cluster, &prior.cluster));
    changes.into_iter().filter(|(_, changed)| *changed).map(|(path, _)| path).collect()
}

/// A replacement destroys the data, so protection refuses it like a destroy.
fn refuse_replacing(replacing: Vec<Path>, planned: &Tenant, prior: &Tenant, found: &mut Diagnostics) {
    // Nothing later asks for protection: a replacement that is planned for an unknown value destroys, whatever the value turns out to be.
    if planned.management_cluster.is_unknown() {
        found.error_at(
            Tenant::MANAGEMENT_CLUSTER,
            "Tenant is protected",
            format!(
                "The management cluster is not known before apply, so the tenant {} would be replaced and its data deleted, even if it turns out to be the same \
                 cluster ({}). Apply the management cluster first, for example with -target; if it was only renamed, write a moved block for it.",
                shown(&prior.name),
                shown(&prior.management_cluster)
            ),
        );
    }
    for path in replacing {
        found.error_at(
            path.clone(),
            "Tenant is protected",
            format!(
                "A change of {path} needs a new Kafka, and the data of the tenant {} would be deleted. If that is wanted, set deletion_protection = false and \
                 apply that first.",
                shown(&prior.name)
            ),
        );
    }
}

/// Addresses and certificates outlive changes that do not touch the listeners.
fn keep_addresses(planned: &mut Tenant, prior: &Tenant) {
    let brokers = |tenant: &Tenant| tenant.sizing.known().and_then(|sizing| sizing.brokers.known().copied());
    let authentication = |tenant: &Tenant| tenant.kafka.known().and_then(|kafka| kafka.authentication.known().cloned());
    if is_ready(prior)
        && brokers(planned) == brokers(prior)
        && authentication(planned) == authentication(prior)
        && outside::keeps_addresses(planned, prior)
    {
        planned.bootstrap_servers = prior.bootstrap_servers.clone();
        planned.ca_certificate = prior.ca_certificate.clone();
    }
}

/// Addresses that an unfinished tenant has not told yet, or that a new Kafka will have, are known once it is ready.
fn await_addresses(planned: &mut Tenant, prior: &Tenant) {
    let phase = prior.status.known().and_then(|status| status.phase.known());
    let remade = phase.is_some_and(|phase| ["Missing", "Deleting"].contains(&phase.as_str()));
    for address in [&mut planned.bootstrap_servers, &mut planned.ca_certificate, &mut planned.cluster_id] {
        if remade || address.is_null() {
            *address = Attr::Unknown;
        }
    }
}

fn shown(name: &Attr<String>) -> String {
    name.known().map_or_else(String::new, |name| format!("{name:?}"))
}
