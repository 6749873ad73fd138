//! Taking a tenant away, in an order in which nothing is orphaned: topics and users while their operators still run, then Kafka, volumes, the
//! namespace, and what lives outside of it. Ends with a look that proves nothing is left.

use std::{collections::BTreeSet, time::Duration};

use futures::future::join_all;
use serde_json::Value;
use tokio::time::Instant;

use crate::{
    domain::{
        names::{PHASE_ANNOTATION, Phase, TenantName},
        object::{Kind, ObjectRef},
    },
    drivers::kubernetes::{Cluster, Error, Propagation, Waited},
    framework::{diagnostic::Diagnostics, parts::Call},
    resources::{
        connection::Connection,
        failure::failed,
        tenant::{apply, model::Tenant, parse, plan, read},
    },
};

const DELETE_DEFAULT: Duration = Duration::from_secs(60 * 60);
const SUMMARY: &str = "Cannot delete the tenant";

/// What lives in the namespace, in the order in which it is deleted; each is waited for.
const INSIDE: [&[Kind]; 4] = [
    &[Kind::KafkaTopic, Kind::KafkaUser],
    &[Kind::Kafka, Kind::KafkaNodePool],
    &[Kind::StrimziPodSet, Kind::Pod],
    &[Kind::PersistentVolumeClaim],
];

/// What a tenant has outside of its namespace.
const OUTSIDE: [Kind; 2] = [Kind::StorageClass, Kind::VolumeAttributesClass];

/// One deletion under way.
struct Deletion<'a> {
    cluster: Cluster,
    name: TenantName,
    owner: String,
    deadline: Instant,
    call: &'a Call,
}

/// Deletes the tenant with everything under it. Success when it is gone already.
pub async fn delete(connection: &Connection, prior: &Tenant, call: &mut Call) -> Result<(), Diagnostics> {
    let mut found = Diagnostics::none();
    // The plan refuses it, but a replacement by command or of a tainted tenant passes no plan that sees the destruction.
    plan::plan_destroy(prior, &mut found);
    let Some(name) = parse::name(prior, &mut found).filter(|_| !found.has_errors()) else { return Err(found) };
    let deadline = Instant::now() + prior.timeouts.delete_or(DELETE_DEFAULT);
    let cluster = apply::connected(connection, prior)?.stopped_by(call.stop.clone()).patient_until(deadline);
    let deletion = Deletion { cluster, name, owner: connection.settings().owner, deadline, call };
    read::same_cluster(connection, call).await?;
    let kept = deletion.run().await?;
    if !kept.is_empty() {
        call.found.warning(
            "Volumes are kept",
            format!(
                "Their StorageClass says to retain them (reclaim policy Retain), so the PersistentVolumes {} still hold the tenant's data, and a cloud bills \
                 them. Delete them, and the disks behind them, when the data is no longer needed.",
                kept.join(", ")
            ),
        );
    }
    Ok(())
}

