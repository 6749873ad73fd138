//! Deleting objects of one API server and waiting until they are gone, with everything named that is still there.

use std::collections::BTreeSet;

use futures::future::join_all;
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    domain::{
        cluster::status::{condition, one_line},
        names::STRIMZI_CLUSTER_LABEL,
        object::{Kind, ObjectRef},
    },
    drivers::kubernetes::{Cluster, Error, Propagation, Waited},
    framework::diagnostic::Diagnostics,
    resources::failure::failed,
};

const SUMMARY: &str = "Cannot delete the tenant";

/// Deletions on one API server.
pub struct Removal<'a> {
    pub cluster: Cluster,
    pub deadline: Instant,
    pub stop: &'a CancellationToken,
}

impl Removal<'_> {
    /// The volumes behind the tenant's claims; of a destroy that goes on, also those whose claims are deleted already.
    pub async fn volumes(&self, namespace: &str, goes_on: bool) -> Result<BTreeSet<ObjectRef>, Diagnostics> {
        let claims = self.cluster.list(Kind::PersistentVolumeClaim, Some(namespace), None).await.map_err(refused)?;
        let mut names: BTreeSet<String> =
            claims.iter().filter_map(|claim| claim["spec"]["volumeName"].as_str()).map(str::to_owned).collect();
        if goes_on {
            let all = match self.cluster.list(Kind::PersistentVolume, None, None).await {
                Err(Error::Forbidden { .. }) => Vec::new(),
                all => all.map_err(refused)?,
            };
            let own = all.iter().filter(|volume| volume["spec"]["claimRef"]["namespace"] == namespace);
            names.extend(own.filter_map(|volume| volume["metadata"]["name"].as_str()).map(str::to_owned));
        }
        Ok(names.into_iter().map(|name| ObjectRef::global(Kind::PersistentVolume, name)).collect())
    }

    /// Waits until the volumes that Kubernetes deletes are gone, and answers the names of those that nobody deletes. A user who may not see volumes is told
    /// nothing of them.
    pub async fn volumes_gone(&self, volumes: &BTreeSet<ObjectRef>) -> Result<Vec<String>, Diagnostics> {
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
    pub async fn delete_all(&self, kinds: &[Kind], namespace: Option<&str>, selector: Option<&str>) -> Result<(), Diagnostics> {
        let mut objects = Vec::new();
        for kind in kinds {
            objects.extend(self.listed(*kind, namespace, selector).await?);
        }
        self.delete_these(&objects).await
    }

    /// As [`Self::delete_all`], of kinds that a user may have no right to: what he may not see he did not make.
    pub async fn delete_visible(&self, kinds: &[Kind], namespace: &str) -> Result<(), Diagnostics> {
        let mut objects = Vec::new();
        for kind in kinds {
            match self.cluster.list(*kind, Some(namespace), None).await {
                Ok(found) => objects.extend(found.iter().map(|object| ObjectRef::of(*kind, object))),
                Err(Error::Forbidden { .. } | Error::KindMissing { .. }) => {}
                Err(error) => return Err(refused(error)),
            }
        }
        self.delete_these(&objects).await
    }

    async fn delete_these(&self, objects: &[ObjectRef]) -> Result<(), Diagnostics> {
        for object in objects {
            self.cluster.delete(object, Propagation::Background).await.map_err(refused)?;
        }
        self.wait_gone(objects).await
    }

    /// Deletes what nobody holds any more: with its Kafka gone, the operator does not come back to a move of data that had not ended, and its finalizer would
    /// hold the namespace for ever.
    pub async fn let_go(&self, kind: Kind, namespace: &str) -> Result<(), Diagnostics> {
        for object in self.listed(kind, Some(namespace), None).await? {
            match self.cluster.patch(&object, &json!({ "metadata": { "finalizers": null } })).await {
                Ok(_) | Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(refused(error)),
            }
            self.cluster.delete(&object, Propagation::Background).await.map_err(refused)?;
        }
        Ok(())
    }

    pub async fn listed(&self, kind: Kind, namespace: Option<&str>, selector: Option<&str>) -> Result<Vec<ObjectRef>, Diagnostics> {
        match self.cluster.list(kind, namespace, selector).await {
            Ok(objects) => Ok(objects.iter().map(|object| ObjectRef::of(kind, object)).collect()),
            // What the cluster does not know it does not hold.
            Err(Error::KindMissing { .. }) => Ok(Vec::new()),
            Err(error) => Err(refused(error)),
        }
    }

    /// Waits for all at once and names everything that is still there.
    pub async fn wait_gone(&self, objects: &[ObjectRef]) -> Result<(), Diagnostics> {
        let waits = objects.iter().map(|object| self.cluster.wait_gone(object, self.deadline, self.stop));
        let mut blocked = Vec::new();
        for (object, waited) in objects.iter().zip(join_all(waits).await) {
            match waited.map_err(refused)? {
                Waited::Done(()) => {}
                Waited::DeadlinePassed { last_seen } | Waited::Stopped { last_seen } => {
                    let by = held_by(&self.cluster, object).await.map_or_else(String::new, |by| format!(". {by}"));
                    blocked.push(format!("{object}: {last_seen}{by}"));
                }
            }
        }
        if blocked.is_empty() {
            return Ok(());
        }
        let ended = if self.stop.is_cancelled() { "The run was stopped" } else { "The deadline passed" };
        let way_out = if objects.iter().any(|object| object.kind == Kind::PersistentVolume) {
            "A volume is deleted, with the disk behind it, by its CSI driver: see that the driver runs and may delete it."
        } else {
            "A finalizer is removed by the controller it is named after: see that it runs (for strimzi.io it is the Strimzi operator and the tenant's entity \
             operator, for fluxcd.io Flux's helm-controller, for cluster.x-k8s.io Cluster API and the provider of the tenant's infrastructure)."
        };
        Err(Diagnostics::of_error(
            "The tenant is not gone yet",
            format!("{ended} while waiting for {}. {way_out} Destroy again: it goes on from here.", blocked.join("; ")),
        ))
    }
}

