//! From settings to one API server: reads kubeconfig files and certificates, sends nothing, starts no program.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::Uri;
use kube::config::{AuthInfo, ExecInteractiveMode, Kubeconfig, KubeconfigError};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

use super::config::{Environment, ExecConfig, KubernetesConfig};
use super::error::{Error, Result};
use super::proxy::proxy;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// One API server and the way to talk to it.
pub(super) struct Resolved {
    /// `context/<name>` or `host/<host:port>`.
    pub id: String,
    /// `host:port`.
    pub address: String,
    /// PEM of the authorities that sign the server's certificate; None: the machine's own.
    pub ca_certificate: Option<String>,
    pub config: kube::Config,
}

pub(super) fn resolve(settings: &KubernetesConfig) -> Result<Resolved> {
    let (context, mut config) = match (&settings.host, &settings.config_path) {
        (Some(_), Some(_)) => {
            return Err(Error::config("both host and config_path are set", "Set one of them: they name two different API servers."));
        }
        (Some(host), None) => (None, from_host(host, &settings.environment)?),
        (None, Some(path)) => from_files(&[expand_home(path, &settings.environment)], false, settings)?,
        (None, None) if !settings.environment.config_paths.is_empty() => from_files(&settings.environment.config_paths, true, settings)?,
        (None, None) if settings.environment.in_cluster => (None, in_cluster()?),
        (None, None) => {
            return Err(Error::config(
                "no Kubernetes cluster is configured",
                "Set config_path or host in the provider's kubernetes block, or one of the environment variables KUBE_CONFIG_PATH, KUBECONFIG and KUBE_HOST.",
            ));
        }
    };
    override_with(settings, &mut config)?;
    finished(context.map(|name| format!("context/{name}")), config)
}

/// A configuration that came from elsewhere than the settings, with the environment's proxy unless it names its own.
pub(super) fn completed(id: Option<String>, mut config: kube::Config, environment: &Environment) -> Result<Resolved> {
    if config.proxy_url.is_none() {
        config.proxy_url = proxy(&config.cluster_url, environment)?;
    }
    finished(id, config)
}

/// The server at `endpoint`, called `id`, with the authorities of its certificate in PEM and the environment's proxy.
pub(super) fn by_address(id: &str, endpoint: &str, ca_certificate: &str, environment: &Environment) -> Result<Resolved> {
    let mut config = from_host(endpoint, environment)?;
    let trusted = certificates(&format!("the certificate authority of {id}"), ca_certificate)?;
    config.root_cert = Some(trusted.into_iter().map(|der| der.to_vec()).collect());
    finished(Some(id.to_owned()), config)
}

fn finished(id: Option<String>, mut config: kube::Config) -> Result<Resolved> {
    let address = address(&config.cluster_url)?;
    let id = id.unwrap_or_else(|| format!("host/{address}"));
    let ca_certificate = match &config.root_cert {
        Some(certificates) if certificates.is_empty() => {
            return Err(Error::config(format!("{id}: the certificate authority's data holds no certificate"), PEM_WAY_OUT));
        }
        certificates => certificates.as_ref().map(|certificates| certificates.iter().map(|der| pem("CERTIFICATE", der)).collect()),
    };
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    // One layer retries, ours: it knows which requests may be repeated and when the user wants to stop.
    config.default_retry = false;
    Ok(Resolved { id, address, ca_certificate, config })
}

fn from_host(host: &str, environment: &Environment) -> Result<kube::Config> {
    let text = if host.contains("://") { host.to_owned() } else { format!("https://{host}") };
    let url: Uri = text.parse().map_err(|source| Error::Config {
        message: format!("host {host:?} is not an address"),
        way_out: "Write it as https://name:port.".into(),
        source: Some(Arc::new(source)),
    })?;
    if !matches!(url.scheme_str(), Some("https" | "http")) {
        return Err(Error::config(format!("host {host:?} is neither https nor http"), "Write it as https://name:port."));
    }
    let mut config = kube::Config::new(url);
    config.proxy_url = proxy(&config.cluster_url, environment)?;
    Ok(config)
}

