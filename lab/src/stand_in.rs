//! How every stand-in runs: its log on stderr, a runtime of its own, until its work ends.

use std::future::Future;

use anyhow::Result;

/// Runs the `work` of a stand-in to its end. `log`: what it logs where `RUST_LOG` does not say.
///
/// # Errors
/// When there is no runtime to be had, or those of the work.
pub fn run(log: &str, work: impl Future<Output = Result<()>>) -> Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| log.into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false).init();
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}
