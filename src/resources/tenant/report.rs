//! The model of what is there.

use serde_json::Value;

use crate::{
    domain::{
        sizing::Sizing,
        status::{self, KafkaPhase, KafkaStatus},
        tenant::TenantSpec,
    },
    framework::attr::Attr,
    resources::{
        tenant::{
            id,
            model::{StatusReport, Tenant},
            parse,
        },
        wishes::SizingReport,
    },
};

/// The planned tenant with everything filled in that was to be known after apply. What the plan promised stays as promised.
pub fn applied(planned: Tenant, spec: &TenantSpec, sizing: &Sizing, kafka: Option<&Value>) -> Tenant {
    let mut tenant = planned.clone();
    fill(&mut tenant, spec, sizing, kafka);
    let promised = |planned: Attr<String>, seen: Attr<String>| if planned.is_unknown() { seen } else { planned };
    tenant.bootstrap_servers = promised(planned.bootstrap_servers, tenant.bootstrap_servers);
    tenant.ca_certificate = promised(planned.ca_certificate, tenant.ca_certificate);
    tenant.cluster_id = promised(planned.cluster_id, tenant.cluster_id);
    tenant.drift = Attr::Known(Vec::new());
    tenant
}

/// Fills in what the provider reports of a Kafka as it is now (None: it does not exist).
pub fn fill(tenant: &mut Tenant, spec: &TenantSpec, sizing: &Sizing, kafka: Option<&Value>) {
    let status = kafka.map_or_else(KafkaStatus::missing, status::of_kafka);
    tenant.id = id(tenant);
    tenant.sizing = SizingReport::of(sizing).into();
    tenant.kafka_version = spec.kafka.version.to_string().into();
    tenant.kubernetes = parse::location(&spec.name).into();
    tenant.bootstrap_servers = status.bootstrap_servers.clone().into();
    tenant.ca_certificate = status.ca_certificate.clone().into();
    tenant.cluster_id = status.cluster_id.clone().into();
    tenant.status = Attr::Known(shown(status));
}

fn shown(status: KafkaStatus) -> StatusReport {
    let quiet = status.phase == KafkaPhase::Ready;
    StatusReport {
        phase: status.phase.as_str().into(),
        reason: if quiet { Attr::Null } else { Attr::Known(status.reason) },
        message: if quiet { Attr::Null } else { Attr::Known(status.message) },
        kafka_version: status.kafka_version.into(),
        metadata_version: status.metadata_version.into(),
    }
}
