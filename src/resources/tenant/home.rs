//! A tenant's own cluster, as objects on the management cluster: applied, and waited for until the cluster is there and what Kafka needs runs in it.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    domain::{
        cluster::{
            has_workers, machines,
            status::{ClusterPhase, cluster_status},
        },
        manifests,
        names::TenantName,
        object::{Kind, Manifest, ObjectRef},
        releases::{
            Component,
            status::{ReleaseState, release_status},
        },
        sizing::Sizing,
        tenant::TenantSpec,
    },
    drivers::kubernetes::{Cluster, Error, Probe, Waited},
    framework::{diagnostic::Diagnostics, parts::Call},
    resources::{
        failure::{failed, failed_at},
        tenant::{
            model::Tenant,
            place::Trouble,
            wait::{Outcome, early},
        },
    },
};

/// The kinds of object there of which another configuration may want fewer.
pub const PRUNED: [Kind; 3] = [Kind::HelmRelease, Kind::OciRepository, Kind::HelmRepository];

/// Everything at once: a network that comes as a release is what makes nodes, and with them the cluster, ready.
pub async fn apply(management: &Cluster, spec: &TenantSpec, sizing: &Sizing) -> Result<(), Diagnostics> {
    for manifest in manifests::home(spec, sizing) {
        management.apply(&manifest).await.map_err(|error| match (&error, manifest.object.kind) {
            (Error::Invalid { .. } | Error::Forbidden { .. }, Kind::Cluster) => failed_at(Tenant::CLUSTER, "Cluster refused", &error),
            (Error::KindMissing { .. }, kind) => missing(kind, management),
            _ => failed("Cannot apply the tenant's cluster", &error),
        })?;
    }
    Ok(())
}

/// What the management cluster lacks for a tenant with a cluster of its own.
fn missing(kind: Kind, management: &Cluster) -> Diagnostics {
    let (what, way_out) = match kind {
        Kind::Cluster | Kind::ClusterClass => ("Cluster API", "Cluster API 1.11 or later with the feature gate ClusterTopology"),
        _ => ("Flux", "Flux 2.7 or later (source-controller and helm-controller)"),
    };
    let mut found = Diagnostics::none();
    found.error_at(
        Tenant::MANAGEMENT_CLUSTER,
        format!("{what} is not installed"),
        format!(
            "A tenant with isolation = \"cluster\" needs {what} on the management cluster {}, which does not serve {} in {}. Install {way_out}, or set \
             isolation = \"namespace\".",
            management.id(),
            kind.api().kind,
            kind.api().api_version(),
        ),
    );
    found
}

/// That the management cluster has what a cluster is made with: its kinds, and the class.
pub async fn check(management: &Cluster, spec: &TenantSpec) -> Result<(), Diagnostics> {
    let looked = |error: Error| failed("Cannot look at the management cluster", &error);
    for kind in [Kind::Cluster, Kind::HelmRelease, Kind::OciRepository] {
        if !management.server_serves(kind).await.map_err(looked)? {
            return Err(missing(kind, management));
        }
    }
    let Some(own) = spec.own_cluster() else { return Ok(()) };
    let class = ObjectRef::namespaced(Kind::ClusterClass, own.cluster.class_namespace(), &own.cluster.class);
    if management.get(&class).await.map_err(looked)?.is_some() {
        return Ok(());
    }
    let there = management.list(Kind::ClusterClass, None, None).await.map_err(looked)?;
    let names: Vec<String> = there.iter().map(named).collect();
    let listed = if names.is_empty() { "there is none at all".to_owned() } else { format!("there are {}", names.join(", ")) };
    let mut found = Diagnostics::none();
    found.error_at(
        Tenant::CLUSTER,
        "ClusterClass not found",
        format!(
            "The management cluster {} has no ClusterClass {} in namespace {}; {listed}. kaas_management_cluster makes kaas-eks and kaas-aws where the AWS \
             provider of Cluster API is installed; make your own class before the tenant.",
            management.id(),
            class.name,
            own.cluster.class_namespace(),
        ),
    );
    Err(found)
}

