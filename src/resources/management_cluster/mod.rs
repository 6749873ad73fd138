//! `kaas_management_cluster`: the Kubernetes cluster that tenants live on, or are managed from.
//!
//! `eks {}` makes an EKS cluster; `existing {}` adopts a cluster: nothing is written to it but the ClusterClasses, their namespace and what `install {}`
//! wishes, and destroying the resource removes only those.

mod classes;
pub mod eks;
mod existing;
mod install;
mod look;
mod model;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use crate::{
    domain::{cluster_class::SHIPPED, eks::EksId},
    drivers::kubernetes::{Cluster, Environment},
    framework::{
        attr::Attr,
        diagnostic::Diagnostics,
        parts::{Call, Change, Failed, ImportTarget, Resource, Verdict},
    },
    resources::{
        connection::{Connection, foresee_tenants},
        management_cluster::{
            classes::Classes,
            eks::wish,
            install::{Install, Wished},
            look::Seen,
            model::{Existing, nothing},
        },
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

    /// What the environment says of proxies.
    fn environment(&self) -> Environment {
        self.connection.settings().kubernetes.map(|kubernetes| kubernetes.environment).unwrap_or_default()
    }

    /// Checks the cluster and makes of it what tenants need, as planned.
    async fn make(
        &self,
        cluster: &Cluster,
        mut planned: ManagementCluster,
        prior: Option<&ManagementCluster>,
        deadline: Instant,
        call: &mut Call,
    ) -> Result<ManagementCluster, Diagnostics> {
        let had_install = prior.is_some_and(|prior| !prior.install.is_null());
        let prior = prior.and_then(|prior| prior.cluster_classes.known().cloned()).unwrap_or_default();
        if planned.install.known().is_some() {
            look::check_version(cluster, &planned).await?;
        }
        let is_installed = install::bring(cluster, &planned, had_install, &self.environment(), deadline, call).await?;
        let seen = Seen::of(cluster).await?;
        if !is_installed {
            // What there can be is not known before everything is there; the next apply makes the classes.
            if planned.cluster_classes.is_unknown() {
                let coming = SHIPPED.iter().filter(|_| planned.install.known().is_some_and(Install::brings_classes));
                planned.cluster_classes = Attr::Known(coming.map(|class| (*class).to_owned()).chain(prior).collect());
            }
            seen.fill(cluster, &mut planned);
            planned.drift = Attr::Known(Vec::new());
            return Ok(planned);
        }
        let wanted = match &planned.cluster_classes {
            Attr::Known(wanted) => wanted.clone(),
            Attr::Unknown => classes::possible(cluster, &seen).await?,
            Attr::Null => BTreeSet::new(),
        };
        classes::demand(cluster, &seen, &wanted).await?;
        seen.check(cluster, &planned, &wanted, &mut call.found).await?;
        let kept = Classes { cluster, deadline, stop: &call.stop };
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
        seen.fill(cluster, &mut planned);
        planned.drift = Attr::Known(Vec::new());
        Ok(planned)
    }

    /// Completes what was seen of a cluster by what its Kubernetes API tells.
    async fn see(&self, cluster: &Cluster, state: &ManagementCluster, now: &mut ManagementCluster) -> Result<(), Diagnostics> {
        let seen = Seen::of(cluster).await?;
        foresee_tenants(cluster);
        let kept = match state.cluster_classes.known() {
            Some(kept) => kept.clone(),
            None => classes::existing(cluster).await?,
        };
        let mut drift = now.drift.known().cloned().unwrap_or_default();
        if let Some(wished) = Wished::of(&state.install, &state.mirror, &self.environment())? {
            drift.extend(install::drift(cluster, &wished).await?);
        }
        drift.extend(classes::drift(cluster, &kept).await?);
        seen.fill(cluster, now);
        (now.cluster_classes, now.drift) = (Attr::Known(kept), Attr::Known(drift));
        Ok(())
    }

    /// The object as it is now.
    async fn look(&self, state: ManagementCluster, call: &mut Call) -> Result<Option<ManagementCluster>, Diagnostics> {
        if state.eks.is_null() { self.look_adopted(state, call).await } else { eks::read::read(self, state, call).await }
    }
}

impl Resource for ManagementClusterResource {
    const NAME: &'static str = "kaas_management_cluster";
    type Model = ManagementCluster;
    type Identity = ManagementClusterIdentity;

