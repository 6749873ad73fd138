//! Making and changing a tenant: claim the namespace, apply every manifest, wait for Kafka, report.

use std::time::Duration;

use serde_json::Value;

use crate::{
    domain::{
        cluster::order::roomy as roomy_cluster,
        manifests,
        names::{BROKER_POOL, Phase},
        object::{Kind, Manifest, ObjectRef},
        sizing::Sizing,
        tenant::{Isolation, OwnCluster, TenantSpec},
    },
    drivers::kubernetes::{Cluster, Error, Probe, Propagation},
    framework::{
        attr::Attr,
        diagnostic::Diagnostics,
        parts::{Call, Failed},
    },
    resources::{
        connection::{Connection, look_up},
        failure::{failed, failed_at},
        tenant::{
            changes,
            claim::{Claim, TAKEN_OVER, applied, claim, own},
            home, leaving,
            model::Tenant,
            names, outside, parse,
            place::{self, Trouble},
            prepare::{Prepared, prepare, storage_notes},
            read, report, role,
            wait::{self, Outcome, early},
            written::{WRITTEN_ANNOTATION, Written},
        },
    },
};

pub use super::prepare::connected;

const CREATE_DEFAULT: Duration = Duration::from_secs(60 * 60);
const UPDATE_DEFAULT: Duration = Duration::from_secs(2 * 60 * 60);

/// Makes a tenant, or goes on with its own unfinished beginning. A failure leaves no state: the next apply goes on where this one ended.
pub async fn create(connection: &Connection, planned: Tenant, call: &mut Call) -> Result<Tenant, Diagnostics> {
    let timeout = planned.timeouts.create_or(CREATE_DEFAULT);
    let mut prepared = prepare(connection, &planned, None, timeout, call).await?;
    let Some(_making) = prepared.management.making(prepared.spec.name.as_str()) else {
        let mut found = Diagnostics::none();
        let detail = format!(
            "Another resource of this configuration makes the tenant {} at the same time. Give each a name of its own.",
            prepared.spec.name
        );
        found.error_at(Tenant::NAME, "Name already taken", detail);
        return Err(found);
    };
    let claim = claim(&prepared, &planned, call).await?;
    prepared.noted |= !prepared.names_to_note(true).is_empty();
    prepared.management.forget_own_cluster(&prepared.spec.name);
    let id = super::id(&planned).into_known().unwrap_or_default();
    let made = async {
        let outcome = names::all(&mut prepared, None, call).await?;
        finish(&prepared, planned, outcome, Some(&claim), call).await
    }
    .await;
    if made.as_ref().is_err_and(|found| found.iter().all(|error| error.summary != TAKEN_OVER)) {
        let namespace = prepared.spec.name.namespace();
        call.found.warning(
            "A beginning is left",
            format!(
                "Namespace {namespace} and what was made in it stay, so that the next apply goes on from here. To give the tenant up instead, bring it into the \
                 state (terraform import <address of this resource> {id}), set deletion_protection = false, apply, and destroy it."
            ),
        );
    }
    made
}

