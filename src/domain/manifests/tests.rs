//! What the manifests of a tenant must show, whatever the tenant.

use serde_json::Value;

use super::*;
use crate::domain::drift;
use crate::domain::kafka::config;
use crate::domain::quantity::kubernetes_quantity;
use crate::domain::sizing::size;
use crate::domain::tenant::tests::{PAYMENTS, tenant};

fn built(spec: &TenantSpec, facts: Facts) -> Vec<Manifest> {
    let sizing = size(&spec.wish, &spec.overrides, spec.floor.as_ref()).unwrap();
    build(spec, &sizing, &facts)
}

fn of(manifests: &[Manifest], kind: Kind) -> Vec<&Value> {
    manifests.iter().filter(|m| m.object.kind == kind).map(|m| &m.body).collect()
}

fn one(manifests: &[Manifest], kind: Kind) -> &Value {
    let found = of(manifests, kind);
    assert_eq!(found.len(), 1, "{kind:?}");
    found[0]
}

const AWS: Facts = Facts { ebs_csi: true, volume_attributes_classes: true };

#[test]
fn every_object_carries_our_labels_the_users_and_its_own_address() {
    let mut spec = tenant(PAYMENTS);
    spec.labels.insert("team".into(), "blue".into());
    spec.access_groups.push("payments-team".into());
    for Manifest { object, body } in built(&spec, AWS) {
        assert_eq!(body["kind"], object.kind.api().kind);
        assert_eq!(body["apiVersion"], object.kind.api().api_version());
        assert_eq!(body["metadata"]["name"], object.name);
        assert_eq!(body["metadata"].get("namespace").and_then(Value::as_str), object.namespace.as_deref());
        let labels = &body["metadata"]["labels"];
        assert_eq!(labels["app.kubernetes.io/managed-by"], "kaas", "{object}");
        assert_eq!(labels["kaas.dev/tenant"], "payments", "{object}");
        assert_eq!(labels["team"], "blue", "{object}");
        assert!(body.get("status").is_none(), "{object}");
    }
}

#[test]
fn objects_come_in_the_order_in_which_they_can_be_made() {
    let kinds: Vec<Kind> = built(&tenant(PAYMENTS), Facts::default()).iter().map(|m| m.object.kind).collect();
    use Kind::*;
    assert_eq!(kinds, [Namespace, ResourceQuota, LimitRange, NetworkPolicy, Role, KafkaNodePool, KafkaNodePool, Kafka, KafkaUser]);
}

#[test]
fn the_namespace_holds_the_wish_to_rebuild_the_tenant_from() {
    let spec = tenant(PAYMENTS);
    let manifests = built(&spec, AWS);
    let annotations = &one(&manifests, Kind::Namespace)["metadata"]["annotations"];
    assert_eq!(annotations["kaas.dev/owner"], "own-1");
    assert_eq!(annotations["kaas.dev/phase"], "created");
    assert_eq!(TenantSpec::from_wish_json(annotations["kaas.dev/wish"].as_str().unwrap()).unwrap(), spec);
    assert_eq!(namespace(&spec, Phase::Creating).body["metadata"]["annotations"]["kaas.dev/phase"], "creating");
}

#[test]
fn the_quota_holds_every_pod_and_volume_of_the_tenant() {
    let manifests = built(&tenant(PAYMENTS), AWS);
    let hard = &one(&manifests, Kind::ResourceQuota)["spec"]["hard"];
    let number = |value: &Value| kubernetes_quantity(value.as_str().unwrap()).unwrap();
    let mut asked = [0, 0, 0];
    for pool in of(&manifests, Kind::KafkaNodePool) {
        let spec = &pool["spec"];
        let replicas = i128::from(spec["replicas"].as_i64().unwrap());
        asked[0] += replicas * number(&spec["resources"]["requests"]["cpu"]);
        asked[1] += replicas * number(&spec["resources"]["requests"]["memory"]);
        asked[2] += replicas * number(&spec["storage"]["volumes"][0]["size"]);
    }
    assert!(number(&hard["requests.cpu"]) > asked[0] && number(&hard["requests.memory"]) > asked[1]);
    assert_eq!(number(&hard["requests.storage"]), asked[2]);
}

#[test]
fn a_cluster_with_the_ebs_driver_gets_an_encrypted_class_and_attributes_that_can_change() {
    let mut spec = tenant(PAYMENTS);
    spec.storage.kms_key_arn = Some("arn:aws:kms:eu-central-1:1:key/2".into());
    let manifests = built(&spec, AWS);
    let class = one(&manifests, Kind::StorageClass);
    assert_eq!(class["parameters"]["encrypted"], "true");
    assert_eq!(class["parameters"]["kmsKeyId"], "arn:aws:kms:eu-central-1:1:key/2");
    assert!(class["parameters"].get("iops").is_none());
    let attributes = one(&manifests, Kind::VolumeAttributesClass);
    assert_eq!(attributes["metadata"]["name"], "kaas-payments-149-3000");
    let volumes: Vec<&Value> = of(&manifests, Kind::KafkaNodePool).into_iter().map(|p| &p["spec"]["storage"]["volumes"][0]).collect();
    assert!(volumes.iter().all(|volume| volume["class"] == "kaas-payments"));
    assert_eq!(volumes[1]["volumeAttributesClass"], "kaas-payments-149-3000");

    let old = built(&spec, Facts { ebs_csi: true, volume_attributes_classes: false });
    assert!(of(&old, Kind::VolumeAttributesClass).is_empty());
    assert_eq!(one(&old, Kind::StorageClass)["parameters"]["throughput"], "149");
}