    fn validate(&self, config: &ManagementCluster, found: &mut Diagnostics) {
        wish::exactly_one(config, found);
        if let Some(block) = config.eks.known() {
            wish::validate(block, found);
        }
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
        eks::plan::plan(&self.connection, change, planned, verdict);
    }

    fn plan_destroy(&self, prior: &ManagementCluster, found: &mut Diagnostics) {
        eks::plan::plan_destroy(prior, found);
    }

    async fn create(&self, planned: ManagementCluster, call: &mut Call) -> Result<ManagementCluster, Failed<ManagementCluster>> {
        if !planned.eks.is_null() {
            return Ok(eks::apply::create(self, planned, call).await?);
        }
        let timeout = planned.timeouts.create_or(wait_default(&planned));
        Ok(self.adopt(planned, None, timeout, call).await?)
    }

    async fn update(
        &self,
        prior: ManagementCluster,
        planned: ManagementCluster,
        call: &mut Call,
    ) -> Result<ManagementCluster, Failed<ManagementCluster>> {
        if !planned.eks.is_null() {
            return eks::apply::update(self, prior, planned, call).await;
        }
        let timeout = planned.timeouts.update_or(wait_default(&planned));
        Ok(self.adopt(planned, Some(&prior), timeout, call).await?)
    }

    async fn read(&self, state: ManagementCluster, call: &mut Call) -> Result<Option<ManagementCluster>, Diagnostics> {
        if !self.connection.is_known(state.id.known().map(String::as_str)) {
            call.found.warning(
                "Management cluster not refreshed",
                "The provider's configuration is not known yet, so the cluster was not looked at; its last known state is used.",
            );
            return Ok(Some(state));
        }
        self.look(state, call).await
    }

    async fn delete(&self, prior: ManagementCluster, call: &mut Call) -> Result<(), Failed<ManagementCluster>> {
        if !prior.eks.is_null() {
            return Ok(eks::delete::delete(self, &prior, call).await?);
        }
        // Adopted, not made: where nothing was put into it, it is only forgotten.
        let kept = prior.cluster_classes.known().cloned().unwrap_or_default();
        if kept.is_empty() && prior.install.is_null() {
            return Ok(());
        }
        let cluster = self.cluster_of(&prior, call).await?;
        let deadline = Instant::now() + prior.timeouts.delete_or(wait_default(&prior));
        let mut warnings = Diagnostics::none();
        let outcome =
            Classes { cluster: &cluster, deadline, stop: &call.stop }.remove_all(&kept, !prior.install.is_null(), &mut warnings).await;
        call.found.extend(warnings);
        Ok(outcome?)
    }

    async fn import(&self, target: ImportTarget<ManagementClusterIdentity>, _call: &mut Call) -> Result<ManagementCluster, Diagnostics> {
        let id = match target {
            ImportTarget::Id(id) => Attr::Known(id),
            ImportTarget::Identity(identity) => identity.id,
        };
        let mut state = nothing();
        match id.known().filter(|id| EksId::is_meant(id)) {
            None => state.existing = Existing { eks_name: Attr::Null, region: Attr::Null }.into(),
            Some(id) => {
                let id: EksId =
                    id.parse().map_err(|wrong| Diagnostics::of_error("Not the id of a management cluster", format!("{wrong}.")))?;
                state.eks = eks::model::named(&id).into();
            }
        }
        state.id = id;
        Ok(state)
    }

    fn identity(&self, state: &ManagementCluster) -> Option<ManagementClusterIdentity> {
        state.id.known()?;
        Some(ManagementClusterIdentity { id: state.id.clone() })
    }
}

const fn wait_default(cluster: &ManagementCluster) -> Duration {
    if cluster.install.is_null() { WAIT_DEFAULT } else { install::WAIT_DEFAULT }
}
