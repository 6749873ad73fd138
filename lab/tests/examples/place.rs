//! A folder with examples in it, and a home with the kubeconfig that the examples name.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use kaas_lab::terraform::{Engine, Install, Planned, Workspace};
use kaas_lab::{Lab, objects, own_binary};
use tempfile::TempDir;

/// The context that the examples name.
const CONTEXT: &str = "platform";

pub struct Place {
    pub workspace: Workspace,
    kubeconfig: Option<PathBuf>,
    _dir: TempDir,
}

impl Place {
    /// With `~/.kube/config` for the lab.
    pub fn new(lab: &Lab, engine: Engine) -> Self {
        let place = Self { kubeconfig: Some(lab.kubeconfig()), ..Self::without_cluster(engine) };
        let folder = place.workspace.dir().join(".cli/.kube");
        std::fs::create_dir_all(&folder).unwrap();
        let config = std::fs::read_to_string(lab.kubeconfig()).unwrap().replace(&lab.context(), CONTEXT);
        std::fs::write(folder.join("config"), config).unwrap();
        place
    }

    /// With an empty home.
    pub fn without_cluster(engine: Engine) -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { workspace: workspace(engine, dir.path()), kubeconfig: None, _dir: dir }
    }

    /// Copies examples: the name in the folder, and the path below `examples/`.
    pub fn write(&self, files: &[(&str, &str)]) {
        for (name, path) in files {
            self.workspace.write(name, &example(path)).unwrap();
        }
    }

    /// Init, apply, and an empty plan.
    pub fn comes_up(&self) {
        self.workspace.init().unwrap().succeeded().unwrap();
        self.workspace.apply(&[]).unwrap().succeeded().unwrap();
        self.plans_nothing();
    }

    pub fn plans_nothing(&self) {
        let (planned, ran) = self.workspace.plan(&[]).unwrap();
        assert_eq!(planned, Planned::Nothing, "{}{}", ran.stdout, ran.stderr);
    }

    /// Removes the cluster and one tenant from the state; they stay where they are.
    pub fn forget(&self) {
        let gone = ["state", "rm", "kaas_tenant.payments", "kaas_management_cluster.platform"];
        self.workspace.run(&gone).unwrap().succeeded().unwrap();
    }

    /// Imports what was forgotten by the examples' import blocks; nothing is changed by it.
    pub fn imports_by(&self, name: &str) {
        self.forget();
        let blocks = ["kaas_management_cluster", "kaas_tenant"].map(|resource| example(&format!("resources/{resource}/{name}")));
        self.workspace.write("import.tf", &blocks.concat()).unwrap();
        let ran = self.workspace.apply(&[]).unwrap().succeeded().unwrap();
        assert!(ran.stdout.contains("2 imported, 0 added, 0 changed, 0 destroyed"), "{name}: {}", ran.stdout);
        std::fs::remove_file(self.workspace.dir().join("import.tf")).unwrap();
        self.plans_nothing();
    }

    /// Destroys, after which the cluster holds what it held before.
    pub fn goes(&self, before: &BTreeSet<String>) {
        self.workspace.destroy(&[]).unwrap().succeeded().unwrap();
        let after = objects::all(self.kubeconfig.as_ref().unwrap()).unwrap();
        assert_eq!(after.difference(before).collect::<Vec<_>>(), Vec::<&String>::new());
    }
}

/// A workspace with the provider in `dir`.
pub fn workspace(engine: Engine, dir: &Path) -> Workspace {
    Workspace::new(engine, dir, &own_binary::provider().unwrap(), Install::Mirror).unwrap()
}

/// `examples/`.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples")
}

/// The text of an example.
pub fn example(path: &str) -> String {
    std::fs::read_to_string(folder().join(path)).unwrap()
}

/// Major and minor version of the CLI.
pub fn version(engine: Engine) -> (u32, u32) {
    let place = tempfile::tempdir().unwrap();
    let told = workspace(engine, place.path()).run(&["version", "-json"]).unwrap().json().unwrap();
    let mut parts = told["terraform_version"].as_str().unwrap().split('.').map(|part| part.parse().unwrap_or_default());
    (parts.next().unwrap(), parts.next().unwrap())
}
