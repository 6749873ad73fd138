//! A stand-in for what makes installed components ready, since no kubelet runs their programs: Deployments are made available, webhooks that ask
//! cert-manager for an authority get one, and the objects of the Cluster API Operator install what their ConfigMaps hold. What it does not do stands in
//! `docs/lab.md`.

mod operator;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Result;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};

use crate::flux::workloads;

const LOOK: Duration = Duration::from_millis(300);
const MANAGER: &str = "install-stand-in";
/// An authority's certificate that nobody checks: "lab" in base64.
const BUNDLE: &str = "bGFi";

/// The stand-in, on a thread of its own until it is dropped.
pub struct StandIn {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl StandIn {
    /// Starts it for the cluster of a kubeconfig.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(kubeconfig: &Path) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let (asked, kubeconfig) = (Arc::clone(&stop), kubeconfig.to_owned());
        let work = move || {
            while !asked.load(Ordering::SeqCst) {
                let looked = crate::block_on(async {
                    let client = crate::client(&kubeconfig).await?;
                    while !asked.load(Ordering::SeqCst) {
                        look(&client).await?;
                        tokio::time::sleep(LOOK).await;
                    }
                    Ok(())
                });
                if let Err(error) = looked {
                    // An object that goes while it is looked at; looking again tells.
                    tracing::debug!("look after installed components: {error:#}");
                    std::thread::sleep(LOOK);
                }
            }
        };
        Ok(Self { stop, thread: Some(std::thread::Builder::new().name("install-stand-in".to_owned()).spawn(work)?) })
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            // It never panics.
            let _ = thread.join();
        }
    }
}

async fn look(client: &Client) -> Result<()> {
    let deployments = resource("apps", "v1", "Deployment", "deployments");
    for deployment in list(client, &deployments).await? {
        let seen = deployment.data.pointer("/status/observedGeneration").and_then(Value::as_i64);
        if seen != deployment.metadata.generation {
            workloads::available(client, &deployment, true).await?;
        }
    }
    for (kind, plural) in [
        ("ValidatingWebhookConfiguration", "validatingwebhookconfigurations"),
        ("MutatingWebhookConfiguration", "mutatingwebhookconfigurations"),
    ] {
        let resource = resource("admissionregistration.k8s.io", "v1", kind, plural);
        for hooks in list(client, &resource).await? {
            inject(client, &resource, &hooks).await?;
        }
    }
    operator::look(client).await
}

/// What cert-manager's cainjector does.
async fn inject(client: &Client, resource: &ApiResource, hooks: &DynamicObject) -> Result<()> {
    let wanted = hooks.annotations().keys().any(|key| key.starts_with("cert-manager.io/inject-"));
    let all = hooks.data["webhooks"].as_array().map(Vec::as_slice).unwrap_or_default();
    let lacks = all.iter().any(|hook| hook["clientConfig"]["caBundle"].as_str().is_none_or(str::is_empty));
    if !wanted || !lacks {
        return Ok(());
    }
    let patch: Vec<Value> = (0..all.len())
        .map(|index| json!({ "op": "add", "path": format!("/webhooks/{index}/clientConfig/caBundle"), "value": BUNDLE }))
        .collect();
    let api: Api<DynamicObject> = Api::all_with(client.clone(), resource);
    api.patch(&hooks.name_any(), &PatchParams::default(), &Patch::Json::<()>(serde_json::from_value(json!(patch))?)).await?;
    Ok(())
}

fn resource(group: &str, version: &str, kind: &str, plural: &str) -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural)
}

/// All objects of a kind; none where it is not served.
async fn list(client: &Client, resource: &ApiResource) -> Result<Vec<DynamicObject>> {
    let api: Api<DynamicObject> = Api::all_with(client.clone(), resource);
    match api.list(&ListParams::default()).await {
        Ok(list) => Ok(list.items),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}