/// Changes a tenant in place. A failure answers with what is there.
pub async fn update(connection: &Connection, prior: Tenant, mut planned: Tenant, call: &mut Call) -> Result<Tenant, Failed<Tenant>> {
    if planned.changes.is_unknown() {
        planned.changes = Attr::Known(changes::between(&prior, &planned).into_known().unwrap_or_default());
    }
    let timeout = planned.timeouts.update_or(UPDATE_DEFAULT);
    let (deletion_protection, timeouts) = (planned.deletion_protection.clone(), planned.timeouts.clone());
    let changed = async {
        let mut prepared = prepare(connection, &planned, Some(&prior), timeout, call).await?;
        own(&prepared, call).await?;
        let untold = prepared.names_to_note(false);
        if !untold.is_empty() {
            outside::note(&prepared.cluster, &prepared.spec.name, &untold).await?;
            prepared.noted = true;
        }
        let outcome = names::all(&mut prepared, Some(&prior), call).await?;
        let planned = if outcome.there { planned } else { with_addresses(planned, &prior) };
        finish(&prepared, planned, outcome, None, call).await
    }
    .await;
    match changed {
        Ok(tenant) => Ok(tenant),
        // The configuration that was not wholly applied stays unrecorded, so the next plan shows it again; what is there is looked at. What only the state
        // holds is applied by being stored: a tenant that cannot be mended must still be one that can be unprotected and destroyed.
        Err(diagnostics) => {
            let there = read::read(connection, prior.clone(), call).await.ok().flatten().unwrap_or(prior);
            Err(Failed { reached: Some(Tenant { deletion_protection, timeouts, ..there }), diagnostics })
        }
    }
}

/// The addresses of a Kafka that could not be asked and may well run are those it had.
fn with_addresses(mut planned: Tenant, prior: &Tenant) -> Tenant {
    let had = [
        (&mut planned.bootstrap_servers, &prior.bootstrap_servers),
        (&mut planned.ca_certificate, &prior.ca_certificate),
        (&mut planned.cluster_id, &prior.cluster_id),
    ];
    for (planned, prior) in had {
        if planned.is_unknown() {
            *planned = prior.clone();
        }
    }
    planned
}

/// How far an apply came.
pub struct Reached {
    pub outcome: Outcome,
    /// The place of the Kafka could be asked.
    pub there: bool,
}

/// The tenant's own cluster, if it has one, and its Kafka, in the order in which nothing runs short: machines grow before Kafka does, and Kafka shrinks before
/// its machines do. Kubernetes and the operators always come before Kafka, which an older operator might not know.
pub async fn all(prepared: &mut Prepared, prior: Option<&Tenant>, call: &mut Call) -> Result<Reached, Diagnostics> {
    if prepared.spec.own_cluster().is_none() {
        storage_notes(prepared, prior, call);
        let outcome = apply_and_wait(prepared, call).await?;
        return Ok(Reached { outcome, there: true });
    }
    let larger = prior.and_then(|prior| larger(prior, prepared));
    let keeps_machines = larger.is_some();
    let roomy = prior.and_then(|_| roomy(larger, prepared));
    let (spec, sizing) = roomy.as_ref().map_or((&prepared.spec, &prepared.sizing), |(spec, sizing)| (spec, sizing));
    if let Some(early) = bring_home(prepared, spec, sizing, call).await? {
        if roomy.is_some() {
            return Err(not_yet_smaller("own cluster", early));
        }
        return Ok(Reached { outcome: early, there: false });
    }
    let place = match reached(prepared, call).await? {
        Ok(place) => place,
        Err(early) if keeps_machines => return Err(not_yet_smaller("own cluster", early)),
        Err(early) => return Ok(Reached { outcome: early, there: false }),
    };
    prepared.place = place.stopped_by(call.stop.clone()).patient_until(prepared.deadline);
    prepared.settle(look_up(&prepared.place).await?).await?;
    storage_notes(prepared, prior, call);
    applied(&prepared.place, &manifests::namespace(&prepared.spec, Phase::Created)).await?;
    let outcome = apply_and_wait(prepared, call).await?;
    if !matches!(outcome, Outcome::Ready) {
        // How many brokers there are is seen in the cluster; on which machines only the state tells.
        return if keeps_machines { Err(not_yet_smaller("Kafka", outcome)) } else { Ok(Reached { outcome, there: true }) };
    }
    if roomy.is_some()
        && let Some(early) = bring_home(prepared, &prepared.spec, &prepared.sizing, call).await?
    {
        return Ok(Reached { outcome: early, there: true });
    }
    Ok(Reached { outcome, there: true })
}

