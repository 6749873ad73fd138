//! Names and certificates of a lab: a DNS server on what Route 53 (moto) holds, an ACME server (pebble) behind a door that can be told to refuse, and real
//! cert-manager and external-dns as processes on the clusters they work for. Nothing here answers for Route 53 or for an ACME server: those are asked.

mod acme;
mod answer;
mod client;
pub mod command;
mod control;
pub mod controllers;
mod faults;
pub mod pebble;
mod server;
mod settings;
mod zones;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Args;

pub use client::{Answered, Code, Dns};
pub use command::Verb;
pub use faults::{Faults, Silence};
pub use settings::{Programs, Settings};

/// What people and log files call the server.
pub const NAME: &str = "dns-server";
/// The hosted zone every such lab has.
pub const ZONE: &str = "kafka.example.test";
/// Whose records the external-dns of the management cluster writes.
pub const OWNER: &str = "kaas";
/// How long a certificate of the profile `shortlived` is good for unless a lab says otherwise, in seconds.
pub const SHORT_LIVED_S: u32 = 180;

/// What the server is started with.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// The file with ports, programs and credentials
    #[arg(long)]
    pub settings: PathBuf,
    /// Where the processes it keeps have their files
    #[arg(long)]
    pub data_dir: PathBuf,
    /// The kubeconfig of the management cluster
    #[arg(long)]
    pub kubeconfig: PathBuf,
}

/// Runs until SIGTERM or SIGINT. cert-manager and external-dns go on; the next server finds them.
///
/// # Errors
/// The settings cannot be read, or a port is taken.
pub fn run(options: &Options) -> Result<()> {
    crate::stand_in::run("info", serve(options.clone()))
}

async fn serve(options: Options) -> Result<()> {
    let settings = Arc::new(Settings::read(&options.settings)?);
    let faults = Arc::new(faults::Ordered::open(&options.data_dir)?);
    let zones = Arc::new(zones::Zones::new(settings.moto));
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    let (ports, everyone, validation) = (settings.ports, server::View::Everyone, server::View::Validation);
    tracing::info!("DNS for {} on port {}", settings.zone_name, ports.dns);
    tokio::select! {
        failed = server::serve(ports.dns, everyone, zones.clone(), faults.clone()) => failed.context("serve DNS")?,
        failed = server::serve(ports.validation, validation, zones, faults.clone()) => failed.context("serve DNS to the ACME server")?,
        failed = acme::serve(settings.clone(), faults.clone()) => failed.context("be the door of the ACME server")?,
        failed = control::serve(ports.control, faults) => failed.context("take orders")?,
        () = controllers::keep_on_management(settings, options) => {}
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    Ok(())
}
