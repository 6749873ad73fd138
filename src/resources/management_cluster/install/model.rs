//! What `install {}` and `mirror {}` are in a configuration, and the wish they make.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::{
    domain::install::{AwsProvider, Component, ExternalDns, OnConflict, Provider, ProviderType, Versions, Wish},
    drivers::release::Origin,
    framework::{attr::Attr, model::Model},
};

/// Installs what tenants stand on, in this order, each waited for: cert-manager, the Cluster API Operator with the providers of Cluster API (core, kubeadm,
/// AWS), Flux (its source and helm controllers), and by Flux what tenants in namespaces share: Strimzi, the Prometheus operator and external-dns.
/// Without this block nothing is installed. Taking it out removes what it installed, as destroying does: in reverse order, unless something still uses it.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct Install {
    /// Components that are left out: `cert-manager`, `cluster-api-operator`, `cluster-api`, `flux`, `strimzi`, `monitoring`, and `aws`, Cluster API's provider
    /// for AWS. `external-dns` is installed only with an `external_dns` block.
    #[tf(optional)]
    pub without: Attr<BTreeSet<String>>,
    /// What is done where somebody else has installed a component: `leave` uses it as it is, `adopt` takes it over, to be upgraded, mended and removed here.
    #[tf(optional, default = "leave")]
    pub on_conflict: Attr<String>,
    /// Version of cert-manager. It is raised by one minor version at a time.
    #[tf(optional, default = "1.21.2")]
    pub cert_manager: Attr<String>,
    /// Version of the Cluster API Operator.
    #[tf(optional, default = "0.29.0")]
    pub cluster_api_operator: Attr<String>,
    /// Version of Cluster API: core, kubeadm bootstrap and kubeadm control plane. It is raised by at most three minor versions at a time.
    #[tf(optional, default = "1.13.6")]
    pub cluster_api: Attr<String>,
    /// Version of Flux. It is raised within its major version.
    #[tf(optional, default = "2.9.5")]
    pub flux: Attr<String>,
    /// Version of Strimzi's chart.
    #[tf(optional, default = "1.2.0")]
    pub strimzi: Attr<String>,
    /// Version of the kube-prometheus-stack chart.
    #[tf(optional, default = "88.5.3")]
    pub monitoring: Attr<String>,
    /// Cluster API's provider for AWS.
    #[tf(block)]
    pub aws: Attr<Aws>,
    /// Further providers of Cluster API, for other clouds and bare metal.
    #[tf(block)]
    pub providers: Attr<Vec<FurtherProvider>>,
    /// Installs external-dns, which writes the DNS records of tenants in namespaces.
    #[tf(block)]
    pub external_dns: Attr<Dns>,
}

/// Cluster API's provider for AWS.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct Aws {
    /// Version of the provider.
    #[tf(optional, default = "2.13.0")]
    pub version: Attr<String>,
    /// IAM role that its service account `capa-controller-manager` in `capa-system` takes by the cluster's OIDC provider. Unset, EKS Pod Identity or the node's
    /// role gives the rights.
    #[tf(optional)]
    pub role_arn: Attr<String>,
    /// Name of a Secret of your own in `capa-system` with the provider's variables, such as `AWS_B64ENCODED_CREDENTIALS`, for credentials of an IAM user.
    #[tf(optional)]
    pub credentials_secret: Attr<String>,
}

/// A further provider of Cluster API.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct FurtherProvider {
    /// `infrastructure`, `bootstrap`, `control-plane`, `addon`, `ipam` or `runtime-extension`.
    #[tf(required)]
    pub kind: Attr<String>,
    /// As clusterctl names it, such as `metal3`.
    #[tf(required)]
    pub name: Attr<String>,
    /// Version of the provider.
    #[tf(required)]
    pub version: Attr<String>,
    /// Namespace it runs in. Unset: its name with `-system`.
    #[tf(optional)]
    pub namespace: Attr<String>,
    /// Where its releases are, for one that clusterctl does not know. Not used with a mirror.
    #[tf(optional)]
    pub url: Attr<String>,
    /// Name of a Secret of your own in that namespace with its variables.
    #[tf(optional)]
    pub config_secret: Attr<String>,
}

/// How external-dns writes DNS records in Route53.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct Dns {
    /// Version of the chart.
    #[tf(optional, default = "1.21.1")]
    pub version: Attr<String>,
    /// Records are written at and below these names only.
    #[tf(required)]
    pub domains: Attr<Vec<String>>,
    /// Tells its records from those of other clusters: no other external-dns has the same.
    #[tf(required)]
    pub owner_id: Attr<String>,
    /// Hosted zones. Unset: all that hold the domains.
    #[tf(optional)]
    pub zone_ids: Attr<Vec<String>>,
    /// IAM role that its service account `external-dns` in `external-dns` takes by the cluster's OIDC provider. Unset, EKS Pod Identity or the node's role gives
    /// the rights.
    #[tf(optional)]
    pub role_arn: Attr<String>,
    /// Region its client of AWS is set to.
    #[tf(optional)]
    pub region: Attr<String>,
}

