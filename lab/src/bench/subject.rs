//! What is measured: a configuration of N resources with the provider that serves them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::environment::Lab;
use crate::terraform::{Engine, Install, Workspace};

const KAAS: &str = r#"terraform {
  required_providers {
    kaas = {
      source = "kaas/kaas"
    }
  }
}
variable "n" {}
variable "kubeconfig" {}
variable "context" {}
provider "kaas" {
  kubernetes {
    config_path    = var.kubeconfig
    config_context = var.context
  }
}
resource "kaas_management_cluster" "lab" {
  existing {}
}
resource "kaas_tenant" "t" {
  count               = var.n
  name                = "tenant-${count.index}"
  management_cluster  = kaas_management_cluster.lab.id
  isolation           = "namespace"
  deletion_protection = false
  throughput {
    ingress_mib_per_second = 1
    egress_mib_per_second  = 2
  }
  retention {
    hours = 24
  }
}
"#;

const TERRAFORM_DATA: &str = r#"variable "n" {}
resource "terraform_data" "t" {
  count = var.n
  input = "tenant-${count.index}"
}
"#;

const NOTHING: &str = r#"terraform {
  required_providers {
    nothing = {
      source = "kaas/nothing"
    }
  }
}
variable "n" {}
variable "entries" {
  default = 0
}
variable "bytes" {
  default = 0
}
resource "nothing_thing" "t" {
  count = var.n
  name  = "tenant-${count.index}"
  dynamic "load" {
    for_each = var.entries == 0 ? [] : [1]
    content {
      entries = var.entries
      bytes   = var.bytes
    }
  }
}
"#;

/// Which one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Kaas,
    TerraformData,
    Nothing,
    NothingAsLarge,
    Other,
}

/// One of the things compared.
#[derive(Debug)]
pub struct Subject {
    pub kind: Kind,
    pub title: String,
    pub workspace: Workspace,
    /// The executable of the plugin; None where the CLI does it itself.
    pub plugin: Option<PathBuf>,
}

/// How large the state of one resource instance is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StateSize {
    /// Of its attributes as compact JSON.
    pub bytes: usize,
    /// Texts, numbers, booleans and nulls in it.
    pub values: usize,
}

impl Subject {
    pub fn kaas(place: &Path, plugin: &Path, n: u32, lab: &Lab) -> Result<Self> {
        let mut subject = Self::new(Kind::Kaas, "`kaas_tenant`", place, plugin, n, KAAS)?;
        subject.workspace.set_variable("kubeconfig", lab.kubeconfig());
        subject.workspace.set_variable("context", lab.context());
        Ok(subject)
    }

    pub fn terraform_data(place: &Path, any: &Path, n: u32) -> Result<Self> {
        let subject = Self::new(Kind::TerraformData, "`terraform_data` (in the CLI)", place, any, n, TERRAFORM_DATA)?;
        Ok(Self { plugin: None, ..subject })
    }

    pub fn nothing(place: &Path, plugin: &Path, n: u32) -> Result<Self> {
        Self::new(Kind::Nothing, "`nothing_thing`", place, plugin, n, NOTHING)
    }

    /// Has to be told by [`Subject::load`] how large.
    pub fn nothing_as_large(place: &Path, plugin: &Path, n: u32) -> Result<Self> {
        Self::new(Kind::NothingAsLarge, "`nothing_thing` with a tenant's state", place, plugin, n, NOTHING)
    }

    pub fn other(place: &Path, plugin: &Path, n: u32, configuration: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(configuration).with_context(|| format!("read {}", configuration.display()))?;
        let name = plugin.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self::new(Kind::Other, &format!("`{name}`"), place, plugin, n, &text)
    }

    fn new(kind: Kind, title: &str, place: &Path, plugin: &Path, n: u32, text: &str) -> Result<Self> {
        let plugin = std::fs::canonicalize(plugin).with_context(|| format!("find {}", plugin.display()))?;
        let mut workspace = Workspace::new(Engine::OpenTofu, &place.join(format!("{kind:?}")), &plugin, Install::DevOverride)?;
        workspace.set_variable("n", n.to_string());
        workspace.write("main.tf", text)?;
        Ok(Self { kind, title: title.to_owned(), workspace, plugin: Some(plugin) })
    }

    /// Makes the state of each resource as large as `size`.
    pub fn load(&mut self, size: StateSize) {
        let entries = size.values.max(1);
        // Each entry has a key of four digits, quotes, a colon and a comma besides its text.
        self.workspace.set_variable("entries", entries.to_string());
        self.workspace.set_variable("bytes", (size.bytes / entries).saturating_sub(10).to_string());
    }

    /// The size of the largest instance in the state.
    pub fn state_size(&self) -> Result<StateSize> {
        let file = self.workspace.dir().join("terraform.tfstate");
        let text = std::fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
        largest(&serde_json::from_str(&text).context("understand the state")?).context("find a resource in the state")
    }
}

fn largest(state: &Value) -> Option<StateSize> {
    let instances = state["resources"].as_array()?.iter().filter_map(|resource| resource["instances"].as_array()).flatten();
    let sizes = instances.map(|instance| {
        let attributes = &instance["attributes"];
        StateSize { bytes: attributes.to_string().len(), values: leaves(attributes) }
    });
    sizes.max_by_key(|size| size.bytes)
}

fn leaves(value: &Value) -> usize {
    match value {
        Value::Array(elements) => elements.iter().map(leaves).sum(),
        Value::Object(fields) => fields.values().map(leaves).sum(),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_instance_of_a_state_is_found() {
        let state = serde_json::json!({"resources": [
            {"instances": [{"attributes": {"a": 1}}]},
            {"instances": [{"attributes": {"a": [1, null], "b": {"c": "text"}}}]},
        ]});
        assert_eq!(largest(&state), Some(StateSize { bytes: r#"{"a":[1,null],"b":{"c":"text"}}"#.len(), values: 3 }));
        assert_eq!(largest(&serde_json::json!({"resources": []})), None);
    }
}
