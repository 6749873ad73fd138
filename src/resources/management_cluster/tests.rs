//! The management cluster against a server with written-down answers: what is planned, asked, applied, told and removed.

use std::sync::{Arc, Mutex};

use serde_json::{Value as Json, json};

use super::*;
use crate::{
    domain::{
        cluster_class,
        object::{Kind, Manifest, ObjectRef},
    },
    drivers::kubernetes::{
        Cluster as Server,
        tests::{Log, Reply, server, status},
    },
    framework::{
        diagnostic::Severity,
        erased::{AnyResource, ErasedResource, PlanInput},
        model::{AttributeValue, Model, decode_model},
        timeouts::Timeouts,
    },
};

/// A cluster with Cluster API in it, as far as one can be written down.
#[derive(Clone, Default)]
pub struct There {
    /// Objects by their path.
    objects: Arc<Mutex<std::collections::BTreeMap<String, Json>>>,
    clusters: Vec<Json>,
    /// Kinds that are not served.
    lacks: Vec<Kind>,
    forbidden: Option<&'static str>,
    /// The Kubernetes it runs; None: a new one.
    version: Option<&'static str>,
    /// Cluster API does not run: classes get no conditions.
    is_silent: bool,
    /// Tenants that live here.
    pub tenants: Vec<&'static str>,
}

fn path(object: &ObjectRef) -> String {
    let api = object.kind.api();
    let group = if api.group.is_empty() { "/api/v1".to_owned() } else { format!("/apis/{}", api.api_version()) };
    let namespace = object.namespace.as_ref().map(|namespace| format!("/namespaces/{namespace}")).unwrap_or_default();
    format!("{group}{namespace}/{}/{}", api.plural, object.name)
}

fn not_found() -> Reply {
    Reply::Json(404, status(404, "NotFound", "not found", "it"))
}

fn list(items: &[Json]) -> Reply {
    Reply::Json(200, json!({ "kind": "List", "apiVersion": "v1", "metadata": { "resourceVersion": "1" }, "items": items }))
}

impl There {
    fn served(&self) -> Vec<Kind> {
        let kinds = SHIPPED.iter().flat_map(|class| cluster_class::kinds(class));
        kinds.filter(|kind| !self.lacks.contains(kind)).collect()
    }

    fn with(&self, manifest: &Manifest, change: impl FnOnce(&mut Json)) {
        let mut body = manifest.body.clone();
        body["metadata"]["generation"] = json!(1);
        if manifest.object.kind == Kind::ClusterClass && !self.is_silent {
            let condition = |kind: &str| json!({ "type": kind, "status": "True", "observedGeneration": 1 });
            body["status"] = json!({ "conditions": [condition("RefVersionsUpToDate"), condition("VariablesReady")] });
        }
        change(&mut body);
        self.objects.lock().unwrap().insert(path(&manifest.object), body);
    }

    fn with_classes(&self) {
        for manifest in cluster_class::build() {
            self.with(&manifest, |_| {});
        }
    }

    fn names(&self) -> Vec<String> {
        self.objects.lock().unwrap().keys().cloned().collect()
    }

