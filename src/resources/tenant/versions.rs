//! Which Kafka version a tenant asks for, and whether it can have it: what runs already may go on, also where it is no longer offered.

use crate::{
    domain::kafka::version::{KafkaVersion, MetadataVersion, VersionError, Versions, check_change},
    framework::{attr::Attr, diagnostic::Diagnostics},
    resources::{
        tenant::model::{KafkaSettings, Tenant},
        wishes::capitalised,
    },
};

/// The configured version, else the one the tenant has, else the newest this provider offers: a new provider never upgrades a Kafka by itself.
pub fn wanted(planned: &Tenant, prior: Option<&Tenant>, found: &mut Diagnostics) -> Attr<String> {
    let configured = match &planned.kafka {
        Attr::Unknown => Attr::Unknown,
        Attr::Null => Attr::Null,
        Attr::Known(kafka) => kafka.version.clone(),
    };
    let existing = prior.and_then(|prior| prior.kafka_version.known());
    let wanted = match configured {
        Attr::Unknown => return Attr::Unknown,
        Attr::Known(version) => version,
        Attr::Null => existing.cloned().unwrap_or_else(|| KafkaVersion::DEFAULT.to_string()),
    };
    check(&Tenant { kafka_version: Attr::Known(wanted.clone()), ..planned.clone() }, prior, found);
    Attr::Known(wanted)
}

/// Refuses versions that cannot be had: by a new tenant (no prior), or in place of what runs.
pub fn check(planned: &Tenant, prior: Option<&Tenant>, found: &mut Diagnostics) {
    let Some(to) = versions(planned) else { return };
    let checked = match prior.and_then(versions) {
        Some(from) => check_change(from, to).map(drop).and_then(|()| check_running(prior, to)),
        None => to.version.offered().and_then(|()| to.metadata.map_or(Ok(()), MetadataVersion::offered)),
    };
    let Err(refused) = checked else { return };
    let (field, summary) = match refused {
        VersionError::NotOffered { .. } => (KafkaSettings::VERSION, "Kafka version not offered"),
        VersionError::MetadataNotOffered { .. } => (KafkaSettings::METADATA_VERSION, "Metadata version not offered"),
        VersionError::Downgrade { .. } => (KafkaSettings::VERSION, "Kafka version cannot be changed so"),
        VersionError::MetadataDowngrade { .. } | VersionError::MetadataTooNew { .. } => {
            (KafkaSettings::METADATA_VERSION, "Kafka version cannot be changed so")
        }
    };
    found.error_at(Tenant::KAFKA.then(field), summary, format!("{}.", capitalised(&refused.to_string())));
}

/// That what runs by now can become this: somebody may have raised it past what was asked for, and then its metadata holds it.
fn check_running(prior: Option<&Tenant>, to: Versions) -> Result<(), VersionError> {
    let status = prior.and_then(|prior| prior.status.known());
    let Some(metadata) = status.and_then(|status| status.metadata_version.known()?.parse::<MetadataVersion>().ok()) else { return Ok(()) };
    let running = status.and_then(|status| status.kafka_version.known()?.parse::<KafkaVersion>().ok());
    match running {
        Some(from) if to.version < from && metadata > to.version.metadata_version() => {
            Err(VersionError::Downgrade { from, to: to.version, metadata })
        }
        _ => Ok(()),
    }
}

/// The versions a tenant asks for; None where one is not known or is none, which is told elsewhere.
pub fn versions(tenant: &Tenant) -> Option<Versions> {
    let configured = tenant.kafka.known();
    let version = tenant.kafka_version.known().or_else(|| configured.and_then(|kafka| kafka.version.known()))?;
    let metadata = configured.and_then(|kafka| kafka.metadata_version.known());
    let metadata = match metadata {
        Some(text) => Some(text.parse::<MetadataVersion>().ok()?),
        None => None,
    };
    Some(Versions { version: version.parse().ok()?, metadata })
}
