//! A dashboard for Grafana: whether Kafka is well, what goes in and out against what was promised, and how full its volumes are.

use serde_json::{Value, json};

use super::{series, volumes};
use crate::domain::manifests::labelled;
use crate::domain::object::{Kind, Manifest};
use crate::domain::quantity::ByteRate;
use crate::domain::sizing::Sizing;
use crate::domain::tenant::TenantSpec;

/// By this label Grafana's sidecar finds dashboards.
const DASHBOARD_LABEL: (&str, &str) = ("grafana_dashboard", "1");

/// Columns of Grafana's grid.
const COLUMNS: u32 = 24;
const HEIGHT: u32 = 8;

pub fn build(spec: &TenantSpec, sizing: &Sizing) -> Manifest {
    let name = format!("{}-dashboard", spec.name);
    let data = json!({ "data": { format!("kafka-{}.json", spec.name): dashboard(spec, sizing).to_string() } });
    labelled(spec, Kind::ConfigMap, name, &[DASHBOARD_LABEL], data)
}

/// One line in a panel: its legend and its expression.
type Line<'a> = (&'a str, String);

fn dashboard(spec: &TenantSpec, sizing: &Sizing) -> Value {
    let (s, v) = (series(spec), volumes(spec));
    let traffic = |metric: &str| format!("sum(rate(kafka_server_brokertopicmetrics_{metric}_total{{{s},topic=\"\"}}[5m]))");
    let promised = |rate: ByteRate| format!("vector({})", rate.bytes_per_second());
    let pod = "{{kubernetes_pod_name}}";
    let stats = [
        ("Brokers", format!("count(kafka_server_replicamanager_partitioncount{{{s}}})")),
        ("Active controllers", format!("sum(kafka_controller_kafkacontroller_activecontrollercount{{{s}}})")),
        ("Partitions without leader", format!("max(kafka_controller_kafkacontroller_offlinepartitionscount{{{s}}})")),
        ("Under-replicated partitions", format!("sum(kafka_server_replicamanager_underreplicatedpartitions{{{s}}})")),
    ];
    let graphs: [(&str, &str, Vec<Line<'_>>); 8] = [
        ("Ingress", "Bps", vec![("in", traffic("bytesin")), ("promised", promised(spec.wish.ingress))]),
        ("Egress", "Bps", vec![("out", traffic("bytesout")), ("promised", promised(spec.wish.egress))]),
        (
            "Clients held back by quotas",
            "ms",
            vec![("{{kubernetes_pod_name}} {{direction}}", format!("kafka_server_quota_throttle_time_ms{{{s}}}"))],
        ),
        ("Messages in", "cps", vec![("messages", traffic("messagesin"))]),
        (
            "Volumes in use",
            "percentunit",
            vec![(
                "{{persistentvolumeclaim}}",
                format!("1 - kubelet_volume_stats_available_bytes{{{v}}} / kubelet_volume_stats_capacity_bytes{{{v}}}"),
            )],
        ),
        ("Partitions by broker", "short", vec![(pod, format!("kafka_server_replicamanager_partitioncount{{{s}}}"))]),
        (
            "Idle request handlers",
            "percentunit",
            vec![(pod, format!("kafka_server_kafkarequesthandlerpool_requesthandleravgidle_percent{{{s}}}"))],
        ),
        (
            "Connections",
            "short",
            vec![
                (pod, format!("sum by (kubernetes_pod_name) (kafka_server_socket_server_metrics_connection_count{{{s}}})")),
                ("limit of each broker", format!("vector({})", sizing.max_connections / sizing.brokers.max(1))),
            ],
        ),
    ];
    let mut panels: Vec<Value> = stats.iter().zip(0..).map(|((title, expr), at)| stat(at, title, expr)).collect();
    panels.extend(graphs.iter().zip(0..).map(|((title, unit, lines), at)| graph(at, title, unit, lines)));
    json!({
        "uid": format!("kaas-{}", spec.name),
        "title": format!("Kafka {}", spec.name),
        "tags": ["kafka", "kaas"],
        "schemaVersion": 39,
        "editable": false,
        "refresh": "30s",
        "time": { "from": "now-6h", "to": "now" },
        "panels": panels,
        "templating": { "list": [{ "name": "datasource", "type": "datasource", "query": "prometheus", "label": "Data source" }] },
    })
}

fn data_source() -> Value {
    json!({ "type": "prometheus", "uid": "${datasource}" })
}

fn stat(at: u32, title: &str, expr: &str) -> Value {
    let target = json!({ "refId": "A", "expr": expr, "datasource": data_source() });
    json!({
        "id": at + 1,
        "type": "stat",
        "title": title,
        "datasource": data_source(),
        "gridPos": { "x": at * 6, "y": 0, "w": 6, "h": 4 },
        "targets": [target],
        "options": { "reduceOptions": { "calcs": ["lastNotNull"] } },
    })
}

fn graph(at: u32, title: &str, unit: &str, lines: &[Line<'_>]) -> Value {
    let width = COLUMNS / 2;
    let target = |((legend, expr), id): (&Line<'_>, char)| json!({ "refId": id.to_string(), "expr": expr, "legendFormat": legend, "datasource": data_source() });
    json!({
        "id": at + 101,
        "type": "timeseries",
        "title": title,
        "datasource": data_source(),
        "gridPos": { "x": at % 2 * width, "y": 4 + at / 2 * HEIGHT, "w": width, "h": HEIGHT },
        "fieldConfig": { "defaults": { "unit": unit, "min": 0 }, "overrides": [] },
        "targets": lines.iter().zip('A'..).map(target).collect::<Vec<_>>(),
    })
}
