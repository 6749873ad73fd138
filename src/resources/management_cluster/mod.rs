//! `kaas_management_cluster`: the Kubernetes cluster that tenants live on, or are managed from.
//!
//! `existing {}` adopts a cluster: nothing is written to it but the ClusterClasses, their namespace and what `install {}` wishes, and destroying the resource
//! removes only those.

mod classes;
mod install;
mod look;
mod model;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use crate::{
    domain::cluster_class::SHIPPED,
    drivers::kubernetes::{Cluster, Environment},
    framework::{
        attr::Attr,
        diagnostic::Diagnostics,
        parts::{Call, Change, Failed, ImportTarget, Resource, Verdict},
    },
    resources::{
        connection::Connection,
        management_cluster::{classes::Classes, install::Wished, look::Seen, model::Existing},
    },
};

pub use model::{Components, ManagementCluster, ManagementClusterIdentity};

/// How long Cluster API may take where `timeouts` does not say.
const WAIT_DEFAULT: Duration = Duration::from_secs(600);

/// Handler of `kaas_management_cluster`.
pub struct ManagementClusterResource {
    connection: Connection,
}

impl ManagementClusterResource {
    pub const fn new(connection: Connection) -> Self {
        Self { connection }
    }

    fn cluster(&self, call: &Call) -> Result<Cluster, Diagnostics> {
        Ok(self.connection.cluster()?.stopped_by(call.stop.clone()))
    }

    /// What the environment says of proxies.
    fn environment(&self) -> Environment {
        self.connection.settings().kubernetes.map(|kubernetes| kubernetes.environment).unwrap_or_default()
    }

    /// The cluster, if it is the one that the state is of.
    fn cluster_of(&self, state: &ManagementCluster, call: &Call) -> Result<Cluster, Diagnostics> {
        let cluster = self.cluster(call)?;
        match state.id.known() {
            Some(id) if id != cluster.id() => Err(Diagnostics::of_error(
                "Another management cluster",
                format!(
                    "The state is of {id:?}, but the provider's kubernetes block (or the environment) leads to {:?}. Use the provider configuration of that \
                     cluster, or remove the resource from the state.",
                    cluster.id()
                ),
            )),
            _ => Ok(cluster),
        }
    }

    /// Checks the cluster and makes it as planned. `prior`: the classes that were kept until now.
    async fn make(
        &self,
        mut planned: ManagementCluster,
        prior: &BTreeSet<String>,
        had_install: bool,
        timeout: Duration,
        call: &mut Call,
    ) -> Result<ManagementCluster, Diagnostics> {
        let cluster = self.cluster_of(&planned, call)?;
        let deadline = Instant::now() + timeout;
        let is_installed = install::bring(&cluster, &planned, had_install, &self.environment(), deadline, call).await?;
        let seen = Seen::of(&cluster).await?;
        if !is_installed {
            // What there can be is not known before everything is there; the next apply makes the classes.
            if planned.cluster_classes.is_unknown() {
                planned.cluster_classes = Attr::Known(prior.iter().cloned().chain(SHIPPED.map(str::to_owned)).collect());
            }
            seen.fill(&cluster, &mut planned);
            planned.drift = Attr::Known(Vec::new());
            return Ok(planned);
        }
        let wanted = match &planned.cluster_classes {
            Attr::Known(wanted) => wanted.clone(),
            Attr::Unknown => classes::possible(&cluster, &seen).await?,
            Attr::Null => BTreeSet::new(),
        };
        classes::demand(&cluster, &seen, &wanted).await?;
        seen.check(&cluster, &planned, &wanted, &mut call.found).await?;
        let kept = Classes { cluster: &cluster, deadline, stop: &call.stop };
        let dropped: BTreeSet<String> = prior.difference(&wanted).cloned().collect();
        if !dropped.is_empty() {
            kept.demand_unused(&dropped).await?;
        }
        if let Some(waiting) = kept.apply(&wanted).await? {
            call.found.warning("The ClusterClasses are not accepted yet", format!("{waiting} The next apply goes on from here."));
        }
        if !dropped.is_empty() {
            kept.remove(&dropped, &wanted).await?;
        }
        if planned.cluster_classes.is_unknown() {
            planned.cluster_classes = Attr::Known(wanted);
        }
        seen.fill(&cluster, &mut planned);
        planned.drift = Attr::Known(Vec::new());
        Ok(planned)
    }
}

impl Resource for ManagementClusterResource {
    const NAME: &'static str = "kaas_management_cluster";
    type Model = ManagementCluster;
    type Identity = ManagementClusterIdentity;

    fn validate(&self, config: &ManagementCluster, found: &mut Diagnostics) {
        install::check(&config.install, &config.mirror, found);
        for class in config.cluster_classes.known().into_iter().flatten().filter(|class| !SHIPPED.contains(&class.as_str())) {
            found.error_at(
                ManagementCluster::CLUSTER_CLASSES,
                "No such class",
                format!(
                    "{class:?} does not come with the provider; {} do. Apply a ClusterClass of your own yourself, and name it in the tenant's cluster block: \
                     class and class_namespace.",
                    SHIPPED.join(" and ")
                ),
            );
        }
    }

