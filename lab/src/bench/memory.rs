//! How much memory a program takes at most, seen from outside: Linux notes the peak of each process (`VmHWM`).

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Child;
use std::time::Duration;

use anyhow::{Context, Result};

/// Between two looks. A plugin lives for tens of milliseconds at least.
const PERIOD: Duration = Duration::from_millis(10);

/// Waits until the CLI ends; gives its exit code and the largest peak, in KiB, among its children that run `plugin`.
pub fn watch(cli: &mut Child, plugin: Option<&Path>) -> Result<(Option<i32>, Option<u64>)> {
    let Some(plugin) = plugin else {
        let status = cli.wait().context("wait for the CLI")?;
        return Ok((status.code(), None));
    };
    std::thread::scope(|scope| {
        let (ended, end) = std::sync::mpsc::channel::<()>();
        let parent = cli.id();
        let watcher = scope.spawn(move || {
            let mut family = Family { parent, ..Family::default() };
            while end.recv_timeout(PERIOD) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                family.look(plugin);
            }
            family.peak_kib
        });
        let status = cli.wait().context("wait for the CLI");
        drop(ended);
        let peak = watcher.join().unwrap_or_default();
        Ok((status?.code(), peak))
    })
}

/// The resident memory and its peak of a process, in KiB.
pub fn resident_kib(pid: u32) -> Option<(u64, u64)> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    Some((field_kib(&status, "VmRSS:")?, field_kib(&status, "VmHWM:")?))
}

fn field_kib(status: &str, name: &str) -> Option<u64> {
    status.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

/// The children of one process.
#[derive(Default)]
struct Family {
    parent: u32,
    /// Processes that are somebody else's.
    strangers: BTreeSet<u32>,
    peak_kib: Option<u64>,
}

impl Family {
    fn look(&mut self, plugin: &Path) {
        let Ok(entries) = std::fs::read_dir("/proc") else { return };
        for pid in entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()) {
            if self.strangers.contains(&pid) {
                continue;
            }
            let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            if field_kib(&status, "PPid:").map(u32::try_from) != Some(Ok(self.parent)) {
                self.strangers.insert(pid);
                continue;
            }
            // Between fork and exec a child is as large as its parent.
            if std::fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == plugin) {
                self.peak_kib = self.peak_kib.max(field_kib(&status, "VmHWM:"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn the_peak_of_a_child_of_the_watched_process_is_seen() {
        let shell = std::fs::canonicalize("/bin/sh").unwrap();
        let sleep = std::fs::canonicalize("/bin/sleep").unwrap();
        let watched = |plugin: Option<&Path>| {
            let mut cli = Command::new(&shell).args(["-c", "sleep 0.3; exit 3"]).spawn().unwrap();
            watch(&mut cli, plugin).unwrap()
        };
        let (code, peak) = watched(Some(&sleep));
        assert_eq!(code, Some(3));
        assert!(peak.unwrap() > 100, "{peak:?}");
        assert_eq!(watched(Some(Path::new("/no/such/plugin"))), (Some(3), None));
        assert_eq!(watched(None), (Some(3), None));
    }
}
