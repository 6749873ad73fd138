//! The stand-in as a process of a lab.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::Lab;
use crate::process::{self, Handle, Recipe};

/// The verb of the lab's command that is the stand-in, and what its folder and log are called.
pub const NAME: &str = "flux-stand-in";
/// How long it may take to end: it stops Kafka nodes.
const GRACE: Duration = Duration::from_secs(30);

/// A running stand-in, stopped when dropped.
#[derive(Debug)]
pub struct StandIn {
    lab: PathBuf,
    recipe: Recipe,
    handle: Handle,
}

/// The arguments of the lab's command that start it for the cluster of `kubeconfig`.
pub fn arguments(kubeconfig: &Path, data_dir: &Path, pretend_ready: bool, strimzi_runs_here: bool, dns: Option<&Path>) -> Vec<String> {
    let path = |path: &Path| path.display().to_string();
    let mut args = vec![NAME.to_owned(), "--kubeconfig".to_owned(), path(kubeconfig), "--data-dir".to_owned(), path(data_dir)];
    for (flag, wanted) in [("--pretend-ready", pretend_ready), ("--strimzi-runs-here", strimzi_runs_here)] {
        if wanted {
            args.push(flag.to_owned());
        }
    }
    args.extend(dns.into_iter().flat_map(|settings| ["--dns".to_owned(), path(settings)]));
    args
}

impl StandIn {
    /// Starts it in `lab`, whose own Strimzi stand-in may run or (`strimzi_runs_here` false) was stopped.
    ///
    /// # Errors
    /// When the lab's command cannot be built or started.
    pub fn start(lab: &Lab, pretend_ready: bool, strimzi_runs_here: bool) -> Result<Self> {
        let folder = lab.folder().to_owned();
        let data = folder.join(NAME);
        let recipe = Recipe {
            program: crate::own_binary::lab()?,
            args: arguments(&lab.kubeconfig(), &data, pretend_ready, strimzi_runs_here, lab.dns_settings().as_deref()),
            env: BTreeMap::new(),
            log: folder.join("logs").join(format!("{NAME}.log")),
        };
        std::fs::create_dir_all(data.join("fail")).with_context(|| format!("make {}", data.display()))?;
        let handle = recipe.start(&folder)?;
        Ok(Self { lab: folder, recipe, handle })
    }

    /// Its data: `fail/` and `strimzi/`.
    pub fn data(&self) -> PathBuf {
        self.lab.join(NAME)
    }

    /// The file it logs to.
    pub fn log(&self) -> &Path {
        &self.recipe.log
    }

    /// Whether it runs.
    pub fn alive(&self) -> bool {
        self.handle.alive()
    }

    /// Ends it, with the Kafka nodes it runs.
    ///
    /// # Errors
    /// When it does not end.
    pub fn stop(&self) -> Result<()> {
        process::stop(&[self.handle], GRACE)
    }

    /// Kills it; what it runs stays.
    ///
    /// # Errors
    /// When it does not end.
    pub fn kill(&self) -> Result<()> {
        // It may have ended since; the wait tells.
        let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(self.handle.pid), nix::sys::signal::Signal::SIGKILL);
        self.stop()
    }

    /// Starts it again after [`StandIn::stop`] or [`StandIn::kill`].
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn restart(&mut self) -> Result<()> {
        self.stop()?;
        self.handle = self.recipe.start(&self.lab)?;
        Ok(())
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            crate::output::note(format!("stop the Flux stand-in: {error:#}"));
        }
    }
}
