//! Processes that outlive the command that starts them: started in a process group of their own with a mark in their environment,
//! known again by pid and start time, stopped within bounds. The mark is inherited, so a lab also finds the processes its processes started.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

/// The environment variable that marks every process of a lab; its value is the lab's folder or one below it.
const MARK: &str = "KAAS_LAB_PROCESS_OF";
/// How long a process may take to vanish after SIGKILL.
const KILL_GRACE: Duration = Duration::from_secs(10);
/// For how long those are looked for that were only starting when the others were ended.
const STARTING_MAX: Duration = Duration::from_secs(30);

/// How a process is started, kept so that it can be started again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipe {
    /// The executable.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// Variables on top of the lab command's own.
    pub env: BTreeMap<String, String>,
    /// Where its output is appended.
    pub log: PathBuf,
}

/// A process that was started: its pid and, as pids are used again, its start time in clock ticks since boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handle {
    /// The process id.
    pub pid: i32,
    /// Field 22 of `/proc/PID/stat`; 0 where there is no `/proc`.
    pub started: u64,
}

impl Recipe {
    /// Starts the process for the lab in `lab`.
    ///
    /// # Errors
    /// When the log cannot be opened or the program cannot be started.
    pub fn start(&self, lab: &Path) -> Result<Handle> {
        let log = File::options().create(true).append(true).open(&self.log).with_context(|| format!("open {}", self.log.display()))?;
        let mut command = Command::new(&self.program);
        command.args(&self.args).envs(&self.env).env(MARK, lab).current_dir(lab);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).process_group(0);
        let child = command.spawn().with_context(|| format!("start {}", self.program.display()))?;
        let pid = i32::try_from(child.id()).context("read the pid of a new process")?;
        Ok(Handle { pid, started: stat(pid).map_or(0, |stat| stat.started) })
    }

    /// The end of its log, for an error message.
    pub fn log_tail(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        crate::command::tail(&String::from_utf8_lossy(&text), 15)
    }
}

impl Handle {
    /// This very process.
    pub fn own() -> Option<Self> {
        let pid = i32::try_from(std::process::id()).ok()?;
        Some(Self { pid, started: stat(pid).map_or(0, |stat| stat.started) })
    }

    /// Whether it still runs. One that ended and waits to be collected does not.
    pub fn alive(self) -> bool {
        // It may be a child of ours (a lab run from a test): then collect it. Else the call fails and changes nothing.
        let _ = waitpid(Pid::from_raw(self.pid), Some(WaitPidFlag::WNOHANG));
        match stat(self.pid) {
            Some(stat) => stat.started == self.started && !stat.ended,
            None if has_proc() => false,
            None => kill(Pid::from_raw(self.pid), None).is_ok(),
        }
    }

    /// Its resident memory in MiB.
    pub fn resident_mib(self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
        Some(kib / 1024)
    }

    /// The folder it was started for: the lab's, or of a Kafka node the node's.
    pub fn folder(self) -> Option<PathBuf> {
        marks(&std::fs::read(format!("/proc/{}/environ", self.pid)).ok()?).next().map(Path::to_owned)
    }
}

/// Ends `processes`: SIGTERM, at most `grace` to comply, then SIGKILL.
///
/// # Errors
/// When one is still there after SIGKILL.
pub fn stop(processes: &[Handle], grace: Duration) -> Result<()> {
    signal(processes, Signal::SIGTERM);
    if wait_gone(processes, grace) {
        return Ok(());
    }
    signal(processes, Signal::SIGKILL);
    if wait_gone(processes, KILL_GRACE) {
        return Ok(());
    }
    let left: Vec<String> = processes.iter().filter(|p| p.alive()).map(|p| p.pid.to_string()).collect();
    bail!("processes {} are still there {} s after SIGKILL", left.join(", "), KILL_GRACE.as_secs())
}

/// Ends every process that was started for `folder` or a folder below it. One that is just becoming another program bears no mark for that moment, so it is looked
/// again until there is none.
///
/// # Errors
/// Those of [`stop`], and when something keeps starting processes.
pub fn stop_marked(folder: &Path, grace: Duration) -> Result<()> {
    let started = Instant::now();
    loop {
        let found = marked(folder);
        if found.is_empty() {
            return Ok(());
        }
        ensure!(started.elapsed() < STARTING_MAX + grace, "something keeps starting processes for {}: {found:?}", folder.display());
        stop(&found, grace)?;
    }
}

fn signal(processes: &[Handle], signal: Signal) {
    for process in processes.iter().filter(|p| p.alive()) {
        // It may have ended since.
        let _ = kill(Pid::from_raw(process.pid), signal);
    }
}

