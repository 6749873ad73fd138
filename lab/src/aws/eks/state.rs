//! What this EKS holds, kept in a file: clusters in AWS's own JSON with what is known of them beside it. Times are seconds since 1970.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::aws::faults::Faults;
use crate::aws::settings::Settings;
use crate::record;

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    pub settings: Settings,
    pub faults: Faults,
    /// By `region/name`.
    pub clusters: BTreeMap<String, Cluster>,
}

/// A cluster with its parts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cluster {
    pub region: String,
    /// Also of another cluster of the name that was before it this differs.
    pub uid: String,
    /// As `DescribeCluster` shows it.
    pub view: Map<String, Value>,
    /// No earlier than this its status changes.
    pub due: f64,
    /// The server answered once.
    pub ready: bool,
    /// Its creation is going to fail.
    pub fails: bool,
    /// Nothing was put into it when it was made.
    pub bare: bool,
    /// The add-ons whose objects are in it.
    pub system: BTreeSet<String>,
    /// The machines of EC2 that are its nodes, by their ids: the nodes' names.
    pub machines: BTreeMap<String, String>,
    pub node_groups: BTreeMap<String, Part>,
    pub add_ons: BTreeMap<String, Part>,
    /// By the principal's ARN.
    pub access_entries: BTreeMap<String, AccessEntry>,
    /// By their ids.
    pub pod_identities: BTreeMap<String, Map<String, Value>>,
    pub updates: Vec<Update>,
    /// What was asked with which `clientRequestToken`.
    pub tokens: Vec<Asked>,
}

/// A node group or an add-on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Part {
    pub view: Map<String, Value>,
    pub due: f64,
    /// Why its creation is going to fail.
    pub fails: Option<Value>,
    /// For which wish the nodes were made: see `nodes::wish`.
    pub nodes: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AccessEntry {
    pub view: Map<String, Value>,
    /// By the policy's ARN.
    pub policies: BTreeMap<String, Value>,
}

/// What an update is made to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    #[default]
    Cluster,
    NodeGroup(String),
    AddOn(String),
    /// An access entry by its principal or a pod identity association by its id.
    Other(String),
}

/// A change that takes its time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Update {
    pub target: Target,
    pub view: Map<String, Value>,
    pub due: f64,
    /// Why it is going to fail.
    pub fails: Option<Value>,
    /// Fields that the target then has.
    pub change: Map<String, Value>,
}

/// A request with a token and what it was answered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// Action and token.
    pub key: String,
    /// Path and body without the token.
    pub request: Value,
    pub answer: Value,
    /// What goes with this is forgotten with it.
    pub of: Target,
}

impl State {
    /// What the file holds; nothing if there is none.
    pub fn read(file: &Path) -> Result<Self> {
        Ok(record::read(file)?.unwrap_or_default())
    }

    /// Writes it, whole or not at all.
    pub fn write(&self, file: &Path) -> Result<()> {
        record::write(file, self)
    }
}

impl Cluster {
    pub fn status(&self) -> &str {
        text(&self.view, "status")
    }

    pub fn name(&self) -> &str {
        text(&self.view, "name")
    }

    pub fn version(&self) -> &str {
        text(&self.view, "version")
    }

    /// The view of what an update is made to.
    pub fn view_of(&mut self, target: &Target) -> Option<&mut Map<String, Value>> {
        match target {
            Target::Cluster => Some(&mut self.view),
            Target::NodeGroup(name) => self.node_groups.get_mut(name).map(|part| &mut part.view),
            Target::AddOn(name) => self.add_ons.get_mut(name).map(|part| &mut part.view),
            Target::Other(_) => None,
        }
    }

    /// Forgets what was asked for a part that is gone.
    pub fn forget(&mut self, target: &Target) {
        self.tokens.retain(|asked| asked.of != *target);
        self.updates.retain(|update| update.target != *target);
    }
}

impl Part {
    pub fn status(&self) -> &str {
        text(&self.view, "status")
    }
}

/// The text in a field, empty if there is none.
pub fn text<'a>(view: &'a Map<String, Value>, field: &str) -> &'a str {
    view.get(field).and_then(Value::as_str).unwrap_or_default()
}