/// The tenant's own cluster, once Cluster API has written how it is reached, or how waiting for that ended.
async fn reached(prepared: &Prepared, call: &Call) -> Result<Result<Cluster, Outcome>, Diagnostics> {
    let Prepared { cluster, management, spec, deadline, .. } = prepared;
    let refused = |error: Error| failed(REACH, &error);
    let secret = place::kubeconfig(&spec.name);
    loop {
        if let Some(place) = management.own_cluster(cluster, &spec.name).await.map_err(refused)? {
            return Ok(Ok(place));
        }
        let probe = |found: Option<&Value>| match found {
            None => Probe::Pending(format!("{secret} does not exist, which the provider of the cluster's control plane writes")),
            Some(_) => Probe::Done(()),
        };
        if let Some(outcome) = early(cluster.wait(&secret, *deadline, &call.stop, probe).await.map_err(refused)?) {
            return Ok(Err(outcome));
        }
    }
}

const REACH: &str = "Cannot reach the tenant's own cluster";

/// An error, so that the state keeps the size that is still there: by it the next apply knows that Kafka has to become smaller before its machines do.
fn not_yet_smaller(of: &str, early: Outcome) -> Diagnostics {
    let told = match early {
        Outcome::Waiting { what, why } => format!("{why} while waiting for the tenant's {of}: {what}. "),
        Outcome::Ready => String::new(),
    };
    Diagnostics::of_error(
        "The tenant is not smaller yet",
        format!("{told}Its machines stay as they are until its brokers have become smaller. Apply again: it goes on from here."),
    )
}

/// Applies what is on the management cluster of `spec` and waits for it. None: it is ready.
pub async fn bring_home(prepared: &Prepared, spec: &TenantSpec, sizing: &Sizing, call: &Call) -> Result<Option<Outcome>, Diagnostics> {
    let Prepared { cluster, deadline, .. } = prepared;
    home::apply(cluster, spec, sizing).await?;
    role::settle(prepared, spec, call).await?;
    let outcome = home::until_ready(cluster, spec, sizing, *deadline, &call.stop).await?;
    prune(cluster, spec, &home::PRUNED, &manifests::home(spec, sizing)).await?;
    Ok(Some(outcome).filter(|outcome| !matches!(outcome, Outcome::Ready)))
}

/// The tenant and its size with the machines that it has, where its brokers become fewer or smaller and so do their machines. None: it can have the planned
/// ones at once.
fn roomy(larger: Option<TenantSpec>, prepared: &Prepared) -> Option<(TenantSpec, Sizing)> {
    let Prepared { spec, sizing, standing, .. } = prepared;
    (larger.is_some() || *standing > sizing.brokers)
        .then(|| (larger.unwrap_or_else(|| spec.clone()), Sizing { brokers: *standing, ..sizing.clone() }))
}

/// The tenant with the kind of machine that it has, where both its brokers and this become smaller.
fn larger(prior: &Tenant, prepared: &Prepared) -> Option<TenantSpec> {
    let Prepared { spec, sizing, .. } = prepared;
    let before = prior.sizing.known()?;
    let smaller = before.broker_memory_mib.known().is_some_and(|mib| sizing.broker_memory_mib < *mib)
        || before.broker_cpu_millis.known().is_some_and(|millis| sizing.broker_cpu_millis < *millis);
    let Isolation::Cluster(had) = parse::isolation(prior, &mut Diagnostics::none())? else { return None };
    let (own, machine) = (spec.own_cluster()?, before.instance_type.known()?);
    let cluster = roomy_cluster((&had.cluster, machine), (&own.cluster, &sizing.instance_type)).filter(|_| smaller)?;
    let own = OwnCluster { cluster, versions: own.versions.clone() };
    Some(TenantSpec { isolation: Isolation::Cluster(Box::new(own)), ..spec.clone() })
}

