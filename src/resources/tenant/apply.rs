//! Making and changing a tenant: claim the namespace, apply every manifest, wait for Kafka, report.

use std::time::Duration;

use tokio::time::Instant;

use crate::{
    domain::{
        manifests,
        names::{OWNER_ANNOTATION, PHASE_ANNOTATION, Phase, TENANT_LABEL},
        object::{Kind, Manifest, ObjectRef},
        sizing::Sizing,
        tenant::{Facts, TenantSpec},
    },
    drivers::kubernetes::{Cluster, Error, Propagation, Waited},
    framework::{
        diagnostic::Diagnostics,
        parts::{Call, Failed},
    },
    resources::{
        connection::Connection,
        failure::{failed, failed_at},
        tenant::{
            model::Tenant,
            parse, read, report,
            wait::{self, Outcome},
            written::{WRITTEN_ANNOTATION, Written},
        },
        wishes,
    },
};

const CREATE_DEFAULT: Duration = Duration::from_secs(60 * 60);
const UPDATE_DEFAULT: Duration = Duration::from_secs(2 * 60 * 60);

/// Everything the following steps need, known and checked.
struct Prepared {
    cluster: Cluster,
    spec: TenantSpec,
    sizing: Sizing,
    facts: Facts,
    deadline: Instant,
}

/// Makes a tenant, or goes on with its own unfinished beginning. A failure leaves no state: the next apply goes on where this one ended.
pub async fn create(connection: &Connection, planned: Tenant, call: &mut Call) -> Result<Tenant, Diagnostics> {
    let timeout = planned.timeouts.create_or(CREATE_DEFAULT);
    let prepared = prepare(connection, &planned, timeout, call).await?;
    claim(&prepared, &planned, call).await?;
    let outcome = apply_and_wait(&prepared, call).await?;
    finish(&prepared, planned, &outcome, call).await
}

/// Changes a tenant in place. A failure answers with what is there.
pub async fn update(connection: &Connection, prior: Tenant, planned: Tenant, call: &mut Call) -> Result<Tenant, Failed<Tenant>> {
    let timeout = planned.timeouts.update_or(UPDATE_DEFAULT);
    let changed = async {
        let prepared = prepare(connection, &planned, timeout, call).await?;
        own(&prepared).await?;
        let outcome = apply_and_wait(&prepared, call).await?;
        finish(&prepared, planned, &outcome, call).await
    }
    .await;
    match changed {
        Ok(tenant) => Ok(tenant),
        // The configuration that was not wholly applied stays unrecorded, so the next plan shows it again; what is there is looked at.
        Err(diagnostics) => Err(Failed { reached: read::read(connection, prior, call).await.ok().flatten(), diagnostics }),
    }
}

/// Parse and dereference.
async fn prepare(connection: &Connection, planned: &Tenant, timeout: Duration, call: &Call) -> Result<Prepared, Diagnostics> {
    let deadline = Instant::now() + timeout;
    let spec = parse::spec(planned, &connection.settings())?;
    let mut found = Diagnostics::none();
    let Some(sizing) = wishes::size(&spec.wish, &spec.overrides, spec.floor.as_ref(), &mut found) else {
        return Err(found);
    };
    let cluster = connected(connection, planned)?.stopped_by(call.stop.clone());
    let facts = connection.facts().await?;
    if !cluster.server_serves(Kind::Kafka).await.map_err(|error| failed("Cannot look at the management cluster", &error))? {
        let mut found = Diagnostics::none();
        found.error_at(
            Tenant::MANAGEMENT_CLUSTER,
            "Strimzi is not installed",
            format!(
                "The management cluster {} does not serve Kafka in kafka.strimzi.io/v1. Install the Strimzi operator 1.0 or later on it, watching all namespaces.",
                cluster.id()
            ),
        );
        return Err(found);
    }
    Ok(Prepared { cluster, spec, sizing, facts, deadline })
}

