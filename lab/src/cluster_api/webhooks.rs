//! The admission webhooks of Cluster API's controllers, as the generator makes them from the controllers' own source, called by URL instead of through a
//! Service: a lab has no network of pods.

use anyhow::{Context, Result};
use base64::Engine;
use serde_json::{Value, json};

use crate::custom_resources::Family;
use crate::servers::Layout;
use crate::state::ClusterApiPorts;

/// Every configuration, ready to be applied.
pub fn configurations(layout: &Layout, ports: ClusterApiPorts) -> Result<Vec<Value>> {
    let file = layout.pki().join("ca.crt");
    let ca = std::fs::read(&file).with_context(|| format!("read {}", file.display()))?;
    let bundle = base64::engine::general_purpose::STANDARD.encode(ca);
    let mut all = Vec::new();
    for family in [Family::ClusterApi, Family::ClusterApiAws] {
        for (package, configurations) in family.webhooks()? {
            let name = package.trim_start_matches("sigs.k8s.io/").replace(|c: char| !c.is_ascii_alphanumeric(), "-");
            for configuration in configurations {
                all.push(called_by_url(configuration, &name, port(package, ports), &bundle));
            }
        }
    }
    Ok(all)
}

/// Which of the controllers answers for the webhooks of a Go package.
fn port(package: &str, ports: ClusterApiPorts) -> u16 {
    if package.contains("cluster-api-provider-aws") {
        ports.aws.webhook
    } else if package.contains("/bootstrap/") {
        ports.bootstrap.webhook
    } else if package.contains("/controlplane/") {
        ports.control_plane.webhook
    } else {
        ports.core.webhook
    }
}

/// The generator gives all configurations of a kind one name, and leaves the certificate out.
fn called_by_url(mut configuration: Value, name: &str, port: u16, bundle: &str) -> Value {
    configuration["metadata"]["name"] = json!(name);
    for webhook in configuration["webhooks"].as_array_mut().into_iter().flatten() {
        let path = webhook["clientConfig"]["service"]["path"].as_str().unwrap_or_default();
        webhook["clientConfig"] = json!({"url": format!("https://127.0.0.1:{port}{path}"), "caBundle": bundle});
    }
    configuration
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_is_called_at_its_own_path_on_its_controllers_port() {
        let generated = json!({"metadata": {"name": "validating-webhook-configuration"},
            "webhooks": [{"name": "v", "clientConfig": {"service": {"name": "webhook-service", "namespace": "system", "path": "/validate-x"}}}]});
        let made = called_by_url(generated, "core", 1234, "Y2E=");
        assert_eq!(made["metadata"]["name"], "core");
        assert_eq!(made["webhooks"][0]["clientConfig"], json!({"url": "https://127.0.0.1:1234/validate-x", "caBundle": "Y2E="}));
    }
}
