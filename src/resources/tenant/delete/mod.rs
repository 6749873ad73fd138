//! Taking a tenant away, in an order in which nothing is orphaned: topics and users while their operators still run, then Kafka, volumes, the tenant's own
//! cluster, the namespace, and what lives outside of it. Ends with a look that proves nothing is left.

mod outside_gone;
mod own_cluster;
mod removal;

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::{
    domain::{
        names::{PHASE_ANNOTATION, Phase, TenantName},
        object::{Kind, ObjectRef},
    },
    drivers::kubernetes::{Cluster, Error, Propagation},
    framework::{diagnostic::Diagnostics, parts::Call},
    resources::{
        connection::{Connection, Management},
        tenant::{apply, home, model::Tenant, parse, plan, read},
    },
};

use outside_gone::Public;
use own_cluster::Place;
use removal::{Removal, refused};

const DELETE_DEFAULT: Duration = Duration::from_secs(60 * 60);

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
    connection: &'a Connection,
    /// As the state has it; the namespace knows more, as long as it is there.
    prior: &'a Tenant,
    management: Management,
    /// The client of the management cluster, with the deadline of this call.
    cluster: Cluster,
    name: TenantName,
    /// It has a cluster of its own.
    hard: bool,
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
    let management = apply::connected(connection, prior).await?;
    let cluster = management.cluster().stopped_by(call.stop.clone()).patient_until(deadline);
    read::same_cluster(&management, call).await?;
    // Whatever the state says, a cluster that is there must not lose its namespace before it is gone.
    let hard = prior.isolation.known().is_some_and(|isolation| isolation == parse::CLUSTER) || own_cluster::exists(&cluster, &name).await?;
    let namespace = name.namespace();
    let deletion = Deletion { connection, prior, management, cluster, name, hard, owner: connection.settings().owner, deadline, call };
    let Left { kept, unasked, others } = deletion.run().await?;
    if let Some(why) = unasked {
        call.found.warning(
            "The tenant's cluster went unasked",
            format!(
                "{why} So its Kafka and its volumes were not deleted one by one: the cluster was deleted as a whole. Disks and load balancers that Kubernetes had \
                 made for it may be left in the cloud. Of its disks on AWS the tag kubernetes.io/created-for/pvc/namespace is {namespace}; load balancers carry \
                 the cluster's name in theirs."
            ),
        );
    }
    if !others.is_empty() {
        call.found.warning(
            "More than the tenant's Kafka was in its cluster",
            format!(
                "{} were made in the tenant's cluster by others and went with it unasked. The disks and load balancers behind them may be left in the cloud; they \
                 carry the name of the claim, or the cluster's, in their tags.",
                others.join(", ")
            ),
        );
    }
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

/// What a deletion could not take with it.
#[derive(Default)]
struct Left {
    /// Names of volumes that outlive the tenant.
    kept: Vec<String>,
    /// Why the tenant's own cluster was not asked to delete what is in it.
    unasked: Option<String>,
    /// What others have in the tenant's own cluster that stands for something in a cloud.
    others: Vec<String>,
}

impl Deletion<'_> {
    /// On the management cluster.
    fn home(&self) -> Removal<'_> {
        self.on(self.cluster.clone())
    }

    fn on(&self, cluster: Cluster) -> Removal<'_> {
        Removal { cluster, deadline: self.deadline, stop: &self.call.stop }
    }

    async fn run(&self) -> Result<Left, Diagnostics> {
        let mut left = Left::default();
        let namespace = ObjectRef::global(Kind::Namespace, self.name.namespace());
        let existing = self.cluster.get(&namespace).await.map_err(refused)?;
        if existing.as_ref().is_some_and(|existing| read::is_anothers(existing, &self.owner, self.call)) {
            // Ours is gone; what bears its name, also outside of the namespace, is another's.
            return Ok(left);
        }
        if existing.is_none() {
            // Somebody has taken the namespace away, and with it whoever would have taken the records.
            let public = Public::of(self.prior, &self.management, &self.name, &Value::Null).await;
            self.records_gone(&public, false).await?;
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
            let public = Public::of(self.prior, &self.management, &self.name, &existing).await;
            left = self.in_order(goes_on, &public).await?;
            if self.hard {
                self.role_gone(&existing).await?;
                self.own_cluster_gone().await?;
            }
            // Of a cluster that could not be asked nobody else takes them away, and as long as it lived it may have written them anew.
            self.records_gone(&public, !self.hard).await?;
            self.cluster.delete(&namespace, Propagation::Background).await.map_err(refused)?;
            self.home().wait_gone(&[namespace]).await?;
        }
        self.home().delete_all(self.outside(), None, Some(&self.name.label_selector())).await?;
        self.sweep().await?;
        Ok(left)
    }

    /// Deletes what is where the Kafka is. That may end before we are done: others have deleted the tenant's cluster under our hands.
    async fn in_order(&self, goes_on: bool, public: &Public) -> Result<Left, Diagnostics> {
        let place = match self.place().await? {
            Place::There(place) => self.on(place),
            Place::Unasked(why) => return Ok(Left { unasked: Some(why), ..Left::default() }),
            Place::Nowhere => return Ok(Left::default()),
        };
        if !self.hard {
            let kept = self.kafka_gone(&place, goes_on).await?;
            self.outside_gone(&place, public).await?;
            return Ok(Left { kept, ..Left::default() });
        }
        let done = async {
            let kept = self.kafka_gone(&place, goes_on).await?;
            self.outside_gone(&place, public).await?;
            self.releases_gone(&place).await?;
            let others = own_cluster::of_others(&place, &kept).await?;
            Ok(Left { kept, others, ..Left::default() })
        };
        let done = tokio::select! {
            done = done => done,
            () = self.taken_by_others() => Ok(Left::default()),
        };
        match done {
            done if self.cluster.get(&home::object(&self.name)).await.map_err(refused)?.is_some() => done,
            _ => Ok(Left { unasked: Some("Somebody else has deleted it meanwhile.".to_owned()), ..Left::default() }),
        }
    }

    /// The Kafka and its volumes; answers the names of those that stay. Before the namespace goes: as long as it is there, a destroy that did not end can go
    /// on.
    async fn kafka_gone(&self, place: &Removal<'_>, goes_on: bool) -> Result<Vec<String>, Diagnostics> {
        let volumes = place.volumes(&self.name.namespace(), goes_on).await?;
        for kinds in INSIDE {
            place.delete_all(kinds, Some(&self.name.namespace()), None).await?;
            if kinds.contains(&Kind::Kafka) {
                place.let_go(Kind::KafkaRebalance, &self.name.namespace()).await?;
            }
        }
        place.volumes_gone(&volumes).await
    }

    /// What the tenant has on the management cluster outside of its namespace; what it had so in a cluster of its own went with that.
    const fn outside(&self) -> &'static [Kind] {
        if self.hard { &[] } else { &OUTSIDE }
    }

    /// Proves that nothing is left.
    async fn sweep(&self) -> Result<(), Diagnostics> {
        let mut left = Vec::new();
        for &kind in self.outside().iter().chain(&[Kind::Namespace]) {
            left.extend(self.home().listed(kind, None, Some(&self.name.label_selector())).await?);
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