fn named(object: &Value) -> String {
    let text = |name: &str| object["metadata"][name].as_str().unwrap_or_default();
    format!("{} in {}", text("name"), text("namespace"))
}

/// Until the cluster has a control plane, on which nothing runs yet, or is paused.
pub async fn until_begun(
    management: &Cluster,
    name: &TenantName,
    deadline: Instant,
    stop: &CancellationToken,
) -> Result<Outcome, Diagnostics> {
    let cluster = object(name);
    let probe = |found: Option<&Value>| match found.map(|found| (found, cluster_status(found))) {
        None => Probe::Pending(format!("{cluster} does not exist")),
        Some((found, _)) if found["status"]["initialization"]["controlPlaneInitialized"] == true => Probe::Done(()),
        Some((_, status)) if status.phase == ClusterPhase::Paused => Probe::Done(()),
        Some((_, status)) => Probe::Pending(format!("{cluster} is {}: {}", status.phase, status.message)),
    };
    let waited = management.wait(&cluster, deadline, stop, probe).await.map_err(refused)?;
    Ok(early(waited).unwrap_or(Outcome::Ready))
}

/// How long machines get that were asked for just now, before they are looked at again.
const PAUSE: Duration = Duration::from_secs(1);

/// Until the cluster is as wanted, its machines are those it was asked for, and every release that Kafka needs is installed in it in its version.
pub async fn until_ready(
    management: &Cluster,
    spec: &TenantSpec,
    sizing: &Sizing,
    deadline: Instant,
    stop: &CancellationToken,
) -> Result<Outcome, Diagnostics> {
    loop {
        if let Some(outcome) = settled(management, &spec.name, deadline, stop).await? {
            return Ok(outcome);
        }
        let Some(what) = machines_pending(management, spec).await? else { break };
        let why = tokio::select! {
            biased;
            () = stop.cancelled() => "The run was stopped",
            () = tokio::time::sleep_until(deadline) => "The deadline passed",
            () = tokio::time::sleep(PAUSE) => continue,
        };
        return Ok(Outcome::Waiting { what, why });
    }
    for manifest in manifests::home(spec, sizing).iter().filter(|manifest| is_needed(&manifest.object)) {
        if let Some(outcome) = released(management, spec, manifest, deadline, stop).await? {
            return Ok(outcome);
        }
    }
    Ok(Outcome::Ready)
}

/// Until the cluster says that it is as wanted. None: it does.
async fn settled(
    management: &Cluster,
    name: &TenantName,
    deadline: Instant,
    stop: &CancellationToken,
) -> Result<Option<Outcome>, Diagnostics> {
    let cluster = object(name);
    let probe = |found: Option<&Value>| match found.map(cluster_status) {
        None => Probe::Pending(format!("{cluster} does not exist")),
        Some(status) if status.phase == ClusterPhase::Ready => Probe::Done(None),
        // Nothing moves until somebody takes the pause away.
        Some(status) if status.phase == ClusterPhase::Paused => Probe::Done(Some(status.message)),
        Some(status) => Probe::Pending(format!("{cluster} is {}: {}", status.phase, status.message)),
    };
    Ok(match management.wait(&cluster, deadline, stop, probe).await.map_err(refused)? {
        Waited::Done(Some(what)) => Some(Outcome::Waiting { what, why: "The cluster is paused" }),
        waited => early(waited),
    })
}

/// What the machines lack of which the Cluster has not heard yet: it sums up what was last said of them. A user who may not see them trusts the Cluster.
async fn machines_pending(management: &Cluster, spec: &TenantSpec) -> Result<Option<String>, Diagnostics> {
    if spec.own_cluster().is_none_or(|own| !has_workers(&own.cluster)) {
        return Ok(None);
    }
    let (namespace, selector) = (spec.name.namespace(), machines::selector(spec.name.cluster()));
    let mut listed = Vec::new();
    for kind in [Kind::MachineDeployment, Kind::MachineSet] {
        match management.list(kind, Some(&namespace), Some(&selector)).await {
            Err(Error::Forbidden { .. } | Error::KindMissing { .. }) => return Ok(None),
            found => listed.push(found.map_err(refused)?),
        }
    }
    Ok(machines::pending(&listed[0], &listed[1]))
}

