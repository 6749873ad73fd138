//! Where and when it was measured.

use anyhow::{Context, Result};

/// A moment of the run.
#[derive(Clone, Debug)]
pub struct Moment {
    pub time: time::OffsetDateTime,
    /// Processes that wanted to run, on average over a minute.
    pub load: String,
}

impl Moment {
    pub fn now() -> Result<Self> {
        let text = std::fs::read_to_string("/proc/loadavg").context("read the load of this machine")?;
        let load = text.split_whitespace().next().unwrap_or_default().to_owned();
        Ok(Self { time: time::OffsetDateTime::now_utc(), load })
    }

    /// `2026-11-22`.
    pub fn date(&self) -> String {
        self.time.date().to_string()
    }
}

/// Processor, cores, memory and system.
pub fn description() -> Result<String> {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").context("read what processor this machine has")?;
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("unknown processor", |rest| rest.trim_start_matches([' ', '\t', ':']));
    let cores = std::thread::available_parallelism()?;
    let memory = std::fs::read_to_string("/proc/meminfo").context("read how much memory this machine has")?;
    let kib: u64 =
        memory.lines().find_map(|line| line.strip_prefix("MemTotal:")?.split_whitespace().next()?.parse().ok()).unwrap_or_default();
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    Ok(format!("{cores} cores of {model}, {} GiB, Linux {}", kib.div_ceil(1 << 20), kernel.trim()))
}