#[test]
fn elsewhere_or_with_a_class_of_the_users_none_is_made() {
    let mut spec = tenant(PAYMENTS);
    let volume = |manifests: &[Manifest]| of(manifests, Kind::KafkaNodePool)[0]["spec"]["storage"]["volumes"][0].clone();
    let plain = built(&spec, Facts::default());
    assert!(of(&plain, Kind::StorageClass).is_empty() && volume(&plain).get("class").is_none());
    spec.storage.class = Some("fast".into());
    let own = built(&spec, AWS);
    assert!(of(&own, Kind::StorageClass).is_empty());
    assert_eq!(volume(&own)["class"], "fast");
}

#[test]
fn clients_come_only_from_allowed_namespaces_in_our_policy_and_in_strimzis() {
    let mut spec = tenant(PAYMENTS);
    let open = built(&spec, AWS);
    assert!(one(&open, Kind::NetworkPolicy)["spec"]["ingress"][2].get("from").is_none());
    spec.allowed_namespaces = vec!["apps".into()];
    let closed = built(&spec, AWS);
    let peers = &one(&closed, Kind::NetworkPolicy)["spec"]["ingress"][2]["from"];
    assert_eq!(peers[0]["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"], "apps");
    assert_eq!(&one(&closed, Kind::Kafka)["spec"]["kafka"]["listeners"][0]["networkPolicyPeers"], peers);
}

#[test]
fn people_are_bound_only_when_there_are_any_and_see_no_secret() {
    let mut spec = tenant(PAYMENTS);
    assert!(of(&built(&spec, AWS), Kind::RoleBinding).is_empty());
    spec.access_groups = vec!["payments-team".into()];
    let manifests = built(&spec, AWS);
    assert_eq!(one(&manifests, Kind::RoleBinding)["subjects"][0]["name"], "payments-team");
    assert!(!one(&manifests, Kind::Role).to_string().contains("secrets"));
}

#[test]
fn kafka_is_held_to_the_promise_and_takes_the_users_settings() {
    let mut spec = tenant(PAYMENTS);
    spec.kafka.config.insert("message.max.bytes".into(), "2097152".into());
    let manifests = built(&spec, AWS);
    let kafka = &one(&manifests, Kind::Kafka)["spec"]["kafka"];
    assert_eq!(kafka["version"], "4.3.1");
    assert_eq!(kafka["config"]["log.retention.ms"], 86_400_000);
    assert_eq!(kafka["config"]["default.replication.factor"], 3);
    assert_eq!(kafka["config"]["message.max.bytes"], "2097152");
    // Half of the 50 MiB/s that are written and of the 150 MiB/s that are read: one of the three brokers may be away.
    assert_eq!(kafka["quotas"]["producerByteRate"], 26_214_400);
    assert_eq!(kafka["quotas"]["consumerByteRate"], 78_643_200);
    assert_eq!(kafka["quotas"]["minAvailableRatioPerVolume"], 0.1);
    assert!(kafka.get("metadataVersion").is_none());
    assert_eq!(kafka["listeners"][0]["authentication"]["type"], "tls");
}

#[test]
fn no_setting_of_ours_that_the_sizing_stands_on_can_be_set_by_the_user() {
    let mut spec = tenant(PAYMENTS);
    spec.overrides.instance_type = Some("m7g.8xlarge".into());
    let manifests = built(&spec, AWS);
    let ours = one(&manifests, Kind::Kafka)["spec"]["kafka"]["config"].as_object().unwrap();
    for key in ours.keys().filter(|key| !key.starts_with("num.")) {
        assert!(config::check_key(key).is_err(), "{key}");
    }
    assert_eq!(ours["num.io.threads"], 32);
}

#[test]
fn what_exists_is_read_from_the_live_pool() {
    let manifests = built(&tenant(PAYMENTS), AWS);
    let brokers = manifests.iter().find(|m| m.object.name == "brokers").unwrap();
    let floor = live_floor(&brokers.body).unwrap();
    assert_eq!((floor.brokers, floor.volume_gib, floor.instance_type.as_deref()), (3, 6_791, Some("m7g.xlarge")));
    let mut grown = brokers.body.clone();
    grown["spec"]["storage"]["volumes"][0]["size"] = "7Ti".into();
    assert_eq!(live_floor(&grown).unwrap().volume_gib, 7_168);
    assert_eq!(live_floor(&json!({})), None);
}

#[test]
fn what_is_built_is_no_drift_from_itself() {
    for manifest in built(&tenant(PAYMENTS), AWS) {
        assert_eq!(drift::lines(&manifest, Some(&manifest.body)), Vec::<String>::new());
    }
}

#[test]
fn brokers_that_still_run_are_there_though_the_pool_asks_for_fewer() {
    let pool = |replicas: u32, nodes: &[u32]| serde_json::json!({ "spec": { "replicas": replicas, "storage": { "volumes": [{ "size": "10Gi" }] } }, "status": { "nodeIds": nodes } });
    for (replicas, nodes, brokers) in [(3, &[0, 1, 2, 3][..], 4), (6, &[0, 1, 2], 6), (3, &[], 3)] {
        assert_eq!(live_floor(&pool(replicas, nodes)).map(|floor| floor.brokers), Some(brokers));
    }
}