    fn answer(&self, line: &str) -> Reply {
        let (method, url) = line.split_once(' ').unwrap();
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let mut objects = self.objects.lock().unwrap();
        match (method, path) {
            ("GET", "/version") => Reply::Json(200, json!({ "gitVersion": self.version.unwrap_or("v1.36.3") })),
            ("GET", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions") => {
                let name = |kind: &Kind| json!({ "metadata": { "name": format!("{}.{}", kind.api().plural, kind.api().group) } });
                list(&self.served().iter().map(name).collect::<Vec<_>>())
            }
            ("GET", "/apis/apps/v1/deployments") => list(&[]),
            ("GET", "/api/v1/namespaces") if query.contains("labelSelector=kaas.dev") => {
                let namespace =
                    |name: &&str| json!({ "metadata": { "name": format!("kaas-{name}"), "labels": { "kaas.dev/tenant": name } } });
                list(&self.tenants.iter().map(namespace).collect::<Vec<_>>())
            }
            ("GET", "/api/v1/namespaces") => list(&[]),
            ("GET", "/apis/cluster.x-k8s.io/v1beta2/clusters") => list(&self.clusters),
            ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews") => {
                Reply::Json(201, json!({ "status": { "allowed": self.forbidden.is_none() } }))
            }
            ("GET", group) if group.ends_with("/v1beta2") => {
                let of = |kind: &&Kind| format!("/apis/{}", kind.api().api_version()) == group;
                let served: Vec<Json> = self.served().iter().filter(of).map(|kind| json!({ "name": kind.api().plural })).collect();
                Reply::Json(200, json!({ "resources": served }))
            }
            ("GET", path) if query.contains("limit=") => {
                let below = |(name, _): &(&String, &Json)| name.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
                list(&objects.iter().filter(below).map(|(_, object)| object.clone()).collect::<Vec<_>>())
            }
            ("GET", _) if query.contains("watch=") => not_found(),
            ("GET", path) => objects.get(path).map_or_else(not_found, |object| Reply::Json(200, object.clone())),
            ("PATCH", path) => {
                let made = cluster_class::build().into_iter().find(|manifest| self::path(&manifest.object) == path);
                drop(objects);
                let Some(made) = made else { return not_found() };
                self.with(&made, |_| {});
                Reply::Json(200, made.body)
            }
            ("DELETE", path) => objects.remove(path).map_or_else(not_found, |object| Reply::Json(200, object)),
            _ => not_found(),
        }
    }

    pub fn server(&self) -> (Server, Log) {
        let there = self.clone();
        server(move |line, _| there.answer(line))
    }

    fn resource(&self) -> (ManagementClusterResource, Log) {
        let (cluster, log) = self.server();
        (ManagementClusterResource::new(Connection::to(cluster)), log)
    }
}

fn config() -> ManagementCluster {
    let mut config: ManagementCluster = decode_model(&ManagementCluster::block().null_object(), &mut Diagnostics::none()).unwrap();
    config.existing = Existing { eks_name: Attr::Null, region: Attr::Null }.into();
    config
}

fn classes(names: &[&str]) -> Attr<BTreeSet<String>> {
    Attr::Known(names.iter().map(|name| (*name).to_owned()).collect())
}

/// The plan as the CLI sees it, and what was said of it.
fn planned(config: &ManagementCluster, prior: Option<&ManagementCluster>) -> (ManagementCluster, Diagnostics) {
    let resource = ErasedResource::new(ManagementClusterResource::new(Connection::default()));
    let mut proposed = config.clone();
    if let Some(prior) = prior {
        proposed = ManagementCluster { existing: config.existing.clone(), timeouts: config.timeouts.clone(), ..prior.clone() };
        if !config.cluster_classes.is_null() {
            proposed.cluster_classes = config.cluster_classes.clone();
        }
    }
    let mut call = Call::default();
    let prior = prior.map_or(crate::framework::value::Value::Null, AttributeValue::encode);
    let output = resource.plan(PlanInput { prior, proposed: proposed.encode(), config: config.encode() }, &mut call);
    (decode_model(&output.planned, &mut Diagnostics::none()).unwrap(), call.found)
}

async fn created(there: &There, config: &ManagementCluster) -> (Result<ManagementCluster, Failed<ManagementCluster>>, Log, Diagnostics) {
    let (resource, log) = there.resource();
    let mut call = Call::default();
    let made = resource.create(planned(config, None).0, &mut call).await;
    (made, log, call.found)
}

fn told(found: &Diagnostics) -> String {
    found.iter().map(|one| format!("{}: {}\n", one.summary, one.detail)).collect()
}

fn cluster_of(class: &str) -> Json {
    json!({ "metadata": { "name": "orders", "namespace": "kaas-orders", "generation": 1 },
        "spec": { "topology": { "classRef": { "name": class, "namespace": "kaas-system" } } },
        "status": { "conditions": [{ "type": "TopologyReconciled", "status": "False", "observedGeneration": 1 }] } })
}

