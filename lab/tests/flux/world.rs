//! A lab with Flux's CRDs and the stand-in, and the objects the tests write into it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kaas_lab::custom_resources::Family;
use kaas_lab::flux::StandIn;
use kaas_lab::{Server, TemporaryLab};
use kube::ResourceExt;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams};
use serde_json::{Value, json};

/// Where the tests' HelmReleases are.
pub const TENANT: &str = "kaas-tenant";
/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

pub struct World {
    pub flux: StandIn,
    objects: Objects,
    pub lab: TemporaryLab,
}

/// A cluster, and the namespace in it that is looked into.
pub struct Objects {
    kube: kube::Client,
    pub namespace: String,
}

impl std::ops::Deref for World {
    type Target = Objects;

    fn deref(&self) -> &Objects {
        &self.objects
    }
}

impl World {
    /// Up, with the lab's own Strimzi stand-in stopped: releases bring theirs.
    pub async fn up(purpose: &str, pretend_ready: bool) -> Result<Self> {
        let mut lab = TemporaryLab::up(purpose, pretend_ready)?;
        lab.stop(Server::StrimziStandIn)?;
        let flux = StandIn::start(&lab, pretend_ready, false)?;
        kaas_lab::apply_crds(&lab.kubeconfig(), &Family::Flux.crds()?)?;
        let kube = kaas_lab::client(&lab.kubeconfig()).await?;
        Ok(Self { flux, objects: Objects::new(kube, TENANT), lab })
    }

    /// The namespace of the tests and a Secret with a kubeconfig that points back at the lab.
    pub async fn prepare(&self) -> Result<()> {
        self.make_namespace().await?;
        self.secret("back", &std::fs::read_to_string(self.lab.kubeconfig())?).await
    }
}

impl Objects {
    pub fn new(kube: kube::Client, namespace: &str) -> Self {
        Self { kube, namespace: namespace.to_owned() }
    }

    pub async fn make_namespace(&self) -> Result<()> {
        self.apply(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}})).await
    }

    pub async fn secret(&self, name: &str, kubeconfig: &str) -> Result<()> {
        let data = json!({"value": STANDARD.encode(kubeconfig)});
        self.apply(&json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": self.namespace}, "data": data}))
            .await
    }

    /// An API of a kind by its `apiVersion`; without namespace if that is empty.
    pub fn api(&self, version: &str, kind: &str, namespace: &str) -> Api<DynamicObject> {
        let (group, version) = version.split_once('/').unwrap_or(("", version));
        let mut resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        if let Some(stem) = kind.strip_suffix("Repository") {
            resource.plural = format!("{}repositories", stem.to_lowercase());
        }
        if namespace.is_empty() {
            Api::all_with(self.kube.clone(), &resource)
        } else {
            Api::namespaced_with(self.kube.clone(), namespace, &resource)
        }
    }

    pub async fn apply(&self, object: &Value) -> Result<()> {
        let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default();
        let api = self.api(text("/apiVersion"), text("/kind"), text("/metadata/namespace"));
        let name = text("/metadata/name");
        api.patch(name, &PatchParams::apply("test").force(), &Patch::Apply(object)).await.with_context(|| format!("apply {name}"))?;
        Ok(())
    }

    pub async fn source(&self, chart: &str, tag: &str) -> Result<()> {
        self.apply(&json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "OCIRepository", "metadata": {"name": chart, "namespace": self.namespace},
            "spec": {"interval": "10m", "url": format!("oci://registry.invalid/charts/{chart}"), "ref": {"tag": tag}},
        }))
        .await
    }

    /// A HelmRelease called like its chart, of `spec` on top of what all have.
    pub async fn release(&self, chart: &str, spec: Value) -> Result<()> {
        let mut whole = json!({
            "interval": "10m", "chartRef": {"kind": "OCIRepository", "name": chart}, "releaseName": chart,
            "targetNamespace": format!("{chart}-system"), "storageNamespace": format!("{chart}-system"), "install": {"createNamespace": true},
        });
        merge(&mut whole, spec);
        let metadata = json!({"name": chart, "namespace": self.namespace});
        self.apply(&json!({"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "metadata": metadata, "spec": whole})).await
    }

    pub fn releases(&self) -> Api<DynamicObject> {
        self.api("helm.toolkit.fluxcd.io/v2", "HelmRelease", &self.namespace)
    }

    pub fn deployments(&self, namespace: &str) -> Api<DynamicObject> {
        self.api("apps/v1", "Deployment", namespace)
    }

    /// Waits until `seen` holds of a release.
    pub async fn until(&self, release: &str, what: &str, seen: impl Fn(&DynamicObject) -> bool) -> Result<DynamicObject> {
        let started = Instant::now();
        loop {
            let object = self.releases().get(release).await?;
            if seen(&object) {
                println!("{release} {what} after {:.1} s", started.elapsed().as_secs_f32());
                return Ok(object);
            }
            ensure!(started.elapsed() < PATIENCE, "{release} is not {what}: {:#}", object.data["status"]);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until a release is ready for its generation and in `version`.
    pub async fn ready(&self, release: &str, version: &str) -> Result<DynamicObject> {
        self.until(release, &format!("ready in {version}"), |object| {
            let deployed = object.data["status"]["history"][0]["chartVersion"].as_str().unwrap_or_default();
            is_ready(object) && deployed.split('+').next() == Some(version)
        })
        .await
    }

    pub async fn delete(&self, release: &str) -> Result<()> {
        self.releases().delete(release, &DeleteParams::default()).await?;
        Ok(())
    }

    pub async fn gone(&self, api: &Api<DynamicObject>, name: &str) -> Result<()> {
        let started = Instant::now();
        while let Some(object) = api.get_opt(name).await? {
            ensure!(started.elapsed() < PATIENCE, "{name} is not gone: {:#}", object.data["status"]);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    /// Names of Helm's records in a namespace with their states.
    pub async fn records(&self, namespace: &str) -> Result<Vec<String>> {
        let listed = self.api("v1", "Secret", namespace).list(&Default::default()).await?;
        let helm = listed.items.iter().filter(|s| s.data["type"] == "helm.sh/release.v1");
        Ok(helm.map(|s| format!("{} {}", s.name_any(), s.labels()["status"])).collect())
    }
}

pub fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}

pub fn condition<'a>(object: &'a DynamicObject, kind: &str) -> Option<&'a Value> {
    object.data.pointer("/status/conditions")?.as_array()?.iter().find(|c| c["type"] == kind)
}

/// The status and reason of a condition: `True InstallSucceeded`.
pub fn says(object: &DynamicObject, kind: &str) -> String {
    let text = |key: &str| condition(object, kind).and_then(|c| c[key].as_str()).unwrap_or_default().to_owned();
    format!("{} {}", text("status"), text("reason"))
}

pub fn message(object: &DynamicObject, kind: &str) -> String {
    condition(object, kind).and_then(|c| c["message"].as_str()).unwrap_or_default().to_owned()
}

pub fn is_ready(object: &DynamicObject) -> bool {
    let observed = object.data["status"]["observedGeneration"].as_i64();
    observed == object.metadata.generation && condition(object, "Ready").is_some_and(|c| c["status"] == "True")
}
