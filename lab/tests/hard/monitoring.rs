//! A tenant that is watched: the Prometheus operator in its cluster, who is asked for metrics, the alerts and the dashboard; on and off in place.

use kaas::domain::object::{Kind, ObjectRef};
use kaas_lab::terraform::Engine;
use serde_json::json;

use super::world::{hard, hard_with, inside, ready};
use crate::acceptance::cluster::{self, of};
use crate::acceptance::place::{Place, Tenant, flat, holds, said};

/// What a tenant is watched with, where its Kafka is.
fn watching(tenant: &str) -> Vec<ObjectRef> {
    let named = |kind: Kind, what: &str| of(tenant, kind, &format!("{tenant}-{what}"));
    let mut all: Vec<ObjectRef> =
        ["kafka", "entity-operator", "cluster-operator", "cert-manager"].map(|what| named(Kind::PodMonitor, what)).into();
    all.push(named(Kind::PrometheusRule, "kafka"));
    all.extend(["metrics", "dashboard"].map(|what| named(Kind::ConfigMap, what)));
    all
}

#[test]
fn a_tenant_is_watched_and_no_longer_in_place_and_what_others_change_is_mended() {
    let name = "watched";
    let place = Place::applied(Engine::OpenTofu, ready(), &hard_with(name, "", "monitoring = true"));
    place.plan_is_empty();
    let own = inside(ready(), name);
    let release = of(name, Kind::HelmRelease, "kube-prometheus-stack");
    let source = of(name, Kind::OciRepository, "kube-prometheus-stack");
    let watching = watching(name);
    for object in &watching {
        assert!(cluster::get(&own, object).is_some(), "{object}");
    }
    assert!(cluster::get(ready(), &release).is_some() && cluster::get(ready(), &source).is_some());

    cluster::replace(&own, &watching[0], "/spec/podMetricsEndpoints/0/port", &json!("nowhere"));
    cluster::replace(&own, &watching[4], "/spec/groups/0/rules/0/expr", &json!("vector(0)"));
    cluster::replace(&own, &watching[5], "/data/rules.yaml", &json!("{}"));
    cluster::delete(&own, &watching[6]);
    cluster::replace(ready(), &release, "/spec/values/grafana/sidecar/dashboards/enabled", &json!(false));
    cluster::delete(ready(), &source);
    let text = flat(&place.plan_changes());
    for told in [
        "spec.podMetricsEndpoints[0].port is \\\"nowhere\\\", should be \\\"tcp-prometheus\\\"",
        "spec.groups[0].rules[0].expr is \\\"vector(0)\\\"",
        "data[\\\"rules.yaml\\\"] is \\\"{}\\\"",
        "spec.values.grafana.sidecar.dashboards.enabled is false, should be true",
    ] {
        holds(&text, &[told]);
    }
    holds(&text, &[&format!("in its own cluster, {} does not exist", watching[6]), &format!("{source} does not exist")]);
    place.apply();
    place.plan_is_empty();

    place.configure(&hard(name));
    place.apply();
    place.plan_is_empty();
    for object in &watching {
        assert!(cluster::get(&own, object).is_none(), "{object} is left");
    }
    assert!(cluster::get(ready(), &release).is_none() && cluster::get(ready(), &source).is_none());
    place.configure(&hard_with(name, "", "monitoring = true"));
    place.apply();
    place.plan_is_empty();
    assert!(watching.iter().all(|object| cluster::get(&own, object).is_some()));
    place.destroy();
}

#[test]
fn a_tenant_in_a_namespace_is_not_watched_where_nobody_would_look() {
    let place = Place::new(Engine::OpenTofu, ready());
    place.configure(&Tenant::small("unwatched").with("monitoring = true"));
    let ran = place.workspace.apply(&[]).unwrap();
    assert_eq!(ran.code, Some(1), "{}", said(&ran));
    holds(&flat(&said(&ran)), &["The Prometheus operator is not installed"]);
    place.destroy();
}
