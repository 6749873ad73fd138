//! Public names and certificates for the demo's tenants, from the lab's hosted zone and its ACME server.

use anyhow::Result;

use crate::dns::Dns;
use crate::terraform::Workspace;

/// The zone and the ACME server as variables, and the blocks that give the quickstart's tenant names and a certificate of them.
const NAMES: [(&str, &str); 2] = [("names.tf", include_str!("names.tf")), ("names_override.tf", include_str!("names_override.tf"))];
/// The same blocks for the tenants with a cluster of their own.
const OF_CLUSTERS: (&str, &str) = ("clusters_override.tf", include_str!("clusters_override.tf"));

/// Adds names to the configuration in `workspace`.
///
/// # Errors
/// When a file cannot be written or the ACME server's certificate cannot be read.
pub fn give(workspace: &mut Workspace, dns: &Dns, own_clusters: bool) -> Result<()> {
    for (file, text) in NAMES.into_iter().chain(own_clusters.then_some(OF_CLUSTERS)) {
        workspace.write(file, text)?;
    }
    for (variable, value) in [
        ("zone_id", dns.zone_id().to_owned()),
        ("domain", dns.zone_name().to_owned()),
        ("acme_directory", dns.acme_directory()),
        ("acme_ca_certificate", dns.acme_ca()?),
    ] {
        workspace.set_variable(variable, value);
    }
    for (variable, value) in dns.environment() {
        workspace.set_env(&variable, value);
    }
    Ok(())
}
