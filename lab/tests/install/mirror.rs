//! A mirror as a site without internet keeps it: release files under their paths. The CRDs in them are the projects' own, from the lab's cache; the rest is
//! composed here in the shape of the releases, for no registry serves those.

use std::collections::BTreeMap;
use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use kaas_lab::custom_resources::{Crd, Family};
use serde_json::{Value, json};
use tempfile::TempDir;

pub struct Mirror {
    pub folder: TempDir,
    pub checksums: BTreeMap<String, String>,
}

pub const OLD_CERT_MANAGER: &str = "1.20.0";
pub const CERT_MANAGER: &str = "1.21.2";
/// Too far from the others for one step.
pub const FAR_CERT_MANAGER: &str = "1.23.0";

impl Mirror {
    pub fn new() -> Self {
        let mut mirror = Self { folder: tempfile::tempdir().unwrap(), checksums: BTreeMap::new() };
        for version in [OLD_CERT_MANAGER, CERT_MANAGER, FAR_CERT_MANAGER] {
            mirror.put(&format!("cert-manager/v{version}/cert-manager.yaml"), &cert_manager(version));
        }
        mirror.put("cluster-api-operator/v0.29.0/operator-components.yaml", &operator());
        mirror.put("flux2/v2.9.5/install.yaml", &flux());
        for file in ["core-components.yaml", "bootstrap-components.yaml", "control-plane-components.yaml"] {
            mirror.put(
                &format!("cluster-api/v1.13.6/{file}"),
                &provider(if file.starts_with("core") { Some(Family::ClusterApi) } else { None }),
            );
        }
        let aws = "cluster-api-provider-aws/v2.13.0";
        mirror.put(&format!("{aws}/infrastructure-components.yaml"), &provider(Some(Family::ClusterApiAws)));
        for folder in ["cluster-api/v1.13.6", aws] {
            mirror.put(&format!("{folder}/metadata.yaml"), "apiVersion: clusterctl.cluster.x-k8s.io/v1alpha3\nkind: Metadata\n");
        }
        mirror
    }

    fn put(&mut self, path: &str, text: &str) {
        let file = self.folder.path().join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
        let sum: String = digest(&SHA256, text.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        self.checksums.insert(path.to_owned(), sum);
    }

    /// The `mirror` block. Paths and sums need no escapes.
    pub fn block(&self) -> String {
        let sums: String = self.checksums.iter().map(|(path, sum)| format!("      \"{path}\" = \"{sum}\"\n")).collect();
        format!(
            "  mirror {{\n    directory      = \"{}\"\n    image_registry = \"{REGISTRY}\"\n    checksums = {{\n{sums}    }}\n  }}\n",
            self.folder.path().display()
        )
    }
}

pub const REGISTRY: &str = "registry.site.test:5000/mirror";

fn yaml(documents: impl IntoIterator<Item = Value>) -> String {
    documents.into_iter().map(|document| format!("---\n{}", serde_norway::to_string(&document).unwrap())).collect()
}

fn definitions(crds: Vec<Crd>) -> Vec<Value> {
    let read = |crd: Crd| read(&crd.file);
    crds.into_iter().map(read).collect()
}

fn read(file: &Path) -> Value {
    serde_norway::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

fn namespace(name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } })
}

fn deployment(namespace: &str, name: &str, image: &str, args: &[&str]) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": name, "namespace": namespace, "labels": { "app.kubernetes.io/component": name }, "creationTimestamp": null },
        "spec": {
            "replicas": 1, "selector": { "matchLabels": { "app": name } },
            "template": {
                "metadata": { "labels": { "app": name } },
                "spec": { "serviceAccountName": name, "containers": [{
                    "name": "manager", "image": image, "args": args, "env": [{ "name": "EMPTY", "value": "" }],
                    "resources": { "requests": { "cpu": "1000m", "memory": "64Mi" } }, "ports": [{ "containerPort": 9443, "name": "webhook" }],
                }] },
            },
        },
    })
}