fn in_cluster() -> Result<kube::Config> {
    kube::Config::incluster().map_err(|source| Error::Config {
        message: "read the pod's service account".into(),
        way_out: "Mount a service account token into the pod, or set config_path.".into(),
        source: Some(Arc::new(source)),
    })
}

/// Merges the files as kubectl does: the first to name a context, cluster or user defines it; of several files some may be missing.
fn from_files(paths: &[PathBuf], skip_missing: bool, settings: &KubernetesConfig) -> Result<(Option<String>, kube::Config)> {
    let mut merged: Option<Kubeconfig> = None;
    for path in paths.iter().filter(|path| !(skip_missing && paths.len() > 1 && !path.exists())) {
        let next = Kubeconfig::read_from(path).map_err(|error| file_error(path, error))?;
        merged = Some(match merged {
            Some(first) => first.merge(next).map_err(|error| file_error(path, error))?,
            None => next,
        });
    }
    let names = paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
    let mut kubeconfig = merged.ok_or_else(|| Error::config(format!("none of the kubeconfig files {names} exists"), PATH_WAY_OUT))?;

    let chosen = settings.config_context.clone().or(kubeconfig.current_context.take()).filter(|name| !name.is_empty());
    let mut contexts: Vec<&str> = kubeconfig.contexts.iter().map(|context| context.name.as_str()).collect();
    contexts.sort_unstable();
    let listed = if contexts.is_empty() { "no context at all".to_owned() } else { format!("the contexts {}", contexts.join(", ")) };
    let Some(context) = chosen else {
        return Err(Error::config(
            format!("kubeconfig {names} has no current context"),
            format!("Set config_context; the file holds {listed}."),
        ));
    };
    if !contexts.contains(&context.as_str()) {
        let message = format!("kubeconfig {names} has no context {context:?}");
        return Err(Error::config(message, format!("Correct config_context; the file holds {listed}.")));
    }
    kubeconfig.current_context = Some(context.clone());
    let own_proxy = own_proxy(&kubeconfig, &context);
    let mut config = kube::Config::try_from(kubeconfig).map_err(|error| file_error(Path::new(&names), error))?;
    if !own_proxy {
        config.proxy_url = proxy(&config.cluster_url, &settings.environment)?;
    }
    Ok((Some(context), config))
}

/// Whether the context's cluster names its own proxy, which then is used whatever the environment says.
fn own_proxy(kubeconfig: &Kubeconfig, context: &str) -> bool {
    let cluster =
        kubeconfig.contexts.iter().find(|named| named.name == context).and_then(|named| named.context.as_ref()).map(|c| &c.cluster);
    let cluster = kubeconfig.clusters.iter().find(|named| Some(&named.name) == cluster).and_then(|named| named.cluster.as_ref());
    cluster.and_then(|cluster| cluster.proxy_url.as_ref()).is_some_and(|url| !url.is_empty())
}

const PATH_WAY_OUT: &str = "Correct config_path (or KUBE_CONFIG_PATH, KUBECONFIG), or write the file first.";
const PEM_WAY_OUT: &str = "Give it in PEM, beginning with -----BEGIN; wrap base64 text, as EKS gives it, in base64decode().";

/// A parser's message may quote the line it stumbled on, and with it a token: only the position is kept.
pub(super) fn file_error(path: &Path, error: KubeconfigError) -> Error {
    let path = path.display();
    match error {
        KubeconfigError::ReadConfig(source, _) => {
            let message = format!("read kubeconfig {path}");
            Error::Config { message, way_out: PATH_WAY_OUT.into(), source: Some(Arc::new(source)) }
        }
        KubeconfigError::Parse(error) => {
            let place = error.location().map(|at| format!(" at line {}, column {}", at.line(), at.column())).unwrap_or_default();
            Error::config(
                format!("kubeconfig {path} is not a kubeconfig: wrong YAML{place}"),
                "Correct the file; kubectl config view shows it.",
            )
        }
        other => Error::Config {
            message: format!("kubeconfig {path} cannot be used"),
            way_out: "Correct the file; kubectl config view shows it.".into(),
            source: Some(Arc::new(other)),
        },
    }
}

