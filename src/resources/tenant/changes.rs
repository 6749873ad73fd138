//! What the planned apply does to the running Kafka, in lines of the plan.

use crate::{
    domain::{
        change::{Figures, changes},
        tenant::TenantSpec,
    },
    framework::attr::Attr,
    resources::{
        connection::Settings,
        tenant::{model::Tenant, outside, parse},
    },
};

/// One line for each change; unknown while a value is.
pub fn between(prior: &Tenant, planned: &Tenant) -> Attr<Vec<String>> {
    let (Some(from), Some(to)) = (read(prior), read(planned)) else { return Attr::Unknown };
    let changes = changes((&from.0, &from.1), (&to.0, &to.1));
    Attr::Known(changes.iter().map(ToString::to_string).collect())
}

/// Completes the plan of an update, once all else is planned. What the last change did stays told until there is another, so that nothing is shown where
/// nothing changes.
pub fn plan(planned: &mut Tenant, prior: &Tenant) {
    planned.changes = match between(prior, planned) {
        Attr::Known(lines) if lines.is_empty() => match &prior.changes {
            Attr::Unknown => Attr::Known(lines),
            before => before.clone(),
        },
        told => told,
    };
}

fn read(tenant: &Tenant) -> Option<(TenantSpec, Figures)> {
    if has_unknown(tenant) {
        return None;
    }
    let sizing = tenant.sizing.known()?;
    let figures = Figures {
        brokers: *sizing.brokers.known()?,
        instance_type: sizing.instance_type.known()?.clone(),
        volume_gib: *sizing.volume_gib.known()?,
        volume_mib_per_second: *sizing.volume_mib_per_second.known()?,
        volume_iops: *sizing.volume_iops.known()?,
        retention_ms: *sizing.retention_ms.known()?,
        ingress_quota: *sizing.broker_ingress_quota_bytes_per_second.known()?,
        egress_quota: *sizing.broker_egress_quota_bytes_per_second.known()?,
    };
    Some((parse::spec(tenant, &Settings::default()).ok()?, figures))
}

/// Whether a part is not known that a spec would take for absent.
fn has_unknown(tenant: &Tenant) -> bool {
    let kafka = tenant.kafka.known();
    let access = tenant.access.known();
    tenant.kafka.is_unknown()
        || tenant.monitoring.is_unknown()
        || tenant.access.is_unknown()
        || kafka.is_some_and(|kafka| kafka.metadata_version.is_unknown() || kafka.authentication.is_unknown() || kafka.config.is_unknown())
        || access.is_some_and(|access| access.groups.is_unknown() || access.client_namespaces.is_unknown())
        || tenant.kafka_version.is_unknown()
        || outside::is_unknown(tenant)
}
