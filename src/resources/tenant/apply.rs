//! Making and changing a tenant: claim the namespace, apply every manifest, wait for Kafka, report.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::{
    domain::{
        manifests,
        names::{MANAGED_BY_LABEL, OWNER_ANNOTATION, PHASE_ANNOTATION, Phase, TENANT_LABEL},
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
            model::{Storage, Tenant},
            parse, read, report,
            wait::{self, Outcome},
            written::{WRITTEN_ANNOTATION, Written},
        },
        wishes::{self, Override},
    },
};

const CREATE_DEFAULT: Duration = Duration::from_secs(60 * 60);
const UPDATE_DEFAULT: Duration = Duration::from_secs(2 * 60 * 60);
/// Between two tries to make a namespace whose first try got lost.
const PAUSE: Duration = Duration::from_millis(500);

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
    let Some(_making) = connection.making(prepared.spec.name.as_str()) else {
        let mut found = Diagnostics::none();
        let detail = format!(
            "Another resource of this configuration makes the tenant {} at the same time. Give each a name of its own.",
            prepared.spec.name
        );
        found.error_at(Tenant::NAME, "Name already taken", detail);
        return Err(found);
    };
    claim(&prepared, &planned, call).await?;
    storage_notes(&prepared, None, call);
    let id = super::id(&planned).into_known().unwrap_or_default();
    let made = async {
        let outcome = apply_and_wait(&prepared, call).await?;
        finish(&prepared, planned, &outcome, call).await
    }
    .await;
    if made.is_err() {
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
        let prepared = prepare(connection, &planned, timeout, call).await?;
        own(&prepared, call).await?;
        storage_notes(&prepared, Some(&prior), call);
        let outcome = apply_and_wait(&prepared, call).await?;
        finish(&prepared, planned, &outcome, call).await
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

/// Parse and dereference.
async fn prepare(connection: &Connection, planned: &Tenant, timeout: Duration, call: &Call) -> Result<Prepared, Diagnostics> {
    let deadline = Instant::now() + timeout;
    let spec = parse::spec(planned, &connection.settings())?;
    let mut found = Diagnostics::none();
    let Some(sizing) = wishes::size(&spec.wish, &spec.overrides, spec.floor.as_ref(), &mut found) else {
        return Err(found);
    };
    let cluster = connected(connection, planned)?.stopped_by(call.stop.clone()).patient_until(deadline);
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
    let beginning = manifests::namespace(spec, Phase::Creating);
    let manifest = minimal(&beginning);
    loop {
        let existing = match cluster.create(&manifest).await {
            Ok(_) => return applied(cluster, &beginning).await,
            Err(refused @ (Error::AlreadyExists { .. } | Error::Cut { .. } | Error::TimedOut { .. })) => {
                match cluster.get(&manifest.object).await.map_err(|error| failed(summary, &error))? {
                    Some(existing) => existing,
                    None if call.stop.is_cancelled() || Instant::now() + PAUSE >= *deadline => return Err(failed(summary, &refused)),
                    None => {
                        tokio::time::sleep(PAUSE).await;
                        continue;
                    }
                }
            }
            Err(error) => return Err(failed(summary, &error)),
        };
        let metadata = &existing["metadata"];
        if !metadata["deletionTimestamp"].is_null() {
            await_end(cluster, &manifest.object, *deadline, call).await?;
            continue;
        }
        let annotation = |name: &str| metadata["annotations"][name].as_str().unwrap_or_default();
        let ours = metadata["labels"][TENANT_LABEL].as_str() == Some(spec.name.as_str()) && annotation(OWNER_ANNOTATION) == spec.owner;
        return match Phase::parse(annotation(PHASE_ANNOTATION)) {
            Some(Phase::Creating) if ours => applied(cluster, &beginning).await,
            _ => Err(taken(&existing, spec, planned)),
        };
    }
}

/// The namespace with no more than claims it. The rest is applied afterwards: what a create sets, a later apply could not take away again.
fn minimal(namespace: &Manifest) -> Manifest {
    let mut claim = namespace.clone();
    let metadata = &namespace.body["metadata"];
    let kept =
        |group: &str, names: &[&str]| -> Value { names.iter().map(|name| ((*name).to_owned(), metadata[group][*name].clone())).collect() };
    claim.body["metadata"]["labels"] = kept("labels", &[MANAGED_BY_LABEL, TENANT_LABEL]);
    claim.body["metadata"]["annotations"] = kept("annotations", &[OWNER_ANNOTATION, PHASE_ANNOTATION]);
    claim
}

async fn applied(cluster: &Cluster, manifest: &Manifest) -> Result<(), Diagnostics> {
    cluster.apply(manifest).await.map(|_| ()).map_err(|error| failed("Cannot apply the tenant", &error))
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
fn taken(existing: &Value, spec: &TenantSpec, planned: &Tenant) -> Diagnostics {
    let namespace = spec.name.namespace();
    let id = super::id(planned).into_known().unwrap_or_else(|| spec.name.to_string());
    let metadata = &existing["metadata"];
    let detail = if !read::is_own(existing, &spec.name) {
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
async fn own(prepared: &Prepared, call: &Call) -> Result<(), Diagnostics> {
    let namespace = ObjectRef::global(Kind::Namespace, prepared.spec.name.namespace());
    let existing = prepared.cluster.get(&namespace).await.map_err(|error| failed("Cannot look at the tenant", &error))?;
    let own = |existing: &Value| read::is_own(existing, &prepared.spec.name) && !read::is_anothers(existing, &prepared.spec.owner, call);
    match existing.filter(own) {
        Some(existing) if existing["metadata"]["deletionTimestamp"].is_null() => Ok(()),
        Some(existing) => Err(Diagnostics::of_error(
            "The tenant is being deleted",
            format!(
                "{namespace} is being deleted since {}, so nothing in it can be changed. Wait until it is gone and plan again: the tenant will be made anew.",
                existing["metadata"]["deletionTimestamp"].as_str().unwrap_or_default()
            ),
        )),
        None => Err(Diagnostics::of_error(
            "The tenant is gone",
            format!(
                "{namespace} was deleted, or belongs to another tenant now, since the plan was made. Plan again: the tenant will be made anew."
            ),
        )),
    }
}

/// Says what of the storage settings this cluster cannot do.
fn storage_notes(prepared: &Prepared, prior: Option<&Tenant>, call: &mut Call) {
    let Prepared { facts, spec, sizing, .. } = prepared;
    if spec.storage.kms_key_arn.is_some() && !facts.ebs_csi {
        call.found.warning_at(
            Tenant::STORAGE.then(Storage::KMS_KEY_ARN),
            "kms_key_arn has no effect",
            "The management cluster has no EBS driver (ebs.csi.aws.com), so the volumes are of its default StorageClass, encrypted or not as that class says.",
        );
    }
    let speed =
        [(spec.overrides.volume_mib_per_second, Override::VOLUME_MIB_PER_SECOND), (spec.overrides.volume_iops, Override::VOLUME_IOPS)];
    let decides = match &spec.storage.class {
        Some(class) => Some(format!("The volumes are of the StorageClass {class:?}, and as fast as that class says.")),
        None if facts.ebs_csi => None,
        None => Some(
            "The management cluster has no EBS driver (ebs.csi.aws.com), so the volumes are of its default StorageClass, and as fast as that class says."
                .to_owned(),
        ),
    };
    if let Some(decides) = decides {
        for (_, field) in speed.into_iter().filter(|(figure, _)| figure.is_some()) {
            let detail = format!("{decides} The figure only counts where the size is computed.");
            call.found.warning_at(Tenant::SIZING_OVERRIDE.then(field), format!("{} has no effect on the volumes", field.0), detail);
        }
    }
    let before = prior.and_then(|prior| prior.sizing.known());
    let changed = before.is_some_and(|before| {
        before.volume_mib_per_second != sizing.volume_mib_per_second.into() || before.volume_iops != sizing.volume_iops.into()
    });
    if changed && facts.ebs_csi && !facts.volume_attributes_classes && spec.storage.class.is_none() {
        call.found.warning(
            "Existing volumes keep their speed",
            format!(
                "The volumes should now do {} MiB/s and {} IOPS, but this Kubernetes serves no VolumeAttributesClass in storage.k8s.io/v1 (1.34 or later does). \
                 New brokers get the new figures; change the existing volumes in AWS, or upgrade Kubernetes and apply again.",
                sizing.volume_mib_per_second, sizing.volume_iops
            ),
        );
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
async fn finish(prepared: &Prepared, planned: Tenant, outcome: &Outcome, call: &mut Call) -> Result<Tenant, Diagnostics> {
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
    let noted = cluster.apply(&namespace).await.map_err(|error| failed(summary, &error))?;
    read::remember(&noted, call);
    Ok(report::applied(planned, spec, &prepared.sizing, kafka.as_ref(), &pools))
}