fn account(namespace: &str, name: &str) -> Vec<Value> {
    let subject = json!({ "kind": "ServiceAccount", "name": name, "namespace": namespace });
    let role = json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name });
    vec![
        json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": { "name": name }, "subjects": [subject], "roleRef": role }),
        json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": { "name": name },
            "rules": [{ "apiGroups": [""], "resources": ["secrets"], "verbs": ["get"] }] }),
        json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": name, "namespace": namespace } }),
    ]
}

/// In an order that could not be installed as it stands.
fn cert_manager(version: &str) -> String {
    let home = "cert-manager";
    let solver = format!("--acme-http01-solver-image=quay.io/jetstack/cert-manager-acmesolver:v{version}");
    let image = format!("quay.io/jetstack/cert-manager-controller:v{version}");
    let hooks = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": { "name": "cert-manager-webhook", "annotations": { "cert-manager.io/inject-ca-from-secret": "cert-manager/ca" } },
        "webhooks": [{
            "name": "webhook.cert-manager.io", "admissionReviewVersions": ["v1"], "sideEffects": "None", "failurePolicy": "Ignore",
            "rules": [{ "apiGroups": ["acme.cert-manager.io"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["challenges"] }],
            "clientConfig": { "service": { "name": "cert-manager-webhook", "namespace": home, "path": "/validate" } },
        }],
    });
    let mut documents = vec![hooks, deployment(home, "cert-manager", &image, &[&solver])];
    documents.extend(account(home, "cert-manager"));
    if version == OLD_CERT_MANAGER {
        documents.push(json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "cert-manager-old", "namespace": home }, "data": { "a": "b" } }));
    }
    documents.extend(definitions(Family::CertManager.crds().unwrap()));
    documents.push(namespace(home));
    yaml(documents)
}

/// The operator's kinds without their fields, and its certificate, which cert-manager's kinds have to be there for.
fn operator() -> String {
    let home = "capi-operator-system";
    let definition = |kind: &str| {
        let plural = format!("{}s", kind.to_lowercase());
        let open = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
        json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": { "name": format!("{plural}.operator.cluster.x-k8s.io") },
            "spec": {
                "group": "operator.cluster.x-k8s.io", "scope": "Namespaced", "names": { "kind": kind, "plural": plural },
                "versions": [{ "name": "v1alpha2", "served": true, "storage": true, "subresources": { "status": {} }, "schema": { "openAPIV3Schema": open } }],
            },
        })
    };
    let mut documents: Vec<Value> =
        ["CoreProvider", "BootstrapProvider", "ControlPlaneProvider", "InfrastructureProvider"].map(definition).into();
    documents
        .push(json!({ "apiVersion": "cert-manager.io/v1", "kind": "Issuer", "metadata": { "name": "capi-operator", "namespace": home },
        "spec": { "selfSigned": {} } }));
    documents.push(deployment(home, "capi-operator", "registry.k8s.io/capi-operator/cluster-api-operator:v0.29.0", &[]));
    documents.extend(account(home, "capi-operator"));
    documents.push(namespace(home));
    yaml(documents)
}

fn flux() -> String {
    let home = "flux-system";
    let mut documents = vec![namespace(home)];
    for name in ["source-controller", "helm-controller", "notification-controller"] {
        let image = format!("ghcr.io/fluxcd/{name}:v1.9.4");
        documents.push(deployment(home, name, &image, &["--events-addr=http://notification-controller/", "--watch-all-namespaces=true"]));
    }
    documents.extend(definitions(Family::Flux.crds().unwrap()));
    yaml(documents)
}

/// A provider's components with a placeholder, as clusterctl's are.
fn provider(family: Option<Family>) -> String {
    let crds = family.map(|family| definitions(family.crds().unwrap())).unwrap_or_default();
    let image = "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: manager}\nspec:\n  replicas: ${REPLICAS:=1}\n  template:\n    spec:\n      \
                 containers:\n      - image: registry.k8s.io/cluster-api/controller:v1\n        name: manager\n";
    yaml(crds) + image
}
