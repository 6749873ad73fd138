//! What can be set while this AWS runs.

use serde::{Deserialize, Serialize};

use super::Platform;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How long at least a cluster, a node group, an add-on or a change to one of them takes, in seconds.
    pub delay_s: f64,
    /// How long after the date in it a token for Kubernetes is taken, in seconds. AWS: 15 minutes.
    pub token_lifetime_s: f64,
    /// What runs in clusters that are created from now on.
    pub platform: Platform,
}

impl Default for Settings {
    fn default() -> Self {
        Self { delay_s: 1.0, token_lifetime_s: 900.0, platform: Platform::None }
    }
}

/// Changes to the settings; what is None stays.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, clap::Args)]
#[serde(default, deny_unknown_fields)]
pub struct Change {
    /// How long at least a cluster, a node group, an add-on or a change to one of them takes, in seconds
    #[arg(long)]
    pub delay_s: Option<f64>,
    /// How long a token for Kubernetes is taken, in seconds
    #[arg(long)]
    pub token_lifetime_s: Option<f64>,
    /// What runs in clusters that are created from now on, as processes of this machine
    #[arg(long)]
    pub platform: Option<Platform>,
}

impl Settings {
    pub fn change(&mut self, change: &Change) {
        self.delay_s = change.delay_s.unwrap_or(self.delay_s);
        self.token_lifetime_s = change.token_lifetime_s.unwrap_or(self.token_lifetime_s);
        self.platform = change.platform.unwrap_or(self.platform);
    }
}
