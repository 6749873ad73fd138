//! Cluster API's providers as objects of the Cluster API Operator.
//!
//! Source: Cluster API Operator 0.29, `api/v1alpha2/provider_types.go` and `internal/controller/phase_load.go` (ConfigMaps for sites without internet).

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;

use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::{Compression, GzBuilder};
use serde_json::{Value, json};

use super::object::{AnyObject, AnyRef};
use super::{BuildError, Part, ReleaseFile, Wish, images, plain};

const OPERATOR: &str = "operator.cluster.x-k8s.io/v1alpha2";
/// On the ConfigMaps with a provider's manifests, for the provider's object to select them by.
const MANIFESTS_LABEL: &str = "kaas.dev/provider-manifests";
const VERSION_LABEL: &str = "provider.cluster.x-k8s.io/version";
const COMPRESSED: &str = "provider.cluster.x-k8s.io/compressed";
/// Credentials that are none: a file with an empty line, so that the pod's own role is used. Source: CAPA's book, "Using IAM roles in management cluster".
const NO_CREDENTIALS: &str = "Cg==";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProviderType {
    Core,
    Bootstrap,
    ControlPlane,
    Infrastructure,
    Addon,
    Ipam,
    RuntimeExtension,
}

impl ProviderType {
    pub const ALL: [Self; 7] =
        [Self::Core, Self::Bootstrap, Self::ControlPlane, Self::Infrastructure, Self::Addon, Self::Ipam, Self::RuntimeExtension];

    /// As users name it, and clusterctl's files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::Bootstrap => "bootstrap",
            Self::ControlPlane => "control-plane",
            Self::Infrastructure => "infrastructure",
            Self::Addon => "addon",
            Self::Ipam => "ipam",
            Self::RuntimeExtension => "runtime-extension",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    const fn kind(self) -> &'static str {
        match self {
            Self::Core => "CoreProvider",
            Self::Bootstrap => "BootstrapProvider",
            Self::ControlPlane => "ControlPlaneProvider",
            Self::Infrastructure => "InfrastructureProvider",
            Self::Addon => "AddonProvider",
            Self::Ipam => "IPAMProvider",
            Self::RuntimeExtension => "RuntimeExtensionProvider",
        }
    }
}

impl fmt::Display for ProviderType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Cluster API's provider for AWS, and how it gets its rights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsProvider {
    pub version: String,
    /// A role that its service account takes by the cluster's OIDC provider. None: EKS Pod Identity, the node's role, or the Secret's credentials.
    pub role_arn: Option<String>,
    /// A Secret of the user's in the provider's namespace with its variables, such as `AWS_B64ENCODED_CREDENTIALS`.
    pub credentials_secret: Option<String>,
}

/// One provider of Cluster API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    pub kind: ProviderType,
    /// As clusterctl names it: "kubeadm", "aws", "metal3".
    pub name: String,
    pub version: String,
    pub namespace: String,
    /// Where the operator finds its release; None: clusterctl knows it.
    pub url: Option<String>,
    /// A Secret in the provider's namespace with its variables.
    pub secret: Option<String>,
    /// Variables that are no secrets, for a provider without a Secret of the user's.
    pub variables: BTreeMap<String, String>,
}

impl Provider {
    /// Core and the kubeadm providers go together and have one version.
    pub fn part(&self) -> Part {
        match (self.kind, self.name.as_str()) {
            (ProviderType::Core, _) | (ProviderType::Bootstrap | ProviderType::ControlPlane, "kubeadm") => Part("cluster-api".to_owned()),
            (ProviderType::Infrastructure, "aws") => Part("cluster-api-provider-aws".to_owned()),
            (kind, name) => Part(format!("{kind} provider {name}")),
        }
    }

    /// The folder of its files in a mirror.
    fn folder(&self) -> String {
        match self.part().0 {
            part if part.contains(' ') => format!("{}-{}", self.kind, self.name),
            part => part,
        }
    }

    /// What a mirror has to hold of it.
    pub fn files(&self) -> Vec<ReleaseFile> {
        let repository = match self.folder().as_str() {
            "cluster-api" => "kubernetes-sigs/cluster-api",
            "cluster-api-provider-aws" => "kubernetes-sigs/cluster-api-provider-aws",
            // Others are in mirrors only: without one the operator fetches them.
            _ => "",
        };
        let file = |file: &str| ReleaseFile::on_github(repository, &self.folder(), &self.version, file);
        vec![file(&format!("{}-components.yaml", self.kind)), file("metadata.yaml")]
    }

    fn label(&self) -> String {
        format!("{}-{}", self.kind, self.name)
    }
}

impl Wish {
    /// All providers in the order in which they depend on each other.
    pub fn all_providers(&self) -> Vec<Provider> {
        let own = |kind, name: &str, namespace: &str| Provider {
            kind,
            name: name.to_owned(),
            version: self.versions.cluster_api.clone(),
            namespace: namespace.to_owned(),
            url: None,
            secret: None,
            variables: [("CLUSTER_TOPOLOGY", "true"), ("EXP_MACHINE_POOL", "true")].map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
        };
        let mut all = vec![
            own(ProviderType::Core, "cluster-api", "capi-system"),
            own(ProviderType::Bootstrap, "kubeadm", "capi-kubeadm-bootstrap-system"),
            own(ProviderType::ControlPlane, "kubeadm", "capi-kubeadm-control-plane-system"),
        ];
        if let Some(aws) = &self.aws {
            let mut provider = own(ProviderType::Infrastructure, "aws", "capa-system");
            provider.version = aws.version.clone();
            provider.secret = aws.credentials_secret.clone();
            provider.variables.insert("AWS_B64ENCODED_CREDENTIALS".to_owned(), NO_CREDENTIALS.to_owned());
            if let Some(role) = &aws.role_arn {
                provider.variables.insert("AWS_CONTROLLER_IAM_ROLE".to_owned(), role.clone());
            }
            all.push(provider);
        }
        all.extend(self.providers.iter().cloned());
        all.sort_by_key(|provider| provider.kind);
        all
    }