/// What else is known of what holds an object: above all, whether who should let it go is at work. None: nothing is.
async fn held_by(cluster: &Cluster, object: &ObjectRef) -> Option<String> {
    let found = cluster.get(object).await.ok().flatten()?;
    match object.kind {
        Kind::HelmRelease => release_held(&found),
        Kind::KafkaTopic | Kind::KafkaUser => {
            let kafka = found["metadata"]["labels"][STRIMZI_CLUSTER_LABEL].as_str()?;
            let operator = ObjectRef { kind: Kind::Deployment, name: format!("{kafka}-entity-operator"), ..object.clone() };
            let deployment = cluster.get(&operator).await.ok()?;
            let runs =
                deployment.as_ref().is_some_and(|found| found["status"]["availableReplicas"].as_u64().is_some_and(|replicas| replicas > 0));
            (!runs).then(|| {
                format!("Its operator does not run: {operator} {}", if deployment.is_some() { "has no pod" } else { "does not exist" })
            })
        }
        _ => None,
    }
}

fn release_held(release: &Value) -> Option<String> {
    let seen = release["status"]["observedGeneration"].as_i64() >= release["metadata"]["generation"].as_i64();
    let ready = condition(release, "Ready").filter(|ready| ready["status"] == "False");
    let text = |ready: &Value, key: &str| ready[key].as_str().unwrap_or_default().to_owned();
    match ready {
        Some(ready) => Some(format!("Flux says: {} ({})", one_line(&text(ready, "message")), text(ready, "reason"))),
        // A deletion is a generation of its own.
        None => (!seen).then(|| "Flux's helm-controller has not taken up its deletion: it does not run, or has more to do".to_owned()),
    }
}

pub fn refused(error: Error) -> Diagnostics {
    failed(SUMMARY, &error)
}