/// Build, apply, and wait until Kafka has taken it in. The room of brokers that leave or become smaller is given up once they have: until then their pods may
/// have to be made anew, and all volumes grow.
///
/// A Kafka that is to show another certificate, or to tell other names, waits for that certificate.
pub async fn apply_and_wait(prepared: &Prepared, call: &mut Call) -> Result<Outcome, Diagnostics> {
    let Prepared { place: cluster, spec, sizing, standing, facts, deadline, .. } = prepared;
    let mut manifests = manifests::build(spec, sizing, facts);
    leaving::name(prepared, &mut manifests, call).await?;
    let (room, last) = (manifests::quota(spec, sizing, *standing), manifests::quota(spec, sizing, sizing.brokers));
    let live = place::found(cluster, &room.object).await.map_err(|error| failed("Cannot look at the tenant", &error))?;
    let room = manifests::roomier(room, live.as_ref());
    manifests.iter_mut().filter(|manifest| manifest.object == room.object).for_each(|manifest| *manifest = room.clone());
    let kafka_begins = manifests.iter().position(|manifest| manifest.object.kind == Kind::KafkaNodePool).unwrap_or_default();
    let (first, kafka) = manifests.split_at(kafka_begins);
    let mut must_wait = false;
    if spec.own_certificate().is_some() {
        outside::apply_account(cluster, spec, prepared.hmac.as_deref()).await?;
        outside::begin_anew(cluster, spec).await?;
        must_wait = !outside::is_served(wait::look(cluster, spec).await?.0.as_ref(), spec);
    }
    apply_each(cluster, first).await?;
    if must_wait && let Some(outcome) = outside::until_ready(cluster, spec, *deadline, &call.stop).await? {
        return Ok(outcome);
    }
    apply_each(cluster, kafka).await?;
    let outcome = wait::until_ready(cluster, spec, *deadline, &call.stop).await?;
    if room.body != last.body && matches!(outcome, Outcome::Ready) {
        applied(cluster, &last).await?;
    }
    prune(cluster, spec, &PRUNED, &manifests).await?;
    match outcome {
        Outcome::Ready => Ok(outside::settle(prepared, call).await?.unwrap_or(Outcome::Ready)),
        outcome => Ok(outcome),
    }
}

/// Applies what is at the place of the Kafka, but its namespace.
async fn apply_each(cluster: &Cluster, manifests: &[Manifest]) -> Result<(), Diagnostics> {
    for manifest in manifests.iter().filter(|manifest| manifest.object.kind != Kind::Namespace) {
        match (cluster.apply(manifest).await, manifest.object.kind) {
            (Ok(_), _) => {}
            // A StorageClass cannot be changed, but volumes that exist do not need the old one.
            (Err(Error::Invalid { .. }), Kind::StorageClass) => {
                cluster
                    .delete(&manifest.object, Propagation::Background)
                    .await
                    .map_err(|error| failed("Cannot apply the tenant", &error))?;
                applied(cluster, manifest).await?;
            }
            (Err(error @ Error::Invalid { .. }), Kind::Kafka) => return Err(failed_at(Tenant::KAFKA, "Kafka refused", &error)),
            (Err(error @ Error::KindMissing { .. }), Kind::PodMonitor | Kind::PrometheusRule) => {
                return Err(failed_at(Tenant::MONITORING, "The Prometheus operator is not installed", &error));
            }
            (Err(error @ Error::KindMissing { .. }), Kind::ClusterIssuer | Kind::Certificate) => {
                return Err(failed_at(Tenant::TLS, "cert-manager is not installed", &error));
            }
            (Err(error), _) => return Err(failed("Cannot apply the tenant", &error)),
        }
    }
    Ok(())
}

/// The kinds of object at the Kafka's place of which another configuration may want fewer.
const PRUNED: [Kind; 5] = [Kind::RoleBinding, Kind::VolumeAttributesClass, Kind::PodMonitor, Kind::PrometheusRule, Kind::ConfigMap];
/// What a tenant is watched with.
const MONITORING: [Kind; 3] = [Kind::PodMonitor, Kind::PrometheusRule, Kind::ConfigMap];