impl Deletion<'_> {
    /// The names of volumes that outlive the tenant.
    async fn run(&self) -> Result<Vec<String>, Diagnostics> {
        let mut kept = Vec::new();
        let namespace = ObjectRef::global(Kind::Namespace, self.name.namespace());
        let existing = self.cluster.get(&namespace).await.map_err(refused)?;
        if existing.as_ref().is_some_and(|existing| read::is_anothers(existing, &self.owner, self.call)) {
            // Ours is gone; what bears its name, also outside of the namespace, is another's.
            return Ok(Vec::new());
        }
        let own = existing.filter(|existing| read::is_own(existing, &self.name));
        if let Some(existing) = own {
            let metadata = &existing["metadata"];
            let leaving = !metadata["deletionTimestamp"].is_null();
            let goes_on = leaving || metadata["annotations"][PHASE_ANNOTATION] == Phase::Deleting.as_str();
            if !leaving {
                match self.cluster.annotate(&namespace, &[(PHASE_ANNOTATION, Some(Phase::Deleting.as_str()))]).await {
                    // Somebody else took it away in between.
                    Ok(_) | Err(Error::NotFound { .. }) => {}
                    Err(error) => return Err(refused(error)),
                }
            }
            let volumes = self.volumes(goes_on).await?;
            for kinds in INSIDE {
                self.delete_all(kinds, Some(&self.name.namespace()), None).await?;
            }
            // Before the namespace goes: as long as it is there, a destroy that did not end can go on.
            kept = self.volumes_gone(&volumes).await?;
            self.cluster.delete(&namespace, Propagation::Background).await.map_err(refused)?;
            self.wait_gone(&[namespace]).await?;
        }
        self.delete_all(&OUTSIDE, None, Some(&self.name.label_selector())).await?;
        self.sweep().await?;
        Ok(kept)
    }

    /// The volumes behind the tenant's claims; of a destroy that goes on, also those whose claims are deleted already.
    async fn volumes(&self, goes_on: bool) -> Result<BTreeSet<ObjectRef>, Diagnostics> {
        let namespace = self.name.namespace();
        let claims = self.cluster.list(Kind::PersistentVolumeClaim, Some(&namespace), None).await.map_err(refused)?;
        let mut names: BTreeSet<String> =
            claims.iter().filter_map(|claim| claim["spec"]["volumeName"].as_str()).map(str::to_owned).collect();
        if goes_on {
            let all = match self.cluster.list(Kind::PersistentVolume, None, None).await {
                Err(Error::Forbidden { .. }) => Vec::new(),
                all => all.map_err(refused)?,
            };
            let own = all.iter().filter(|volume| volume["spec"]["claimRef"]["namespace"] == namespace.as_str());
            names.extend(own.filter_map(|volume| volume["metadata"]["name"].as_str()).map(str::to_owned));
        }
        Ok(names.into_iter().map(|name| ObjectRef::global(Kind::PersistentVolume, name)).collect())
    }

    /// Waits until the volumes that Kubernetes deletes are gone, and answers the names of those that nobody deletes. A user who may not see volumes is told
    /// nothing of them.
    async fn volumes_gone(&self, volumes: &BTreeSet<ObjectRef>) -> Result<Vec<String>, Diagnostics> {
        let (mut kept, mut going) = (Vec::new(), Vec::new());
        for volume in volumes {
            let found = match self.cluster.get(volume).await {
                Err(Error::Forbidden { .. }) => None,
                found => found.map_err(refused)?,
            };
            match found.as_ref().and_then(|found| found["spec"]["persistentVolumeReclaimPolicy"].as_str()) {
                Some("Retain") => kept.push(volume.name.clone()),
                Some("Delete") => going.push(volume.clone()),
                _ => {}
            }
        }
        self.wait_gone(&going).await?;
        Ok(kept)
    }

    /// Deletes every object of these kinds and waits until they are gone.
    async fn delete_all(&self, kinds: &[Kind], namespace: Option<&str>, selector: Option<&str>) -> Result<(), Diagnostics> {
        let mut objects = Vec::new();
        for kind in kinds {
            objects.extend(self.listed(*kind, namespace, selector).await?);
        }
        for object in &objects {
            self.cluster.delete(object, Propagation::Background).await.map_err(refused)?;
        }
        self.wait_gone(&objects).await
    }

    async fn listed(&self, kind: Kind, namespace: Option<&str>, selector: Option<&str>) -> Result<Vec<ObjectRef>, Diagnostics> {
        match self.cluster.list(kind, namespace, selector).await {
            Ok(objects) => Ok(objects.iter().map(|object| reference(kind, object)).collect()),
            // What the cluster does not know it does not hold.
            Err(Error::KindMissing { .. }) => Ok(Vec::new()),
            Err(error) => Err(refused(error)),
        }
    }

    /// Waits for all at once and names everything that is still there.
    async fn wait_gone(&self, objects: &[ObjectRef]) -> Result<(), Diagnostics> {
        let waits = objects.iter().map(|object| self.cluster.wait_gone(object, self.deadline, &self.call.stop));
        let mut blocked = Vec::new();
        for (object, waited) in objects.iter().zip(join_all(waits).await) {
            match waited.map_err(refused)? {
                Waited::Done(()) => {}
                Waited::DeadlinePassed { last_seen } | Waited::Stopped { last_seen } => blocked.push(format!("{object}: {last_seen}")),
            }
        }
        if blocked.is_empty() {
            return Ok(());
        }
        let ended = if self.call.stop.is_cancelled() { "The run was stopped" } else { "The deadline passed" };
        let way_out = if objects.iter().any(|object| object.kind == Kind::PersistentVolume) {
            "A volume is deleted, with the disk behind it, by its CSI driver: see that the driver runs and may delete it."
        } else {
            "A finalizer is removed by the controller it is named after: see that it runs (for strimzi.io it is the Strimzi operator and the tenant's entity \
             operator)."
        };
        Err(Diagnostics::of_error(
            "The tenant is not gone yet",
            format!("{ended} while waiting for {}. {way_out} Destroy again: it goes on from here.", blocked.join("; ")),
        ))
    }

    /// Proves that nothing is left.
    async fn sweep(&self) -> Result<(), Diagnostics> {
        let mut left = Vec::new();
        for kind in OUTSIDE.into_iter().chain([Kind::Namespace]) {
            left.extend(self.listed(kind, None, Some(&self.name.label_selector())).await?);
        }
        if left.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = left.iter().map(ToString::to_string).collect();
        Err(Diagnostics::of_error(
            "Something of the tenant is left",
            format!("Still there after deletion: {}. Destroy again.", names.join(", ")),
        ))
    }
}

fn reference(kind: Kind, object: &Value) -> ObjectRef {
    let metadata = &object["metadata"];
    let text = |name: &str| metadata[name].as_str().map(str::to_owned);
    ObjectRef { kind, namespace: text("namespace"), name: text("name").unwrap_or_default() }
}

fn refused(error: Error) -> Diagnostics {
    failed(SUMMARY, &error)
}