#[tokio::test]
async fn a_new_resource_keeps_the_classes_that_can_be_made_and_plans_nothing_after() {
    let there = There::default();
    assert!(planned(&config(), None).0.cluster_classes.is_unknown());
    let (made, ..) = created(&there, &config()).await;
    let made = made.unwrap();
    assert_eq!(made.cluster_classes, classes(&SHIPPED));
    assert_eq!(there.names().len(), cluster_class::build().len());
    let (resource, _) = there.resource();
    let read = resource.read(made.clone(), &mut Call::default()).await.unwrap().unwrap();
    assert_eq!((&read, read.drift.known()), (&made, Some(&Vec::new())));
    assert_eq!(planned(&config(), Some(&read)).0, read);
}

#[tokio::test]
async fn templates_are_applied_before_their_class() {
    let (made, log, _) = created(&There::default(), &config()).await;
    assert!(made.is_ok());
    let lines = log.lines();
    let at = |object: &ObjectRef| lines.iter().position(|line| line.starts_with(&format!("PATCH {}?", path(object)))).unwrap();
    for class in SHIPPED {
        let manifests = cluster_class::of(class);
        let position = at(&cluster_class::class_ref(class));
        assert!(manifests[..manifests.len() - 1].iter().all(|template| at(&template.object) < position));
    }
}

#[tokio::test]
async fn a_cluster_without_the_aws_provider_has_no_classes_unless_they_are_asked_for() {
    let there = There { lacks: vec![Kind::AwsMachineTemplate, Kind::NodeadmConfigTemplate], ..There::default() };
    let (made, log, _) = created(&there, &config()).await;
    assert_eq!(made.unwrap().cluster_classes, classes(&[]));
    assert_eq!(log.matching("PATCH"), 0);
    let wished = ManagementCluster { cluster_classes: classes(&["kaas-eks"]), ..config() };
    let refused = created(&there, &wished).await.0.unwrap_err().diagnostics;
    let said = told(&refused);
    assert!(said.contains("AWSMachineTemplate (infrastructure.cluster.x-k8s.io/v1beta2)") && said.contains("provider for AWS"), "{said}");
    assert_eq!(refused.iter().next().unwrap().path.as_ref().unwrap().to_string(), "cluster_classes");
}

#[tokio::test]
async fn a_class_that_cluster_api_does_not_take_up_is_told_and_waited_for_again() {
    let there = There { is_silent: true, ..There::default() };
    let timeouts = Timeouts { create: Attr::Known("1s".parse().unwrap()), ..Timeouts::default() }.into();
    let wished = ManagementCluster { cluster_classes: classes(&["kaas-aws"]), timeouts, ..config() };
    let (made, _, found) = created(&there, &wished).await;
    assert!(told(&found).contains("deadline passed") && told(&found).contains("is Cluster API running?"), "{}", told(&found));
    let (resource, _) = there.resource();
    let read = resource.read(made.unwrap(), &mut Call::default()).await.unwrap().unwrap();
    assert_eq!(read.drift.known().unwrap().len(), 1);
    let next = planned(&wished, Some(&read)).0;
    assert_ne!(next, read, "the next apply waits again");
}

#[tokio::test]
async fn drift_is_told_by_object_and_field() {
    let there = There::default();
    there.with_classes();
    let (resource, _) = there.resource();
    let state = resource.import(ImportTarget::Id("context/test".to_owned()), &mut Call::default()).await.unwrap();
    let state = resource.read(state, &mut Call::default()).await.unwrap().unwrap();
    assert_eq!((&state.cluster_classes, state.drift.known()), (&classes(&SHIPPED), Some(&Vec::new())));
    let [gone, changed] = [0, 2].map(|number| cluster_class::of("kaas-aws").remove(number));
    there.objects.lock().unwrap().remove(&path(&gone.object));
    there.with(&changed, |body| body["spec"]["template"]["spec"]["instanceType"] = json!("t3.nano"));
    let drift = resource.read(state, &mut Call::default()).await.unwrap().unwrap().drift.into_known().unwrap();
    assert_eq!(drift[0], format!("{} does not exist", gone.object));
    assert!(drift[1].starts_with(&format!("{}: spec.template.spec.instanceType is \"t3.nano\"", changed.object)), "{drift:?}");
    assert_eq!(drift.len(), 2);
}

