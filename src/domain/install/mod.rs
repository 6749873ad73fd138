//! What runs on a management cluster beside tenants, and how it is installed: the components, their manifests, the order, readiness, supported steps
//! between versions, and the record of what was applied.
//!
//! Pure: manifests come in as text that others fetched, and go out as objects.

mod charts;
mod files;
pub mod images;
pub mod inventory;
pub mod object;
mod providers;
pub mod ready;
pub mod running;
#[cfg(test)]
mod tests;
pub mod version;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use object::{AnyObject, AnyRef, ManifestError};

pub use charts::ExternalDns;
pub use files::ReleaseFile;
pub use providers::{AwsProvider, Provider, ProviderType};

/// On every object that is installed: the component it is of.
pub const COMPONENT_LABEL: &str = "kaas.dev/component";

/// On a HelmRelease: the chart's version, which otherwise only its source names.
pub const CHART_VERSION_ANNOTATION: &str = "kaas.dev/chart-version";

/// What is installed, in the order of installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Component {
    CertManager,
    ClusterApiOperator,
    /// The providers of Cluster API, as the operator's objects.
    ClusterApi,
    Flux,
    Strimzi,
    Monitoring,
    ExternalDns,
}

impl Component {
    pub const ALL: [Self; 7] =
        [Self::CertManager, Self::ClusterApiOperator, Self::ClusterApi, Self::Flux, Self::Strimzi, Self::Monitoring, Self::ExternalDns];

