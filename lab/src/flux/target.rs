//! The cluster a release goes to: the management cluster itself, or the one whose kubeconfig lies in a Secret beside the HelmRelease.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use k8s_openapi::api::core::v1::Secret;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde::{Deserialize, Serialize};

use super::api::SecretRef;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(30);
/// The keys of a Secret that are looked at when none is given.
const KEYS: [&str; 2] = ["value", "value.yaml"];

/// Which cluster.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Whereabouts {
    /// The one the stand-in watches.
    Here,
    /// Another: the namespace of the HelmRelease and its Secret.
    Secret { namespace: String, reference: SecretRef },
}

/// A cluster that can be talked to.
#[derive(Clone)]
pub struct Target {
    pub client: Client,
    pub whereabouts: Whereabouts,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum Closed {
    #[error("could not get KubeConfig secret '{0}': secrets \"{1}\" not found")]
    NoSecret(String, String),
    #[error("{0:#}")]
    Other(#[from] anyhow::Error),
}

impl Whereabouts {
    /// Of a HelmRelease in `namespace`.
    pub fn of(namespace: &str, reference: Option<&SecretRef>) -> Self {
        reference.map_or(Self::Here, |reference| Self::Secret { namespace: namespace.to_owned(), reference: reference.clone() })
    }

    /// What a log calls it.
    pub fn name(&self) -> String {
        match self {
            Self::Here => "the management cluster".to_owned(),
            Self::Secret { namespace, reference } => format!("the cluster of Secret {namespace}/{}", reference.name),
        }
    }

    /// The kubeconfig in the Secret, read anew: tokens in it are short-lived. None for the management cluster.
    pub async fn kubeconfig(&self, management: &Client) -> Result<Option<String>, Closed> {
        let Self::Secret { namespace, reference } = self else { return Ok(None) };
        let api: Api<Secret> = Api::namespaced(management.clone(), namespace);
        let full = format!("{namespace}/{}", reference.name);
        let found = api.get_opt(&reference.name).await.with_context(|| format!("read the Secret {full}"))?;
        let secret = found.ok_or_else(|| Closed::NoSecret(full.clone(), reference.name.clone()))?;
        let data = secret.data.unwrap_or_default();
        let keys = reference.key.as_deref().map_or_else(|| KEYS.to_vec(), |key| vec![key]);
        let value = keys.iter().find_map(|key| data.get(*key));
        let value = value.with_context(|| format!("KubeConfig secret '{full}' does not contain a '{}' key with data", keys[0]))?;
        let text = String::from_utf8(value.0.clone()).with_context(|| format!("read the kubeconfig in the Secret {full}"))?;
        Ok(Some(text))
    }

    /// Connects; nothing is asked yet.
    pub async fn open(&self, management: &Client) -> Result<Target, Closed> {
        let client = match self.kubeconfig(management).await? {
            None => management.clone(),
            Some(text) => client(&text, Some(ANSWER)).await?,
        };
        Ok(Target { client, whereabouts: self.clone() })
    }
}

/// A client by the text of a kubeconfig; `answer` bounds every request, watches included.
pub async fn client(kubeconfig: &str, answer: Option<Duration>) -> Result<Client> {
    let parsed = Kubeconfig::from_yaml(kubeconfig).context("read the kubeconfig")?;
    if parsed.auth_infos.iter().any(|user| user.auth_info.as_ref().is_some_and(|info| info.exec.is_some())) {
        bail!("the kubeconfig runs a program for its credentials, which Flux does not allow");
    }
    let mut config = Config::from_custom_kubeconfig(parsed, &KubeConfigOptions::default()).await.context("use the kubeconfig")?;
    // The environment's proxy has no business with 127.0.0.1.
    config.proxy_url = None;
    config.connect_timeout = Some(CONNECT);
    config.default_retry = false;
    if answer.is_some() {
        config.read_timeout = answer;
    }
    Ok(Client::try_from(config)?)
}