#[tokio::test]
async fn a_class_in_use_is_not_taken_away_and_one_that_is_not_goes_with_its_templates() {
    let there = There { clusters: vec![cluster_of("kaas-eks")], ..There::default() };
    let made = created(&there, &config()).await.0.unwrap();
    let (resource, _) = there.resource();
    let none = ManagementCluster { cluster_classes: classes(&[]), ..made.clone() };
    let refused = resource.update(made.clone(), none, &mut Call::default()).await.unwrap_err();
    assert!(told(&refused.diagnostics).contains("kaas-orders/orders"), "{}", told(&refused.diagnostics));
    let less = ManagementCluster { cluster_classes: classes(&["kaas-eks"]), ..made.clone() };
    resource.update(made, less, &mut Call::default()).await.unwrap();
    let left = there.names();
    assert_eq!(left.len(), 1 + cluster_class::of("kaas-eks").len(), "{left:?}");
    assert!(left.iter().all(|name| !name.contains("kaas-aws")));
}

#[tokio::test]
async fn templates_of_an_earlier_provider_go_when_no_cluster_may_need_them() {
    for (clusters, is_kept) in [(vec![cluster_of("kaas-aws")], false), (vec![cluster_of("kaas-eks")], true)] {
        let there = There { clusters, ..There::default() };
        let mut old = cluster_class::of("kaas-eks").remove(2);
        old.object.name = "kaas-eks-node-00000000".to_owned();
        old.body["metadata"]["name"] = json!(old.object.name);
        there.with(&old, |_| {});
        created(&there, &config()).await.0.unwrap();
        assert_eq!(there.names().contains(&path(&old.object)), is_kept);
    }
}

#[tokio::test]
async fn destroying_removes_what_was_made_and_names_what_must_stay() {
    let there = There::default();
    let made = created(&there, &config()).await.0.unwrap();
    let (resource, _) = there.resource();
    resource.delete(made, &mut Call::default()).await.unwrap();
    assert_eq!(there.names(), Vec::<String>::new());

    let used = There { clusters: vec![cluster_of("kaas-eks")], ..There::default() };
    let made = created(&used, &config()).await.0.unwrap();
    let (resource, log) = used.resource();
    let mut call = Call::default();
    resource.delete(made.clone(), &mut call).await.unwrap();
    assert!(told(&call.found).contains("kaas-orders/orders"), "{}", told(&call.found));
    assert_eq!(used.names().len(), 1 + cluster_class::of("kaas-eks").len());
    let asked = log.lines().len();
    resource.delete(ManagementCluster { cluster_classes: classes(&[]), ..made }, &mut Call::default()).await.unwrap();
    assert_eq!(log.lines().len(), asked, "a cluster into which nothing was put is only forgotten");
}

#[tokio::test]
async fn a_namespace_that_others_use_or_have_made_stays() {
    let other = ObjectRef::namespaced(Kind::ConfigMap, "kaas-system", "theirs");
    let config_map = Manifest { object: other.clone(), body: json!({ "metadata": { "name": "theirs", "namespace": "kaas-system" } }) };
    let there = There::default();
    there.with(&config_map, |_| {});
    let made = created(&there, &config()).await.0.unwrap();
    let mut call = Call::default();
    there.resource().0.delete(made, &mut call).await.unwrap();
    assert!(told(&call.found).contains("ConfigMap theirs"), "{}", told(&call.found));
    assert_eq!(there.names().len(), 2);

    let foreign = There::default();
    foreign.with(&cluster_class::namespace(), |body| body["metadata"]["labels"] = json!({}));
    let (made, log, _) = created(&foreign, &config()).await;
    assert_eq!(log.matching("PATCH /api/v1/namespaces/"), 0);
    foreign.resource().0.delete(made.unwrap(), &mut Call::default()).await.unwrap();
    assert_eq!(foreign.names(), [path(&cluster_class::namespace().object)]);
}

