//! The model of what is there.

use serde_json::Value;

use crate::{
    domain::{
        kafka::version::KafkaVersion,
        sizing::Sizing,
        status::{KafkaPhase, KafkaStatus, kafka_status},
        tenant::TenantSpec,
    },
    framework::attr::Attr,
    resources::{
        tenant::{
            id,
            model::{StatusReport, Tenant},
            outside::{self, Look},
            parse,
            place::Trouble,
        },
        wishes::SizingReport,
    },
};

/// The planned tenant with everything filled in that was to be known after apply. What the plan promised stays as promised. `outside`: what was seen of names
/// and certificate, where that was looked at.
pub fn applied(
    planned: Tenant,
    spec: &TenantSpec,
    sizing: &Sizing,
    (kafka, pools): (Option<&Value>, &[Value]),
    outside: Option<Look>,
) -> Tenant {
    let mut tenant = planned.clone();
    fill(&mut tenant, spec, Some(sizing), kafka, pools);
    if !planned.sizing.is_unknown() {
        tenant.sizing = planned.sizing;
    }
    let promised = |planned: Attr<String>, seen: Attr<String>| if planned.is_unknown() { seen } else { planned };
    tenant.bootstrap_servers = promised(planned.bootstrap_servers, tenant.bootstrap_servers);
    tenant.ca_certificate = promised(planned.ca_certificate, tenant.ca_certificate);
    tenant.cluster_id = promised(planned.cluster_id, tenant.cluster_id);
    let Look { certificate, trouble, .. } = outside.unwrap_or_default();
    if tenant.certificate.is_unknown() {
        tenant.certificate = certificate;
    }
    unsettled(&mut tenant, trouble.as_ref());
    tenant.drift = Attr::Known(Vec::new());
    tenant
}

/// Fills in what the provider reports of a Kafka and its pools as they are now (no Kafka: there is none; no sizing: the one known of stays).
pub fn fill(tenant: &mut Tenant, spec: &TenantSpec, sizing: Option<&Sizing>, kafka: Option<&Value>, pools: &[Value]) {
    tenant.id = id(tenant);
    if let Some(sizing) = sizing {
        tenant.sizing = SizingReport::of(sizing).into();
    }
    tenant.kafka_version = spec.kafka.version.to_string().into();
    tenant.kubernetes = parse::location(&spec.name, spec.own_cluster().is_some()).into();
    tenant.kubernetes_version = spec.own_cluster().map(|own| own.cluster.version().to_string()).into();
    let Some(kafka) = kafka else {
        tenant.bootstrap_servers = spec.public_bootstrap().into();
        tenant.ca_certificate = Attr::Null;
        if tenant.cluster_id.is_unknown() {
            tenant.cluster_id = Attr::Null;
        }
        tenant.status = Attr::Known(missing());
        return;
    };
    let status = kafka_status(kafka, pools);
    tenant.bootstrap_servers = outside::servers(spec, kafka, &status).into();
    tenant.ca_certificate = status.ca_certificate.clone().filter(|_| spec.own_certificate().is_none()).into();
    tenant.cluster_id = status.cluster_id.clone().into();
    tenant.status = Attr::Known(shown(status));
}

/// Reports the version that the Kafka asks for where that is older than the configured one: an upgrade that ended before it came to Kafka can be gone on with or given up.
/// Where none is configured none was asked for, and an older one is drift.
pub fn unraised(tenant: &mut Tenant, spec: &TenantSpec, kafka: Option<&Value>) {
    if tenant.kafka.known().is_none_or(|kafka| kafka.version.is_null()) {
        return;
    }
    let asked = kafka.and_then(|kafka| kafka["spec"]["kafka"]["version"].as_str()?.parse::<KafkaVersion>().ok());
    if let Some(asked) = asked.filter(|asked| *asked < spec.kafka.version) {
        tenant.kafka_version = asked.to_string().into();
    }
}

/// Fills in what is known of a tenant whose own cluster cannot be asked: addresses stay as they were, for the Kafka may well run.
pub fn out_of_reach(tenant: &mut Tenant, spec: &TenantSpec, sizing: Option<&Sizing>, trouble: &Trouble) {
    let (servers, certificate) = (tenant.bootstrap_servers.clone(), tenant.ca_certificate.clone());
    fill(tenant, spec, sizing, None, &[]);
    (tenant.bootstrap_servers, tenant.ca_certificate) = (servers, certificate);
    unsettled(tenant, Some(trouble));
}

/// Notes what is wrong with the tenant's own cluster, where the Kafka itself does not say more.
pub fn unsettled(tenant: &mut Tenant, trouble: Option<&Trouble>) {
    let (Some(trouble), Some(status)) = (trouble, tenant.status.known_mut()) else { return };
    if status.phase.known().is_some_and(|phase| ["Ready", "Missing"].contains(&phase.as_str())) {
        status.phase = trouble.phase.into();
        status.reason = trouble.reason.clone().into();
        status.message = trouble.message.clone().into();
    }
}

fn shown(status: KafkaStatus) -> StatusReport {
    let said = |text: String| if status.phase == KafkaPhase::Ready { Attr::Null } else { Attr::Known(text) };
    StatusReport {
        phase: status.phase.as_str().into(),
        reason: said(status.reason),
        message: said(status.message),
        kafka_version: status.kafka_version.into(),
        metadata_version: status.metadata_version.into(),
    }
}

/// Notes that the tenant's namespace is on its way out.
pub fn deleting(tenant: &mut Tenant) {
    tenant.status = Attr::Known(StatusReport {
        phase: "Deleting".into(),
        reason: "Terminating".into(),
        message: "the tenant's namespace is being deleted".into(),
        kafka_version: Attr::Null,
        metadata_version: Attr::Null,
    });
}

fn missing() -> StatusReport {
    StatusReport {
        phase: "Missing".into(),
        reason: "NoKafka".into(),
        message: "the Kafka object does not exist".into(),
        kafka_version: Attr::Null,
        metadata_version: Attr::Null,
    }
}
