//! The kinds of Flux as far as the stand-in reads and writes them: field names and defaults are those of helm-controller/api v2 and
//! source-controller/api v1.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub const FINALIZER: &str = "finalizers.fluxcd.io";
pub const REQUESTED_AT: &str = "reconcile.fluxcd.io/requestedAt";
pub const FORCE_AT: &str = "reconcile.fluxcd.io/forceAt";
pub const RESET_AT: &str = "reconcile.fluxcd.io/resetAt";
/// The lab's own annotation of a HelmRelease: how many attempts at each change are to fail.
pub const FAIL: &str = "lab.kaas.dev/fail";

/// `HelmRelease` as the API server serves it.
pub fn helm_release() -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk("helm.toolkit.fluxcd.io", "v2", "HelmRelease"))
}

/// A kind of the source group.
pub fn source(kind: &str) -> ApiResource {
    let mut resource = ApiResource::from_gvk(&GroupVersionKind::gvk("source.toolkit.fluxcd.io", "v1", kind));
    if let Some(stem) = resource.kind.strip_suffix("Repository") {
        resource.plural = format!("{}repositories", stem.to_ascii_lowercase());
    }
    resource
}

/// The part of `object` called `part`, typed.
pub fn parse<T: DeserializeOwned + Default>(object: &DynamicObject, part: &str) -> Result<T> {
    match object.data.get(part) {
        Some(value) => T::deserialize(value).with_context(|| format!("understand the {part} of {:?}", object.metadata.name)),
        None => Ok(T::default()),
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Spec {
    pub interval: String,
    pub suspend: bool,
    pub chart: Option<Template>,
    pub chart_ref: Option<Reference>,
    pub kube_config: Option<KubeConfig>,
    pub target_namespace: Option<String>,
    pub storage_namespace: Option<String>,
    pub release_name: Option<String>,
    pub depends_on: Vec<Reference>,
    pub timeout: Option<String>,
    pub max_history: Option<usize>,
    pub install: Step,
    pub upgrade: Step,
    pub values: Map<String, Value>,
    pub values_from: Vec<Value>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Template {
    pub spec: TemplateSpec,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TemplateSpec {
    pub chart: String,
    pub version: Option<String>,
    pub interval: Option<String>,
    pub source_ref: Reference,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Reference {
    pub kind: String,
    pub name: String,
    pub namespace: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KubeConfig {
    pub secret_ref: Option<SecretRef>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SecretRef {
    pub name: String,
    pub key: Option<String>,
}

/// `install` or `upgrade`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Step {
    pub crds: Option<CrdPolicy>,
    pub create_namespace: bool,
    pub timeout: Option<String>,
    pub remediation: Remediation,
    pub strategy: Option<Strategy>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum CrdPolicy {
    Skip,
    Create,
    CreateReplace,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Remediation {
    pub retries: i64,
    pub remediate_last_failure: Option<bool>,
    pub strategy: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Strategy {
    pub name: String,
}

impl Step {
    /// Whether no attempt is left after `failures`; `RetryOnFailure` never gives up.
    pub fn exhausted(&self, failures: i64) -> bool {
        !self.retries_without_remediation() && self.remediation.retries >= 0 && failures > self.remediation.retries
    }

    /// Strategy `RetryOnFailure`: try again from where the failed attempt stands.
    pub fn retries_without_remediation(&self) -> bool {
        self.strategy.as_ref().is_some_and(|s| s.name == "RetryOnFailure")
    }
}

impl Spec {
    /// The Secret with the target's kubeconfig, if it is another cluster.
    pub fn secret_ref(&self) -> Option<&SecretRef> {
        self.kube_config.as_ref()?.secret_ref.as_ref()
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Condition {
    #[serde(rename = "type")]
    pub kind: String,
    pub status: String,
    pub reason: String,
    pub message: String,
    pub observed_generation: i64,
    pub last_transition_time: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Snapshot {
    pub digest: String,
    pub name: String,
    pub namespace: String,
    pub version: i64,
    pub status: String,
    pub chart_name: String,
    pub chart_version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_version: Option<String>,
    pub config_digest: String,
    pub first_deployed: String,
    pub last_deployed: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oci_digest: Option<String>,
}

/// Of a HelmRelease.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Status {
    pub observed_generation: i64,
    #[serde(skip_serializing_if = "is_default")]
    pub last_attempted_generation: i64,
    #[serde(skip_serializing_if = "is_default")]
    pub conditions: Vec<Condition>,
    #[serde(skip_serializing_if = "is_default")]
    pub helm_chart: String,
    #[serde(skip_serializing_if = "is_default")]
    pub storage_namespace: String,
    #[serde(skip_serializing_if = "is_default")]
    pub history: Vec<Snapshot>,
    #[serde(skip_serializing_if = "is_default")]
    pub last_attempted_release_action: String,
    #[serde(skip_serializing_if = "is_default")]
    pub failures: i64,
    #[serde(skip_serializing_if = "is_default")]
    pub install_failures: i64,
    #[serde(skip_serializing_if = "is_default")]
    pub upgrade_failures: i64,
    #[serde(skip_serializing_if = "is_default")]
    pub last_attempted_revision: String,
    #[serde(skip_serializing_if = "is_default")]
    pub last_attempted_revision_digest: String,
    #[serde(skip_serializing_if = "is_default")]
    pub last_attempted_config_digest: String,
    #[serde(skip_serializing_if = "is_default")]
    pub last_handled_reconcile_at: String,
    #[serde(skip_serializing_if = "is_default")]
    pub last_handled_force_at: String,
    #[serde(skip_serializing_if = "is_default")]
    pub last_handled_reset_at: String,
    /// What others wrote.
    #[serde(flatten)]
    pub rest: BTreeMap<String, Value>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
