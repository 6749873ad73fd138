//! A small API server of any kinds, whose controllers make everything ready at once or not at all, and a mirror beside it.

use std::collections::BTreeMap;
use std::path::Path as FilePath;
use std::sync::{Arc, Mutex};

use serde_json::{Value as Json, json};

use super::super::*;
use super::blank;
use crate::{
    domain::install::{Component, ReleaseFile},
    drivers::kubernetes::{
        Cluster as Server,
        tests::{Log, Reply, server, status},
    },
};

/// Kinds by `apiVersion`; CRDs that are applied add theirs.
const KINDS: [(&str, &str, &str, bool); 10] = [
    ("/api/v1", "Namespace", "namespaces", false),
    ("/api/v1", "ConfigMap", "configmaps", true),
    ("/api/v1", "Service", "services", true),
    ("/api/v1", "Secret", "secrets", true),
    ("/api/v1", "PersistentVolumeClaim", "persistentvolumeclaims", true),
    ("/apis/apps/v1", "Deployment", "deployments", true),
    ("/apis/apps/v1", "ReplicaSet", "replicasets", true),
    ("/apis/apps/v1", "StatefulSet", "statefulsets", true),
    ("/apis/apps/v1", "DaemonSet", "daemonsets", true),
    ("/apis/apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", false),
];

#[derive(Clone, Default)]
pub struct There {
    /// By path.
    pub objects: Arc<Mutex<BTreeMap<String, Json>>>,
    /// Deployments do not become available.
    pub is_slow: Arc<Mutex<bool>>,
}

fn not_found() -> Reply {
    Reply::Json(404, status(404, "NotFound", "not found", "it"))
}

impl There {
    pub fn names(&self) -> Vec<String> {
        self.objects.lock().unwrap().keys().filter(|path| !path.ends_with("/namespaces/kaas-system")).cloned().collect()
    }

    pub fn put(&self, path: &str, object: Json) {
        self.objects.lock().unwrap().insert(path.to_owned(), object);
    }

    pub fn get(&self, path: &str) -> Json {
        self.objects.lock().unwrap().get(path).cloned().unwrap_or_default()
    }

    fn served(&self, group: &str) -> Vec<Json> {
        let mut found: Vec<Json> = KINDS
            .iter()
            .filter(|(at, ..)| *at == group)
            .map(|(_, kind, name, namespaced)| json!({ "name": name, "kind": kind, "namespaced": namespaced }))
            .collect();
        for definition in self.objects.lock().unwrap().values().filter(|object| object["kind"] == "CustomResourceDefinition") {
            let spec = &definition["spec"];
            let version = spec["versions"][0]["name"].as_str().unwrap_or_default();
            if group == format!("/apis/{}/{version}", spec["group"].as_str().unwrap_or_default()) {
                let names = &spec["names"];
                found.push(json!({ "name": names["plural"], "kind": names["kind"], "namespaced": spec["scope"] == "Namespaced" }));
            }
        }
        found
    }

    fn list(&self, path: &str, query: &str) -> Reply {
        let (folder, plural) = path.rsplit_once('/').unwrap();
        let label = query
            .split('&')
            .find_map(|part| part.strip_prefix("labelSelector="))
            .map(|label| label.replace("%2F", "/").replace("%3D", "="));
        let objects = self.objects.lock().unwrap();
        let below = objects.iter().filter(|(at, _)| at.starts_with(folder) && at.rsplit('/').nth(1) == Some(plural));
        let chosen = below.filter(|(_, object)| match label.as_deref().map(|label| label.split_once('=').unwrap_or((label, ""))) {
            None => true,
            Some((key, "")) => !object["metadata"]["labels"][key].is_null(),
            Some((key, value)) => object["metadata"]["labels"][key] == value.split(',').next().unwrap_or_default(),
        });
        let items: Vec<Json> = chosen.map(|(_, object)| object.clone()).collect();
        Reply::Json(200, json!({ "metadata": {}, "items": items }))
    }

    fn answer(&self, line: &str) -> Reply {
        let (method, url) = line.split_once(' ').unwrap();
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let parts = path.split('/').count();
        match method {
            "GET" if query.contains("limit=") => self.list(path, query),
            "GET" if parts == 3 && path.starts_with("/api/") || parts == 4 && path.starts_with("/apis/") => {
                let served = self.served(path);
                if served.is_empty() { not_found() } else { Reply::Json(200, json!({ "resources": served })) }
            }
            "GET" => self.objects.lock().unwrap().get(path).map_or_else(not_found, |object| Reply::Json(200, object.clone())),
            "DELETE" => self.objects.lock().unwrap().remove(path).map_or_else(not_found, |object| Reply::Json(200, object)),
            _ => not_found(),
        }
    }
}