/// The client, after checking that it leads to the cluster the tenant names.
pub fn connected(connection: &Connection, tenant: &Tenant) -> Result<Cluster, Diagnostics> {
    let cluster = connection.cluster()?;
    match tenant.management_cluster.known() {
        Some(wanted) if wanted != cluster.id() => {
            let mut found = Diagnostics::none();
            found.error_at(
                Tenant::MANAGEMENT_CLUSTER,
                "Another management cluster",
                format!(
                    "The tenant lives on {wanted:?}, but the provider's kubernetes block (or the environment) leads to {:?}. Use the provider configuration of \
                     that cluster, for example by a provider alias.",
                    cluster.id()
                ),
            );
            Err(found)
        }
        _ => Ok(cluster),
    }
}

/// Makes the namespace before all else; an existing one is only taken if it is this owner's own unfinished beginning.
async fn claim(prepared: &Prepared, planned: &Tenant, call: &Call) -> Result<(), Diagnostics> {
    let Prepared { cluster, spec, deadline, .. } = prepared;
    let summary = "Cannot make the tenant's namespace";
    let manifest = manifests::namespace(spec, Phase::Creating);
    loop {
        let existing = match cluster.create(&manifest).await {
            Ok(_) => return Ok(()),
            Err(Error::AlreadyExists { .. } | Error::Cut { .. } | Error::TimedOut { .. }) => {
                cluster.get(&manifest.object).await.map_err(|error| failed(summary, &error))?
            }
            Err(error) => return Err(failed(summary, &error)),
        };
        let Some(existing) = existing else { continue };
        let metadata = &existing["metadata"];
        if !metadata["deletionTimestamp"].is_null() {
            await_end(cluster, &manifest.object, *deadline, call).await?;
            continue;
        }
        let annotation = |name: &str| metadata["annotations"][name].as_str().unwrap_or_default();
        let ours = metadata["labels"][TENANT_LABEL].as_str() == Some(spec.name.as_str()) && annotation(OWNER_ANNOTATION) == spec.owner;
        return match Phase::parse(annotation(PHASE_ANNOTATION)) {
            Some(Phase::Creating) if ours => Ok(()),
            _ => Err(taken(&existing, spec, planned)),
        };
    }
}

/// Waits until a namespace that is on its way out is gone.
async fn await_end(cluster: &Cluster, namespace: &ObjectRef, deadline: Instant, call: &Call) -> Result<(), Diagnostics> {
    let summary = "The tenant's namespace is still being deleted";
    match cluster.wait_gone(namespace, deadline, &call.stop).await.map_err(|error| failed(summary, &error))? {
        Waited::Done(()) => Ok(()),
        Waited::DeadlinePassed { last_seen } | Waited::Stopped { last_seen } => Err(Diagnostics::of_error(
            summary,
            format!("{namespace} is left from an earlier tenant of this name, and {last_seen}. Apply again when it is gone."),
        )),
    }
}

/// Why an existing namespace is not taken over, and what to do.
fn taken(existing: &serde_json::Value, spec: &TenantSpec, planned: &Tenant) -> Diagnostics {
    let namespace = spec.name.namespace();
    let id = super::id(planned).into_known().unwrap_or_else(|| spec.name.to_string());
    let metadata = &existing["metadata"];
    let detail = if metadata["labels"][TENANT_LABEL].is_null() {
        format!(
            "A namespace {namespace} exists and was not made by this provider. Choose another name for the tenant, or remove that namespace."
        )
    } else {
        let owner = metadata["annotations"][OWNER_ANNOTATION].as_str().unwrap_or("unknown");
        format!(
            "The tenant {} exists already, made by the owner {owner:?} (this provider's owner is {:?}). Choose another name, or take it over with: terraform \
             import <address of this resource> {id}",
            spec.name, spec.owner
        )
    };
    let mut found = Diagnostics::none();
    found.error_at(Tenant::NAME, "Name already taken", detail);
    found
}

