//! From the model to what the domain understands, all errors at once, each at its attribute.
//!
//! Two ways: a configuration is checked for everything ([`validate`]), a state only read ([`spec`]). What once was made can be looked at and destroyed,
//! whatever this version of the provider would refuse to make.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    domain::{
        kafka::{
            config,
            version::{KafkaVersion, MetadataVersion},
        },
        names::{NameError, TenantName},
        tenant::{self, Authentication, Isolation, KafkaSpec, StorageSpec, TenantSpec, is_dns_label},
    },
    framework::{attr::Attr, diagnostic::Diagnostics, model::Field},
    resources::{
        connection::Settings,
        tenant::{
            model::{Access, KafkaSettings, Location, Storage, Tenant},
            outside, own_cluster,
        },
        wishes::{self, SizingReport, capitalised},
    },
};

pub const NAMESPACE: &str = "namespace";
pub const CLUSTER: &str = "cluster";

/// Checks whatever is known of a configuration.
pub fn validate(config: &Tenant, found: &mut Diagnostics) {
    let named = name(config, found);
    outside::validate(config, named.as_ref(), found);
    if matches!(isolation(config, found), Some(Isolation::Namespace)) {
        no_cluster(config, found);
    }
    check_kafka(config, found);
    let _ = groups_and_namespaces(config, found);
    if let Some(storage) = config.storage.known()
        && storage.class.known().is_some()
        && storage.kms_key_arn.known().is_some()
    {
        found.error_at(
            Tenant::STORAGE.then(Storage::KMS_KEY_ARN),
            "Two ways to encrypt",
            "class and kms_key_arn exclude each other: a StorageClass of your own says itself how its volumes are encrypted.",
        );
    }
    let wish = wishes::wish(&config.throughput, &config.retention, &config.partitions, found);
    if let (Some(wish), Some(overrides)) = (wish, wishes::overrides(&config.sizing_override)) {
        let _ = wishes::size(&wish, &overrides, None, found);
    }
}

/// The whole spec of a tenant whose every value is known, as it was made, whether or not it could be made again.
pub fn spec(tenant: &Tenant, settings: &Settings) -> Result<TenantSpec, Diagnostics> {
    let mut found = Diagnostics::none();
    let name = name(tenant, &mut found);
    let kafka = kafka(tenant, &mut found);
    let (access_groups, allowed_namespaces) = groups_and_namespaces(tenant, &mut found);
    let wish = wishes::wish(&tenant.throughput, &tenant.retention, &tenant.partitions, &mut found);
    let overrides = wishes::overrides(&tenant.sizing_override);
    let isolation = isolation(tenant, &mut found);
    let parts = name.zip(kafka).zip(wish.zip(overrides)).zip(isolation.zip(outside::specs(tenant)));
    if let (Some((((name, kafka), (wish, overrides)), (isolation, (dns, tls, external)))), false) = (parts, found.has_errors()) {
        let storage = tenant.storage.known();
        return Ok(TenantSpec {
            name,
            owner: settings.owner.clone(),
            wish,
            overrides,
            floor: tenant.sizing.known().and_then(SizingReport::floor),
            kafka,
            access_groups,
            allowed_namespaces,
            storage: StorageSpec {
                class: storage.and_then(|storage| storage.class.known().cloned()),
                kms_key_arn: storage.and_then(|storage| storage.kms_key_arn.known().cloned()),
            },
            labels: settings.labels.clone(),
            isolation,
            monitoring: tenant.monitoring.known().copied().unwrap_or_default(),
            facts: None,
            dns,
            tls,
            external,
            leaving: None,
            mirror: None,
        });
    }
    if !found.has_errors() {
        found.error(
            "Incomplete tenant",
            "A value that is needed to make the tenant is missing or not known. This is a bug of the provider: please report it.",
        );
    }
    Err(found)
}

/// Everything wrong with the provider's `default_tags`: the key and why.
pub fn check_labels(labels: Option<&BTreeMap<String, String>>) -> Vec<(String, String)> {
    let errors = labels.map(tenant::check_labels).unwrap_or_default();
    errors.into_iter().map(|error| (error.key().to_owned(), format!("{}.", capitalised(&error.to_string())))).collect()
}

/// Where a tenant of this name is in Kubernetes.
pub fn location(name: &TenantName, own_cluster: bool) -> Location {
    Location {
        namespace: name.namespace().into(),
        cluster: own_cluster.then(|| name.cluster().to_owned()).into(),
        kubeconfig_secret: own_cluster.then(|| name.kubeconfig_secret()).into(),
        kafka: name.kafka().into(),
        admin_user: name.admin_user().into(),
        admin_secret: name.admin_user().into(),
    }
}

/// The name of the tenant, if it is known and right.
pub fn name(tenant: &Tenant, found: &mut Diagnostics) -> Option<TenantName> {
    let text = tenant.name.known()?;
    text.parse()
        .map_err(|error: NameError| {
            found.error_at(Tenant::NAME, "Not a name for a tenant", format!("{}.", capitalised(&error.to_string())));
        })
        .ok()
}