/// The server hears of bodies by its log only, so what is applied is taken from there.
pub struct World {
    pub there: There,
    pub cluster: Server,
    pub log: Log,
    pub folder: tempfile::TempDir,
}

impl World {
    pub fn new() -> Self {
        let there = There::default();
        let log = Arc::new(Mutex::new(None::<Log>));
        let (answering, seen) = (there.clone(), Arc::clone(&log));
        let (cluster, own) = server(move |line, _| match line.strip_prefix("PATCH ") {
            Some(url) => {
                let path = url.split('?').next().unwrap_or_default().to_owned();
                let body = seen.lock().unwrap().as_ref().and_then(|log| log.bodies(line).pop()).unwrap_or_default();
                answering.apply(&path, body)
            }
            None => answering.answer(line),
        });
        *log.lock().unwrap() = Some(own.clone());
        Self { there, cluster, log: own, folder: tempfile::tempdir().unwrap() }
    }

    /// Writes a component's manifest into the mirror: a namespace, a definition, a Deployment and what else is given.
    pub fn release(&self, file: &ReleaseFile, name: &str, more: &str) {
        let text = format!(
            "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: {name}, namespace: {name}}}, spec: {{replicas: 1, template: {{spec: {{containers: \
             [{{name: a, image: \"quay.io/{name}:v1\"}}]}}}}}}}}\n---\n{{apiVersion: v1, kind: Namespace, metadata: {{name: {name}}}}}\n---\n{{apiVersion: \
             apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {{name: things.{name}.io}}, spec: {{group: {name}.io, scope: Namespaced, names: \
             {{kind: Thing, plural: things}}, versions: [{{name: v1, served: true, storage: true}}]}}}}\n{more}"
        );
        let path = self.folder.path().join(&file.path);
        std::fs::create_dir_all(path.parent().unwrap_or(FilePath::new("/"))).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub async fn apply(&self, wished: &Wished) -> Result<Outcome, Diagnostics> {
        apply(&self.cluster, wished, Instant::now() + Duration::from_millis(200), &CancellationToken::new()).await
    }

    pub async fn remove(&self) -> Result<Outcome, Diagnostics> {
        remove(&self.cluster, Instant::now() + Duration::from_millis(200), &CancellationToken::new()).await
    }

    /// Wishes these components only, in these versions of cert-manager and Flux, from the folder.
    pub fn wished(&self, components: &[Component], cert_manager: &str, more: impl FnOnce(&mut Install, &mut Mirror)) -> Wished {
        let (mut install, mut mirror) = self.blocks(components, cert_manager);
        more(&mut install, &mut mirror);
        Wished::of(&install.into(), &mirror.into(), &Environment::default()).unwrap().unwrap()
    }

    /// The blocks of that wish.
    pub fn blocks(&self, components: &[Component], cert_manager: &str) -> (Install, Mirror) {
        let mut install: Install = blank();
        let out = Component::ALL.into_iter().filter(|one| !components.contains(one) && *one != Component::ExternalDns);
        install.without = Attr::Known(out.map(|one| one.name().to_owned()).collect());
        (install.cert_manager, install.flux) = (cert_manager.into(), "2.9.5".into());
        let mut mirror: Mirror = blank();
        mirror.directory = Attr::Known(self.folder.path().display().to_string());
        (install, mirror)
    }
}

impl There {
    fn apply(&self, path: &str, mut body: Json) -> Reply {
        let (folder, _) = path.rsplit_once('/').unwrap();
        let namespace = path.split("/namespaces/").nth(1).and_then(|rest| rest.split_once('/')).map(|(namespace, _)| namespace);
        if let Some(namespace) = namespace
            && self.get(&format!("/api/v1/namespaces/{namespace}")).is_null()
        {
            return not_found();
        }
        let before = self.get(path);
        if !before["spec"]["selector"].is_null() && before["spec"]["selector"] != body["spec"]["selector"] {
            return Reply::Json(422, status(422, "Invalid", "spec.selector: field is immutable", "it"));
        }
        let generation = before["metadata"]["generation"].as_i64().unwrap_or(0) + 1;
        body["metadata"]["generation"] = json!(generation);
        let is_up = !*self.is_slow.lock().unwrap();
        body["status"] = match body["kind"].as_str().unwrap_or_default() {
            "Deployment" if is_up => {
                json!({ "observedGeneration": generation, "updatedReplicas": 1, "conditions": [{ "type": "Available", "status": "True" }] })
            }
            "CustomResourceDefinition" => json!({ "conditions": [{ "type": "Established", "status": "True" }] }),
            _ => json!({}),
        };
        assert!(folder.starts_with("/api"), "{folder}");
        self.put(path, body.clone());
        Reply::Json(200, body)
    }
}