    /// As users and labels name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CertManager => "cert-manager",
            Self::ClusterApiOperator => "cluster-api-operator",
            Self::ClusterApi => "cluster-api",
            Self::Flux => "flux",
            Self::Strimzi => "strimzi",
            Self::Monitoring => "monitoring",
            Self::ExternalDns => "external-dns",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|component| component.name() == name)
    }

    /// CustomResourceDefinitions by which an installation is known whose objects have other names.
    pub const fn signs(self) -> &'static [&'static str] {
        match self {
            Self::CertManager => &["certificates.cert-manager.io"],
            Self::ClusterApiOperator => &["coreproviders.operator.cluster.x-k8s.io"],
            Self::ClusterApi => &["clusters.cluster.x-k8s.io"],
            Self::Flux => &["helmreleases.helm.toolkit.fluxcd.io"],
            Self::Strimzi => &["kafkas.kafka.strimzi.io"],
            Self::Monitoring => &["prometheuses.monitoring.coreos.com"],
            Self::ExternalDns => &[],
        }
    }

    /// Selects the CustomResourceDefinitions that its controllers install and leave behind. Sources: clusterctl's contract (its label is on all objects of
    /// a provider); helm-controller 1.6, `internal/action/crds.go`.
    pub fn definitions_left(self) -> Option<String> {
        match self {
            Self::ClusterApi => Some("clusterctl.cluster.x-k8s.io".to_owned()),
            Self::Strimzi | Self::Monitoring | Self::ExternalDns => {
                let (name, namespace) = (charts::release_name(self), crate::domain::names::SYSTEM_NAMESPACE);
                Some(format!("helm.toolkit.fluxcd.io/name={name},helm.toolkit.fluxcd.io/namespace={namespace}"))
            }
            Self::CertManager | Self::ClusterApiOperator | Self::Flux => None,
        }
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A program with a version of its own: a component, or a provider of Cluster API.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Part(pub String);

impl Part {
    pub fn of(component: Component) -> Self {
        Self(component.name().to_owned())
    }

    /// How many minor versions one step may take, within a major one. None: charts, whose versions say nothing of the program's.
    fn minors_at_once(&self) -> Option<u64> {
        match self.0.as_str() {
            "cert-manager" => Some(1),
            "cluster-api" => Some(3),
            "strimzi" | "monitoring" | "external-dns" => None,
            _ => Some(u64::MAX),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is done where somebody else has installed a component.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnConflict {
    /// It is used as it is.
    #[default]
    Leave,
    /// It is taken over: upgraded, mended and removed as if it had been installed here.
    Adopt,
}

/// The versions of all components, whether or not they are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versions {
    pub cert_manager: String,
    pub cluster_api_operator: String,
    /// Core, kubeadm bootstrap and kubeadm control plane.
    pub cluster_api: String,
    pub flux: String,
    /// Of charts, as are the next two.
    pub strimzi: String,
    pub monitoring: String,
    pub external_dns: String,
}

/// What is to be on a management cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Wish {
    pub components: BTreeSet<Component>,
    pub versions: Versions,
    pub on_conflict: OnConflict,
    /// None: Cluster API has no provider for AWS.
    pub aws: Option<AwsProvider>,
    /// Further providers of Cluster API.
    pub providers: Vec<Provider>,
    pub external_dns: Option<ExternalDns>,
    /// Where all images come from; None: from where the projects publish them.
    pub image_registry: Option<String>,
    /// Everything is fetched from a mirror.
    pub is_mirrored: bool,
}

#[derive(Debug, Error)]
pub enum BuildError {
    #[error("read {file}")]
    Manifest { file: String, source: ManifestError },
    #[error("the file {0} was not fetched")]
    NotFetched(String),
    #[error("compress the manifests of {0}")]
    Compress(String, #[source] std::io::Error),
}

impl Wish {
    /// Whether the Cluster API Operator gets its providers' manifests from us, in ConfigMaps: by itself it would fetch those that the projects publish, with the
    /// images they name.
    pub const fn brings_providers(&self) -> bool {
        self.is_mirrored || self.image_registry.is_some()
    }

    /// The parts of a component with their versions, without a leading "v".
    pub fn versions_of(&self, component: Component) -> BTreeMap<Part, String> {
        let versions = &self.versions;
        let one = |version: &str| BTreeMap::from([(Part::of(component), plain(version))]);
        match component {
            Component::CertManager => one(&versions.cert_manager),
            Component::ClusterApiOperator => one(&versions.cluster_api_operator),
            Component::ClusterApi => self.all_providers().iter().map(|provider| (provider.part(), plain(&provider.version))).collect(),
            Component::Flux => one(&versions.flux),
            Component::Strimzi => one(&versions.strimzi),
            Component::Monitoring => one(&versions.monitoring),
            Component::ExternalDns => one(&versions.external_dns),
        }
    }

    /// Tells two wishes for a component apart that differ in more than versions.
    pub fn settings_of(&self, component: Component) -> String {
        let text = match component {
            Component::CertManager | Component::ClusterApiOperator | Component::Flux => format!("{:?}", self.image_registry),
            Component::ClusterApi => {
                format!("{:?} {:?} {:?} {}", self.image_registry, self.aws, self.providers, self.is_mirrored)
            }
            Component::Strimzi | Component::Monitoring | Component::ExternalDns => {
                format!("{:?} {:?}", self.image_registry, self.external_dns)
            }
        };
        // FNV-1a of 64 bits: the same on every machine and in every build.
        let fold = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        format!("{:016x}", text.bytes().fold(0xcbf2_9ce4_8422_2325, fold))
    }

    /// The objects of a component in the order of installation, marked as its own. `texts`: the files that [`Wish::files`] names, by their paths.
    ///
    /// # Errors
    /// When a file is missing or holds no manifests.
    pub fn build(&self, component: Component, texts: &BTreeMap<String, String>) -> Result<Vec<AnyObject>, BuildError> {
        let mut objects = match component {
            Component::CertManager | Component::ClusterApiOperator | Component::Flux => self.release_file_objects(component, texts)?,
            Component::ClusterApi => self.provider_objects(texts)?,
            Component::Strimzi | Component::Monitoring | Component::ExternalDns => self.release_objects(component),
        };
        for object in &mut objects {
            object.label(component.name());
        }
        object::sort(&mut objects);
        Ok(objects)
    }

    fn release_file_objects(&self, component: Component, texts: &BTreeMap<String, String>) -> Result<Vec<AnyObject>, BuildError> {
        let mut objects = Vec::new();
        for file in self.files(component) {
            let text = texts.get(&file.path).ok_or_else(|| BuildError::NotFetched(file.path.clone()))?;
            let parsed = object::parse(text).map_err(|source| BuildError::Manifest { file: file.path.clone(), source })?;
            objects.extend(parsed);
        }
        if component == Component::Flux {
            objects = files::needed_of_flux(objects);
        }
        if let Some(registry) = &self.image_registry {
            objects.iter_mut().for_each(|object| images::rewrite(&mut object.body, registry));
        }
        Ok(objects)
    }
}

/// What of a former version's objects the new version lacks, in the order of removal. Definitions and namespaces are never among them: they hold what
/// others have made.
pub fn outdated(former: &[AnyRef], wanted: &[AnyObject]) -> Vec<AnyRef> {
    let gone = |old: &&AnyRef| !wanted.iter().any(|new| new.reference.is_same(old)) && !old.is_namespace() && !old.is_definition();
    let mut outdated: Vec<AnyRef> = former.iter().filter(gone).cloned().collect();
    outdated.sort_by_key(|old| std::cmp::Reverse(object::rank(old)));
    outdated
}

/// The order of removal: that of installation backwards.
pub fn removal_order(objects: &[AnyObject]) -> Vec<AnyRef> {
    let mut sorted = objects.to_vec();
    object::sort(&mut sorted);
    sorted.into_iter().rev().map(|object| object.reference).collect()
}

fn plain(version: &str) -> String {
    version.trim_start_matches('v').to_owned()
}
