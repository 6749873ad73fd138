//! What can be told of the blocks `install {}` and `mirror {}` before anything is asked of a cluster, all at once, each at its place.

use std::collections::BTreeSet;

use crate::{
    domain::install::{
        Component, ProviderType,
        version::{Version, check_step},
    },
    framework::{attr::Attr, diagnostic::Diagnostics, path::Path},
    resources::management_cluster::{
        install::model::{Aws, Dns, FurtherProvider, Install, Mirror, WITHOUT_AWS, pinned},
        model::ManagementCluster,
    },
};

/// Paths are written step by step.
trait Then {
    fn then(&self, step: impl Into<Path>) -> Path;
}

impl Then for Path {
    fn then(&self, step: impl Into<Path>) -> Path {
        self.join(&step.into())
    }
}

/// Checks the configuration. Values that are not known yet are let through.
pub fn check(install: &Attr<Install>, mirror: &Attr<Mirror>, found: &mut Diagnostics) {
    if let Some(install) = install.known() {
        check_names(install, found);
        check_versions(install, found);
        check_providers(install, found);
    }
    if let Some(mirror) = mirror.known() {
        check_mirror(mirror, found);
        if let Some(install) = install.known() {
            check_checksums(install, mirror, found);
            check_registry(install, mirror, found);
        }
    }
}

fn check_names(install: &Install, found: &mut Diagnostics) {
    let at = || Path::from(ManagementCluster::INSTALL);
    for name in install.without.known().into_iter().flatten() {
        let known = Component::parse(name).is_some_and(|component| component != Component::ExternalDns) || name == WITHOUT_AWS;
        if !known {
            let names: Vec<&str> = Component::ALL.into_iter().filter(|one| *one != Component::ExternalDns).map(Component::name).collect();
            let detail = format!("{name:?} is none of {} and {WITHOUT_AWS}.", names.join(", "));
            found.error_at(at().then(Install::WITHOUT), "No such component", detail);
        }
    }
    if let Some(choice) = install.on_conflict.known().filter(|choice| !matches!(choice.as_str(), "leave" | "adopt")) {
        found.error_at(at().then(Install::ON_CONFLICT), "No such choice", format!("{choice:?} is neither \"leave\" nor \"adopt\"."));
    }
    if install.external_dns.known().is_some_and(|dns| dns.domains.known().is_some_and(Vec::is_empty)) {
        let detail = "Name the domains that external-dns may write to: with none it would write to every zone it can reach.";
        found.error_at(at().then(Install::EXTERNAL_DNS).then(Dns::DOMAINS), "No domain", detail);
    }
}

fn check_versions(install: &Install, found: &mut Diagnostics) {
    let at = || Path::from(ManagementCluster::INSTALL);
    let own = [
        (&install.cert_manager, Install::CERT_MANAGER, pinned::CERT_MANAGER),
        (&install.cluster_api_operator, Install::CLUSTER_API_OPERATOR, pinned::CLUSTER_API_OPERATOR),
        (&install.cluster_api, Install::CLUSTER_API, pinned::CLUSTER_API),
        (&install.flux, Install::FLUX, pinned::FLUX),
        (&install.strimzi, Install::STRIMZI, pinned::STRIMZI),
        (&install.monitoring, Install::MONITORING, pinned::MONITORING),
    ];
    let mut all: Vec<(&Attr<String>, Path, &'static str)> =
        own.into_iter().map(|(value, step, pin)| (value, at().then(step), pin)).collect();
    if let Some(aws) = install.aws.known() {
        all.push((&aws.version, at().then(Install::AWS).then(Aws::VERSION), pinned::AWS));
    }
    if let Some(dns) = install.external_dns.known() {
        all.push((&dns.version, at().then(Install::EXTERNAL_DNS).then(Dns::VERSION), pinned::EXTERNAL_DNS));
    }
    for (index, provider) in install.providers.known().into_iter().flatten().enumerate() {
        all.push((&provider.version, at().then(Install::PROVIDERS).index(index).then(FurtherProvider::VERSION), "1.2.3"));
    }
    for (value, path, pinned) in all {
        if let Some(Err(error)) = value.known().map(|text| Version::parse(text, pinned)) {
            found.error_at(path, "Not a version", format!("{error}. Ranges would change a running cluster without a plan."));
        }
    }
}

fn check_providers(install: &Install, found: &mut Diagnostics) {
    let mut seen = BTreeSet::new();
    for (index, provider) in install.providers.known().into_iter().flatten().enumerate() {
        let at = || Path::from(ManagementCluster::INSTALL).then(Install::PROVIDERS).index(index);
        let (Some(kind), Some(name)) = (provider.kind.known(), provider.name.known()) else { continue };
        match ProviderType::parse(kind) {
            None | Some(ProviderType::Core) => {
                let names: Vec<&str> = ProviderType::ALL.into_iter().skip(1).map(ProviderType::name).collect();
                found.error_at(at().then(FurtherProvider::KIND), "No such kind", format!("{kind:?} is none of {}.", names.join(", ")));
            }
            Some(_) if kind == "infrastructure" && name == "aws" => {
                let detail = "The provider for AWS is installed with the others: set its version and its rights in the aws block.";
                found.error_at(at().then(FurtherProvider::NAME), "Named twice", detail);
            }
            Some(_) if name == "kubeadm" || !seen.insert((kind.clone(), name.clone())) => {
                found.error_at(at().then(FurtherProvider::NAME), "Named twice", format!("The {kind} provider {name} is there already."));
            }
            Some(_) => {}
        }
    }
}

fn check_mirror(mirror: &Mirror, found: &mut Diagnostics) {
    let at = || Path::from(ManagementCluster::MIRROR);
    if mirror.url.known().is_some() && mirror.directory.known().is_some() {
        found.error_at(at().then(Mirror::URL), "Two mirrors", "url and directory exclude each other.");
    }
    if let Some(url) = mirror.url.known().filter(|url| !url.starts_with("https://") && !url.starts_with("http://")) {
        found.error_at(at().then(Mirror::URL), "Not a URL", format!("{url:?} begins with neither https:// nor http://."));
    }
    if let Some(registry) = mirror.image_registry.known().filter(|registry| registry.contains("://") || registry.trim() != *registry) {
        let detail = format!("{registry:?} is an address: write the registry as images name it, such as registry.example.com:5000/mirror.");
        found.error_at(at().then(Mirror::IMAGE_REGISTRY), "Not a registry", detail);
    }
    if mirror.image_registry.known().is_some_and(|registry| registry.is_empty() || registry.starts_with('/') || registry.ends_with('/')) {
        let detail = "Write a registry, and the path in it if there is one, with no slash before or after them, such as registry.example.com:5000/mirror.";
        found.error_at(at().then(Mirror::IMAGE_REGISTRY), "Not a registry", detail);
    }
    for (file, sum) in mirror.checksums.known().into_iter().flatten() {
        if sum.len() != 64 || !sum.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let detail = format!("{sum:?} is no SHA-256: 64 hexadecimal digits, as sha256sum prints them.");
            found.error_at(at().then(Mirror::CHECKSUMS).key(file), "Not a checksum", detail);
        }
    }
}