/// Where `install` gets its files and images, for sites without internet. Unset, files come from the projects' release pages over HTTPS.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct Mirror {
    /// URL below which the files are, such as `cert-manager/v1.21.2/cert-manager.yaml`. Excludes `directory`.
    #[tf(optional)]
    pub url: Attr<String>,
    /// Directory of this machine that holds the files, under the same paths. Excludes `url`.
    #[tf(optional)]
    pub directory: Attr<String>,
    /// SHA-256 of each file by its path, in hexadecimal digits. With `url` or `directory` every file must be here.
    #[tf(optional)]
    pub checksums: Attr<BTreeMap<String, String>>,
    /// Registry, with or without a path, that all images and charts come from, those of tenants' own clusters included: it holds them under the paths they have
    /// where they are published, charts of HTTP repositories under `charts/`.
    #[tf(optional)]
    pub image_registry: Attr<String>,
    /// Certificates, in PEM, of the authorities that may sign the certificate of `url`.
    #[tf(optional)]
    pub ca_certificate: Attr<String>,
}

/// The name by which the provider for AWS is left out.
pub const WITHOUT_AWS: &str = "aws";

/// The versions that were the newest when this version of the provider was made: the defaults of the attributes, which the configuration alone lacks.
pub mod pinned {
    pub const CERT_MANAGER: &str = "1.21.2";
    pub const CLUSTER_API_OPERATOR: &str = "0.29.0";
    pub const CLUSTER_API: &str = "1.13.6";
    pub const AWS: &str = "2.13.0";
    pub const FLUX: &str = "2.9.5";
    pub const STRIMZI: &str = "1.2.0";
    pub const MONITORING: &str = "88.5.3";
    pub const EXTERNAL_DNS: &str = "1.21.1";
}

fn version(value: &Attr<String>, pinned: &str) -> String {
    value.known().map_or_else(|| pinned.to_owned(), Clone::clone)
}

fn text(value: &Attr<String>) -> String {
    value.known().cloned().unwrap_or_default()
}

fn some(value: &Attr<String>) -> Option<String> {
    value.known().filter(|text| !text.is_empty()).cloned()
}

impl Install {
    /// Whether the classes for AWS can be kept where all of this is installed.
    pub fn brings_classes(&self) -> bool {
        let without = self.without.known();
        !without.is_some_and(|without| without.contains(WITHOUT_AWS) || without.contains(Component::ClusterApi.name()))
    }

    /// What is to be installed. Call it with known values only.
    pub fn wish(&self, mirror: Option<&Mirror>) -> Wish {
        let without = self.without.known().cloned().unwrap_or_default();
        let dns = self.external_dns.known();
        let is_wanted = |component: &Component| match component {
            Component::ExternalDns => dns.is_some(),
            other => !without.contains(other.name()),
        };
        Wish {
            components: Component::ALL.into_iter().filter(is_wanted).collect(),
            versions: Versions {
                cert_manager: version(&self.cert_manager, pinned::CERT_MANAGER),
                cluster_api_operator: version(&self.cluster_api_operator, pinned::CLUSTER_API_OPERATOR),
                cluster_api: version(&self.cluster_api, pinned::CLUSTER_API),
                flux: version(&self.flux, pinned::FLUX),
                strimzi: version(&self.strimzi, pinned::STRIMZI),
                monitoring: version(&self.monitoring, pinned::MONITORING),
                external_dns: dns.map(|dns| version(&dns.version, pinned::EXTERNAL_DNS)).unwrap_or_default(),
            },
            on_conflict: if self.on_conflict.known().is_some_and(|choice| choice == "adopt") {
                OnConflict::Adopt
            } else {
                OnConflict::Leave
            },
            aws: (!without.contains(WITHOUT_AWS)).then(|| self.aws()),
            providers: self.providers.known().into_iter().flatten().filter_map(FurtherProvider::spec).collect(),
            external_dns: dns.map(Dns::spec),
            image_registry: mirror.and_then(|mirror| some(&mirror.image_registry)),
            is_mirrored: mirror.is_some_and(|mirror| mirror.origin() != Origin::Published),
        }
    }

    fn aws(&self) -> AwsProvider {
        match self.aws.known() {
            Some(aws) => AwsProvider {
                version: version(&aws.version, pinned::AWS),
                role_arn: some(&aws.role_arn),
                credentials_secret: some(&aws.credentials_secret),
            },
            None => AwsProvider { version: pinned::AWS.to_owned(), role_arn: None, credentials_secret: None },
        }
    }
}

impl FurtherProvider {
    fn spec(&self) -> Option<Provider> {
        let name = text(&self.name);
        Some(Provider {
            kind: ProviderType::parse(self.kind.known()?)?,
            namespace: some(&self.namespace).unwrap_or_else(|| format!("{name}-system")),
            name,
            version: text(&self.version),
            url: some(&self.url),
            secret: some(&self.config_secret),
            variables: BTreeMap::new(),
        })
    }
}

impl Dns {
    fn spec(&self) -> ExternalDns {
        let list = |values: &Attr<Vec<String>>| values.known().cloned().unwrap_or_default();
        ExternalDns {
            domains: list(&self.domains),
            zone_ids: list(&self.zone_ids),
            owner_id: text(&self.owner_id),
            role_arn: some(&self.role_arn),
            region: some(&self.region),
        }
    }
}

impl Mirror {
    /// Where files come from.
    pub fn origin(&self) -> Origin {
        match (some(&self.url), some(&self.directory)) {
            (Some(url), _) => Origin::Url(url),
            (None, Some(directory)) => Origin::Directory(PathBuf::from(directory)),
            (None, None) => Origin::Published,
        }
    }

    /// The SHA-256 that a file must have.
    pub fn checksum(&self, path: &str) -> Option<&str> {
        self.checksums.known()?.get(path).map(String::as_str)
    }
}