fn expand_home(path: &str, environment: &Environment) -> PathBuf {
    match (path.strip_prefix("~/"), &environment.home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}

/// What the block says about trust and credentials stands above what the kubeconfig says.
fn override_with(settings: &KubernetesConfig, config: &mut kube::Config) -> Result<()> {
    if let Some(text) = &settings.cluster_ca_certificate {
        config.root_cert = Some(certificates("cluster_ca_certificate", text)?.into_iter().map(|der| der.to_vec()).collect());
        config.root_cert_file = None;
    }
    if let Some(insecure) = settings.insecure {
        config.accept_invalid_certs = insecure;
    }
    if let Some(name) = &settings.tls_server_name {
        config.tls_server_name = Some(name.clone());
    }
    let mut own = AuthInfo::default();
    match (&settings.client_certificate, &settings.client_key) {
        (Some(certificate), Some(key)) => {
            certificates("client_certificate", certificate)?;
            PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| Error::config("client_key holds no private key", PEM_WAY_OUT))?;
            own.client_certificate_data = Some(STANDARD.encode(certificate));
            own.client_key_data = Some(STANDARD.encode(key).into());
        }
        (None, None) => {}
        (Some(_), None) => return Err(Error::config("client_certificate is set without client_key", "Set both or none.")),
        (None, Some(_)) => return Err(Error::config("client_key is set without client_certificate", "Set both or none.")),
    }
    own.token = settings.token.as_ref().map(|token| token.trim().to_owned().into());
    own.exec = settings.exec.as_ref().map(exec);
    if own.client_key_data.is_some() || own.token.is_some() || own.exec.is_some() {
        let old = std::mem::replace(&mut config.auth_info, own);
        config.auth_info.impersonate = old.impersonate;
        config.auth_info.impersonate_groups = old.impersonate_groups;
        config.auth_info.impersonate_uid = old.impersonate_uid;
        config.auth_info.impersonate_user_extra = old.impersonate_user_extra;
    }
    if let Some(exec) = &mut config.auth_info.exec {
        // The plugin's stdin belongs to Terraform, and what the program complains of belongs in our error.
        exec.interactive_mode = Some(ExecInteractiveMode::Never);
    }
    Ok(())
}

fn exec(settings: &ExecConfig) -> kube::config::ExecConfig {
    let env = settings.env.iter().map(|(name, value)| [("name".to_owned(), name.clone()), ("value".to_owned(), value.clone())].into());
    kube::config::ExecConfig {
        api_version: Some(settings.api_version.clone()),
        command: Some(settings.command.clone()),
        args: Some(settings.args.clone()),
        env: Some(env.collect()),
        ..Default::default()
    }
}

fn certificates(attribute: &str, text: &str) -> Result<Vec<CertificateDer<'static>>> {
    let found: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(Error::config(format!("{attribute} holds no certificate"), PEM_WAY_OUT)),
    }
}

/// RFC 7468: base64 in lines of 64 characters.
fn pem(label: &str, der: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    for (index, character) in STANDARD.encode(der).chars().enumerate() {
        if index > 0 && index % 64 == 0 {
            text.push('\n');
        }
        text.push(character);
    }
    text + &format!("\n-----END {label}-----\n")
}

fn address(url: &Uri) -> Result<String> {
    let host = url.host().filter(|host| !host.is_empty());
    let host = host.ok_or_else(|| Error::config(format!("the server's address {url} names no host"), "Write it as https://name:port."))?;
    let port = url.port_u16().unwrap_or(if url.scheme_str() == Some("http") { 80 } else { 443 });
    Ok(format!("{host}:{port}"))
}