#[tokio::test]
async fn more_is_asked_for_where_tenants_may_have_clusters() {
    let soft = There { forbidden: Some("all"), lacks: cluster_class::kinds("kaas-aws").into_iter().collect(), ..There::default() };
    let hard = There { forbidden: Some("all"), ..There::default() };
    let said = async |there: &There, config: &ManagementCluster| told(&created(there, config).await.0.unwrap_err().diagnostics);
    assert!(!said(&soft, &config()).await.contains("clusters.cluster.x-k8s.io"));
    let none = ManagementCluster { cluster_classes: classes(&[]), ..config() };
    assert!(!said(&hard, &none).await.contains("clusters.cluster.x-k8s.io"));
    let all = said(&hard, &config()).await;
    for needed in [
        "clusters.cluster.x-k8s.io (create, delete, get, list, patch, watch)",
        "secrets (delete, get, list, watch)",
        "clusterclasses.cluster.x-k8s.io (create, delete, get, list, patch)",
        "awsmachinetemplates.infrastructure.cluster.x-k8s.io (create, delete",
        "cluster_classes = []",
    ] {
        assert!(all.contains(needed), "{needed}: {all}");
    }
}

#[tokio::test]
async fn a_kubernetes_that_strimzi_does_not_run_on_is_refused_before_anything_is_made() {
    let old = There { version: Some("v1.29.14-eks-1234567"), ..There::default() };
    let (made, log, _) = created(&old, &config()).await;
    let refused = made.unwrap_err().diagnostics;
    let said = told(&refused);
    assert!(said.contains("too old: The cluster runs Kubernetes v1.29.14-eks-1234567; Strimzi needs 1.30 or later"), "{said}");
    assert_eq!(refused.iter().next().unwrap().path.as_ref().unwrap().to_string(), "existing");
    assert_eq!(log.matching("PATCH"), 0);
    let oldest = There { version: Some("v1.30.0"), ..There::default() };
    let made = created(&oldest, &config()).await.0.unwrap();
    assert_eq!(made.kubernetes_version.known().map(String::as_str), Some("v1.30.0"));
}

#[test]
fn classes_that_do_not_come_with_the_provider_are_refused() {
    let mut found = Diagnostics::none();
    let mine = ManagementCluster { cluster_classes: classes(&["mine", "kaas-eks"]), ..config() };
    ManagementClusterResource::new(Connection::default()).validate(&mine, &mut found);
    assert_eq!(found.iter().filter(|one| one.severity == Severity::Error).count(), 1);
    assert!(told(&found).contains("\"mine\"") && told(&found).contains("class_namespace"));
}

#[tokio::test]
async fn what_was_kept_stays_when_it_is_no_longer_said() {
    let there = There::default();
    let wished = ManagementCluster { cluster_classes: classes(&["kaas-aws"]), ..config() };
    let made = created(&there, &wished).await.0.unwrap();
    assert_eq!(planned(&config(), Some(&made)).0, made);
}

#[tokio::test]
async fn the_classes_of_another_cluster_are_not_touched() {
    let there = There::default();
    let elsewhere = ManagementCluster { id: "context/elsewhere".into(), ..created(&there, &config()).await.0.unwrap() };
    let (resource, log) = there.resource();
    let refused = resource.delete(elsewhere.clone(), &mut Call::default()).await.unwrap_err().diagnostics;
    assert!(told(&refused).contains("context/elsewhere"), "{}", told(&refused));
    assert!(resource.update(elsewhere.clone(), elsewhere, &mut Call::default()).await.is_err());
    assert_eq!(log.lines(), Vec::<String>::new());
}
