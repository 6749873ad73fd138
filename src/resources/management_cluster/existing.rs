//! `existing {}`: a cluster that is adopted, the one that the provider's `kubernetes {}` block points to, or an EKS cluster by name.

use std::time::Duration;

use tokio::time::Instant;

use crate::{
    domain::eks::EksId,
    drivers::kubernetes::Cluster,
    framework::{attr::Attr, diagnostic::Diagnostics, parts::Call},
    resources::{
        failure::failed_aws,
        management_cluster::{
            ManagementClusterResource,
            eks::{place, read, report},
            install,
            model::{ManagementCluster, blank},
        },
    },
};

impl ManagementClusterResource {
    /// The cluster that is adopted, if it is the one that the state is of.
    pub(super) async fn cluster_of(&self, state: &ManagementCluster, call: &Call) -> Result<Cluster, Diagnostics> {
        if let Some(id) = self.named(state).await? {
            return Ok(self.connection.eks(&id).await?.cluster().stopped_by(call.stop.clone()));
        }
        let cluster = self.connection.block()?.cluster().stopped_by(call.stop.clone());
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

    /// The EKS cluster that is adopted; None: it is the one that the provider's kubernetes block points to.
    async fn named(&self, state: &ManagementCluster) -> Result<Option<EksId>, Diagnostics> {
        if let Some(id) = place::of_state(state) {
            return Ok(Some(id));
        }
        if place::named(state).is_none() {
            return Ok(None);
        }
        let region = self.connection.aws()?.region().await.map_err(|error| failed_aws("No AWS region", &error))?;
        Ok(place::wanted(state, None, Some(&region)))
    }

    /// Fills in what AWS reports of an adopted EKS cluster, whose ARN may be `known`; None: there is none of that name.
    async fn adopted(&self, id: &EksId, known: &Attr<String>, now: &mut ManagementCluster) -> Result<Option<()>, Diagnostics> {
        let seen = self.connection.aws()?.eks_cluster(&id.region, &id.name).await;
        let Some(seen) = seen.map_err(|error| failed_aws("Cannot look at the EKS cluster", &error))? else {
            read::same_account(self, known, id).await?;
            return Ok(None);
        };
        read::same_cluster(known, &seen.arn)?;
        report::facts(now, &seen);
        Ok(Some(()))
    }

    /// Adopts the cluster as planned.
    pub(super) async fn adopt(
        &self,
        mut planned: ManagementCluster,
        prior: Option<&ManagementCluster>,
        timeout: Duration,
        call: &mut Call,
    ) -> Result<ManagementCluster, Diagnostics> {
        let deadline = Instant::now() + timeout;
        let cluster = self.cluster_of(&planned, call).await?;
        if let Some(id) = self.named(&planned).await? {
            planned.id = id.to_string().into();
            let known = planned.arn.clone();
            self.adopted(&id, &known, &mut planned).await?;
        }
        let has_install = planned.install.known().is_some();
        match self.make(&cluster, planned, prior, deadline, call).await {
            Ok(mut made) => {
                no_eks(&mut made);
                Ok(made)
            }
            Err(failed) => {
                if prior.is_none() && has_install {
                    warn_of_beginning(&cluster, call).await;
                }
                Err(failed)
            }
        }
    }

    /// The adopted cluster as it is now; None when it is gone.
    pub(super) async fn look_adopted(&self, state: ManagementCluster, call: &mut Call) -> Result<Option<ManagementCluster>, Diagnostics> {
        let mut now = ManagementCluster {
            existing: state.existing.clone(),
            install: state.install.clone(),
            mirror: state.mirror.clone(),
            timeouts: state.timeouts.clone(),
            changes: read::known_changes(&state),
            ..blank()
        };
        if let Some(id) = place::of_state(&state) {
            now.id = id.to_string().into();
            if self.adopted(&id, &state.arn, &mut now).await?.is_none() {
                return Ok(None);
            }
        }
        let cluster = self.cluster_of(&state, call).await?;
        self.see(&cluster, &state, &mut now).await?;
        no_eks(&mut now);
        Ok(Some(now))
    }
}

/// A first installation that failed leaves no state, but may have begun.
async fn warn_of_beginning(cluster: &Cluster, call: &mut Call) {
    let begun = install::begun(cluster).await;
    if begun.is_empty() {
        return;
    }
    call.found.warning(
        "A beginning is left",
        format!(
            "What was installed in {} until then ({}) stays, so that the next apply goes on from here. To give it up instead, leave these components out of the \
             install block (without), apply, and destroy.",
            cluster.id(),
            begun.join(", ")
        ),
    );
}

/// What is not reported of a cluster that was not made here is null.
fn no_eks(state: &mut ManagementCluster) {
    for place in
        [&mut state.arn, &mut state.oidc_issuer, &mut state.vpc_id, &mut state.cluster_security_group_id, &mut state.platform_version]
    {
        if place.is_unknown() {
            *place = Attr::Null;
        }
    }
    (state.node_groups, state.status) = (Attr::Null, Attr::Null);
    if !matches!(state.changes, Attr::Known(_)) {
        state.changes = Attr::Known(Vec::new());
    }
}
