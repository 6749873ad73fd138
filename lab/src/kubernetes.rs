//! Talking to a lab's Kubernetes: whether its servers are well, and applying the CRDs.

use std::future::Future;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::GroupVersionKind;
use kube::{Api, Client, Config};
use serde_json::Value;

use crate::custom_resources::Crd;
use crate::interrupt;

/// How long one question to a server may take.
const ANSWER: Duration = Duration::from_secs(5);
/// How long the API server may take to serve a new CRD.
const ESTABLISHED: Duration = Duration::from_secs(30);
/// As whom the lab applies its objects.
const FIELD_MANAGER: &str = "kaas-lab";

/// Runs `future` to its end on a thread of its own, so that the lab's verbs can be called from anywhere, async tests included.
///
/// # Errors
/// When no runtime can be made, and those of `future`.
pub fn block_on<T: Send>(future: impl Future<Output = Result<T>> + Send) -> Result<T> {
    let run = || tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(future);
    std::thread::scope(|scope| scope.spawn(run).join()).unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// A client by the current context of the file `kubeconfig`.
///
/// # Errors
/// When the file cannot be read or used.
pub async fn client(kubeconfig: &Path) -> Result<Client> {
    let file = Kubeconfig::read_from(kubeconfig).with_context(|| format!("read {}", kubeconfig.display()))?;
    Ok(Client::try_from(configuration(file).await?)?)
}

/// A client by the text of a kubeconfig, for a server that may not answer: every request ends soon, and none is repeated.
///
/// # Errors
/// When the text cannot be used.
pub async fn brief_client(kubeconfig: &str) -> Result<Client> {
    let mut config = configuration(Kubeconfig::from_yaml(kubeconfig).context("read the kubeconfig")?).await?;
    config.read_timeout = Some(ANSWER);
    config.default_retry = false;
    Ok(Client::try_from(config)?)
}

async fn configuration(file: Kubeconfig) -> Result<Config> {
    let mut config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?;
    // The environment's proxy has no business with 127.0.0.1.
    config.proxy_url = None;
    config.connect_timeout = Some(ANSWER);
    Ok(config)
}

/// What a server answers at `url` (`http://127.0.0.1:2379/health`), trusting the authority in the file `ca` for https.
///
/// # Errors
/// When it does not answer in time or not with success.
pub fn ask(url: &str, ca: Option<&Path>) -> Result<String> {
    let (server, path) = apart(url)?;
    let mut config = Config::new(server);
    config.root_cert = match ca {
        Some(file) => {
            Some(vec![rustls::pki_types::pem::PemObject::from_pem_file(file).map(|der: rustls::pki_types::CertificateDer| der.to_vec())?])
        }
        None => None,
    };
    answer(config, http::Request::get(path).body(Vec::new())?)
}

/// What a server answers to `body` at `url`, which is not https.
///
/// # Errors
/// As [`ask`].
pub fn post(url: &str, body: &Value) -> Result<String> {
    let (server, path) = apart(url)?;
    let request = http::Request::post(path).header(http::header::CONTENT_TYPE, "application/json").body(serde_json::to_vec(body)?)?;
    answer(Config::new(server), request)
}

fn apart(url: &str) -> Result<(http::Uri, String)> {
    let uri: http::Uri = url.parse().with_context(|| format!("read the URL {url}"))?;
    let path = uri.path().to_owned();
    let mut server = uri.into_parts();
    server.path_and_query = Some(http::uri::PathAndQuery::from_static("/"));
    Ok((http::Uri::from_parts(server)?, path))
}

fn answer(mut config: Config, mut request: http::Request<Vec<u8>>) -> Result<String> {
    // An ACME server refuses who does not say what it is.
    request.headers_mut().insert(http::header::USER_AGENT, http::HeaderValue::from_static(FIELD_MANAGER));
    config.connect_timeout = Some(ANSWER);
    config.default_retry = false;
    block_on(async move {
        let client = Client::try_from(config)?;
        let answer = tokio::time::timeout(ANSWER, client.request_text(request)).await.context("wait for the answer")?;
        Ok(answer?)
    })
}

/// Applies `manifests` of any kind, in their order, and owns every field in them.
///
/// # Errors
/// When one is refused.
pub fn apply(kubeconfig: &Path, manifests: &[Value]) -> Result<()> {
    block_on(async {
        let client = client(kubeconfig).await?;
        for manifest in manifests {
            let text = |path: &str| manifest.pointer(path).and_then(Value::as_str).unwrap_or_default();
            let (api_version, kind, name) = (text("/apiVersion"), text("/kind"), text("/metadata/name"));
            let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
            let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
            let api: Api<DynamicObject> = match text("/metadata/namespace") {
                "" => Api::all_with(client.clone(), &resource),
                namespace => Api::namespaced_with(client.clone(), namespace, &resource),
            };
            let params = PatchParams::apply(FIELD_MANAGER).force();
            api.patch(name, &params, &Patch::Apply(manifest)).await.with_context(|| format!("apply the {kind} {name}"))?;
        }
        Ok(())
    })
}

/// Applies `crds` and waits until the API server serves them.
///
/// # Errors
/// When one is refused or not served in time.
pub fn apply_crds(kubeconfig: &Path, crds: &[Crd]) -> Result<()> {
    block_on(async {
        let client = client(kubeconfig).await?;
        for crd in crds {
            let yaml = std::fs::read(&crd.file).with_context(|| format!("read {}", crd.file.display()))?;
            let path =
                format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{}?fieldManager={FIELD_MANAGER}&force=true", crd.name);
            let request = http::Request::patch(path).header(http::header::CONTENT_TYPE, "application/apply-patch+yaml").body(yaml)?;
            client.request_text(request).await.with_context(|| format!("apply the CRD {}", crd.name))?;
        }
        let api: Api<CustomResourceDefinition> = Api::all(client);
        let started = Instant::now();
        for crd in crds {
            while !established(&api.get(&crd.name).await?) {
                interrupt::check()?;
                if started.elapsed() > ESTABLISHED {
                    bail!("the API server does not serve the CRD {} after {} s", crd.name, ESTABLISHED.as_secs());
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        Ok(())
    })
}

fn established(crd: &CustomResourceDefinition) -> bool {
    let conditions = crd.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions.is_some_and(|all| all.iter().any(|c| c.type_ == "Established" && c.status == "True"))
}
