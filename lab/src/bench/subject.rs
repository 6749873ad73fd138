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
resource "nothing_thing" "t" {
  count = var.n
  name  = "tenant-${count.index}"
}
"#;

const STATE: &str = "terraform.tfstate";

/// Which one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Kaas,
    TerraformData,
    Nothing,
    NothingTenant,
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

    /// As [`Subject::kaas`], each tenant with a cluster of the lab's own class.
    pub fn own_clusters(place: &Path, plugin: &Path, n: u32, lab: &Lab) -> Result<Self> {
        let text = own_clusters(KAAS);
        let mut subject = Self::new(Kind::Kaas, "`kaas_tenant`", place, plugin, n, &text)?;
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

    /// Its state has to come from the tenants: [`Subject::carry`].
    pub fn nothing_tenant(place: &Path, plugin: &Path, n: u32, lab: &Lab, own: bool) -> Result<Self> {
        let kaas = if own { own_clusters(KAAS) } else { KAAS.to_owned() };
        let kaas = kaas.replace("kaas_tenant", "nothing_tenant").replace("kaas_management_cluster.lab.id", "\"context/${var.context}\"");
        let tenants = kaas.split_once("resource \"nothing_tenant\"").map_or("", |(_, rest)| rest);
        let head = NOTHING.split_once("resource").map_or("", |(head, _)| head);
        let text = format!("{head}variable \"context\" {{}}\nresource \"nothing_tenant\"{tenants}");
        let mut subject = Self::new(Kind::NothingTenant, "`nothing_tenant`", place, plugin, n, &text)?;
        subject.workspace.set_variable("context", lab.context());
        Ok(subject)
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

    /// Takes over the state of `tenants` as that of its own resources.
    pub fn carry(&self, tenants: &Self) -> Result<()> {
        let mut state = tenants.state()?;
        carried(&mut state).context("find the tenants in the state")?;
        self.workspace.write(STATE, &state.to_string())
    }

    fn state(&self) -> Result<Value> {
        let file = self.workspace.dir().join(STATE);
        let text = std::fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
        serde_json::from_str(&text).context("understand the state")
    }

    /// The size of the largest instance in the state.
    pub fn state_size(&self) -> Result<StateSize> {
        largest(&self.state()?).context("find a resource in the state")
    }
}

/// The configuration with a cluster for each tenant.
fn own_clusters(text: &str) -> String {
    let cluster = "  cluster {\n    class           = \"process\"\n    class_namespace = \"kaas-system\"\n  }\n";
    text.replace("  isolation           = \"namespace\"\n", cluster)
}

/// Makes kaas tenants of a state nothing's, and drops what else is in it.
fn carried(state: &mut Value) -> Option<()> {
    let resources = state["resources"].as_array_mut()?;
    resources.retain(|resource| resource["type"] == "kaas_tenant");
    for resource in resources {
        resource["type"] = "nothing_tenant".into();
        resource["provider"] = resource["provider"].as_str()?.replace("kaas/kaas", "kaas/nothing").into();
        for instance in resource["instances"].as_array_mut()? {
            instance.as_object_mut()?.remove("dependencies");
        }
    }
    Some(())
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
    fn only_the_tenants_are_carried_over() {
        let mut state = serde_json::json!({"resources": [
            {"type": "kaas_management_cluster", "provider": "provider[\"r/kaas/kaas\"]", "instances": []},
            {"type": "kaas_tenant", "provider": "provider[\"r/kaas/kaas\"]", "instances": [{"attributes": {"a": 1}, "dependencies": ["x"]}]},
        ]});
        carried(&mut state).unwrap();
        let expected = serde_json::json!({"type": "nothing_tenant", "provider": "provider[\"r/kaas/nothing\"]", "instances": [{"attributes": {"a": 1}}]});
        assert_eq!(state["resources"], serde_json::json!([expected]));
    }

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
