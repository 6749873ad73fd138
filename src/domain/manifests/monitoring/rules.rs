//! The alerts. A critical one means that clients are stopped or data is at risk, a warning that they will be if nobody acts.

use serde_json::{Value, json};

use super::{series, volumes};
use crate::domain::manifests::manifest;
use crate::domain::object::{Kind, Manifest};
use crate::domain::quantity::GIB;
use crate::domain::sizing::{FILL_PERCENT, Sizing};
use crate::domain::tenant::TenantSpec;

/// Producers are stopped at 10 % free (the quotas of the Kafka object), so these come in time.
const LOW_PERCENT: u32 = 20;
const CRITICAL_PERCENT: u32 = 12;
/// The part of the promise whose steady use is worth a word.
const PROMISE_PERCENT: u64 = 90;
const DAY_S: u64 = 86_400;

pub fn build(spec: &TenantSpec, sizing: &Sizing) -> Manifest {
    let groups = json!([
        { "name": "kafka", "rules": kafka(spec, sizing) },
        { "name": "kafka-volumes", "rules": volume(spec, sizing) },
        { "name": "kafka-quotas", "rules": quota(spec) },
        { "name": "kafka-certificates", "rules": certificates(spec) },
    ]);
    manifest(spec, Kind::PrometheusRule, format!("{}-kafka", spec.name), json!({ "spec": { "groups": groups } }))
}

struct Alert<'a> {
    name: &'a str,
    expr: String,
    wait: &'a str,
    severity: &'a str,
    summary: &'a str,
    description: String,
}

fn alert(spec: &TenantSpec, alert: Alert<'_>) -> Value {
    json!({
        "alert": alert.name,
        "expr": alert.expr,
        "for": alert.wait,
        "labels": { "severity": alert.severity, "tenant": spec.name.as_str() },
        "annotations": { "summary": alert.summary, "description": alert.description },
    })
}

const POD: &str = "{{ $labels.kubernetes_pod_name }}";

fn kafka(spec: &TenantSpec, sizing: &Sizing) -> Vec<Value> {
    let s = series(spec);
    let name = &spec.name;
    let alerts = [
        Alert {
            name: "KafkaOfflinePartitions",
            expr: format!("max(kafka_controller_kafkacontroller_offlinepartitionscount{{{s}}}) > 0"),
            wait: "1m",
            severity: "critical",
            summary: "Kafka has partitions without a leader",
            description: format!("{{{{ $value }}}} partitions of {name} can be neither written nor read. Look for brokers that are down."),
        },
        Alert {
            name: "KafkaNoActiveController",
            // Where no controller reports, it is none as long as brokers do.
            expr: format!(
                "(sum(kafka_controller_kafkacontroller_activecontrollercount{{{s}}}) or 0 * count(kafka_server_replicamanager_partitioncount{{{s}}})) != 1"
            ),
            wait: "2m",
            severity: "critical",
            summary: "Kafka has not exactly one active controller",
            description: format!(
                "{name} has {{{{ $value }}}} active controllers: no topic can be made and no leader elected. Look at the pods of its controllers."
            ),
        },
        Alert {
            name: "KafkaUnderMinIsrPartitions",
            expr: format!("sum by (kubernetes_pod_name) (kafka_server_replicamanager_underminisrpartitioncount{{{s}}}) > 0"),
            wait: "2m",
            severity: "critical",
            summary: "Kafka has partitions that take no writes",
            description: format!(
                "{{{{ $value }}}} partitions led by {POD} have fewer than {} replicas in sync: producers with acks=all fail.",
                sizing.min_insync_replicas
            ),
        },
        Alert {
            name: "KafkaUnderReplicatedPartitions",
            expr: format!("sum by (kubernetes_pod_name) (kafka_server_replicamanager_underreplicatedpartitions{{{s}}}) > 0"),
            wait: "10m",
            severity: "warning",
            summary: "Kafka has replicas that are behind",
            description: format!(
                "{{{{ $value }}}} partitions led by {POD} have replicas that are not in sync; a restart takes minutes, this has lasted longer."
            ),
        },
        Alert {
            name: "KafkaBrokersMissing",
            // One that starts again and again, and reports less than half of the time, is missing all the same.
            expr: format!(
                "(count(count_over_time(max by (kubernetes_pod_name) (kafka_server_replicamanager_partitioncount{{{s}}})[10m:1m]) >= 5) or vector(0)) < {}",
                sizing.brokers
            ),
            wait: "10m",
            severity: "warning",
            summary: "Kafka has fewer brokers than it was sized for",
            description: format!("{{{{ $value }}}} of {} brokers of {name} report metrics.", sizing.brokers),
        },
        Alert {
            name: "KafkaOfflineLogDirectory",
            expr: format!("sum by (kubernetes_pod_name) (kafka_log_logmanager_offlinelogdirectorycount{{{s}}}) > 0"),
            wait: "1m",
            severity: "critical",
            summary: "A Kafka broker has lost its volume",
            description: format!("{POD} cannot write to its volume."),
        },
    ];
    alerts.into_iter().map(|one| alert(spec, one)).collect()
}

