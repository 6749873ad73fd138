//! Cluster API in a lab: the real controllers with their real webhooks, and a stand-in for the infrastructure, whose clusters are real API servers on
//! this machine. What is real and what is not stands in `docs/lab.md`.

pub mod class;
mod kinds;
pub mod managers;
pub mod provider;
pub mod tenants;
mod webhooks;

use anyhow::Result;

use crate::custom_resources::{Crd, Family};
use crate::kubernetes;
use crate::servers::Layout;
use crate::state::ClusterApiPorts;

/// The definitions Cluster API's controllers need, generated if the cache lacks them.
///
/// # Errors
/// When they cannot be generated.
pub fn crds() -> Result<Vec<Crd>> {
    let mut crds = Family::ClusterApi.crds()?;
    crds.extend(Family::ClusterApiAws.crds()?);
    crds.extend(kinds::crds()?);
    // Tenants' clusters get what runs in them by HelmReleases.
    crds.extend(Family::Flux.crds()?);
    Ok(crds)
}

/// Registers the webhooks of the running controllers, then installs the class `process`.
///
/// # Errors
/// When the API server or a webhook refuses something.
pub fn install(layout: &Layout, ports: ClusterApiPorts) -> Result<()> {
    kubernetes::apply(&layout.kubeconfig(), &webhooks::configurations(layout, ports)?)?;
    class::install(&layout.kubeconfig())
}
