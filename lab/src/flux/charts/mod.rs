//! The charts the stand-in knows, and of each the objects somebody outside the chart looks at: Deployments by the names the chart gives them,
//! and CRDs. Service accounts, roles, Services, webhooks and configuration are left out.

pub mod crds;
mod objects;

use serde_json::{Map, Value};

/// A chart.
#[derive(Debug)]
pub struct Chart {
    pub name: &'static str,
    /// What it makes besides CRDs.
    pub objects: fn(&Place) -> Vec<Value>,
    /// Its CRDs lie in its templates: they follow its values, not the release's policy, and go with it unless kept.
    pub crds_in_templates: bool,
}

/// What a chart is rendered with.
#[derive(Debug)]
pub struct Place<'a> {
    pub release: &'a str,
    pub namespace: &'a str,
    /// Of the chart, without the digest.
    pub version: &'a str,
    pub values: &'a Map<String, Value>,
}

/// The chart of the Strimzi operator.
pub const STRIMZI: &str = "strimzi-kafka-operator";
/// The Deployment it makes.
pub const STRIMZI_DEPLOYMENT: &str = "strimzi-cluster-operator";

const CHARTS: [Chart; 6] = [
    Chart { name: STRIMZI, objects: objects::strimzi, crds_in_templates: false },
    Chart { name: "strimzi-drain-cleaner", objects: objects::drain_cleaner, crds_in_templates: false },
    Chart { name: "cert-manager", objects: objects::cert_manager, crds_in_templates: true },
    Chart { name: "external-dns", objects: objects::external_dns, crds_in_templates: false },
    Chart { name: "kube-prometheus-stack", objects: objects::prometheus, crds_in_templates: false },
    Chart { name: "aws-ebs-csi-driver", objects: objects::ebs, crds_in_templates: false },
];

/// The chart called `name`.
///
/// # Errors
/// When the stand-in does not know it: a message that says so.
pub fn by_name(name: &str) -> Result<&'static Chart, String> {
    const KNOWN: &[Chart] = &CHARTS;
    KNOWN.iter().find(|chart| chart.name == name).ok_or_else(|| {
        let names: Vec<&str> = KNOWN.iter().map(|chart| chart.name).collect();
        format!("the lab's stand-in for Flux knows no chart '{name}': it knows {}", names.join(", "))
    })
}

impl Place<'_> {
    /// The value at `path` (`/crds/enabled`).
    pub fn value(&self, path: &str) -> Option<&Value> {
        let (first, rest) = path.trim_start_matches('/').split_once('/').map_or((path.trim_start_matches('/'), ""), |(a, b)| (a, b));
        let value = self.values.get(first)?;
        if rest.is_empty() { Some(value) } else { value.pointer(&format!("/{rest}")) }
    }

    /// A value that is true or false, or `default`.
    pub fn is(&self, path: &str, default: bool) -> bool {
        self.value(path).and_then(Value::as_bool).unwrap_or(default)
    }

    /// Helm's usual full name: the release's if it contains the chart's, else both, at most `length` long.
    pub fn full_name(&self, chart: &str, length: usize) -> String {
        if let Some(given) = self.value("/fullnameOverride").and_then(Value::as_str) {
            return cut(given, length);
        }
        let chart = self.value("/nameOverride").and_then(Value::as_str).unwrap_or(chart);
        if self.release.contains(chart) { cut(self.release, length) } else { cut(&format!("{}-{chart}", self.release), length) }
    }
}

fn cut(name: &str, length: usize) -> String {
    name.chars().take(length).collect::<String>().trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(chart: &str, release: &str, values: Value) -> Vec<String> {
        let values = values.as_object().cloned().unwrap();
        let place = Place { release, namespace: "n", version: "1.2.0", values: &values };
        let made = (by_name(chart).unwrap().objects)(&place);
        made.iter().map(|o| format!("{} {}", o["kind"].as_str().unwrap(), o["metadata"]["name"].as_str().unwrap())).collect()
    }

    #[test]
    fn deployments_have_the_names_the_charts_give_them() {
        let none = || serde_json::json!({});
        assert_eq!(names(STRIMZI, "any", none()), ["Deployment strimzi-cluster-operator"]);
        assert_eq!(names("strimzi-drain-cleaner", "any", none()), ["Deployment strimzi-drain-cleaner"]);
        assert_eq!(names("external-dns", "external-dns", none()), ["Deployment external-dns"]);
        assert_eq!(names("external-dns", "dns", none()), ["Deployment dns-external-dns"]);
        let three = ["Deployment cert-manager", "Deployment cert-manager-cainjector", "Deployment cert-manager-webhook"];
        assert_eq!(names("cert-manager", "cert-manager", none()), three);
        assert!(
            names("kube-prometheus-stack", "monitoring", none()).contains(&"Deployment monitoring-kube-prometheus-operator".to_owned())
        );
        assert!(names("aws-ebs-csi-driver", "ebs", none()).contains(&"CSIDriver ebs.csi.aws.com".to_owned()));
    }

    #[test]
    fn values_switch_parts_off() {
        let off =
            serde_json::json!({"grafana": {"enabled": false}, "kubeStateMetrics": {"enabled": false}, "nodeExporter": {"enabled": false}});
        assert_eq!(names("kube-prometheus-stack", "kube-prometheus-stack", off), ["Deployment kube-prometheus-stack-operator"]);
    }

    #[test]
    fn external_dns_gets_its_values_as_flags() {
        let values = serde_json::json!({"txtOwnerId": "kaas-pay", "domainFilters": ["pay.example.test"], "policy": "sync", "sources": ["service"],
            "extraArgs": ["--zone-id-filter=Z1"]});
        let place = Place { release: "external-dns", namespace: "n", version: "1.21.1", values: values.as_object().unwrap() };
        let made = (by_name("external-dns").unwrap().objects)(&place);
        let args = serde_json::json!([
            "--source=service",
            "--policy=sync",
            "--registry=txt",
            "--txt-owner-id=kaas-pay",
            "--domain-filter=pay.example.test",
            "--zone-id-filter=Z1"
        ]);
        assert_eq!(made[0]["spec"]["template"]["spec"]["containers"][0]["args"], args);
    }

    #[test]
    fn an_unknown_chart_is_named() {
        assert!(by_name("nginx").unwrap_err().contains("knows no chart 'nginx'"));
    }
}
