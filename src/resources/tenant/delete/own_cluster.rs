//! Taking a tenant's own cluster away: what Flux installed in it, then the cluster, so that no cloud resource is left whose controller is gone.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    domain::{
        cluster::status::cluster_status,
        names::{TENANT_LABEL, TenantName},
        object::{Kind, ObjectRef},
        releases::Component,
    },
    drivers::kubernetes::{Cluster, Error, Probe, Propagation, Waited},
    framework::diagnostic::Diagnostics,
    resources::tenant::{
        home,
        place::{is_away, kubeconfig},
    },
};

use super::{
    Deletion,
    removal::{Removal, refused},
};

/// How long the controller of a control plane gets to write a kubeconfig that is gone. Those of kubeadm and EKS do at once, when they see it.
const KUBECONFIG_RETURNS: Duration = Duration::from_secs(60);

/// Where the Kafka is that is to be deleted.
pub enum Place {
    There(Cluster),
    /// The tenant's own cluster does not answer, and why it is deleted all the same.
    Unasked(String),
    /// There is no cluster any more.
    Nowhere,
}

/// Whether the tenant's namespace holds a Cluster of this provider's making. One that this user may not see he did not make.
pub async fn exists(management: &Cluster, name: &TenantName) -> Result<bool, Diagnostics> {
    match has(management, name, &home::object(name)).await {
        Err(Error::Forbidden { .. }) => Ok(false),
        found => found.map_err(refused),
    }
}

/// Whether the object is there and the tenant's.
async fn has(management: &Cluster, name: &TenantName, object: &ObjectRef) -> Result<bool, Error> {
    match management.get(object).await {
        Err(Error::KindMissing { .. }) => Ok(false),
        found => Ok(found?.is_some_and(|found| found["metadata"]["labels"][TENANT_LABEL] == name.as_str())),
    }
}

/// Volumes and load balancers that are still there when all of the tenant's own is gone, but those `kept`. A user who may not see them is told nothing.
pub(super) async fn of_others(place: &Removal<'_>, kept: &[String]) -> Result<Vec<String>, Diagnostics> {
    let mut found = Vec::new();
    for kind in [Kind::PersistentVolume, Kind::Service] {
        let objects = match place.cluster.list(kind, None, None).await {
            Err(Error::Forbidden { .. }) => continue,
            objects => objects.map_err(refused)?,
        };
        let costs = |object: &&Value| kind == Kind::PersistentVolume || object["spec"]["type"] == "LoadBalancer";
        let names = objects.iter().filter(costs).map(|object| ObjectRef::of(kind, object));
        found.extend(names.filter(|object| !kept.contains(&object.name)).map(|object| object.to_string()));
    }
    Ok(found)
}

