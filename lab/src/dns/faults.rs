//! What goes wrong by order: it lasts until another order, and a server that is started anew keeps to it.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::record;

/// Whom the DNS server does not answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Silence {
    /// Nobody is left without an answer
    #[default]
    None,
    /// The ACME server: its validation fails, cert-manager's own check before it succeeds
    Acme,
    /// Everybody
    All,
}

/// The faults in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::Args)]
#[serde(default)]
pub struct Faults {
    /// Whom the DNS server does not answer
    #[arg(long, value_enum, default_value_t)]
    pub dns_silent: Silence,
    /// Refuse every new order for a certificate with `rateLimited`
    #[arg(long)]
    pub acme_rate_limited: bool,
}

/// The faults in force, shared and written down.
pub struct Ordered {
    file: PathBuf,
    now: Mutex<Faults>,
}

impl Ordered {
    /// Those an earlier server kept in the folder; none otherwise.
    pub fn open(folder: &Path) -> Result<Self> {
        let file = folder.join("faults.json");
        let now = record::read(&file)?.unwrap_or_default();
        Ok(Self { file, now: Mutex::new(now) })
    }

    pub fn now(&self) -> Faults {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn order(&self, faults: Faults) -> Result<()> {
        record::write(&self.file, &faults)?;
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = faults;
        tracing::info!("from now on: {faults:?}");
        Ok(())
    }
}
