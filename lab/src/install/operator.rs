//! Of the Cluster API Operator what is seen from outside: a provider's object installs the CRDs of the release in its ConfigMap, marked as clusterctl marks
//! them, and says Ready with the version that is installed. CRDs stay when the object goes, as with the real one.

use std::io::Read;

use anyhow::{Context, Result};
use flate2::read::GzDecoder;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, DynamicObject, ListParams, Patch, PatchParams};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};

use super::{MANAGER, list, resource};
use crate::custom_resources::documents;

const GROUP: &str = "operator.cluster.x-k8s.io";
const KINDS: [(&str, &str); 4] = [
    ("CoreProvider", "coreproviders"),
    ("BootstrapProvider", "bootstrapproviders"),
    ("ControlPlaneProvider", "controlplaneproviders"),
    ("InfrastructureProvider", "infrastructureproviders"),
];

pub async fn look(client: &Client) -> Result<()> {
    for (kind, plural) in KINDS {
        let resource = resource(GROUP, "v1alpha2", kind, plural);
        for provider in list(client, &resource).await? {
            let installed = provider.data.pointer("/status/observedGeneration").and_then(Value::as_i64);
            if installed == provider.metadata.generation || provider.metadata.deletion_timestamp.is_some() {
                continue;
            }
            install(client, &provider).await?;
            let condition = |kind: &str| {
                let since = crate::flux::workloads::now();
                json!({ "type": kind, "status": "True", "reason": kind, "message": "", "lastTransitionTime": since })
            };
            let status = json!({
                "apiVersion": format!("{GROUP}/v1alpha2"), "kind": kind, "status": {
                    "observedGeneration": provider.metadata.generation, "installedVersion": provider.data["spec"]["version"],
                    "conditions": [condition("PreflightCheckPassed"), condition("ProviderInstalled"), condition("Ready")],
                },
            });
            let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), &provider.namespace().unwrap_or_default(), &resource);
            api.patch_status(&provider.name_any(), &PatchParams::apply(MANAGER).force(), &Patch::Apply(&status)).await?;
        }
    }
    Ok(())
}

async fn install(client: &Client, provider: &DynamicObject) -> Result<()> {
    let labels = provider.data.pointer("/spec/fetchConfig/selector/matchLabels").and_then(Value::as_object).cloned().unwrap_or_default();
    let mut selector: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect();
    selector.push(format!("provider.cluster.x-k8s.io/version={}", provider.data["spec"]["version"].as_str().unwrap_or_default()));
    let config_maps: Api<ConfigMap> = Api::namespaced(client.clone(), &provider.namespace().unwrap_or_default());
    let found = config_maps.list(&ListParams::default().labels(&selector.join(","))).await?;
    let config_map = found.items.into_iter().next().with_context(|| format!("find the manifests of {}", provider.name_any()))?;
    let packed = config_map.binary_data.and_then(|mut data| data.remove("components")).context("find the components")?;
    let mut text = String::new();
    GzDecoder::new(packed.0.as_slice()).read_to_string(&mut text)?;
    let definitions = resource("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions");
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &definitions);
    for mut object in documents(&text)? {
        if object["kind"] == "CustomResourceDefinition" {
            object["metadata"]["labels"]["clusterctl.cluster.x-k8s.io"] = json!("");
            let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
            api.patch(&name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(&object)).await?;
        }
    }
    Ok(())
}
