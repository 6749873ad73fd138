//! What an apply asks of the two API servers of a tenant with a cluster of its own, and in which order. Here one server answers for both.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value as Json, json};

use super::{Override, config, plan, state};
use crate::{
    domain::{
        names::{WISH_ANNOTATION, WORKERS_LABEL},
        releases::{Component, ComponentVersions},
    },
    drivers::kubernetes::{
        Cluster,
        tests::{Log, Reply, server, status},
    },
    framework::{attr::Attr, model::AttributeValue, parts::Call},
    resources::{
        connection::Connection,
        tenant::{Tenant, apply, own_cluster, parse, plan_cluster, read},
    },
};

/// On EKS, with brokers of this number on this machine.
pub(super) fn hard(brokers: u32, machine: &str) -> Tenant {
    let mut tenant = config();
    tenant.management_cluster = "context/test".into();
    tenant.isolation = "cluster".into();
    let (mut settings, _) = own_cluster::blocks(&crate::domain::tenant::OwnCluster::default());
    settings.known_mut().unwrap().region = "eu-central-1".into();
    tenant.cluster = settings;
    let none = Attr::Null;
    tenant.sizing_override = Override {
        brokers: brokers.into(),
        instance_type: machine.into(),
        volume_gib: none.clone(),
        volume_mib_per_second: none.clone(),
        volume_iops: none,
    }
    .into();
    tenant
}

pub(super) fn wish(tenant: &Tenant) -> String {
    parse::spec(tenant, &Connection::default().settings()).unwrap().to_wish_json().unwrap()
}

/// An object of the kind with this plural as it is when all is well.
pub(super) fn well(plural: &str, name: &str, wish: &str) -> Json {
    let conditions: Vec<Json> = ["Ready", "Available", "TopologyReconciled"]
        .map(|kind| json!({ "type": kind, "status": "True", "observedGeneration": 1 }))
        .to_vec();
    let version = Component::of_release(name).map(|component| ComponentVersions::default().of(component).to_owned());
    let annotations = if plural == "namespaces" { json!({ WISH_ANNOTATION: wish }) } else { json!({}) };
    json!({
        "metadata": { "name": name, "generation": 1, "resourceVersion": "1", "uid": "u", "annotations": annotations, "labels": { "kaas.dev/tenant": "payments" } },
        "spec": { "replicas": 3, "storage": { "volumes": [{ "size": "10Gi" }] } },
        "status": {
            "observedGeneration": 1, "conditions": conditions, "clusterId": "c", "replicas": 3, "nodeIds": [0, 1, 2],
            "initialization": { "controlPlaneInitialized": true }, "history": [{ "chartVersion": version }],
        },
    })
}

/// Everything is there and well, whatever is applied; APIs of `absent` are not served.
fn all_well(wish: String, absent: &'static str) -> (Cluster, Log) {
    all_well_from(wish, absent, 3, 3)
}

/// The same, with this number of brokers before and after something is asked of their pool.
fn all_well_from(wish: String, absent: &'static str, before: u32, after: u32) -> (Cluster, Log) {
    all_well_but(wish, absent, before, after, |_| None)
}

/// The same, but for what this answers.
pub(super) fn all_well_but(
    wish: String,
    absent: &'static str,
    before: u32,
    after: u32,
    answer: impl Fn(&str) -> Option<Json> + Send + Sync + 'static,
) -> (Cluster, Log) {
    let brokers = Arc::new(AtomicU32::new(before));
    let there = brokers.clone();
    let well = move |plural: &str, name: &str, wish: &str| {
        let mut object = well(plural, name, wish);
        if name == "brokers" {
            let brokers = there.load(Ordering::SeqCst);
            object["spec"]["replicas"] = brokers.into();
            object["status"]["replicas"] = brokers.into();
            object["status"]["nodeIds"] = (0..brokers).collect();
        }
        object
    };
    const PLURALS: [&str; 6] = ["clusters", "clusterclasses", "helmreleases", "ocirepositories", "kafkas", "kafkanodepools"];
    server(move |line, _| {
        if let Some(answer) = answer(line) {
            return Reply::Json(200, answer);
        }
        let (method, url) = line.split_once(' ').unwrap_or_default();
        if method == "PATCH" && url.contains("/kafkanodepools/brokers?") {
            brokers.store(after, Ordering::SeqCst);
        }
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let (plural, name) = (parts[parts.len().saturating_sub(2)], parts[parts.len() - 1]);
        match parts[..] {
            ["apis", group, _] if group == absent => Reply::Json(404, status(404, "NotFound", "not found", "it")),
            ["apis", _, _] => Reply::Json(200, json!({ "resources": PLURALS.map(|name| json!({ "name": name })) })),
            _ if query.contains("watch=") => Reply::Silent,
            _ if query.contains("fieldSelector=") => {
                let one = query.split("metadata.name%3D").nth(1).and_then(|rest| rest.split('&').next()).unwrap_or_default();
                Reply::Json(
                    200,
                    json!({ "kind": "List", "apiVersion": "v1", "metadata": { "resourceVersion": "1" }, "items": [well(name, one, &wish)] }),
                )
            }
            _ if method == "GET" && query.contains("limit=") => {
                Reply::Json(200, json!({ "kind": "List", "apiVersion": "v1", "metadata": { "resourceVersion": "1" }, "items": [] }))
            }
            // As for a user who may see nothing of what the management cluster installs.
            _ if name == "kaas-mirror" => Reply::Json(403, status(403, "Forbidden", "no", "it")),
            _ if plural == "clusterissuers" || plural == "csidrivers" => Reply::Json(404, status(404, "NotFound", "not found", "it")),
            _ => Reply::Json(200, well(plural, name, &wish)),
        }
    })
}

