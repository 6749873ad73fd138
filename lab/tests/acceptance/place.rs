//! A folder with a configuration of one tenant, and what its CLI says.

use kaas_lab::Lab;
use kaas_lab::terraform::{Engine, Install, Planned, Ran, Workspace};
use serde_json::Value;
use tempfile::TempDir;

use super::world;

/// A tenant as it is written in a configuration.
#[derive(Clone)]
pub struct Tenant {
    pub name: String,
    pub isolation: &'static str,
    pub ingress: &'static str,
    pub egress: &'static str,
    pub retention: &'static str,
    pub protected: bool,
    /// Further attributes and blocks.
    pub more: String,
}

impl Tenant {
    /// The smallest, that may be destroyed.
    pub fn small(name: &str) -> Self {
        let (ingress, egress, retention) = ("1", "2", "hours = 24");
        Self { name: name.to_owned(), isolation: "\"namespace\"", ingress, egress, retention, protected: false, more: String::new() }
    }

    pub fn with(&self, more: &str) -> Self {
        Self { more: more.to_owned(), ..self.clone() }
    }

    pub fn block(&self) -> String {
        let Self { name, isolation, ingress, egress, retention, protected, more } = self;
        format!(
            r#"
resource "kaas_tenant" "t" {{
  name                = "{name}"
  management_cluster  = "context/${{var.context}}"
  isolation           = {isolation}
  deletion_protection = {protected}
  throughput {{
    ingress_mib_per_second = {ingress}
    egress_mib_per_second  = {egress}
  }}
  retention {{
    {retention}
  }}
  {more}
}}
"#
        )
    }
}

const HEAD: &str = r#"
terraform {
  required_providers {
    kaas = {
      source = "kaas/kaas"
    }
  }
}
variable "kubeconfig" {
  type = string
}
variable "context" {
  type = string
}
"#;

const PROVIDER: &str = r#"
provider "kaas" {
  kubernetes {
    config_path    = var.kubeconfig
    config_context = var.context
  }
}
"#;

pub struct Place {
    _folder: TempDir,
    pub workspace: Workspace,
    pub engine: Engine,
    context: String,
}

impl Place {
    /// An empty configuration for the cluster of `lab`.
    pub fn new(engine: Engine, lab: &Lab) -> Self {
        Self::installed(engine, lab, Install::DevOverride)
    }

    pub fn installed(engine: Engine, lab: &Lab, install: Install) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut workspace = Workspace::new(engine, folder.path(), &world::provider(), install).unwrap();
        workspace.set_variable("kubeconfig", lab.kubeconfig());
        workspace.set_variable("context", lab.context());
        Self { _folder: folder, workspace, engine, context: lab.context() }
    }

    /// A place where `tenant` was applied.
    pub fn applied(engine: Engine, lab: &Lab, tenant: &Tenant) -> Self {
        let place = Self::new(engine, lab);
        place.configure(tenant);
        place.apply();
        place
    }

    /// Makes `tenant` the configuration.
    pub fn configure(&self, tenant: &Tenant) {
        self.write(PROVIDER, &tenant.block());
    }

    /// Makes resources the configuration, with the usual provider block.
    pub fn resources(&self, text: &str) {
        self.write(PROVIDER, text);
    }

    /// A provider block and the rest of the configuration.
    pub fn write(&self, provider: &str, resources: &str) {
        self.workspace.write("main.tf", &format!("{HEAD}{provider}{resources}")).unwrap();
    }

    /// The import id of a tenant.
    pub fn id(&self, tenant: &str) -> String {
        format!("context/{}/{tenant}", self.context)
    }

    pub fn apply(&self) -> Ran {
        let ran = self.workspace.apply(&[]).unwrap();
        assert_eq!(ran.code, Some(0), "{:?}\n{}", self.engine, said(&ran));
        sound(&ran);
        ran
    }

    pub fn destroy(&self) -> Ran {
        let ran = self.workspace.destroy(&[]).unwrap();
        assert_eq!(ran.code, Some(0), "{:?}\n{}", self.engine, said(&ran));
        ran
    }

    /// What the CLI says to a plan that has something to do.
    pub fn plan_changes(&self) -> String {
        let (planned, ran) = self.workspace.plan(&[]).unwrap();
        assert_eq!(planned, Planned::Changes, "{:?}\n{}", self.engine, said(&ran));
        sound(&ran);
        said(&ran)
    }

    pub fn plan_is_empty(&self) {
        let (planned, ran) = self.workspace.plan(&[]).unwrap();
        assert_eq!(planned, Planned::Nothing, "{:?}\n{}", self.engine, said(&ran));
    }

    /// What the CLI says to a plan that is refused, as one line.
    pub fn plan_fails(&self) -> String {
        let (planned, ran) = self.workspace.plan(&[]).unwrap();
        assert_eq!(planned, Planned::Failed, "{:?}\n{}", self.engine, said(&ran));
        sound(&ran);
        flat(&said(&ran))
    }

    /// What the CLI says to an apply that fails, as one line.
    pub fn apply_fails(&self) -> String {
        let ran = self.workspace.apply(&[]).unwrap();
        assert_eq!(ran.code, Some(1), "{:?}\n{}", self.engine, said(&ran));
        sound(&ran);
        flat(&said(&ran))
    }

    /// How the plan changes the tenant: `create`, `update`, `delete`, `no-op`, or two of them.
    pub fn actions(&self) -> Vec<String> {
        let plan = self.workspace.plan_json().unwrap();
        let changes = plan["resource_changes"].as_array().unwrap();
        let tenant = changes.iter().find(|change| change["address"] == "kaas_tenant.t").unwrap();
        serde_json::from_value(tenant["change"]["actions"].clone()).unwrap()
    }

    /// The tenant's attributes in the state.
    pub fn tenant(&self) -> Value {
        self.attributes("kaas_tenant.t")
    }

    /// A resource's attributes in the state.
    pub fn attributes(&self, address: &str) -> Value {
        let state = self.workspace.state().unwrap();
        let resources = state["values"]["root_module"]["resources"].as_array().unwrap_or_else(|| panic!("no resource in {state}"));
        let found = resources.iter().find(|resource| resource["address"] == address).unwrap_or_else(|| panic!("no {address} in {state}"));
        assert!(found["tainted"].is_null(), "{address} is tainted");
        found["values"].clone()
    }

    pub fn phase(&self) -> String {
        self.tenant()["status"]["phase"].as_str().unwrap_or_default().to_owned()
    }
}

pub fn said(ran: &Ran) -> String {
    format!("{}{}", ran.stdout, ran.stderr)
}

/// Text without the frames and line breaks of diagnostics.
pub fn flat(text: &str) -> String {
    text.split(|c: char| c.is_whitespace() || "│╷╵".contains(c)).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Whatever happens, the provider keeps to the protocol and to its plans.
fn sound(ran: &Ran) {
    for bug in
        ["inconsistent", "bug in the provider", "bug of the provider", "invalid plan", "panicked", "plugin did not respond", "Plugin"]
    {
        assert!(!said(ran).contains(bug), "{bug}:\n{}", said(ran));
    }
}

/// Asserts that `text` holds every one of `parts`.
pub fn holds(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no {part:?} in:\n{text}");
    }
}