/// What the tenant has to itself. None where that is wrong (then `found` says so) or not known yet.
pub fn isolation(tenant: &Tenant, found: &mut Diagnostics) -> Option<Isolation> {
    // Defaults are not filled in yet when a configuration is validated.
    let isolation = if tenant.isolation.is_null() { CLUSTER } else { tenant.isolation.known()? };
    match isolation {
        NAMESPACE => Some(Isolation::Namespace),
        CLUSTER => {
            let mut own = own_cluster::spec(tenant, found)?;
            // The version it was made with stays until another one is asked for.
            if let (None, Some(kept)) = (own.cluster.kubernetes_version, tenant.kubernetes_version.known()) {
                own.cluster.kubernetes_version = kept.parse().ok();
            }
            Some(Isolation::Cluster(Box::new(own)))
        }
        other => {
            found.error_at(
                Tenant::ISOLATION,
                "Not an isolation",
                format!("isolation is {other:?}; it can be {CLUSTER:?} or {NAMESPACE:?}."),
            );
            None
        }
    }
}

/// Some(None): it is not set. None: it is not known yet.
#[expect(clippy::option_option, reason = "not known and not set are told apart, and `?` ends at the first that is not known")]
pub fn known<T: Clone>(value: &Attr<T>) -> Option<Option<T>> {
    match value {
        Attr::Unknown => None,
        Attr::Null => Some(None),
        Attr::Known(value) => Some(Some(value.clone())),
    }
}

/// Refuses what is said about a cluster that the tenant has not.
fn no_cluster(config: &Tenant, found: &mut Diagnostics) {
    for (field, set) in [(Tenant::CLUSTER, config.cluster.known().is_some()), (Tenant::OPERATORS, config.operators.known().is_some())] {
        if set {
            found.error_at(
                field,
                "No cluster of its own",
                format!(
                    "{} is about the tenant's own Kubernetes cluster, but with isolation = {NAMESPACE:?} it lives on the management cluster. Remove the block, or \
                     set isolation = {CLUSTER:?}.",
                    field.0
                ),
            );
        }
    }
}

fn kafka(tenant: &Tenant, found: &mut Diagnostics) -> Option<KafkaSpec> {
    let settings = match &tenant.kafka {
        Attr::Unknown => return None,
        Attr::Null => None,
        Attr::Known(settings) => Some(settings),
    };
    let at = |field: Field| Tenant::KAFKA.then(field);
    let wanted = settings.and_then(|settings| settings.version.known()).or_else(|| tenant.kafka_version.known());
    let version = match wanted.map(|text| text.parse::<KafkaVersion>()) {
        None => Some(KafkaVersion::DEFAULT),
        Some(Ok(version)) => Some(version),
        Some(Err(error)) => {
            found.error_at(at(KafkaSettings::VERSION), "Kafka version not offered", format!("{}.", capitalised(&error.to_string())));
            None
        }
    };
    let metadata_version = match settings.and_then(|settings| settings.metadata_version.known()).map(|text| text.parse::<MetadataVersion>())
    {
        None => None,
        Some(Ok(metadata)) => Some(metadata),
        Some(Err(error)) => {
            found.error_at(
                at(KafkaSettings::METADATA_VERSION),
                "Metadata version not offered",
                format!("{}.", capitalised(&error.to_string())),
            );
            None
        }
    };
    let written = settings.and_then(|settings| settings.authentication.known());
    let authentication = written.map_or(Some(Authentication::default()), |text| Authentication::parse(text));
    if let (None, Some(written)) = (authentication, written) {
        found.error_at(
            at(KafkaSettings::AUTHENTICATION),
            "Not a way to authenticate",
            format!("authentication is {written:?}; it can be \"tls\" or \"scram-sha-512\"."),
        );
    }
    let config = settings.and_then(|settings| settings.config.known()).cloned().unwrap_or_default();
    Some(KafkaSpec { version: version?, metadata_version, config, authentication: authentication? })
}

/// What a configuration may ask of Kafka. Whether its version is offered depends on what runs already, and is told by the plan.
fn check_kafka(tenant: &Tenant, found: &mut Diagnostics) {
    let at = |field: Field| Tenant::KAFKA.then(field);
    let config = tenant.kafka.known().and_then(|settings| settings.config.known());
    for error in config.map(config::check).unwrap_or_default() {
        found.error_at(at(KafkaSettings::CONFIG).key(error.key()), "Setting not possible", format!("{}.", capitalised(&error.to_string())));
    }
    if let Some(Err(error)) = kafka(tenant, found).map(|kafka| kafka.versions().check()) {
        found.error_at(
            at(KafkaSettings::METADATA_VERSION),
            "Metadata version not possible",
            format!("{}.", capitalised(&error.to_string())),
        );
    }
}

fn groups_and_namespaces(tenant: &Tenant, found: &mut Diagnostics) -> (Vec<String>, Vec<String>) {
    let access = tenant.access.known();
    let listed = |part: fn(&Access) -> &Attr<BTreeSet<String>>| -> Vec<String> {
        access.and_then(|access| part(access).known()).into_iter().flatten().cloned().collect()
    };
    let namespaces = listed(|access| &access.client_namespaces);
    for namespace in &namespaces {
        if !is_dns_label(namespace) {
            found.error_at(
                Tenant::ACCESS.then(Access::CLIENT_NAMESPACES),
                "Not a namespace",
                format!("{namespace:?} cannot be the name of a namespace: allowed are up to 63 lower-case letters, digits and hyphens, with no hyphen at either end."),
            );
        }
    }
    let groups = listed(|access| &access.groups);
    if groups.iter().any(String::is_empty) {
        found.error_at(
            Tenant::ACCESS.then(Access::GROUPS),
            "Empty group",
            "A group of Kubernetes users has a name of at least one character.",
        );
    }
    (groups, namespaces)
}
