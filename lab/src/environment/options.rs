//! How a lab is to be.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::{dns, state};

/// How a lab is to be.
#[derive(Clone, Debug)]
pub struct Options {
    /// Its name: letters, digits and dashes.
    pub name: String,
    /// Its folder; by default one named like it below [`state::root`].
    pub dir: Option<PathBuf>,
    /// Let the Strimzi stand-in report Ready without running Kafka.
    pub pretend_ready: bool,
    /// Run Cluster API and the stand-in that makes tenants' clusters.
    pub cluster_api: bool,
    /// Run AWS: moto, with EKS made true.
    pub aws: bool,
    /// Run DNS, an ACME server, cert-manager and external-dns; needs AWS.
    pub dns: bool,
    /// How long the ACME server's certificates of the profile `shortlived` are good for, in seconds.
    pub short_lived_s: u32,
    /// Tie the lab to this process: once it is gone, the next such lab takes this one down.
    pub owned: bool,
    /// The `kaas-lab` executable; by default found by [`crate::own_binary::lab`].
    pub lab_binary: Option<PathBuf>,
}

impl Options {
    /// A lab called `name`, with real Kafka.
    pub fn named(name: &str) -> Self {
        let (pretend_ready, cluster_api, aws, dns, owned) = (false, false, false, false, false);
        let short_lived_s = dns::SHORT_LIVED_S;
        Self { name: name.to_owned(), dir: None, pretend_ready, cluster_api, aws, dns, short_lived_s, owned, lab_binary: None }
    }

    /// The lab's folder.
    ///
    /// # Errors
    /// When the name cannot be a folder's or there is no home.
    pub fn folder(&self) -> Result<PathBuf> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if self.name.is_empty() || self.name.len() > 40 || !self.name.chars().all(plain) {
            bail!("name a lab \"{}\": take 1 to 40 letters, digits and dashes", self.name);
        }
        match &self.dir {
            Some(dir) => std::path::absolute(dir).with_context(|| format!("make {} absolute", dir.display())),
            None => Ok(state::root()?.join(&self.name)),
        }
    }
}
