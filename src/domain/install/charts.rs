//! What tenants in namespaces share, by Flux HelmReleases in the provider's own namespace: Strimzi, the Prometheus operator, external-dns.

use serde_json::{Value, json};

use super::object::{AnyObject, AnyRef};
use super::providers::object;
use super::{CHART_VERSION_ANNOTATION, Component, Wish, plain};
use crate::domain::manifests::monitoring::shared_monitors;
use crate::domain::names::SYSTEM_NAMESPACE;
use crate::domain::object::{Kind, Manifest, ObjectRef};
use crate::domain::releases::{self, Chart, mirror::mirrored};

/// The DNS records that external-dns writes for tenants in namespaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalDns {
    /// Records are written at and below these names only.
    pub domains: Vec<String>,
    /// Route53 zones; empty: all that hold the domains.
    pub zone_ids: Vec<String>,
    /// Tells its records from those of other clusters.
    pub owner_id: String,
    /// A role that its service account takes by the cluster's OIDC provider. None: EKS Pod Identity, or the node's.
    pub role_arn: Option<String>,
    pub region: Option<String>,
}

const fn of_release(component: Component) -> Option<releases::Component> {
    match component {
        Component::Strimzi => Some(releases::Component::Strimzi),
        Component::Monitoring => Some(releases::Component::Monitoring),
        Component::ExternalDns => Some(releases::Component::ExternalDns),
        Component::CertManager | Component::ClusterApiOperator | Component::ClusterApi | Component::Flux => None,
    }
}

/// The name of a component's HelmRelease.
pub const fn release_name(component: Component) -> &'static str {
    match of_release(component) {
        Some(release) => release.name(),
        None => component.name(),
    }
}

impl Wish {
    pub(super) fn release_objects(&self, component: Component) -> Vec<AnyObject> {
        let Some(release) = of_release(component) else { return Vec::new() };
        let (version, values) = match component {
            Component::Strimzi => (&self.versions.strimzi, json!({ "watchAnyNamespace": true })),
            Component::Monitoring => (&self.versions.monitoring, Self::monitoring()),
            _ => (&self.versions.external_dns, self.external_dns_values()),
        };
        let chart = Chart { source: releases::chart_source(release), name: release.name(), version: plain(version), values };
        let chart = match &self.image_registry {
            Some(registry) => mirrored(chart, release, registry),
            None => chart,
        };
        let (kind, source) = releases::source_fields(&chart);
        let fields = releases::release_fields(release, &chart);
        let mut installed = of(Kind::HelmRelease, release.name(), fields);
        installed.body["metadata"]["annotations"] = json!({ CHART_VERSION_ANNOTATION: chart.version });
        vec![object("v1", "Namespace", None, release.namespace(), json!({})), of(kind, release.name(), source), installed]
    }

    fn monitoring() -> Value {
        json!({
            "prometheus": {
                "prometheusSpec": {
                    "podMonitorSelectorNilUsesHelmValues": false,
                    "serviceMonitorSelectorNilUsesHelmValues": false,
                    "ruleSelectorNilUsesHelmValues": false,
                },
                "additionalPodMonitors": shared_monitors(),
            },
            "grafana": { "sidecar": { "dashboards": { "enabled": true, "searchNamespace": "ALL" } } },
        })
    }

    fn external_dns_values(&self) -> Value {
        let Some(dns) = &self.external_dns else { return json!({}) };
        let mut values = json!({
            "provider": { "name": "aws" },
            "sources": ["service"],
            "policy": "sync",
            "registry": "txt",
            "txtOwnerId": dns.owner_id,
            "domainFilters": dns.domains,
            "extraArgs": releases::external_dns_arguments(&dns.zone_ids),
            "serviceAccount": { "name": releases::EXTERNAL_DNS_SERVICE_ACCOUNT },
        });
        if let Some(role) = &dns.role_arn {
            values["serviceAccount"]["annotations"] = json!({ "eks.amazonaws.com/role-arn": role });
        }
        if let Some(region) = &dns.region {
            values["env"] = json!([{ "name": "AWS_DEFAULT_REGION", "value": region }]);
        }
        values
    }
}

fn of(kind: Kind, name: &str, spec: Value) -> AnyObject {
    let api = kind.api();
    object(&api.api_version(), api.kind, Some(SYSTEM_NAMESPACE), name, json!({ "spec": spec }))
}

/// An object of a kind this provider knows by itself.
impl From<Manifest> for AnyObject {
    fn from(manifest: Manifest) -> Self {
        Self { reference: AnyRef::from(&manifest.object), body: manifest.body }
    }
}

impl From<&ObjectRef> for AnyRef {
    fn from(object: &ObjectRef) -> Self {
        let api = object.kind.api();
        Self::new(&api.api_version(), api.kind, object.namespace.as_deref(), &object.name)
    }
}