    fn plan(&self, change: &Change<'_, ManagementCluster>, planned: &mut ManagementCluster, verdict: &mut Verdict) {
        install::plan(change, planned, verdict);
        // Whatever differs is mended: where something does, this makes the update.
        planned.drift = Attr::Known(Vec::new());
    }

    async fn create(&self, planned: ManagementCluster, call: &mut Call) -> Result<ManagementCluster, Failed<ManagementCluster>> {
        let timeout = planned.timeouts.create_or(wait_default(&planned));
        Ok(self.make(planned, &BTreeSet::new(), false, timeout, call).await?)
    }

    async fn update(
        &self,
        prior: ManagementCluster,
        planned: ManagementCluster,
        call: &mut Call,
    ) -> Result<ManagementCluster, Failed<ManagementCluster>> {
        let timeout = planned.timeouts.update_or(wait_default(&planned));
        let had_install = prior.install.known().is_some();
        let prior = prior.cluster_classes.into_known().unwrap_or_default();
        Ok(self.make(planned, &prior, had_install, timeout, call).await?)
    }

    async fn read(&self, state: ManagementCluster, call: &mut Call) -> Result<Option<ManagementCluster>, Diagnostics> {
        if !self.connection.is_known() {
            call.found.warning(
                "Management cluster not refreshed",
                "The provider's kubernetes block is not known yet, so the cluster was not looked at; its last known state is used.",
            );
            return Ok(Some(state));
        }
        let cluster = self.cluster_of(&state, call)?;
        let seen = Seen::of(&cluster).await?;
        let kept = match state.cluster_classes.into_known() {
            Some(kept) => kept,
            None => classes::existing(&cluster).await?,
        };
        let mut drift = match Wished::of(&state.install, &state.mirror, &self.environment())? {
            Some(wished) => install::drift(&cluster, &wished).await?,
            None => Vec::new(),
        };
        drift.extend(classes::drift(&cluster, &kept).await?);
        let mut now = ManagementCluster { timeouts: state.timeouts, install: state.install, mirror: state.mirror, ..blank() };
        seen.fill(&cluster, &mut now);
        (now.cluster_classes, now.drift) = (Attr::Known(kept), Attr::Known(drift));
        Ok(Some(now))
    }

    async fn delete(&self, prior: ManagementCluster, call: &mut Call) -> Result<(), Failed<ManagementCluster>> {
        // Adopted, not made: where nothing was put into it, it is only forgotten.
        let kept = prior.cluster_classes.known().cloned().unwrap_or_default();
        if kept.is_empty() && prior.install.is_null() {
            return Ok(());
        }
        let cluster = self.cluster_of(&prior, call)?;
        let deadline = Instant::now() + prior.timeouts.delete_or(wait_default(&prior));
        let mut warnings = Diagnostics::none();
        let outcome = Classes { cluster: &cluster, deadline, stop: &call.stop }.remove_all(&kept, &mut warnings).await;
        call.found.extend(warnings);
        Ok(outcome?)
    }

    async fn import(&self, target: ImportTarget<ManagementClusterIdentity>, _call: &mut Call) -> Result<ManagementCluster, Diagnostics> {
        let id = match target {
            ImportTarget::Id(id) => Attr::Known(id),
            ImportTarget::Identity(identity) => identity.id,
        };
        Ok(ManagementCluster {
            existing: Attr::Known(Existing {}),
            cluster_classes: Attr::Null,
            install: Attr::Null,
            mirror: Attr::Null,
            timeouts: Attr::Null,
            id,
            endpoint: Attr::Null,
            ca_certificate: Attr::Null,
            kubernetes_version: Attr::Null,
            components: Attr::Null,
            drift: Attr::Null,
        })
    }

    fn identity(&self, state: &ManagementCluster) -> Option<ManagementClusterIdentity> {
        state.id.known()?;
        Some(ManagementClusterIdentity { id: state.id.clone() })
    }
}

const fn wait_default(cluster: &ManagementCluster) -> Duration {
    if cluster.install.is_null() { WAIT_DEFAULT } else { install::WAIT_DEFAULT }
}

/// An adopted cluster of which nothing is known.
const fn blank() -> ManagementCluster {
    ManagementCluster {
        existing: Attr::Known(Existing {}),
        cluster_classes: Attr::Unknown,
        install: Attr::Null,
        mirror: Attr::Null,
        timeouts: Attr::Null,
        id: Attr::Unknown,
        endpoint: Attr::Unknown,
        ca_certificate: Attr::Unknown,
        kubernetes_version: Attr::Unknown,
        components: Attr::Unknown,
        drift: Attr::Unknown,
    }
}
