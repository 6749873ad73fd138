//! Public names and certificates for the demo's tenants, from the lab's hosted zone and its ACME server.

use anyhow::Result;

use crate::dns::Dns;
use crate::terraform::Workspace;

/// The zone and the ACME server as variables.
const VARIABLES: &str = include_str!("names.tf");
/// The blocks that give the quickstart's tenant names and a certificate of them.
const OVERRIDE: &str = include_str!("names_override.tf");
/// The resources that get them: the quickstart's, and that of the tenants with a cluster of their own.
const RESOURCES: [&str; 2] = ["payments", "own_cluster"];

/// Adds names to the configuration in `workspace`.
///
/// # Errors
/// When a file cannot be written or the ACME server's certificate cannot be read.
pub fn give(workspace: &mut Workspace, dns: &Dns, own_clusters: bool) -> Result<()> {
    workspace.write("names.tf", VARIABLES)?;
    for resource in RESOURCES.into_iter().take(1 + usize::from(own_clusters)) {
        workspace.write(&format!("{resource}_override.tf"), &OVERRIDE.replace(RESOURCES[0], resource))?;
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