/// That the namespace is still there and this tenant's.
async fn own(prepared: &Prepared) -> Result<(), Diagnostics> {
    let namespace = ObjectRef::global(Kind::Namespace, prepared.spec.name.namespace());
    let existing = prepared.cluster.get(&namespace).await.map_err(|error| failed("Cannot look at the tenant", &error))?;
    match existing {
        Some(existing) if existing["metadata"]["labels"][TENANT_LABEL].as_str() == Some(prepared.spec.name.as_str()) => Ok(()),
        Some(_) | None => Err(Diagnostics::of_error(
            "The tenant is gone",
            format!(
                "{namespace} was deleted, or lost its label {TENANT_LABEL}, after the plan was made. Plan again: the tenant will be made anew."
            ),
        )),
    }
}

/// Build, apply, and wait until Kafka has taken it in.
async fn apply_and_wait(prepared: &Prepared, call: &Call) -> Result<Outcome, Diagnostics> {
    let Prepared { cluster, spec, sizing, facts, deadline } = prepared;
    let manifests = manifests::build(spec, sizing, facts);
    for manifest in manifests.iter().filter(|manifest| manifest.object.kind != Kind::Namespace) {
        cluster.apply(manifest).await.map_err(|error| match (&error, manifest.object.kind) {
            (Error::Invalid { .. }, Kind::Kafka) => failed_at(Tenant::KAFKA, "Kafka refused", &error),
            _ => failed("Cannot apply the tenant", &error),
        })?;
    }
    let outcome = wait::until_ready(cluster, spec, *deadline, &call.stop).await?;
    prune(cluster, spec, &manifests).await?;
    Ok(outcome)
}

/// Deletes what an earlier configuration of this tenant made and this one does not want.
async fn prune(cluster: &Cluster, spec: &TenantSpec, wanted: &[Manifest]) -> Result<(), Diagnostics> {
    let summary = "Cannot remove what the tenant no longer needs";
    for kind in [Kind::RoleBinding, Kind::VolumeAttributesClass] {
        let listed = match cluster.list(kind, None, Some(&spec.name.label_selector())).await {
            Err(Error::KindMissing { .. }) => continue,
            other => other.map_err(|error| failed(summary, &error))?,
        };
        for object in listed {
            let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
            let reference = ObjectRef { kind, namespace: object["metadata"]["namespace"].as_str().map(str::to_owned), name };
            if wanted.iter().all(|manifest| manifest.object != reference) {
                cluster.delete(&reference, Propagation::Background).await.map_err(|error| failed(summary, &error))?;
            }
        }
    }
    Ok(())
}

/// Notes that the tenant was made, and reports it. Waiting that ended early is a warning: a slow Kafka is not a broken one.
async fn finish(prepared: &Prepared, planned: Tenant, outcome: &Outcome, call: &mut Call) -> Result<Tenant, Diagnostics> {
    let Prepared { cluster, spec, .. } = prepared;
    if let Outcome::Waiting { what, why } = outcome {
        call.found.warning(
            "The tenant is not ready yet",
            format!("{why} while waiting for the tenant {}: {what}. It goes on by itself; the next plan shows how far it is, and apply waits on.", spec.name),
        );
    }
    let namespace = manifests::namespace(spec, Phase::Created);
    let summary = "Cannot note that the tenant was made";
    cluster.apply(&namespace).await.map_err(|error| failed(summary, &error))?;
    let written = Written::of_tenant(&planned).to_json();
    cluster.annotate(&namespace.object, &[(WRITTEN_ANNOTATION, Some(&written))]).await.map_err(|error| failed(summary, &error))?;
    let (kafka, pools) = wait::look(cluster, spec).await?;
    Ok(report::applied(planned, spec, &prepared.sizing, kafka.as_ref(), &pools))
}