/// What is applied by a change: `cluster <nodes> <machine>` and `kafka`, in their order.
async fn applied(prior: &Tenant, planned: &Tenant) -> Vec<String> {
    let before = state(prior);
    let after = plan(planned, Some(&before));
    assert_eq!(after.errors(), Vec::<String>::new());
    let brokers = |tenant: &Tenant| *tenant.sizing.known().unwrap().brokers.known().unwrap();
    let (cluster, log) = all_well_from(wish(&before), "", brokers(&before), brokers(&after.tenant));
    let connection = Connection::to(cluster.clone()).with_own_cluster("payments", cluster);
    let mut call = Call::default();
    apply::update(&connection, before, after.tenant, &mut call).await.map_err(|failed| failed.diagnostics).unwrap();
    let mut clusters = log.bodies("/clusters/payments?fieldManager").into_iter();
    let mut quotas = log.bodies("/resourcequotas/kaas?").into_iter();
    let told = |line: &String| {
        if line.contains("/clusters/payments?fieldManager") {
            let topology = clusters.next().unwrap()["spec"]["topology"].clone();
            let named = |list: &Json, name: &str| list.as_array().unwrap().iter().find(|one| one["name"] == name).unwrap().clone();
            let nodes = named(&topology["workers"]["machineDeployments"], "brokers")["replicas"].clone();
            let machine = named(&topology["variables"], "nodeMachineType")["value"].clone();
            return Some(format!("cluster {nodes} {}", machine.as_str().unwrap()));
        }
        if line.contains("/resourcequotas/kaas?") {
            let hard = quotas.next().unwrap()["spec"]["hard"].clone();
            return Some(format!("room {}", hard["persistentvolumeclaims"].as_str().unwrap()));
        }
        (line.starts_with("PATCH") && line.contains("/kafkas/payments?fieldManager")).then(|| "kafka".to_owned())
    };
    log.lines().iter().filter(|line| line.starts_with("PATCH")).filter_map(told).collect()
}

#[tokio::test]
async fn machines_grow_before_kafka_and_kafka_shrinks_before_its_machines() {
    const LARGE: &str = "m7g.4xlarge";
    const SMALL: &str = "m7g.2xlarge";
    for (prior, planned, expected) in [
        (hard(3, SMALL), hard(6, SMALL), vec!["cluster 6 m7g.2xlarge", "room 9", "kafka"]),
        (hard(3, SMALL), hard(3, LARGE), vec!["cluster 3 m7g.4xlarge", "room 6", "kafka"]),
        (hard(3, LARGE), hard(3, SMALL), vec!["cluster 3 m7g.4xlarge", "room 6", "kafka", "cluster 3 m7g.2xlarge"]),
        (hard(3, LARGE), hard(6, SMALL), vec!["cluster 6 m7g.4xlarge", "room 9", "kafka", "cluster 6 m7g.2xlarge"]),
        (hard(6, SMALL), hard(3, SMALL), vec!["cluster 6 m7g.2xlarge", "room 9", "kafka", "room 6", "cluster 3 m7g.2xlarge"]),
        (hard(6, LARGE), hard(4, SMALL), vec!["cluster 6 m7g.4xlarge", "room 9", "kafka", "room 7", "cluster 4 m7g.2xlarge"]),
        (hard(6, SMALL), hard(3, LARGE), vec!["cluster 6 m7g.4xlarge", "room 9", "kafka", "room 6", "cluster 3 m7g.4xlarge"]),
    ] {
        assert_eq!(applied(&prior, &planned).await, expected);
    }
}

