//! A lab with Cluster API, and Clusters in it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::{Namespace, Secret};
use kaas_lab::cluster_api::{class, tenants};
use kaas_lab::{Server, TemporaryLab, block_on, client, process};
use kube::Client;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::core::GroupVersionKind;
use serde_json::{Value, json};

/// How long anything may take here: other tests use the machine too.
const PATIENCE: Duration = Duration::from_secs(180);

pub struct World {
    pub lab: TemporaryLab,
    folder: tempfile::TempDir,
}

/// A Cluster of the class `process`.
#[derive(Clone, Copy)]
pub struct Tenant<'a> {
    world: &'a World,
    pub name: &'static str,
}

impl World {
    pub fn new(name: &str) -> Self {
        Self { lab: TemporaryLab::with_cluster_api(name, true).unwrap(), folder: tempfile::tempdir().unwrap() }
    }

    /// Makes a Cluster in a namespace of its own, and does not wait for it.
    pub fn tenant(&self, name: &'static str) -> Tenant<'_> {
        let tenant = self.known(name);
        block_on(async {
            let namespaces: Api<Namespace> = Api::all(tenant.client().await);
            let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": tenant.namespace()}});
            namespaces.patch(&tenant.namespace(), &PatchParams::apply("test"), &Patch::Apply(namespace)).await?;
            Ok(())
        })
        .unwrap();
        tenant.apply("v1.36.3").unwrap();
        tenant
    }

    /// A Cluster that was made before.
    pub fn known(&self, name: &'static str) -> Tenant<'_> {
        Tenant { world: self, name }
    }

    pub fn etcd_keys(&self, prefix: &str) -> u64 {
        kaas_lab::etcd::count(self.lab.ports().etcd, prefix).unwrap()
    }
}

pub fn resource(group: &str, version: &str, kind: &str) -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind))
}

