//! Which files of the projects' releases a component is made of, and what of them is needed.

use serde_json::Value;

use super::object::AnyObject;
use super::{Component, Wish, plain};

/// A file of a project's release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseFile {
    /// Where it lies in a mirror: `cert-manager/v1.21.2/cert-manager.yaml`.
    pub path: String,
    /// Where the project publishes it.
    pub url: String,
}

impl ReleaseFile {
    /// A file among the assets of a release on GitHub.
    pub fn on_github(repository: &str, folder: &str, version: &str, file: &str) -> Self {
        let version = plain(version);
        Self {
            path: format!("{folder}/v{version}/{file}"),
            url: format!("https://github.com/{repository}/releases/download/v{version}/{file}"),
        }
    }
}

impl Wish {
    /// The files to be fetched for a component. The Cluster API Operator fetches its providers by itself unless there is a mirror.
    pub fn files(&self, component: Component) -> Vec<ReleaseFile> {
        let versions = &self.versions;
        match component {
            Component::CertManager => {
                vec![ReleaseFile::on_github("cert-manager/cert-manager", "cert-manager", &versions.cert_manager, "cert-manager.yaml")]
            }
            Component::ClusterApiOperator => {
                let (repository, version) = ("kubernetes-sigs/cluster-api-operator", &versions.cluster_api_operator);
                vec![ReleaseFile::on_github(repository, "cluster-api-operator", version, "operator-components.yaml")]
            }
            Component::Flux => vec![ReleaseFile::on_github("fluxcd/flux2", "flux2", &versions.flux, "install.yaml")],
            Component::ClusterApi if self.brings_providers() => self.all_providers().iter().flat_map(super::Provider::files).collect(),
            Component::ClusterApi | Component::Strimzi | Component::Monitoring | Component::ExternalDns => Vec::new(),
        }
    }
}

const FLUX_COMPONENT: &str = "app.kubernetes.io/component";
const FLUX_NEEDED: [&str; 2] = ["source-controller", "helm-controller"];
const EVENTS: &str = "--events-addr=";

/// Of Flux's whole manifest what belongs to its source and helm controllers, which then send no events: who receives them is left out.
/// Source: flux2, `manifests/install` and `pkg/manifestgen/install/templates.go`.
pub fn needed_of_flux(objects: Vec<AnyObject>) -> Vec<AnyObject> {
    let is_needed = |object: &AnyObject| {
        let component = object.body["metadata"]["labels"][FLUX_COMPONENT].as_str();
        component.is_none_or(|component| FLUX_NEEDED.contains(&component) || !component.ends_with("-controller"))
    };
    let mut needed: Vec<AnyObject> = objects.into_iter().filter(is_needed).collect();
    for object in &mut needed {
        let containers = object.body.pointer_mut("/spec/template/spec/containers").and_then(Value::as_array_mut);
        for argument in containers.into_iter().flatten().filter_map(|container| container["args"].as_array_mut()).flatten() {
            if argument.as_str().is_some_and(|text| text.starts_with(EVENTS)) {
                *argument = Value::from(EVENTS);
            }
        }
    }
    needed
}
