//! What of a configuration the wish does not tell, kept on the namespace so that an imported tenant plans empty.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::resources::tenant::model::Tenant;

/// Annotation on the tenant's namespace.
pub const WRITTEN_ANNOTATION: &str = "kaas.dev/configuration";

/// How the configuration was written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Written {
    pub deletion_protection: bool,
    /// Whether there was a `kafka` block, and a version in it.
    pub kafka: bool,
    pub kafka_version: bool,
    /// Whether there was a Kubernetes version in the `cluster` block.
    pub kubernetes_version: bool,
}

impl Default for Written {
    fn default() -> Self {
        Self { deletion_protection: true, kafka: false, kafka_version: false, kubernetes_version: false }
    }
}

impl Written {
    pub fn of_tenant(tenant: &Tenant) -> Self {
        let kafka = tenant.kafka.known();
        Self {
            deletion_protection: tenant.deletion_protection.known().is_none_or(|protected| *protected),
            kafka: kafka.is_some(),
            kafka_version: kafka.is_some_and(|kafka| kafka.version.known().is_some()),
            kubernetes_version: tenant.cluster.known().is_some_and(|cluster| cluster.kubernetes_version.known().is_some()),
        }
    }

    /// As it was noted; the defaults where it was not, as for a tenant whose creation never ended.
    pub fn of_namespace(namespace: &Value) -> Self {
        let text = namespace["metadata"]["annotations"][WRITTEN_ANNOTATION].as_str().unwrap_or_default();
        serde_json::from_str(text).unwrap_or_default()
    }

    pub fn to_json(&self) -> String {
        serde_json::json!(self).to_string()
    }
}