/// Right after a change a Cluster sums up what was said of its machines before.
#[tokio::test]
async fn nodes_are_waited_for_of_which_the_cluster_has_not_heard() {
    let before = state(&hard(3, "m7g.2xlarge"));
    let after = plan(&hard(6, "m7g.2xlarge"), Some(&before)).tenant;
    let looks = AtomicU32::new(0);
    let (cluster, log) = all_well_but(wish(&before), "", 3, 6, move |line| {
        let is_deployments = line.contains("/machinedeployments?");
        if !line.starts_with("GET") || !(is_deployments || line.contains("/machinesets?")) {
            return None;
        }
        let looked = looks.fetch_add(u32::from(is_deployments), Ordering::SeqCst);
        let labels = json!({ "cluster.x-k8s.io/deployment-name": "brokers" });
        let available = if is_deployments || looked < 2 { 3 } else { 6 };
        let status = json!({ "observedGeneration": 1, "availableReplicas": available });
        let item =
            json!({ "metadata": { "name": "brokers", "generation": 1, "labels": labels }, "spec": { "replicas": 6 }, "status": status });
        Some(json!({ "kind": "List", "apiVersion": "v1", "metadata": { "resourceVersion": "1" }, "items": [item] }))
    });
    let connection = Connection::to(cluster.clone()).with_own_cluster("payments", cluster);
    apply::update(&connection, before, after, &mut Call::default()).await.map_err(|failed| failed.diagnostics).unwrap();
    let lines = log.lines();
    let kafka = lines.iter().position(|line| line.starts_with("PATCH") && line.contains("/kafkas/payments?fieldManager")).unwrap();
    let looks = lines[..kafka].iter().filter(|line| line.contains("/machinesets?")).count();
    assert_eq!(looks, 2, "Kafka grew before its nodes were there");
}

#[tokio::test]
async fn nodes_stay_while_kafka_waits_for_data_to_be_moved_and_the_warning_says_so() {
    let (before, mut after) = (state(&hard(6, "m7g.2xlarge")), hard(3, "m7g.2xlarge"));
    after.timeouts = crate::framework::timeouts::Timeouts { update: Attr::Known("1s".parse().unwrap()), ..Default::default() }.into();
    let planned = plan(&after, Some(&before)).tenant;
    let (own, _) = server({
        let wish = wish(&before);
        move |line, _| {
            let mut kafka = well("kafkas", "payments", &wish);
            kafka["status"]["autoRebalance"] =
                json!({ "state": "RebalanceOnScaleDown", "modes": [{ "mode": "remove-brokers", "brokers": [3, 4, 5] }] });
            let mut pool = well("kafkanodepools", "brokers", &wish);
            pool["status"]["replicas"] = 6.into();
            pool["status"]["nodeIds"] = json!([0, 1, 2, 3, 4, 5]);
            let list = |items: Json| json!({ "kind": "List", "apiVersion": "v1", "metadata": { "resourceVersion": "1" }, "items": items });
            match line {
                line if line.contains("watch=") => Reply::Silent,
                line if line.contains("fieldSelector=metadata.name%3Dbrokers") => Reply::Json(200, list(json!([pool]))),
                line if line.contains("fieldSelector=metadata.name%3Dpayments") => Reply::Json(200, list(json!([kafka]))),
                line if line.contains("/kafkanodepools/brokers") => Reply::Json(200, pool),
                line if line.starts_with("GET") && line.contains("limit=") => Reply::Json(200, list(json!([]))),
                line if line.contains("csidrivers") => Reply::Json(404, status(404, "NotFound", "not found", "it")),
                line if line.starts_with("GET /apis/") && line.matches('/').count() == 3 => {
                    let served = ["kafkas", "kafkanodepools"].map(|name| json!({ "name": name }));
                    Reply::Json(200, json!({ "resources": served }))
                }
                _ => Reply::Json(200, kafka),
            }
        }
    });
    let (management, log) = all_well(wish(&before), "");
    let connection = Connection::to(management).with_own_cluster("payments", own);
    let mut call = Call::default();
    apply::update(&connection, before, planned, &mut call).await.map_err(|failed| failed.diagnostics).unwrap();
    let told = call.found.iter().find(|told| told.summary == "The tenant is not ready yet").unwrap();
    assert!(told.detail.contains("node pool brokers has 6 of 3 nodes; data is moved off the brokers 3, 4, 5"), "{}", told.detail);
    let nodes = |cluster: &Json| {
        cluster["spec"]["topology"]["workers"]["machineDeployments"].as_array().unwrap().iter().any(|one| one["replicas"] == 6)
    };
    let clusters = log.bodies("/clusters/payments?fieldManager");
    assert!(clusters.len() == 1 && clusters.iter().all(nodes), "{clusters:?}");
}

