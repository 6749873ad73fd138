//! A stand-in for the load balancers of a cloud: each Service of type LoadBalancer of the clusters it looks after gets an address of its
//! own out of 127.64.0.0/10, on which this process listens and passes connections on. Linux answers on all of them without being told to.
//!
//! Where connections go stands in the annotation [`TARGETS`]: no EndpointSlice may name an address of loopback. It knows nothing of Kafka.

mod addresses;
mod clusters;
mod forward;
mod service;
mod source_range;

use std::net::Ipv4Addr;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;

/// The verb of the lab's command that is the stand-in, and what its folder and log are called.
pub const NAME: &str = "load-balancer-stand-in";
/// The annotation of a Service with the addresses its connections go to: `127.0.0.1:20001,127.0.0.1:20011`.
pub const TARGETS: &str = "lab.kaas.dev/targets";
/// The annotation this stand-in writes on a Service of type NodePort that has targets: where its node port answers.
pub const NODE_ADDRESS: &str = "lab.kaas.dev/node-address";
/// Set to `"true"` on a Service, its load balancer has a host name in place of an address.
pub const HOST_NAME: &str = "lab.kaas.dev/hostname";
/// What such host names end with.
const HOST_NAMES: &str = ".elb.eu-central-1.amazonaws.com";

/// What the stand-in is started with.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// The folder of a cluster, with its kubeconfig; those of the clusters that the process provider and EKS run for it lie below
    #[arg(long)]
    pub cluster_dir: PathBuf,
    /// Where it keeps which Service has which address
    #[arg(long)]
    pub data_dir: PathBuf,
}

/// Runs until SIGTERM or SIGINT. The Services keep their addresses; the next stand-in listens there again.
///
/// # Errors
/// The data folder cannot be made or read.
pub fn run(options: &Options) -> Result<()> {
    crate::stand_in::run("info,kube=warn", work(options))
}

async fn work(options: &Options) -> Result<()> {
    std::fs::create_dir_all(&options.data_dir).with_context(|| format!("make {}", options.data_dir.display()))?;
    let balancers = addresses::Balancers::open(options.data_dir.join("addresses.json"))?;
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tracing::info!("the stand-in for load balancers watches the clusters in {}", options.cluster_dir.display());
    tokio::select! {
        () = clusters::watch(options, balancers) => {}
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    Ok(())
}

/// The host name of the load balancer at `address`.
pub fn host_name(address: Ipv4Addr) -> String {
    format!("lb-{}{HOST_NAMES}", address.to_string().replace('.', "-"))
}

/// The address of a load balancer's host name; none if it is no such name. A DNS server needs no records for them.
pub fn address_of(host_name: &str) -> Option<Ipv4Addr> {
    let name = host_name.trim_end_matches('.').to_ascii_lowercase();
    name.strip_suffix(HOST_NAMES)?.strip_prefix("lb-")?.replace('-', ".").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_name_leads_back_to_its_address() {
        let address = Ipv4Addr::new(127, 70, 3, 254);
        assert_eq!(host_name(address), "lb-127-70-3-254.elb.eu-central-1.amazonaws.com");
        assert_eq!(address_of("LB-127-70-3-254.elb.eu-central-1.amazonaws.com."), Some(address));
        assert_eq!(address_of("lb-x.elb.eu-central-1.amazonaws.com"), None);
        assert_eq!(address_of("lb-127-70-3-254.elb.amazonaws.com"), None);
    }
}
