//! `install {}` and `mirror {}`: what tenants stand on, installed on the management cluster, kept, upgraded and removed.

mod adopt;
mod apply;
mod check;
mod drift;
mod model;
mod remove;
mod run;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    domain::install::{Wish, inventory::Phase},
    drivers::{
        kubernetes::{Cluster, Environment},
        release::{Origin, Releases},
    },
    framework::{
        attr::Attr,
        diagnostic::Diagnostics,
        parts::{Call, Change, Verdict},
    },
    resources::management_cluster::model::ManagementCluster,
};

pub use apply::Outcome;
pub use check::check;
use check::refuse_steps;
pub use model::{Install, Mirror};
use run::Run;

/// How long an installation may take where `timeouts` does not say: images are pulled on nodes that may still be starting.
pub const WAIT_DEFAULT: Duration = Duration::from_secs(1800);

/// What is to be installed, and where its files come from.
pub struct Wished {
    pub wish: Wish,
    releases: Releases,
    checksums: BTreeMap<String, String>,
}

impl Wished {
    /// None: nothing is to be installed, and what was is to be removed.
    ///
    /// # Errors
    /// When the mirror's certificates cannot be used.
    pub fn of(install: &Attr<Install>, mirror: &Attr<Mirror>, environment: &Environment) -> Result<Option<Self>, Diagnostics> {
        let Some(install) = install.known() else { return Ok(None) };
        let mirror = mirror.known();
        let origin = mirror.map_or(Origin::Published, Mirror::origin);
        let authorities = mirror.and_then(|mirror| mirror.ca_certificate.known()).map(String::as_str);
        let releases = Releases::from(origin, authorities, environment.clone());
        let releases =
            releases.map_err(|error| Diagnostics::of_error("Cannot use the mirror", format!("{}. {}", error.report(), error.hint())))?;
        let checksums = mirror.and_then(|mirror| mirror.checksums.known().cloned()).unwrap_or_default();
        Ok(Some(Self { wish: install.wish(mirror), releases, checksums }))
    }

    fn checksum(&self, path: &str) -> Option<&str> {
        self.checksums.get(path).map(String::as_str)
    }
}

/// The step of a create or an update: installs, or removes all of it where the block is gone (`had`: there was one). False: it is not finished, which is
/// told in a warning, and the next apply goes on.
///
/// # Errors
/// As [`apply`] and [`remove`].
pub async fn bring(
    cluster: &Cluster,
    planned: &ManagementCluster,
    had: bool,
    environment: &Environment,
    deadline: Instant,
    call: &mut Call,
) -> Result<bool, Diagnostics> {
    let outcome = match Wished::of(&planned.install, &planned.mirror, environment)? {
        Some(wished) => apply(cluster, &wished, deadline, &call.stop).await?,
        None if had => remove(cluster, deadline, &call.stop).await?,
        None => return Ok(true),
    };
    call.found.extend(outcome.warnings);
    if let Some(waiting) = &outcome.waiting {
        call.found.warning("The installation is not finished", format!("{waiting} The next apply goes on from here."));
    }
    Ok(outcome.waiting.is_none())
}

/// What a plan has to say of the blocks: steps that are refused, and that a first installation brings classes with it.
pub fn plan(change: &Change<'_, ManagementCluster>, planned: &mut ManagementCluster, verdict: &mut Verdict) {
    let Some(prior) = change.prior else { return };
    refuse_steps(&prior.install, &planned.install, &mut verdict.found);
    let has_none = prior.cluster_classes.known().is_some_and(BTreeSet::is_empty);
    if has_none && change.config.cluster_classes.is_null() && prior.install.is_null() && planned.install.known().is_some() {
        planned.cluster_classes = Attr::Unknown;
    }
}

/// Installs what is wished and removes what was installed and is wished no more.
///
/// # Errors
/// When a file cannot be had, the cluster refuses an object, or a step is not possible. What was done until then stays, and the next apply goes on.
pub async fn apply(cluster: &Cluster, wished: &Wished, deadline: Instant, stop: &CancellationToken) -> Result<Outcome, Diagnostics> {
    let cluster = cluster.clone().patient_until(deadline);
    apply::apply(&Run::new(&cluster, deadline, stop), wished).await
}

/// The components that are recorded as installed here, to their end or not; none where that cannot be seen.
pub async fn begun(cluster: &Cluster) -> Vec<String> {
    let records = run::records(cluster).await.unwrap_or_default();
    let ours = records.values().filter(|record| record.phase != Phase::Left);
    ours.map(|record| record.component.to_string()).collect()
}

/// What of the installation is not as it should be, one line each; fetches nothing.
///
/// # Errors
/// When the cluster cannot be looked at.
pub async fn drift(cluster: &Cluster, wished: &Wished) -> Result<Vec<String>, Diagnostics> {
    drift::drift(cluster, &wished.wish).await
}

/// Removes everything that was installed, in reverse order. Answers what is still waited for; to be called again then.
///
/// # Errors
/// When something still uses what was installed, which is named; then nothing is removed.
pub async fn remove(cluster: &Cluster, deadline: Instant, stop: &CancellationToken) -> Result<Outcome, Diagnostics> {
    let cluster = cluster.clone().patient_until(deadline);
    let mut outcome = Outcome::default();
    outcome.waiting = remove::remove(&Run::new(&cluster, deadline, stop), &mut outcome.warnings).await?;
    Ok(outcome)
}
