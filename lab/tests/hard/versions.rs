//! Versions of a tenant's Kubernetes and of the operators in it: raised in place, kept where nothing is said, refused where they cannot be.

use kaas::domain::object::Kind;
use kaas_lab::{block_on, client};
use serde_json::{Value, json};

use super::world::{hard_with, home_cluster, inside, ready};
use crate::acceptance::cluster::{self, kafka, of};
use crate::acceptance::place::{Place, Tenant, holds};
use crate::acceptance::world::{each_engine, named};

fn tenant(name: &str, kubernetes: &str, strimzi: &str, kafka: &str) -> Tenant {
    let more = format!("operators {{\n    strimzi = \"{strimzi}\"\n  }}\n  kafka {{\n    version = \"{kafka}\"\n  }}");
    hard_with(name, &format!("kubernetes_version = \"{kubernetes}\""), &more)
}

/// The version that the tenant's control plane reports.
fn control_plane(name: &str) -> Value {
    let home = cluster::get(ready(), &home_cluster(name)).unwrap();
    let control_plane = home["spec"]["controlPlaneRef"]["name"].as_str().unwrap();
    let path = format!("/apis/controlplane.cluster.x-k8s.io/v1alpha1/namespaces/kaas-{name}/processcontrolplanes/{control_plane}");
    let request = http::Request::get(path).body(Vec::new()).unwrap();
    let reported: Value = block_on(async { Ok(client(&ready().kubeconfig()).await?.request(request).await?) }).unwrap();
    reported["status"]["version"].clone()
}

/// The version of Strimzi that is installed, and the Kafka it runs.
fn running(name: &str) -> (String, Value) {
    let release = cluster::get(ready(), &of(name, Kind::HelmRelease, "strimzi-kafka-operator")).unwrap();
    let version = release["status"]["history"][0]["chartVersion"].as_str().unwrap().split('+').next().unwrap().to_owned();
    (version, cluster::get(&inside(ready(), name), &kafka(name)).unwrap()["status"]["kafkaVersion"].clone())
}

#[test]
fn versions_go_up_in_place_and_never_where_they_cannot() {
    each_engine(|engine| {
        let name = named("versions", engine);
        let with = |kubernetes: &str, strimzi: &str, kafka: &str| tenant(&name, kubernetes, strimzi, kafka);
        let place = Place::new(engine, ready());
        let refused = |tenant: &Tenant, told: &[&str]| {
            place.configure(tenant);
            holds(&place.plan_fails(), told);
        };
        refused(&with("1.35.4", "1.1.0", "4.3.1"), &["Strimzi 1.1.0 does not run Kafka 4.3.1", "version = \"4.3.1\""]);
        place.configure(&with("1.35.4", "1.1.0", "4.3.0"));
        place.apply();
        place.plan_is_empty();
        assert_eq!((control_plane(&name), running(&name)), (json!("v1.35.4"), ("1.1.0".to_owned(), json!("4.3.0"))));
        refused(
            &with("1.37.0", "1.1.0", "4.3.0"),
            &["Kubernetes goes up one minor version at a time: from 1.35.4, go to 1.36 first", "kubernetes_version = \"1.37.0\""],
        );
        refused(&with("1.34.1", "1.1.0", "4.3.0"), &["Kubernetes cannot go from 1.35.4 back to 1.34.1", "kubernetes_version = \"1.34.1\""]);
        refused(&with("1.35.4", "1.0.1", "4.3.0"), &["Strimzi cannot go from 1.1.0 back to 1.0.1", "strimzi = \"1.0.1\""]);
        refused(&with("1.35.4", "9.0.0", "4.3.0"), &["Strimzi 9.0.0 is not known", "strimzi = \"9.0.0\""]);
        place.configure(&with("1.36.3", "1.2.0", "4.3.1"));
        assert_eq!(place.actions(), ["update"]);
        let lines = [
            "rolling restart: Kubernetes 1.35.4 -> 1.36.3",
            "rolling restart: Strimzi 1.1.0 -> 1.2.0",
            "rolling restart: Kafka 4.3.0 -> 4.3.1",
        ];
        holds(&place.plan_changes(), &lines);
        place.apply();
        place.plan_is_empty();
        assert_eq!(place.phase(), "Ready");
        assert_eq!((control_plane(&name), running(&name)), (json!("v1.36.3"), ("1.2.0".to_owned(), json!("4.3.1"))));
        place.destroy();
    });
}

#[test]
fn a_tenant_keeps_the_kubernetes_it_was_made_with() {
    each_engine(|engine| {
        let name = named("kept", engine);
        let place = Place::applied(engine, ready(), &hard_with(&name, "kubernetes_version = \"v1.35.4\"", ""));
        place.plan_is_empty();
        place.configure(&hard_with(&name, "", ""));
        place.apply();
        place.plan_is_empty();
        assert_eq!((&place.tenant()["kubernetes_version"], control_plane(&name)), (&json!("1.35.4"), json!("v1.35.4")));
        place.destroy();
    });
}