fn wait_gone(processes: &[Handle], patience: Duration) -> bool {
    let started = Instant::now();
    loop {
        if !processes.iter().any(|p| p.alive()) {
            return true;
        }
        if started.elapsed() > patience {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Every living process started for `folder` or for a folder below it: of a lab all, of the folder of one Kafka node that node.
pub fn marked(folder: &Path) -> Vec<Handle> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| std::fs::read(format!("/proc/{pid}/environ")).is_ok_and(|env| is_marked(&env, folder)))
        .filter_map(|pid| stat(pid).filter(|stat| !stat.ended).map(|stat| Handle { pid, started: stat.started }))
        .collect()
}

fn is_marked(environment: &[u8], folder: &Path) -> bool {
    marks(environment).any(|mark| mark.starts_with(folder))
}

fn marks(environment: &[u8]) -> impl Iterator<Item = &Path> {
    let values = environment.split(|&b| b == 0).filter_map(|v| v.strip_prefix(MARK.as_bytes())?.strip_prefix(b"="));
    values.map(|value| Path::new(OsStr::from_bytes(value)))
}

fn has_proc() -> bool {
    Path::new("/proc/self/stat").exists()
}

struct Stat {
    ended: bool,
    started: u64,
}

/// `/proc/PID/stat`: the command name stands in parentheses and may hold anything, so fields are counted from the last one.
fn stat(pid: i32) -> Option<Stat> {
    parse_stat(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

fn parse_stat(text: &str) -> Option<Stat> {
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    let ended = matches!(fields.next()?, "Z" | "X");
    Some(Stat { ended, started: fields.nth(18)?.parse().ok()? })
}

/// Stops the processes that belong to `folder`, and removes it.
///
/// # Errors
/// When one does not end, or the folder cannot be removed.
pub fn clear(folder: &Path, grace: Duration) -> Result<()> {
    stop(&marked(folder), grace).with_context(|| format!("stop the servers in {}", folder.display()))?;
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error).with_context(|| format!("remove {}", folder.display())),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper(lab: &Path, script: &str) -> Handle {
        let recipe =
            Recipe { program: "/bin/sh".into(), args: vec!["-c".into(), script.into()], env: BTreeMap::new(), log: lab.join("log") };
        recipe.start(lab).unwrap()
    }

    #[test]
    fn a_process_and_its_children_are_found_by_their_mark_and_stopped() {
        let lab = tempfile::tempdir().unwrap();
        let parent = sleeper(lab.path(), "sleep 600 & sleep 600");
        let started = Instant::now();
        while marked(lab.path()).len() < 3 && started.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(parent.alive());
        assert_eq!(marked(lab.path()).len(), 3);
        stop_marked(lab.path(), Duration::from_secs(5)).unwrap();
        assert!(!parent.alive());
        assert_eq!(marked(lab.path()), []);
    }

    #[test]
    fn one_that_ignores_sigterm_is_killed() {
        let lab = tempfile::tempdir().unwrap();
        let stubborn = sleeper(lab.path(), "trap '' TERM; echo ready; while :; do sleep 0.05; done");
        let started = Instant::now();
        while !std::fs::read_to_string(lab.path().join("log")).unwrap().contains("ready") && started.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(Duration::from_millis(10));
        }
        stop(&[stubborn], Duration::from_millis(200)).unwrap();
        assert!(!stubborn.alive());
        stop_marked(lab.path(), Duration::from_secs(1)).unwrap();
    }

    #[test]
    fn a_pid_used_again_by_another_process_is_not_ours() {
        let own = Handle::own().unwrap();
        assert!(own.alive());
        assert!(!Handle { started: own.started + 1, ..own }.alive());
    }

    #[test]
    fn a_mark_counts_for_the_folders_above_and_no_others() {
        let environment = b"A=b\0KAAS_LAB_PROCESS_OF=/labs/one/kafka/node\0C=d\0";
        for (folder, expected) in
            [("/labs/one", true), ("/labs/one/kafka/node", true), ("/labs/on", false), ("/labs/one/kafka/node/x", false)]
        {
            assert_eq!(is_marked(environment, Path::new(folder)), expected, "{folder}");
        }
        assert!(!is_marked(b"OTHER=/labs/one\0", Path::new("/labs/one")));
    }

    #[test]
    fn a_command_name_with_parentheses_does_not_confuse_the_fields() {
        let fields: Vec<String> = (4..=30).map(|n| n.to_string()).collect();
        let stat = parse_stat(&format!("7 (a) b (c)) S {}", fields.join(" "))).unwrap();
        assert_eq!((stat.started, stat.ended), (22, false));
    }
}
