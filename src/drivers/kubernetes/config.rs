//! What the user may say about a Kubernetes connection, and how environment variables complete it.
//!
//! Reads no environment by itself: the caller hands in the look-up. Never shows a secret in its Debug form.

use std::fmt;
use std::path::PathBuf;

/// The settings of one connection, as in the provider's `kubernetes` block. All empty means: look in the environment.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct KubernetesConfig {
    /// Path of a kubeconfig; `~/` is the home directory.
    pub config_path: Option<String>,
    /// The kubeconfig's context to use instead of its current one.
    pub config_context: Option<String>,
    /// Address of the API server, `https://host:port`; excludes `config_path`.
    pub host: Option<String>,
    /// PEM bundle of the authorities that may sign the server's certificate.
    pub cluster_ca_certificate: Option<String>,
    /// PEM.
    pub client_certificate: Option<String>,
    /// PEM.
    pub client_key: Option<String>,
    pub token: Option<String>,
    pub exec: Option<ExecConfig>,
    /// Accept any server certificate.
    pub insecure: Option<bool>,
    /// Name to expect in the server's certificate instead of the host's.
    pub tls_server_name: Option<String>,
    pub environment: Environment,
}

/// A program that prints credentials (`client.authentication.k8s.io`).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ExecConfig {
    pub api_version: String,
    pub command: String,
    pub args: Vec<String>,
    pub env: Vec<(String, String)>,
}

/// What only the environment says. Without a Debug form: a proxy's address may hold a password.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// Kubeconfig files to merge, first one wins; used when neither `config_path` nor `host` is set.
    pub config_paths: Vec<PathBuf>,
    /// Whether the program runs in a pod of the cluster it manages.
    pub in_cluster: bool,
    pub home: Option<PathBuf>,
    /// Proxy for API servers that `no_proxy` does not name; set by `KUBE_PROXY_URL` or `HTTPS_PROXY`.
    pub proxy_url: Option<String>,
    /// Comma-separated hosts and domains.
    pub no_proxy: Option<String>,
}

impl KubernetesConfig {
    /// Completes the settings from environment variables, as users of the `kubernetes` provider and of kubectl know them.
    ///
    /// What the block says stands. Where it names neither `host` nor `config_path`, the environment does, in this order: `KUBE_HOST`,
    /// `KUBE_CONFIG_PATH`, `KUBE_CONFIG_PATHS`, `KUBECONFIG`, the pod's service account. Credentials from the environment are used with a
    /// `host` only: they were not made for the servers of a kubeconfig.
    pub fn with_environment(mut self, env: impl Fn(&str) -> Option<String>) -> Self {
        let var = |name: &str| env(name).filter(|value| !value.is_empty());
        let or = |own: &mut Option<String>, name: &str| {
            if own.is_none() {
                *own = var(name);
            }
        };
        if self.host.is_none() && self.config_path.is_none() {
            or(&mut self.host, "KUBE_HOST");
        }
        if self.host.is_some() {
            or(&mut self.token, "KUBE_TOKEN");
            or(&mut self.cluster_ca_certificate, "KUBE_CLUSTER_CA_CERT_DATA");
            or(&mut self.client_certificate, "KUBE_CLIENT_CERT_DATA");
            or(&mut self.client_key, "KUBE_CLIENT_KEY_DATA");
        } else {
            or(&mut self.config_path, "KUBE_CONFIG_PATH");
            or(&mut self.config_context, "KUBE_CTX");
            self.environment.config_paths =
                var("KUBE_CONFIG_PATHS").or_else(|| var("KUBECONFIG")).map(|list| paths(&list)).unwrap_or_default();
        }
        or(&mut self.tls_server_name, "KUBE_TLS_SERVER_NAME");
        if self.insecure.is_none() {
            self.insecure = var("KUBE_INSECURE").map(|value| matches!(value.to_ascii_lowercase().as_str(), "1" | "t" | "true"));
        }
        self.environment.home = var("HOME").or_else(|| var("USERPROFILE")).map(PathBuf::from);
        self.environment.in_cluster = var("KUBERNETES_SERVICE_HOST").is_some() && var("KUBERNETES_SERVICE_PORT").is_some();
        self.environment.proxy_url = var("KUBE_PROXY_URL").or_else(|| var("HTTPS_PROXY")).or_else(|| var("https_proxy"));
        self.environment.no_proxy = var("NO_PROXY").or_else(|| var("no_proxy"));
        self
    }
}

fn paths(list: &str) -> Vec<PathBuf> {
    std::env::split_paths(list).filter(|path| !path.as_os_str().is_empty()).collect()
}

/// Shows that a secret is set, never what it is.
struct Hidden(bool);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0 { "set, not shown" } else { "None" })
    }
}

impl fmt::Debug for KubernetesConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KubernetesConfig")
            .field("config_path", &self.config_path)
            .field("config_context", &self.config_context)
            .field("host", &self.host)
            .field("cluster_ca_certificate", &self.cluster_ca_certificate.is_some())
            .field("client_certificate", &self.client_certificate.is_some())
            .field("client_key", &Hidden(self.client_key.is_some()))
            .field("token", &Hidden(self.token.is_some()))
            .field("exec", &self.exec)
            .field("insecure", &self.insecure)
            .field("tls_server_name", &self.tls_server_name)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ExecConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.env.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("ExecConfig")
            .field("api_version", &self.api_version)
            .field("command", &self.command)
            .field("args", &Hidden(!self.args.is_empty()))
            .field("env", &names)
            .finish()
    }
}
