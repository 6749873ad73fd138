//! What a tenant's Kafka is watched by: its metrics, who fetches them, the alerts an operator of Kafka wants, and a dashboard.
//!
//! Metrics come from the JMX exporter in Strimzi's images rather than from Strimzi's own reporter: only its rules reach the MBeans of the quotas. The
//! names are the ones Strimzi's examples give (`packaging/examples/metrics/kafka-metrics.yaml` at 1.2), so that its dashboards work as well; those of
//! the quotas are our own. All were seen on a Kafka 4.3.1 with the exporter and the quotas plugin.

mod dashboard;
mod exporter;
mod monitors;
mod rules;
#[cfg(test)]
mod tests;

use serde_json::{Value, json};

use crate::domain::names::{BROKER_POOL, TenantName};
use crate::domain::object::Manifest;
use crate::domain::sizing::Sizing;
use crate::domain::tenant::TenantSpec;

/// The key in the ConfigMap of the exporter's rules.
const EXPORTER_KEY: &str = "rules.yaml";

/// All objects, in the order in which they are applied. The first, the exporter's ConfigMap, has to be there before the Kafka that names it; the kinds
/// of the Prometheus operator have to be served. Operators that are this tenant's alone are asked for metrics with its Kafka.
pub fn build(spec: &TenantSpec, sizing: &Sizing) -> Vec<Manifest> {
    let mut manifests = vec![exporter::config_map(spec), monitors::kafka(spec), monitors::entity_operator(spec)];
    if spec.own_cluster().is_some() {
        manifests.extend(monitors::OPERATORS.iter().map(|operator| monitors::operator(spec, operator)));
    }
    manifests.extend([rules::build(spec, sizing), dashboard::build(spec, sizing)]);
    manifests
}

/// Who is asked for the metrics of operators that tenants share, as the chart of kube-prometheus-stack takes PodMonitors.
pub fn shared_monitors() -> Value {
    monitors::OPERATORS.iter().map(monitors::Operator::chart_value).collect()
}

/// `spec.kafka.metricsConfig` of the Kafka object. Changing it restarts the brokers one after the other; changing the rules does not.
pub fn metrics_config(spec: &TenantSpec) -> Value {
    let reference = json!({ "name": exporter_name(&spec.name), "key": EXPORTER_KEY });
    json!({ "type": "jmxPrometheusExporter", "valueFrom": { "configMapKeyRef": reference } })
}

fn exporter_name(name: &TenantName) -> String {
    format!("{name}-metrics")
}

/// A selector for the series of this tenant's Kafka, without braces.
fn series(spec: &TenantSpec) -> String {
    format!("namespace=\"{}\",strimzi_io_cluster=\"{}\"", spec.name.namespace(), spec.name.kafka())
}

/// A selector for the brokers' volumes, whose claims Strimzi names.
fn volumes(spec: &TenantSpec) -> String {
    format!("namespace=\"{}\",persistentvolumeclaim=~\"data-[0-9]+-{}-{BROKER_POOL}-[0-9]+\"", spec.name.namespace(), spec.name.kafka())
}