/// Of providers that only the Cluster API Operator knows how to find it takes the images as well.
fn check_registry(install: &Install, mirror: &Mirror, found: &mut Diagnostics) {
    if !matches!(mirror.image_registry, Attr::Known(_)) || !mirror.url.is_null() || !mirror.directory.is_null() {
        return;
    }
    for index in 0..install.providers.known().map_or(0, Vec::len) {
        let at = Path::from(ManagementCluster::INSTALL).then(Install::PROVIDERS).index(index);
        let detail = "With mirror.image_registry all images come from that registry, but the manifests of this provider, which name its images, are fetched by the Cluster \
                      API Operator. Put them into a mirror and say where it is by mirror.url or mirror.directory.";
        found.error_at(at, "Images from elsewhere", detail);
    }
}

/// A mirror is not whom TLS vouches for, so each of its files is named with its checksum.
fn check_checksums(install: &Install, mirror: &Mirror, found: &mut Diagnostics) {
    let is_mirror = mirror.url.known().is_some() || mirror.directory.known().is_some();
    if !is_mirror || mirror.checksums.is_unknown() || has_unknown(install) {
        return;
    }
    let wish = install.wish(Some(mirror));
    let files = wish.components.iter().flat_map(|component| wish.files(*component));
    let missing: BTreeSet<String> = files.map(|file| file.path).filter(|path| mirror.checksum(path).is_none()).collect();
    if !missing.is_empty() {
        let missing: Vec<String> = missing.into_iter().collect();
        let detail = format!("Every file of a mirror is checked by its SHA-256. These are missing: {}.", missing.join(", "));
        found.error_at(Path::from(ManagementCluster::MIRROR).then(Mirror::CHECKSUMS), "Checksums are missing", detail);
    }
}

/// Whether what decides on the files is not known yet.
pub fn has_unknown(install: &Install) -> bool {
    let versions = [&install.cert_manager, &install.cluster_api_operator, &install.cluster_api, &install.flux];
    let providers = install.providers.known().into_iter().flatten();
    versions.iter().any(|version| version.is_unknown())
        || install.without.is_unknown()
        || install.aws.known().is_some_and(|aws| aws.version.is_unknown())
        || install.providers.is_unknown()
        || providers.into_iter().any(|provider| provider.name.is_unknown() || provider.version.is_unknown())
}

/// Refuses steps between versions that are not supported, in the plan already.
pub fn refuse_steps(prior: &Attr<Install>, planned: &Attr<Install>, found: &mut Diagnostics) {
    let (Some(prior), Some(planned)) = (prior.known(), planned.known()) else { return };
    if has_unknown(prior) || has_unknown(planned) {
        return;
    }
    let (old, new) = (prior.wish(None), planned.wish(None));
    for component in new.components.intersection(&old.components) {
        let former = old.versions_of(*component);
        for (part, to) in new.versions_of(*component) {
            let Some(Err(error)) = former.get(&part).map(|from| check_step(&part, from, &to)) else { continue };
            found.error_at(place(*component, &part.0), "Version cannot be reached", format!("{error}."));
        }
    }
}

fn place(component: Component, part: &str) -> Path {
    let at = Path::from(ManagementCluster::INSTALL);
    match component {
        Component::CertManager => at.then(Install::CERT_MANAGER),
        Component::ClusterApiOperator => at.then(Install::CLUSTER_API_OPERATOR),
        Component::ClusterApi if part == "cluster-api" => at.then(Install::CLUSTER_API),
        Component::ClusterApi if part == "cluster-api-provider-aws" => at.then(Install::AWS),
        Component::ClusterApi => at.then(Install::PROVIDERS),
        Component::Flux => at.then(Install::FLUX),
        Component::Strimzi => at.then(Install::STRIMZI),
        Component::Monitoring => at.then(Install::MONITORING),
        Component::ExternalDns => at.then(Install::EXTERNAL_DNS),
    }
}
