//! A lab without anything installed, a mirror, and a configuration whose provider has no other route than to the API server.

use std::time::{Duration, Instant};

use anyhow::Result;
use kaas_lab::flux;
use kaas_lab::install::StandIn;
use kaas_lab::terraform::{Engine, Install, Planned, Workspace};
use kaas_lab::{Server, TemporaryLab, client, objects, own_binary};
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams};
use serde_json::Value;
use tempfile::TempDir;

use super::mirror::Mirror;

const PATIENCE: Duration = Duration::from_secs(120);

pub struct World {
    pub workspace: Workspace,
    pub mirror: Mirror,
    context: String,
    _folder: TempDir,
    _ready: StandIn,
    _flux: flux::StandIn,
    pub lab: TemporaryLab,
}

impl World {
    /// A lab of which Strimzi's CRDs are taken away, so that nothing is there.
    pub fn new(purpose: &str) -> Self {
        let mut lab = TemporaryLab::up(purpose, true).unwrap();
        lab.stop(Server::StrimziStandIn).unwrap();
        for crd in kaas_lab::strimzi_api::crds().unwrap() {
            delete(&lab, "apiextensions.k8s.io/v1", "CustomResourceDefinition", "", &crd.name);
        }
        let flux = flux::StandIn::start(&lab, true, false).unwrap();
        let ready = StandIn::start(&lab.kubeconfig()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let provider = own_binary::provider().unwrap();
        let mut workspace = Workspace::new(Engine::OpenTofu, folder.path(), &provider, Install::Mirror).unwrap();
        workspace.set_variable("kubeconfig", lab.kubeconfig());
        let world = Self { workspace, mirror: Mirror::new(), context: lab.context(), _folder: folder, _ready: ready, _flux: flux, lab };
        world.configure("", "");
        world.workspace.init().unwrap().succeeded().unwrap();
        // Port 9 discards: whoever goes through the proxy gets nowhere. The CLI itself needs no network after init.
        let mut world = world;
        for name in ["HTTPS_PROXY", "HTTP_PROXY", "https_proxy"] {
            world.workspace.set_env(name, "http://127.0.0.1:9");
        }
        world
    }

    /// A configuration with these attributes in `install` and these besides.
    pub fn configure(&self, install: &str, more: &str) {
        let (context, mirror) = (&self.context, self.mirror.block());
        let text = format!(
            r#"
terraform {{
  required_providers {{
    kaas = {{
      source = "kaas/kaas"
    }}
  }}
}}
variable "kubeconfig" {{
  type = string
}}
provider "kaas" {{
  kubernetes {{
    config_path    = var.kubeconfig
    config_context = "{context}"
  }}
}}
resource "kaas_management_cluster" "m" {{
  existing {{}}
  cluster_classes = []
  {more}
  install {{
    {install}
  }}
{mirror}
}}
output "components" {{
  value = kaas_management_cluster.m.components
}}
"#
        );
        self.workspace.write("main.tf", &text).unwrap();
    }

    pub fn apply(&self) -> String {
        unwrapped(&self.workspace.apply(&[]).unwrap().succeeded().unwrap().stdout)
    }

    pub fn plans_nothing(&self) {
        let (planned, ran) = self.workspace.plan(&[]).unwrap();
        assert_eq!(planned, Planned::Nothing, "{}{}", ran.stdout, ran.stderr);
    }

    /// What a plan with changes says.
    pub fn plans(&self) -> String {
        let (planned, ran) = self.workspace.plan(&[]).unwrap();
        assert_eq!(planned, Planned::Changes, "{}", ran.stderr);
        unwrapped(&ran.stdout)
    }

    /// What is there beyond what was before.
    pub fn left(&self, before: &std::collections::BTreeSet<String>) {
        wait("nothing to be left", || {
            let now = objects::all(&self.lab.kubeconfig()).unwrap();
            let left: Vec<&String> = now.difference(before).collect();
            if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
        });
    }

    pub fn get(&self, version: &str, kind: &str, namespace: &str, name: &str) -> Option<Value> {
        with(&self.lab, version, kind, namespace, async |api| {
            Ok(api.get_opt(name).await?.map(|found| serde_json::to_value(found).unwrap()))
        })
    }

    pub fn apply_object(&self, object: &Value) {
        let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default();
        with(&self.lab, text("/apiVersion"), text("/kind"), text("/metadata/namespace"), async |api| {
            Ok(api.patch(text("/metadata/name"), &PatchParams::apply("somebody").force(), &Patch::Apply(object)).await?)
        });
    }

    pub fn delete(&self, version: &str, kind: &str, namespace: &str, name: &str) {
        delete(&self.lab, version, kind, namespace, name);
    }
}

fn delete(lab: &TemporaryLab, version: &str, kind: &str, namespace: &str, name: &str) {
    with(lab, version, kind, namespace, async |api| Ok(api.delete(name, &DeleteParams::default()).await?));
    wait(name, || {
        let left = with(lab, version, kind, namespace, async |api| Ok(api.get_opt(name).await?));
        left.map_or(Ok(()), |_| Err("it is still there".to_owned()))
    });
}

fn with<T: Send>(
    lab: &TemporaryLab,
    version: &str,
    kind: &str,
    namespace: &str,
    act: impl AsyncFnOnce(Api<DynamicObject>) -> Result<T> + Send,
) -> T {
    let (group, version) = version.split_once('/').unwrap_or(("", version));
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    let kubeconfig = lab.kubeconfig();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime
        .block_on(async {
            let client = client(&kubeconfig).await?;
            let api =
                if namespace.is_empty() { Api::all_with(client, &resource) } else { Api::namespaced_with(client, namespace, &resource) };
            act(api).await
        })
        .unwrap()
}

/// Waits until `done` is; it says what it sees else.
pub fn wait(what: &str, mut done: impl FnMut() -> Result<(), String>) {
    let started = Instant::now();
    while let Err(last) = done() {
        assert!(started.elapsed() < PATIENCE, "waited in vain for {what}: {last}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// What the CLI says, without the frame and the line breaks it puts in.
pub fn unwrapped(text: &str) -> String {
    text.lines().map(|line| line.trim_start_matches(['│', ' ', '╷', '╵'])).collect::<Vec<_>>().join(" ")
}