/// Retention alone does not stop a volume from filling: it is by time, and what comes in within it may be more than was wished for.
fn volume(spec: &TenantSpec, sizing: &Sizing) -> Vec<Value> {
    let v = volumes(spec);
    let free = format!("100 * kubelet_volume_stats_available_bytes{{{v}}} / kubelet_volume_stats_capacity_bytes{{{v}}}");
    let gib = sizing.volume_gib;
    let claim = "{{ $labels.persistentvolumeclaim }}";
    let hours = sizing.retention_ms / 3_600_000;
    let retained =
        "Lower the retention of topics, send less, or raise the tenant's retention or throughput, which makes its volumes larger.";
    // Before the oldest data is old enough to go, as far as a day ahead: what is full later than that, retention has emptied or somebody has seen.
    let ahead = (sizing.retention_ms / 1000).clamp(3_600, DAY_S);
    let alerts = [
        Alert {
            name: "KafkaVolumeFillsWithinRetention",
            expr: format!(
                // Fuller than retention ever leaves it at the promised load.
                "predict_linear(kubelet_volume_stats_available_bytes{{{v}}}[2h], {ahead}) < {} and ({free}) < {}",
                gib * GIB / 10,
                100 - FILL_PERCENT - 2
            ),
            wait: "30m",
            severity: "warning",
            summary: "A Kafka volume fills faster than retention empties it",
            description: format!(
                "{claim} ({gib} GiB) will be full in less than {} hours, before data is {hours} hours old and removed. {retained}",
                ahead / 3_600
            ),
        },
        Alert {
            name: "KafkaVolumeLow",
            expr: format!("{free} < {LOW_PERCENT}"),
            wait: "10m",
            severity: "warning",
            summary: "A Kafka volume is nearly full",
            description: format!("{claim} has {{{{ $value | printf \"%.1f\" }}}} % free; below 10 % producers are stopped. {retained}"),
        },
        Alert {
            name: "KafkaVolumeCritical",
            expr: format!("{free} < {CRITICAL_PERCENT}"),
            wait: "1m",
            severity: "critical",
            summary: "Kafka is about to stop its producers",
            description: format!("{claim} has {{{{ $value | printf \"%.1f\" }}}} % free; below 10 % producers are stopped. {retained}"),
        },
    ];
    alerts.into_iter().map(|one| alert(spec, one)).collect()
}

