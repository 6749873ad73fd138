//! Making and changing a tenant: claim the namespace, apply every manifest, wait for Kafka, report.

use std::time::Duration;

use crate::{
    domain::{
        manifests,
        names::Phase,
        object::{Kind, Manifest, ObjectRef},
        tenant::TenantSpec,
    },
    drivers::kubernetes::{Cluster, Error, Propagation},
    framework::{
        diagnostic::Diagnostics,
        parts::{Call, Failed},
    },
    resources::{
        connection::Connection,
        failure::{failed, failed_at},
        tenant::{
            claim::{Claim, TAKEN_OVER, applied, claim, own},
            model::Tenant,
            prepare::{Prepared, prepare, storage_notes},
            read, report,
            wait::{self, Outcome},
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
    let prepared = prepare(connection, &planned, None, timeout, call).await?;
    let Some(_making) = connection.making(prepared.spec.name.as_str()) else {
        let mut found = Diagnostics::none();
        let detail = format!(
            "Another resource of this configuration makes the tenant {} at the same time. Give each a name of its own.",
            prepared.spec.name
        );
        found.error_at(Tenant::NAME, "Name already taken", detail);
        return Err(found);
    };
    let claim = claim(&prepared, &planned, call).await?;
    storage_notes(&prepared, None, call);
    let id = super::id(&planned).into_known().unwrap_or_default();
    let made = async {
        let outcome = apply_and_wait(&prepared, call).await?;
        finish(&prepared, planned, &outcome, Some(&claim), call).await
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
pub async fn update(connection: &Connection, prior: Tenant, planned: Tenant, call: &mut Call) -> Result<Tenant, Failed<Tenant>> {
    let timeout = planned.timeouts.update_or(UPDATE_DEFAULT);
    let (deletion_protection, timeouts) = (planned.deletion_protection.clone(), planned.timeouts.clone());
    let changed = async {
        let prepared = prepare(connection, &planned, Some(&prior), timeout, call).await?;
        own(&prepared, call).await?;
        storage_notes(&prepared, Some(&prior), call);
        let outcome = apply_and_wait(&prepared, call).await?;
        finish(&prepared, planned, &outcome, None, call).await
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

/// Build, apply, and wait until Kafka has taken it in.
async fn apply_and_wait(prepared: &Prepared, call: &Call) -> Result<Outcome, Diagnostics> {
    let Prepared { cluster, spec, sizing, facts, deadline } = prepared;
    let manifests = manifests::build(spec, sizing, facts);
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
            (Err(error), _) => return Err(failed("Cannot apply the tenant", &error)),
        }
    }
    let outcome = wait::until_ready(cluster, spec, *deadline, &call.stop).await?;
    prune(cluster, spec, &manifests).await?;
    Ok(outcome)
}

/// Deletes what an earlier configuration of this tenant made and this one does not want.
async fn prune(cluster: &Cluster, spec: &TenantSpec, wanted: &[Manifest]) -> Result<(), Diagnostics> {
    let summary = "Cannot remove what the tenant no longer needs";
    for kind in [Kind::RoleBinding, Kind::VolumeAttributesClass] {
        // What others labelled like ours in their own namespaces is theirs.
        let namespace = kind.api().namespaced.then(|| spec.name.namespace());
        let listed = match cluster.list(kind, namespace.as_deref(), Some(&spec.name.label_selector())).await {
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
async fn finish(
    prepared: &Prepared,
    planned: Tenant,
    outcome: &Outcome,
    claim: Option<&Claim>,
    call: &mut Call,
) -> Result<Tenant, Diagnostics> {
    let Prepared { cluster, spec, .. } = prepared;
    if let Outcome::Waiting { what, why } = outcome {
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
    let (kafka, pools) = wait::look(cluster, spec).await?;
    // Last of all: a creation that fails after this could not be gone on with, only imported.
    let noted = match claim {
        Some(claim) => claim.finish(cluster, &namespace).await?,
        None => cluster.apply(&namespace).await.map_err(|error| failed(summary, &error))?,
    };
    read::remember(&noted, call);
    Ok(report::applied(planned, spec, &prepared.sizing, kafka.as_ref(), &pools))
}