    /// The labels (`infrastructure-aws`) of the providers among these objects that are wished no more.
    pub fn providers_dropped(&self, objects: &[AnyObject]) -> Vec<String> {
        let wished = self.all_providers();
        let dropped = objects.iter().map(|object| &object.reference).filter(|object| object.api_version == OPERATOR).filter_map(|object| {
            let kind = ProviderType::ALL.into_iter().find(|kind| kind.kind() == object.kind)?;
            let is_wished = wished.iter().any(|provider| provider.kind == kind && provider.name == object.name);
            (!is_wished).then(|| format!("{kind}-{}", object.name))
        });
        dropped.collect()
    }

    pub(super) fn provider_objects(&self, texts: &BTreeMap<String, String>) -> Result<Vec<AnyObject>, BuildError> {
        let mut objects: Vec<AnyObject> = Vec::new();
        for provider in self.all_providers() {
            let namespace = object("v1", "Namespace", None, &provider.namespace, json!({}));
            if !objects.iter().any(|object| object.reference == namespace.reference) {
                objects.push(namespace);
            }
            if self.brings_providers() {
                objects.push(self.manifests(&provider, texts)?);
            }
            objects.extend(variables(&provider));
            objects.push(self.provider(&provider));
        }
        Ok(objects)
    }

    fn provider(&self, provider: &Provider) -> AnyObject {
        let mut spec = json!({ "version": with_v(&provider.version) });
        let secret = provider.secret.clone().or_else(|| variables(provider).map(|secret| secret.reference.name));
        if let Some(secret) = secret {
            spec["configSecret"] = json!({ "name": secret, "namespace": provider.namespace });
        }
        if self.brings_providers() {
            spec["fetchConfig"] = json!({ "selector": { "matchLabels": { MANIFESTS_LABEL: provider.label() } } });
        } else if let Some(url) = &provider.url {
            spec["fetchConfig"] = json!({ "url": url });
        }
        object(OPERATOR, provider.kind.kind(), Some(&provider.namespace), &provider.name, json!({ "spec": spec }))
    }

    /// The provider's release in a ConfigMap, compressed: it may be larger than a ConfigMap.
    fn manifests(&self, provider: &Provider, texts: &BTreeMap<String, String>) -> Result<AnyObject, BuildError> {
        let files = provider.files();
        let text = |index: usize| {
            let path = files.get(index).map(|file| file.path.clone()).unwrap_or_default();
            texts.get(&path).ok_or(BuildError::NotFetched(path))
        };
        let (components, metadata) = (text(0)?, text(1)?);
        let components = match &self.image_registry {
            Some(registry) => images::rewrite_text(components, registry),
            None => components.clone(),
        };
        let compressed = gzip(components.as_bytes()).map_err(|error| BuildError::Compress(provider.label(), error))?;
        let version = with_v(&provider.version);
        let name = format!("{}-{}", provider.label(), version);
        let body = json!({ "data": { "metadata": metadata }, "binaryData": { "components": STANDARD.encode(compressed) } });
        let mut made = object("v1", "ConfigMap", Some(&provider.namespace), &name, body);
        made.body["metadata"]["labels"] = json!({ MANIFESTS_LABEL: provider.label(), VERSION_LABEL: version });
        made.body["metadata"]["annotations"] = json!({ COMPRESSED: "true" });
        Ok(made)
    }
}

/// The Secret with a provider's variables. The operator takes a Secret's contents as they were first, so other contents get another name.
fn variables(provider: &Provider) -> Option<AnyObject> {
    if provider.secret.is_some() || provider.variables.is_empty() {
        return None;
    }
    let fold = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    let text = format!("{:?}", provider.variables);
    let name = format!("kaas-variables-{:08x}", text.bytes().fold(0x811c_9dc5, fold));
    let data: BTreeMap<&String, String> = provider.variables.iter().map(|(key, value)| (key, STANDARD.encode(value))).collect();
    Some(object("v1", "Secret", Some(&provider.namespace), &name, json!({ "type": "Opaque", "data": data })))
}

pub(super) fn object(api_version: &str, kind: &str, namespace: Option<&str>, name: &str, mut body: Value) -> AnyObject {
    body["apiVersion"] = json!(api_version);
    body["kind"] = json!(kind);
    body["metadata"]["name"] = json!(name);
    if let Some(namespace) = namespace {
        body["metadata"]["namespace"] = json!(namespace);
    }
    AnyObject { reference: AnyRef::new(api_version, kind, namespace, name), body }
}

fn with_v(version: &str) -> String {
    format!("v{}", plain(version))
}

/// Compressed without a time or a name, so that equal texts give equal bytes.
pub(super) fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzBuilder::new().write(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}