impl Tenant<'_> {
    pub fn namespace(&self) -> String {
        format!("kaas-{}", self.name)
    }

    pub async fn client(&self) -> Client {
        client(&self.world.lab.kubeconfig()).await.unwrap()
    }

    pub async fn api(&self, group: &str, version: &str, kind: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.client().await, &self.namespace(), &resource(group, version, kind))
    }

    async fn clusters(&self) -> Api<DynamicObject> {
        self.api("cluster.x-k8s.io", "v1beta2", "Cluster").await
    }

    async fn control_planes(&self) -> Api<DynamicObject> {
        self.api("controlplane.cluster.x-k8s.io", "v1alpha1", "ProcessControlPlane").await
    }

    /// Applies the Cluster with the Kubernetes `version`, without workers.
    pub fn apply(&self, version: &str) -> Result<(), kube::Error> {
        self.apply_with(version, &[], &[])
    }

    /// Applies the Cluster with further variables and these machine deployments.
    pub fn apply_with(&self, version: &str, variables: &[(&str, &str)], workers: &[Value]) -> Result<(), kube::Error> {
        let variables = [(class::VARIABLE, "cellar")].iter().chain(variables).map(|(name, value)| json!({"name": name, "value": value}));
        let mut manifest = json!({"apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Cluster", "metadata": {"name": self.name}, "spec": {"topology": {
            "classRef": {"name": class::CLASS, "namespace": class::NAMESPACE}, "version": version,
            "variables": variables.collect::<Vec<_>>()}}});
        if !workers.is_empty() {
            manifest["spec"]["topology"]["workers"] = json!({"machineDeployments": workers});
        }
        block_on(async {
            Ok(self.clusters().await.patch(self.name, &PatchParams::apply("test"), &Patch::Apply(manifest)).await.map(|_| ()))
        })
        .unwrap()
    }

    /// The Cluster, if it is there.
    pub fn cluster(&self) -> Option<DynamicObject> {
        block_on(async { Ok(self.clusters().await.get_opt(self.name).await?) }).unwrap()
    }

    /// What the provider's control plane says.
    pub fn control_plane(&self) -> Option<DynamicObject> {
        block_on(async { Ok(self.control_planes().await.list(&ListParams::default()).await?.items.pop()) }).unwrap()
    }

    /// Waits until the Cluster's condition `kind` has `status`, as of the Cluster's generation.
    pub fn wait_condition(&self, kind: &str, status: &str) {
        wait(&format!("{kind} to be {status} for {}", self.name), || {
            let cluster = self.cluster().expect("the Cluster is there");
            let conditions = cluster.data.pointer("/status/conditions").and_then(Value::as_array).cloned().unwrap_or_default();
            let current = cluster.metadata.generation;
            let is = conditions.iter().any(|c| c["type"] == kind && c["status"] == status && c["observedGeneration"].as_i64() == current);
            if is { Ok(()) } else { Err(json!(conditions).to_string()) }
        });
    }

    /// Available, with the topology as it is wished.
    pub fn wait_available(&self) {
        self.wait_condition("TopologyReconciled", "True");
        self.wait_condition("Available", "True");
    }

    /// The kubeconfig from its Secret, as a file.
    pub fn kubeconfig(&self) -> PathBuf {
        tenants::kubeconfig_file(&self.world.lab.kubeconfig(), &self.namespace(), self.name, self.world.folder.path()).unwrap()
    }

    /// Whether its own API answers.
    pub fn answers(&self) -> bool {
        let file = self.kubeconfig();
        block_on(async { Ok(client(&file).await?.apiserver_version().await.is_ok()) }).unwrap()
    }

    /// The processes of its servers.
    pub fn processes(&self) -> Vec<process::Handle> {
        let data = self.world.lab.folder().join(Server::ProcessProvider.name());
        process::marked(&data.join(format!("{}.{}", self.namespace(), self.name)))
    }

    /// Keeps its servers stopped, or no longer.
    pub fn keep_stopped(&self, stopped: bool) {
        let name = self.control_plane().unwrap().metadata.name.unwrap();
        let value = stopped.then_some("true");
        let patch = json!({"metadata": {"annotations": {kaas_lab::cluster_api::provider::STOPPED: value}}});
        block_on(async { Ok(self.control_planes().await.patch(&name, &PatchParams::default(), &Patch::Merge(patch)).await.map(|_| ())?) })
            .unwrap();
    }

    /// Below what its keys lie in etcd.
    pub fn etcd_prefix(&self) -> String {
        format!("/clusters/{}/", self.cluster().unwrap().metadata.uid.unwrap())
    }

    /// Deletes the Cluster and waits until it is gone, with its Secret.
    pub fn delete(&self) {
        block_on(async { Ok(self.clusters().await.delete(self.name, &DeleteParams::default()).await.map(|_| ())?) }).unwrap();
        wait(&format!("the Cluster {} to go", self.name), || {
            self.cluster().map_or(Ok(()), |cluster| Err(cluster.data["status"].to_string()))
        });
        wait("its Secret to go", || if self.secrets().is_empty() { Ok(()) } else { Err(format!("{:?}", self.secrets())) });
    }

    fn secrets(&self) -> Vec<String> {
        block_on(async {
            let api: Api<Secret> = Api::namespaced(self.client().await, &self.namespace());
            Ok(api.list(&ListParams::default()).await?.items.into_iter().filter_map(|secret| secret.metadata.name).collect())
        })
        .unwrap()
    }

    /// Deletes its namespace and waits until that is gone.
    pub fn delete_namespace(&self) {
        let api = || async { Api::<Namespace>::all(self.client().await) };
        block_on(async { Ok(api().await.delete(&self.namespace(), &DeleteParams::default()).await.map(|_| ())?) }).unwrap();
        wait("its namespace to go", || {
            let there = block_on(async { Ok(api().await.get_opt(&self.namespace()).await?) }).unwrap();
            there.map_or(Ok(()), |namespace| Err(format!("{:?}", namespace.status)))
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
