//! A lab with AWS, and folders whose configuration makes EKS clusters there.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kaas_lab::terraform::{Engine, Install, Planned, Ran, Workspace};
use serde_json::Value;
use tempfile::TempDir;

use crate::acceptance::world::provider;
pub use crate::aws::world::World;

/// How long anything may take here: other tests use the machine too.
const PATIENCE: Duration = Duration::from_secs(180);

/// What tests of the provider ask of AWS.
impl World {
    /// Names of the clusters there are.
    pub fn clusters(&self) -> Vec<String> {
        self.run(async { self.admin().list_clusters().send().await.unwrap().clusters.unwrap_or_default() })
    }

    /// The node groups of a cluster.
    pub fn groups(&self, cluster: &str) -> Vec<String> {
        self.run(async { self.admin().list_nodegroups().cluster_name(cluster).send().await.unwrap().nodegroups.unwrap_or_default() })
    }

    pub fn tags(&self, cluster: &str) -> BTreeMap<String, String> {
        let shown = self.run(async { self.admin().describe_cluster().name(cluster).send().await.unwrap().cluster.unwrap() });
        shown.tags.unwrap_or_default().into_iter().collect()
    }

    /// A configuration of one cluster called `name`.
    pub fn place(&self, engine: Engine, name: &str) -> Place {
        let dir = tempfile::tempdir().unwrap();
        let mut workspace = Workspace::new(engine, dir.path(), &provider(), Install::Mirror).unwrap();
        for (name, value) in self.aws.environment(self.aws.administrator()) {
            workspace.set_env(&name, value);
        }
        workspace.write("main.tf", HEAD).unwrap();
        let place = Place { workspace, name: name.to_owned(), ready: self.ready.clone(), _dir: dir };
        place.configure(&Cluster::default());
        place.workspace.init().unwrap().succeeded().unwrap();
        place
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

provider "kaas" {}
"#;

/// What a configuration says of a cluster.
#[derive(Clone)]
pub struct Cluster {
    pub version: &'static str,
    pub protected: bool,
    pub instance_type: &'static str,
    pub max_size: u32,
    pub cidr: &'static str,
    /// Further attributes and blocks of `eks`.
    pub more: String,
    /// Further blocks of the resource.
    pub beside: &'static str,
}

impl Default for Cluster {
    fn default() -> Self {
        Self {
            version: "1.34",
            protected: false,
            instance_type: "m6i.large",
            max_size: 2,
            cidr: "127.0.0.0/8",
            more: String::new(),
            beside: "",
        }
    }
}

/// A folder with the configuration of one cluster.
pub struct Place {
    pub workspace: Workspace,
    pub name: String,
    ready: kaas_lab::aws::Prepared,
    _dir: TempDir,
}

impl Place {
    pub fn configure(&self, cluster: &Cluster) {
        let Cluster { version, protected, instance_type, max_size, cidr, more, beside } = cluster;
        let (name, role, node_role) = (&self.name, &self.ready.cluster_role_arn, &self.ready.node_role_arn);
        let subnets = format!("{:?}", self.ready.subnet_ids);
        let text = format!(
            r#"
resource "kaas_management_cluster" "platform" {{
  eks {{
    name                = "{name}"
    version             = "{version}"
    role_arn            = "{role}"
    subnet_ids          = {subnets}
    deletion_protection = {protected}
    endpoint {{
      public_cidrs = ["{cidr}"]
    }}
    node_group {{
      name           = "system"
      role_arn       = "{node_role}"
      instance_types = ["{instance_type}"]
      min_size       = 1
      max_size       = {max_size}
    }}
    {more}
  }}
  {beside}
}}

output "cluster" {{
  value = kaas_management_cluster.platform
}}
"#
        );
        self.workspace.write("cluster.tf", &text).unwrap();
    }

    pub fn apply(&self) -> Ran {
        self.workspace.apply(&[]).unwrap().succeeded().unwrap()
    }

    /// An apply that fails, and all it says in one line.
    pub fn apply_fails(&self) -> String {
        self.fails(&["apply", "-no-color", "-auto-approve"])
    }

    pub fn fails(&self, args: &[&str]) -> String {
        let ran = self.workspace.run(args).unwrap();
        assert_ne!(ran.code, Some(0), "{}", ran.stdout);
        one_line(&format!("{}{}", ran.stdout, ran.stderr))
    }

    pub fn plans_nothing(&self) {
        let (planned, ran) = self.workspace.plan(&[]).unwrap();
        assert_eq!(planned, Planned::Nothing, "{}{}", ran.stdout, ran.stderr);
    }

    /// What the plan would do to the cluster, and how it would be then.
    pub fn planned(&self) -> (Vec<String>, Value) {
        let plan = self.workspace.plan_json().unwrap();
        let change = &plan["resource_changes"][0]["change"];
        let actions = change["actions"].as_array().unwrap().iter().map(|action| action.as_str().unwrap().to_owned()).collect();
        (actions, change.clone())
    }

    /// The cluster as the state has it; null where it has none.
    pub fn state(&self) -> Value {
        let state = self.workspace.state().unwrap();
        state["values"]["root_module"]["resources"][0]["values"].clone()
    }
}

/// Without the boxes and line breaks of the CLI.
pub fn one_line(text: &str) -> String {
    text.replace(['│', '╷', '╵'], " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Waits until `look` gives something.
pub fn wait<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