/// Deletes what an earlier configuration of this tenant made and this one does not want.
async fn prune(cluster: &Cluster, spec: &TenantSpec, kinds: &[Kind], wanted: &[Manifest]) -> Result<(), Diagnostics> {
    let summary = "Cannot remove what the tenant no longer needs";
    for &kind in kinds {
        // What others labelled like ours in their own namespaces is theirs.
        let namespace = kind.api().namespaced.then(|| spec.name.namespace());
        let listed = match cluster.list(kind, namespace.as_deref(), Some(&spec.name.label_selector())).await {
            Err(Error::KindMissing { .. }) => continue,
            // What this user may not even list he never made.
            Err(Error::Forbidden { .. }) if MONITORING.contains(&kind) && !spec.monitoring => continue,
            other => other.map_err(|error| failed(summary, &error))?,
        };
        for reference in listed.iter().map(|object| ObjectRef::of(kind, object)) {
            if wanted.iter().all(|manifest| manifest.object != reference) {
                cluster.delete(&reference, Propagation::Background).await.map_err(|error| failed(summary, &error))?;
            }
        }
    }
    Ok(())
}

/// Notes that the tenant was made, and reports it. Waiting that ended early is a warning: a slow Kafka is not a broken one.
async fn finish(
    prepared: &Prepared,
    planned: Tenant,
    reached: Reached,
    claim: Option<&Claim>,
    call: &mut Call,
) -> Result<Tenant, Diagnostics> {
    let Prepared { cluster, spec, .. } = prepared;
    if let Outcome::Waiting { what, why } = &reached.outcome {
        let stop = if what.ends_with(['.', '?', '!']) { "" } else { "." };
        call.found.warning(
            "The tenant is not ready yet",
            format!(
                "{why} while waiting for the tenant {}: {what}{stop} The next plan shows how far it is, and apply waits on.",
                spec.name
            ),
        );
    }
    let namespace = manifests::namespace(spec, Phase::Created);
    let summary = "Cannot note that the tenant was made";
    let written = Written::of_tenant(&planned).to_json();
    cluster.annotate(&namespace.object, &[(WRITTEN_ANNOTATION, Some(&written))]).await.map_err(|error| failed(summary, &error))?;
    let (kafka, pools) = if reached.there { wait::look(&prepared.place, spec).await? } else { (None, Vec::new()) };
    let is_waiting = matches!(reached.outcome, Outcome::Waiting { .. });
    let outside = if reached.there && (spec.own_certificate().is_some() || (is_waiting && spec.dns.is_some())) {
        let brokers = pools.iter().find(|pool| pool["metadata"]["name"] == BROKER_POOL);
        Some(outside::look(&prepared.connection, &prepared.place, spec, (kafka.as_ref(), brokers), call).await?)
    } else {
        None
    };
    // Last of all: a creation that fails after this could not be gone on with, only imported.
    let mut noted = match claim {
        Some(claim) => claim.finish(cluster, &namespace).await?,
        None => cluster.apply(&namespace).await.map_err(|error| failed(summary, &error))?,
    };
    if prepared.noted && prepared.before.is_none() && prepared.begun_names.is_empty() {
        noted = outside::note(cluster, &spec.name, &[]).await?;
    }
    read::remember(&noted, call);
    let mut tenant = report::applied(planned, spec, &prepared.sizing, (kafka.as_ref(), &pools), outside);
    if let (Outcome::Waiting { what, .. }, Some(_)) = (reached.outcome, spec.own_cluster()) {
        let phase = if claim.is_some() { "Creating" } else { "Updating" };
        report::unsettled(&mut tenant, Some(&Trouble { phase, reason: "Waiting".to_owned(), message: what }));
    }
    Ok(tenant)
}