/// A shrink whose deadline passed has left a state with the smaller size, and the brokers cannot be counted now.
#[tokio::test]
async fn nodes_of_brokers_that_cannot_be_counted_stay() {
    let (before, mut after) = (state(&hard(3, "m7g.2xlarge")), hard(3, "m7g.2xlarge"));
    after.timeouts = crate::framework::timeouts::Timeouts { update: Attr::Known("1s".parse().unwrap()), ..Default::default() }.into();
    let planned = plan(&after, Some(&before)).tenant;
    let wish = wish(&before);
    let workers = |name: &str, nodes: u32| json!({ "name": name, "replicas": nodes, "metadata": { "labels": { WORKERS_LABEL: name } } });
    let standing = json!({ "workers": { "machineDeployments": [workers("system", 3), workers("brokers", 6)] } });
    let (management, log) = server(move |line, _| {
        let mut cluster = well("clusters", "payments", &wish);
        cluster["spec"]["topology"] = standing.clone();
        let list = |items: Json| json!({ "kind": "List", "apiVersion": "v1", "metadata": { "resourceVersion": "1" }, "items": items });
        match line {
            line if line.contains("watch=") => Reply::Silent,
            line if line.contains("/clusters") && line.contains("fieldSelector") => Reply::Json(200, list(json!([cluster]))),
            line if line.contains("/clusters/payments") => Reply::Json(200, cluster),
            line if line.starts_with("GET") && line.contains("limit=") => Reply::Json(200, list(json!([]))),
            line if line.starts_with("GET /apis/") && line.matches('/').count() == 3 => {
                let served = ["clusters", "helmreleases", "ocirepositories"].map(|name| json!({ "name": name }));
                Reply::Json(200, json!({ "resources": served }))
            }
            _ => Reply::Json(200, well("namespaces", "kaas-payments", &wish)),
        }
    });
    let (own, _) = server(|_, _| Reply::Json(401, status(401, "Unauthorized", "no", "it")));
    let connection = Connection::to(management).with_own_cluster("payments", own);
    let _ = apply::update(&connection, before, planned, &mut Call::default()).await;
    let clusters = log.bodies("/clusters/payments?fieldManager");
    let nodes = |cluster: &Json| {
        let all = cluster["spec"]["topology"]["workers"]["machineDeployments"].as_array().unwrap().clone();
        all.into_iter().find(|one| one["name"] == "brokers").unwrap()["replicas"].clone()
    };
    assert!(!clusters.is_empty() && clusters.iter().all(|cluster| nodes(cluster) == 6), "{clusters:?}");
}

#[test]
fn what_strimzi_may_become_depends_on_the_one_that_runs() {
    let tenant = state(&hard(3, "m7g.2xlarge"));
    let told = |runs: Option<&str>| {
        let mut found = crate::framework::diagnostic::Diagnostics::none();
        plan_cluster::check(&tenant, (Some(&tenant), runs), None, &mut found);
        found.iter().map(|one| format!("{}: {}", one.path.as_ref().unwrap(), one.detail)).collect::<Vec<_>>()
    };
    for runs in [None, Some("1.2.0+4f1b2c3d4e5f"), Some("v1.1.0"), Some("no version")] {
        assert_eq!(told(runs), Vec::<String>::new(), "{runs:?}");
    }
    let newer = told(Some("1.9.0+4f1b2c3d4e5f"));
    assert!(newer.len() == 1 && newer[0].starts_with("operators.strimzi: ") && newer[0].contains("1.9.0 back to 1.2.0"), "{newer:?}");
}

#[tokio::test]
async fn what_the_management_cluster_does_not_serve_is_named() {
    for (absent, told) in [
        ("cluster.x-k8s.io", "Cluster API is not installed"),
        ("helm.toolkit.fluxcd.io", "Flux is not installed"),
        ("source.toolkit.fluxcd.io", "Flux is not installed"),
    ] {
        let planned = state(&hard(3, "m7g.2xlarge"));
        let (cluster, log) = all_well(wish(&planned), absent);
        let refused = apply::create(&Connection::to(cluster), planned, &mut Call::default()).await.unwrap_err();
        let error = refused.iter().find(|error| error.summary == told).unwrap_or_else(|| panic!("{told} is not in {refused:?}"));
        assert_eq!(error.path.as_ref().map(ToString::to_string).as_deref(), Some("management_cluster"));
        assert_eq!(log.matching("PATCH") + log.matching("POST"), 0, "something was begun");
    }
}