impl Deletion<'_> {
    /// Finds out whether the Kafka can be deleted in order. A cluster that is dead is no reason to keep a tenant; one that only we cannot reach is.
    pub(super) async fn place(&self) -> Result<Place, Diagnostics> {
        if !self.hard {
            return Ok(Place::There(self.cluster.clone()));
        }
        let object = home::object(&self.name);
        let cluster = match self.cluster.get(&object).await {
            Err(Error::KindMissing { .. }) => None,
            other => other.map_err(refused)?,
        };
        let Some(cluster) = cluster else { return Ok(Place::Nowhere) };
        // Before it was up nobody, we least of all, made anything in it.
        let was_up = cluster["status"]["initialization"]["controlPlaneInitialized"] == true;
        let reached = match self.management.own_cluster(&self.cluster, &self.name).await {
            Ok(None) if was_up && self.kubeconfig_returns(&cluster).await? => self.management.own_cluster(&self.cluster, &self.name).await,
            reached => reached,
        };
        let why = match reached {
            Ok(Some(place)) => {
                let place = place.stopped_by(self.call.stop.clone()).patient_until(self.deadline);
                match place.version().await {
                    Ok(_) => return Ok(Place::There(place)),
                    Err(error @ Error::Unauthorized { .. }) => return Err(self.locked_out(&error)),
                    Err(error) if is_away(&error) => error.report(),
                    Err(error) => return Err(refused(error)),
                }
            }
            Ok(None) if was_up => {
                return Ok(Place::Unasked(format!("{} is gone, without which the cluster cannot be reached.", kubeconfig(&self.name))));
            }
            Ok(None) => return Ok(Place::Nowhere),
            Err(error) if is_away(&error) => error.report(),
            Err(error) => return Err(refused(error)),
        };
        if !was_up {
            return Ok(Place::Nowhere);
        }
        if !cluster_status(&cluster).lost && cluster["metadata"]["deletionTimestamp"].is_null() {
            return Err(Diagnostics::of_error(
                "The tenant's cluster cannot be reached from here",
                format!(
                    "{why}. Cluster API does not say that it is lost, and what is in it has to be deleted in order. Run where its API server can be reached, or \
                     wait a minute if it has only just stopped (ten minutes where Cluster API was restarted, too): the condition RemoteConnectionProbe of \
                     {object} then says so."
                ),
            ));
        }
        Ok(Place::Unasked(format!("{why}, and Cluster API cannot reach it either.")))
    }

    /// A server that refuses credentials is alive, so its volumes and load balancers would be orphans if it were passed over.
    fn locked_out(&self, error: &Error) -> Diagnostics {
        let secret = kubeconfig(&self.name);
        Diagnostics::of_error(
            "The tenant's cluster refuses the credentials",
            format!(
                "{}. They are those of {secret}, which the provider of the control plane keeps fresh: see that its controller runs, and destroy again. If they will \
                 never be taken again, delete that Secret: the cluster is then deleted as a whole.",
                error.report()
            ),
        )
    }

    /// Waits a while for the Secret of a cluster that was up: the provider of its control plane writes it anew when it is gone.
    async fn kubeconfig_returns(&self, cluster: &Value) -> Result<bool, Diagnostics> {
        if !cluster["metadata"]["deletionTimestamp"].is_null() {
            return Ok(false);
        }
        let secret = kubeconfig(&self.name);
        let until = self.deadline.min(Instant::now() + KUBECONFIG_RETURNS);
        let probe = |found: Option<&Value>| found.map_or_else(|| Probe::Pending(format!("{secret} does not exist")), |_| Probe::Done(()));
        match self.cluster.wait(&secret, until, &self.call.stop, probe).await.map_err(refused)? {
            Waited::Done(()) => Ok(true),
            Waited::DeadlinePassed { .. } if until < self.deadline => Ok(false),
            Waited::DeadlinePassed { .. } => Err(Self::unfinished(&format!("The deadline passed while waiting: {secret} does not exist"))),
            Waited::Stopped { .. } => Err(Self::unfinished(&format!("The run was stopped while waiting: {secret} does not exist"))),
        }
    }

    fn unfinished(waited: &str) -> Diagnostics {
        Diagnostics::of_error(
            "The tenant is not gone yet",
            format!(
                "{waited}, with which the tenant's cluster is reached. The provider of its control plane writes it: see that its controller runs. Destroy \
                 again: it goes on from here."
            ),
        )
    }

    /// Ends when the tenant's cluster is gone, and else never.
    pub(super) async fn taken_by_others(&self) {
        match self.cluster.wait_gone(&home::object(&self.name), self.deadline, &self.call.stop).await {
            Ok(Waited::Done(())) => {}
            // Whoever waits beside us tells what is the matter.
            _ => std::future::pending().await,
        }
    }

    /// Deletes the namespace in the tenant's cluster, then the releases in the reverse order of their installation; each is waited for.
    pub(super) async fn releases_gone(&self, place: &Removal<'_>) -> Result<(), Diagnostics> {
        let namespace = self.name.namespace();
        let inside = ObjectRef::global(Kind::Namespace, &namespace);
        place.cluster.delete(&inside, Propagation::Background).await.map_err(refused)?;
        place.wait_gone(&[inside]).await?;
        for component in Component::ALL.into_iter().rev() {
            let release = ObjectRef::namespaced(Kind::HelmRelease, &namespace, component.name());
            if has(&self.cluster, &self.name, &release).await.map_err(refused)? {
                self.cluster.delete(&release, Propagation::Background).await.map_err(refused)?;
                self.home().wait_gone(&[release]).await?;
            }
        }
        Ok(())
    }

    /// Deletes the releases that are left, which are those of a cluster that cannot be asked, and the cluster; each is waited for.
    pub(super) async fn own_cluster_gone(&self) -> Result<(), Diagnostics> {
        // Flux cannot take away what it cannot reach, and what is in the cluster goes with it.
        let releases = self.home().listed(Kind::HelmRelease, Some(&self.name.namespace()), Some(&self.name.label_selector())).await?;
        for release in releases {
            match self.cluster.patch(&release, &json!({ "spec": { "suspend": true } })).await {
                Ok(_) | Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(refused(error)),
            }
        }
        for kind in home::PRUNED {
            self.home().delete_all(&[kind], Some(&self.name.namespace()), Some(&self.name.label_selector())).await?;
        }
        self.cluster_gone().await?;
        // Cluster API leaves it behind, and a later cluster of this name must not be looked for by it.
        self.cluster.delete(&kubeconfig(&self.name), Propagation::Background).await.map_err(refused)?;
        self.management.forget_own_cluster(&self.name);
        Ok(())
    }

    async fn cluster_gone(&self) -> Result<(), Diagnostics> {
        let object = home::object(&self.name);
        match self.cluster.delete(&object, Propagation::Background).await {
            Err(Error::KindMissing { .. }) => return Ok(()),
            deleted => deleted.map_err(refused)?,
        };
        let probe = |found: Option<&Value>| match found.map(cluster_status) {
            None => Probe::Done(()),
            Some(status) => Probe::Pending(format!("{object} is {}: {} ({})", status.phase, status.message, status.reason)),
        };
        match self.cluster.wait(&object, self.deadline, &self.call.stop, probe).await.map_err(refused)? {
            Waited::Done(()) => Ok(()),
            Waited::DeadlinePassed { last_seen } | Waited::Stopped { last_seen } => {
                let ended = if self.call.stop.is_cancelled() { "The run was stopped" } else { "The deadline passed" };
                Err(Diagnostics::of_error(
                    "The tenant's cluster is not gone yet",
                    format!(
                        "{ended} while waiting: {last_seen}. Cluster API and the provider of the infrastructure take it away: see that their controllers run. \
                         Destroy again: it goes on from here."
                    ),
                ))
            }
        }
    }
}
