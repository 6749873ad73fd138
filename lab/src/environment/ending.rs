//! Taking a lab down, whatever state it is in.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use super::lock;
use crate::process::{self, Handle};
use crate::state::{self, Running, Server, State};

/// How long processes without the server that started them may take to end: their data goes anyway.
const ORPHANS: Duration = Duration::from_secs(3);

/// Takes the lab in `folder` down, whatever state it is in. False if there was none.
///
/// # Errors
/// When a process does not end or the folder cannot be removed.
pub fn down(folder: &Path) -> Result<bool> {
    let _lock = lock(folder)?;
    // The folder may be gone and its processes not: someone removed it by hand.
    let there = folder.join(state::FILE).is_file() || !process::marked(folder).is_empty();
    take_down(folder)?;
    Ok(there)
}

/// Stops every process of the lab in `folder`, in order, and removes the folder if it is a lab's.
pub(super) fn take_down(folder: &Path) -> Result<()> {
    // A state that cannot be read forgets the order, not the processes: those carry the lab's mark.
    let state = State::read(folder).ok().flatten();
    let mut running = state.as_ref().map(|s| s.running.clone()).unwrap_or_default();
    running.sort_by_key(|r| std::cmp::Reverse(r.server));
    let servers: Vec<Handle> = running.iter().map(|r| r.handle).collect();
    let (stand_ins, base): (Vec<Running>, Vec<Running>) = running.into_iter().partition(|r| r.server > Server::Controllers);
    stop_each(stand_ins)?;
    if !base.is_empty() {
        // What the stand-ins started, Kafka nodes and the Kubernetes of tenants, goes before their API server and etcd do.
        let orphans: Vec<Handle> = process::marked(folder).into_iter().filter(|p| !servers.contains(p)).collect();
        process::stop(&orphans, ORPHANS).context("stop what the stand-ins started")?;
    }
    stop_each(base)?;
    process::stop_marked(folder, grace(Server::Apiserver))?;
    let left = all_processes(folder, state.as_ref());
    anyhow::ensure!(left.is_empty(), "processes of the lab in {} are left: {left:?}", folder.display());
    if folder.join(state::FILE).is_file() {
        std::fs::remove_dir_all(folder).with_context(|| format!("remove {}", folder.display()))?;
    }
    Ok(())
}

fn stop_each(servers: Vec<Running>) -> Result<()> {
    for server in servers {
        process::stop(&[server.handle], grace(server.server)).with_context(|| format!("stop {}", server.server.name()))?;
    }
    Ok(())
}

/// How long `server` may take to end by itself.
pub(super) fn grace(server: Server) -> Duration {
    match server {
        // They stop their Kafka nodes one by one.
        Server::StrimziStandIn | Server::FluxStandIn => Duration::from_secs(30),
        _ => Duration::from_secs(10),
    }
}

pub(super) fn all_processes(folder: &Path, state: Option<&State>) -> Vec<Handle> {
    let mut all: Vec<Handle> = state.iter().flat_map(|s| &s.running).map(|r| r.handle).filter(|h| h.alive()).collect();
    all.extend(process::marked(folder).into_iter().filter(|h| !all.contains(h)).collect::<Vec<_>>());
    all
}