#[tokio::test]
async fn what_an_imported_tenants_own_cluster_offers_is_asked_of_it() {
    let mut imported = state(&hard(3, "m7g.2xlarge"));
    let ((management, _), (own, log)) = (all_well(wish(&imported), ""), all_well(String::new(), ""));
    (imported.throughput, imported.isolation, imported.cluster) = (Attr::Null, Attr::Null, Attr::Null);
    let connection = Connection::to(management).with_own_cluster("payments", own);
    let seen = read::read(&connection, imported, &mut Call::default()).await.unwrap().unwrap();
    assert_eq!(seen.isolation, "cluster".into());
    assert_eq!(log.matching("csidrivers"), 1, "{:?}", log.lines());
}

#[tokio::test]
async fn a_tenant_whose_cluster_is_not_there_in_time_is_reported_as_being_made_and_leaves_nothing_unknown() {
    let mut planned = plan(&hard(3, "m7g.2xlarge"), None).tenant;
    planned.timeouts = crate::framework::timeouts::Timeouts { update: Attr::Known("1s".parse().unwrap()), ..Default::default() }.into();
    let mut prior = planned.clone();
    (prior.status, prior.cluster_id, prior.bootstrap_servers, prior.ca_certificate) =
        (super::status("Creating"), Attr::Null, Attr::Null, Attr::Null);
    let wish = wish(&planned);
    let (cluster, _) = server(move |line, _| match line {
        line if line.contains("/clusters") && line.contains("watch=") => Reply::Silent,
        line if line.contains("/clusters") => {
            let made = json!({ "metadata": { "name": "payments", "resourceVersion": "1" }, "status": {} });
            let list = json!({ "kind": "List", "apiVersion": "v1", "metadata": { "resourceVersion": "1" }, "items": [made] });
            Reply::Json(200, if line.contains('?') && line.starts_with("GET") { list } else { made })
        }
        line if line.contains("/secrets/") => Reply::Json(404, status(404, "NotFound", "not found", "it")),
        line if line.contains("limit=") => {
            Reply::Json(200, json!({ "kind": "List", "apiVersion": "v1", "metadata": { "resourceVersion": "1" }, "items": [] }))
        }
        line if line.matches('/').count() == 3 && line.contains("/apis/") => {
            let served = ["clusters", "helmreleases", "ocirepositories"].map(|name| json!({ "name": name }));
            Reply::Json(200, json!({ "resources": served }))
        }
        _ => Reply::Json(200, well("namespaces", "kaas-payments", &wish)),
    });
    let mut call = Call::default();
    let seen = apply::update(&Connection::to(cluster), prior, planned, &mut call).await.map_err(|failed| failed.diagnostics).unwrap();
    assert!(seen.encode().is_wholly_known(), "{seen:?}");
    assert!(call.found.iter().any(|warning| warning.summary == "The tenant is not ready yet"));
    assert_eq!(seen.status.known().unwrap().phase, "Updating".into());
}

#[tokio::test]
async fn a_tenant_made_from_a_mirror_stays_with_it_for_a_user_who_may_not_see_which_it_is() {
    let tenant = hard(3, "m5.large");
    let before = state(&tenant);
    let mut spec = parse::spec(&before, &Connection::default().settings()).unwrap();
    spec.mirror = Some("registry.example.com/all".to_owned());
    let (cluster, log) = all_well(spec.to_wish_json().unwrap(), "");
    let connection = Connection::to(cluster.clone()).with_own_cluster("payments", cluster);
    let mut longer = before.clone();
    longer.retention = super::Retention { hours: super::number("30"), gib: Attr::Null }.into();
    let planned = plan(&longer, Some(&before)).tenant;
    apply::update(&connection, before, planned, &mut Call::default()).await.map_err(|failed| failed.diagnostics).unwrap();
    let urls: Vec<String> = log.bodies("/ocirepositories/").iter().map(|body| body["spec"]["url"].to_string()).collect();
    assert!(!urls.is_empty() && urls.iter().all(|url| url.contains("oci://registry.example.com/all/")), "{urls:?}");
}
