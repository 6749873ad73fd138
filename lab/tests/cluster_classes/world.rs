//! A lab with Cluster API, objects in it as plain JSON, and a folder with a configuration of its management cluster.

use std::time::{Duration, Instant};

use kaas::domain::object::{Kind, Manifest, ObjectRef};
use kaas_lab::terraform::{Engine, Install, Planned, Workspace};
use kaas_lab::{TemporaryLab, block_on, client, own_binary};
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long anything may take here: other tests use the machine too.
const PATIENCE: Duration = Duration::from_secs(240);

pub struct World {
    pub lab: TemporaryLab,
}

impl World {
    pub fn new(purpose: &str) -> Self {
        Self { lab: TemporaryLab::with_cluster_api(purpose, true).unwrap() }
    }

    fn path(object: &ObjectRef) -> String {
        let api = object.kind.api();
        let group = if api.group.is_empty() { "/api/v1".to_owned() } else { format!("/apis/{}", api.api_version()) };
        let namespace = object.namespace.as_ref().map(|namespace| format!("/namespaces/{namespace}")).unwrap_or_default();
        format!("{group}{namespace}/{}/{}", api.plural, object.name)
    }

    /// The answer's object; None: not found. Refusals come as their text.
    fn send(&self, method: http::Method, path: String, content_type: &str, body: Vec<u8>) -> Result<Option<Value>, String> {
        let request = http::Request::builder().method(method).uri(path).header(http::header::CONTENT_TYPE, content_type).body(body);
        let answer = block_on(async {
            let answer = client(&self.lab.kubeconfig()).await?.request::<Value>(request?).await;
            Ok(match answer {
                Ok(found) => Ok(Some(found)),
                Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
                Err(error) => Err(error.to_string()),
            })
        });
        answer.unwrap()
    }

    /// Server-side apply as the provider does it.
    pub fn apply(&self, manifest: &Manifest, dry_run: bool) -> Result<(), String> {
        let dry_run = if dry_run { "&dryRun=All" } else { "" };
        let path = format!("{}?fieldManager=kaas&force=true&fieldValidation=Strict{dry_run}", Self::path(&manifest.object));
        let applied = self.send(http::Method::PATCH, path, "application/apply-patch+yaml", manifest.body.to_string().into_bytes())?;
        applied.map(|_| ()).ok_or_else(|| "not found".to_owned())
    }

    pub fn get(&self, object: &ObjectRef) -> Option<Value> {
        self.send(http::Method::GET, Self::path(object), "application/json", Vec::new()).unwrap()
    }

    /// All of a kind in a namespace.
    pub fn list(&self, kind: Kind, namespace: &str) -> Vec<Value> {
        let path = Self::path(&ObjectRef::namespaced(kind, namespace, ""));
        let list = self.send(http::Method::GET, path.trim_end_matches('/').to_owned(), "application/json", Vec::new()).unwrap();
        list.and_then(|list| list["items"].as_array().cloned()).unwrap_or_default()
    }

    /// A change by hand, with a JSON patch.
    pub fn patch(&self, object: &ObjectRef, operations: &Value) {
        let body = operations.to_string().into_bytes();
        self.send(http::Method::PATCH, Self::path(object), "application/json-patch+json", body).unwrap().unwrap();
    }

    pub fn delete(&self, object: &ObjectRef) {
        self.send(http::Method::DELETE, Self::path(object), "application/json", Vec::new()).unwrap();
    }

    pub fn delete_and_wait(&self, object: &ObjectRef) {
        self.delete(object);
        wait(&format!("{object} to go"), || self.get(object).map_or(Ok(()), |object| Err(object["status"].to_string())));
    }

    /// Makes a namespace.
    pub fn namespace(&self, name: &str) -> ObjectRef {
        let object = ObjectRef::global(Kind::Namespace, name);
        let body = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
        self.apply(&Manifest { object: object.clone(), body }, false).unwrap();
        object
    }

    /// Waits until Cluster API says that the newest generation of a Cluster is as its class says.
    pub fn wait_reconciled(&self, cluster: &ObjectRef) {
        wait(&format!("{cluster} to have a reconciled topology"), || {
            let object = self.get(cluster).ok_or("it does not exist")?;
            let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
            let generation = &object["metadata"]["generation"];
            let told = conditions.into_iter().find(|condition| condition["type"] == "TopologyReconciled").unwrap_or_default();
            if told["status"] == "True" && told["observedGeneration"] == *generation { Ok(()) } else { Err(told.to_string()) }
        });
    }
}

/// Waits until `done` is; it says what it sees else.
pub fn wait(what: &str, mut done: impl FnMut() -> Result<(), String>) {
    let started = Instant::now();
    while let Err(last) = done() {
        assert!(started.elapsed() < PATIENCE, "waited in vain for {what}: {last}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// A configuration of the lab's management cluster.
pub struct Place {
    pub workspace: Workspace,
    context: String,
    _folder: TempDir,
}

impl Place {
    pub fn new(engine: Engine, world: &World) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut workspace = Workspace::new(engine, folder.path(), &own_binary::provider().unwrap(), Install::Mirror).unwrap();
        workspace.set_variable("kubeconfig", world.lab.kubeconfig());
        Self { workspace, context: world.lab.context(), _folder: folder }
    }

    /// Makes a management cluster with these further attributes the configuration.
    pub fn configure(&self, more: &str) {
        let context = &self.context;
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
  {more}
}}
output "classes" {{
  value = kaas_management_cluster.m.cluster_classes
}}
"#
        );
        self.workspace.write("main.tf", &text).unwrap();
    }

    pub fn apply(&self) {
        self.workspace.apply(&[]).unwrap().succeeded().unwrap();
    }

    /// What an apply that must fail says.
    pub fn refused(&self) -> String {
        let ran = self.workspace.apply(&[]).unwrap();
        assert_eq!(ran.code, Some(1), "{}", ran.stdout);
        unwrapped(&ran.stderr)
    }

    pub fn plans_nothing(&self) {
        let (planned, ran) = self.workspace.plan(&[]).unwrap();
        assert_eq!(planned, Planned::Nothing, "{}{}", ran.stdout, ran.stderr);
    }

    /// What a plan with changes says.
    pub fn plans(&self) -> String {
        let (planned, ran) = self.workspace.plan(&[]).unwrap();
        assert_eq!(planned, Planned::Changes, "{}", ran.stderr);
        ran.stdout
    }

    pub fn classes(&self) -> Value {
        self.workspace.output("classes").unwrap()
    }

    pub fn import(&self) {
        self.workspace.run(&["state", "rm", "kaas_management_cluster.m"]).unwrap().succeeded().unwrap();
        let id = format!("context/{}", self.context);
        self.workspace.import("kaas_management_cluster.m", &id).unwrap().succeeded().unwrap();
    }
}

/// What the CLI says, without the frame and the line breaks it puts in.
pub fn unwrapped(text: &str) -> String {
    text.lines().map(|line| line.trim_start_matches(['│', ' ', '╷', '╵'])).collect::<Vec<_>>().join(" ")
}