/// Quotas leave room for a broker that is away, so what was promised is held against what all brokers together take and give.
fn quota(spec: &TenantSpec) -> Vec<Value> {
    let s = series(spec);
    let used = |direction: &str, promised: u64| {
        // Summed up first: a broker that has started again is another series, and would be counted twice.
        let rates = format!("sum(kafka_server_quota_byte_rate{{{s},direction=\"{direction}\"}})");
        format!("avg_over_time({rates}[15m:1m]) > {}", u128::from(promised) * u128::from(PROMISE_PERCENT) / 100)
    };
    let way_out = "Raise the tenant's throughput, or spread its partitions more evenly.";
    let (ingress, egress) = (spec.wish.ingress.bytes_per_second(), spec.wish.egress.bytes_per_second());
    let alerts = [
        Alert {
            name: "KafkaClientsThrottled",
            // Where nothing was throttled of late it is no number, which an average would be as well. A broker that starts again goes on being throttled.
            expr: format!("max by (kubernetes_pod_name, direction) (max_over_time(kafka_server_quota_throttle_time_ms{{{s}}}[5m])) > 0"),
            wait: "15m",
            severity: "warning",
            summary: "Kafka throttles clients",
            description: format!(
                "{POD} holds back clients ({{{{ $labels.direction }}}}) by {{{{ $value | printf \"%.1f\" }}}} ms: they want more than it may. {way_out}"
            ),
        },
        Alert {
            name: "KafkaIngressNearPromise",
            expr: used("Produce", ingress),
            wait: "15m",
            severity: "info",
            summary: "Producers use most of what was promised",
            description: format!(
                "{} takes {{{{ $value | humanize1024 }}}}B/s; {} were promised, and its volumes are made for no more. Raise the tenant's throughput.",
                spec.name, spec.wish.ingress
            ),
        },
        Alert {
            name: "KafkaEgressNearPromise",
            expr: used("Fetch", egress),
            wait: "15m",
            severity: "info",
            summary: "Consumers use most of what was promised",
            description: format!(
                "{} gives {{{{ $value | humanize1024 }}}}B/s; {} were promised. Raise the tenant's throughput.",
                spec.name, spec.wish.egress
            ),
        },
    ];
    alerts.into_iter().map(|one| alert(spec, one)).collect()
}

/// Strimzi renews its authorities 30 days before the end. cert-manager says itself when it renews, which for a certificate of a day is some hours before: less than half
/// of that time left, it is not being renewed.
fn certificates(spec: &TenantSpec) -> Vec<Value> {
    let namespace = spec.name.namespace();
    // A Prometheus that does not honour labels has moved the one of the series out of the way of the pod's.
    let of = |metric: &str| {
        let metric = format!("certmanager_certificate_{metric}_timestamp_seconds");
        format!("min by (name) ({metric}{{exported_namespace=\"{namespace}\"}} or {metric}{{namespace=\"{namespace}\"}})")
    };
    let (ends, renews) = (of("expiration"), of("renewal"));
    let alerts = [
        Alert {
            name: "KafkaCertificateAuthorityExpires",
            expr: format!(
                "min by (type) (strimzi_certificate_expiration_timestamp_ms{{resource_namespace=\"{namespace}\",cluster=\"{}\"}}) / 1000 - time() < {}",
                spec.name.kafka(),
                20 * DAY_S
            ),
            wait: "1h",
            severity: "critical",
            summary: "A certificate authority of Kafka expires",
            description: format!("The {{{{ $labels.type }}}} certificate of {} expires in {{{{ $value | humanizeDuration }}}} and was not renewed. Look at Strimzi's operator.", spec.name),
        },
        Alert {
            name: "KafkaCertificateExpires",
            expr: format!("(({ends} > 0) - time()) < ({ends} - ({renews} > 0)) / 2"),
            wait: "10m",
            severity: "critical",
            summary: "The certificate that clients see expires",
            description: "Certificate {{ $labels.name }} expires in {{ $value | humanizeDuration }} and was not renewed when it was time. Look at its conditions and at cert-manager.".to_owned(),
        },
    ];
    alerts.into_iter().map(|one| alert(spec, one)).collect()
}