/// None: it is installed.
async fn released(
    management: &Cluster,
    spec: &TenantSpec,
    manifest: &Manifest,
    deadline: Instant,
    stop: &CancellationToken,
) -> Result<Option<Outcome>, Diagnostics> {
    let release = &manifest.object;
    let wanted = manifests::chart_version(spec, release);
    let probe = |found: Option<&Value>| match found.map(|found| release_status(found, wanted.as_deref())) {
        None => Probe::Pending(format!("{release} does not exist")),
        Some(status) => match status.state {
            ReleaseState::Ready => Probe::Done(Ok(())),
            ReleaseState::Failed => Probe::Done(Err(Some(format!("{} ({})", status.message, status.reason)))),
            ReleaseState::Suspended => Probe::Done(Err(None)),
            ReleaseState::InProgress | ReleaseState::Deleting => {
                Probe::Pending(format!("{release} is {}: {}", status.state, status.message))
            }
        },
    };
    match management.wait(release, deadline, stop, probe).await.map_err(refused)? {
        Waited::Done(Err(Some(message))) => Err(Diagnostics::of_error(
            "An operator cannot be installed",
            format!("Flux has given up {release}: {message}. Correct what it says and apply again; it goes on from here."),
        )),
        Waited::Done(Err(None)) => {
            Ok(Some(Outcome::Waiting { what: format!("{release} is suspended"), why: "Flux was told to leave it alone" }))
        }
        waited => Ok(early(waited)),
    }
}

/// Whether an object is the release of something that Kafka needs.
fn is_needed(release: &ObjectRef) -> bool {
    release.kind == Kind::HelmRelease && !Component::of_release(&release.name).is_some_and(Component::is_dispensable)
}

/// What is wrong with the releases in the tenant's cluster that Kafka needs, the first of them; None where there is no cluster, for that is told by itself. Of those
/// that Kafka does without it is a warning.
pub fn trouble(spec: &TenantSpec, objects: &[(Manifest, Option<Value>)], call: &mut Call) -> Option<Trouble> {
    for Trouble { message, reason, .. } in troubles(spec, objects, false) {
        let detail = format!(
            "Of the tenant {}: {message} ({reason}). Kafka does without it: until it runs, a node that is replaced gives up its broker when the last one's pod runs \
             again, though its replicas may not be in sync yet. If it stays so: where the registry lacks the chart or its image, put them there; where it was installed \
             by hand, take that away.",
            spec.name
        );
        call.found.warning("Strimzi's Drain Cleaner does not run yet", detail);
    }
    troubles(spec, objects, true).next()
}

fn troubles<'a>(spec: &'a TenantSpec, objects: &'a [(Manifest, Option<Value>)], needed: bool) -> impl Iterator<Item = Trouble> + 'a {
    let releases =
        objects.iter().filter(move |(manifest, _)| manifest.object.kind == Kind::HelmRelease && is_needed(&manifest.object) == needed);
    releases.filter_map(|(manifest, found)| Some((&manifest.object, found.as_ref()?))).filter_map(|(release, found)| {
        let status = release_status(found, manifests::chart_version(spec, release).as_deref());
        let phase = match status.state {
            ReleaseState::Ready => return None,
            ReleaseState::Failed => "Failed",
            ReleaseState::Suspended => "Paused",
            ReleaseState::InProgress | ReleaseState::Deleting => "Updating",
        };
        Some(Trouble { phase, reason: status.reason, message: format!("{release}: {}", status.message) })
    })
}

/// The tenant's Cluster.
pub fn object(name: &TenantName) -> ObjectRef {
    ObjectRef::namespaced(Kind::Cluster, name.namespace(), name.cluster())
}

fn refused(error: Error) -> Diagnostics {
    failed("Cannot watch the tenant's cluster", &error)
}
