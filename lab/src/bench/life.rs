//! The life of N resources of each subject: apply, plans without changes, destroy.

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::figures::Samples;
use super::subject::{Kind, StateSize, Subject};
use super::{memory, requests};
use crate::output::{note, seconds};
use crate::{command, interrupt};

/// Up to this many tenants applies and destroys are repeated as often as plans; beyond, each is done once, for it takes minutes.
const REPEATED_APPLY_MAX: u32 = 100;
/// Plans take little and their ratios are judged: more of them than of what makes and destroys.
const PLANS_PER_REPEAT: u32 = 5;
/// Until controllers have done what an apply gave them to do.
const SETTLE: Duration = Duration::from_secs(3);

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    Plan,
    Apply,
    Destroy,
}

impl Act {
    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Plan => &["plan", "-no-color", "-detailed-exitcode"],
            Self::Apply => &["apply", "-no-color", "-auto-approve"],
            Self::Destroy => &["destroy", "-no-color", "-auto-approve"],
        }
    }
}

/// One subject doing one thing.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    pub seconds: Samples,
    /// Peak memory of the plugin; empty where there is none.
    pub peak_mib: Samples,
}

/// Everything measured at one number of tenants.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    pub tenants: u32,
    pub titles: BTreeMap<Kind, String>,
    pub cells: BTreeMap<(Act, Kind), Cell>,
    pub state_size: StateSize,
    /// What one plan of the tenants asked the API server.
    pub requests: requests::Counts,
}

/// Measures all subjects at one number of tenants.
pub fn measure(subjects: &[Subject], tenants: u32, repeats: u32, kubeconfig: &Path) -> Result<Measured> {
    let mut measured = Measured { tenants, ..Measured::default() };
    measured.titles = subjects.iter().map(|subject| (subject.kind, subject.title.clone())).collect();
    let cycles = if tenants > REPEATED_APPLY_MAX { 1 } else { repeats };
    for cycle in 1..=cycles {
        for subject in subjects.iter().filter(|subject| subject.kind != Kind::NothingTenant) {
            measured.time(subject, Act::Apply)?;
            if subject.kind == Kind::Kaas {
                measured.state_size = subject.state_size()?;
                subjects.iter().filter(|carrier| carrier.kind == Kind::NothingTenant).try_for_each(|carrier| carrier.carry(subject))?;
            }
        }
        if cycle == cycles {
            std::thread::sleep(SETTLE);
            measured.plans(subjects, repeats, kubeconfig)?;
        }
        for subject in subjects {
            measured.time(subject, Act::Destroy)?;
        }
    }
    Ok(measured)
}

impl Measured {
    /// Plans of all subjects by turns; afterwards plans whose requests are counted, which nobody times: the count itself is work for the API server.
    fn plans(&mut self, subjects: &[Subject], repeats: u32, kubeconfig: &Path) -> Result<()> {
        for _ in 0..repeats * PLANS_PER_REPEAT {
            subjects.iter().try_for_each(|subject| self.time(subject, Act::Plan))?;
        }
        let mut asked = Vec::new();
        for subject in subjects.iter().filter(|subject| subject.kind == Kind::Kaas) {
            for _ in 0..repeats {
                let before = requests::read(kubeconfig)?;
                self.run(subject, Act::Plan)?;
                asked.push(requests::between(&before, &requests::read(kubeconfig)?));
            }
        }
        self.requests = requests::least(&asked);
        Ok(())
    }

    /// Runs the CLI once and keeps time and memory.
    fn time(&mut self, subject: &Subject, act: Act) -> Result<()> {
        let (took, peak_kib) = self.run(subject, act)?;
        let cell = self.cells.entry((act, subject.kind)).or_default();
        cell.seconds.add(took.as_secs_f64());
        if let Some(peak) = peak_kib {
            cell.peak_mib.add(peak as f64 / 1024.0);
        }
        Ok(())
    }

    /// Runs the CLI once: how long it took, and the plugin's peak memory in KiB where there is a plugin.
    fn run(&self, subject: &Subject, act: Act) -> Result<(Duration, Option<u64>)> {
        interrupt::check()?;
        let what = format!("{} {} of {}", self.tenants, format!("{act:?}").to_lowercase(), subject.title);
        let mut output = tempfile::tempfile().context("make a file for the CLI's output")?;
        let mut command = subject.workspace.command(act.arguments());
        command.stdout(output.try_clone()?).stderr(output.try_clone()?);
        let begun = Instant::now();
        let mut cli = command.spawn().context("start the CLI")?;
        let (code, peak_kib) = memory::watch(&mut cli, subject.plugin.as_deref())?;
        let took = begun.elapsed();
        if code != Some(0) {
            interrupt::check()?;
            let mut text = String::new();
            output.seek(SeekFrom::Start(0))?;
            output.read_to_string(&mut text)?;
            ensure!(code == Some(0), "{what}: it ended with {code:?}\n{}", command::tail(&text, 60));
        }
        let memory = peak_kib.map(|kib| format!(", plugin {} MiB", kib / 1024)).unwrap_or_default();
        note(format!("  {what}: {}{memory}", seconds(took)));
        Ok((took, peak_kib))
    }
}
