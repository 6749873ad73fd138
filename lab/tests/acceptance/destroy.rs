//! Destroy leaves nothing, whatever state the tenant is in, and names what holds it up.

use kaas::domain::object::{Kind, ObjectRef};
use kaas_lab::{Lab, Options, TemporaryLab, objects};
use serde_json::json;

use super::cluster::{self, held_topic, namespace, of};
use super::place::{Place, Tenant, flat, holds, said};
use super::world::{each, each_engine, named, operated, ready};

/// The classes of volumes that a cluster has.
fn classes(lab: &Lab) -> Vec<String> {
    objects::all(&lab.kubeconfig()).unwrap().into_iter().filter(|object| object.contains("Class kaas-")).collect()
}

#[test]
fn a_move_of_data_that_had_not_ended_does_not_hold_a_tenant() {
    each_engine(|engine| {
        let name = named("moving", engine);
        let place = Place::applied(engine, ready(), &Tenant::small(&name));
        let rebalance = of(&name, Kind::KafkaRebalance, &format!("{name}-auto-rebalancing-remove-brokers"));
        cluster::apply(
            ready(),
            &rebalance,
            &json!({"apiVersion": "kafka.strimzi.io/v1", "kind": "KafkaRebalance", "spec": {"mode": "remove-brokers", "brokers": [3]},
                "metadata": {"name": rebalance.name, "labels": {"strimzi.io/cluster": name}, "finalizers": ["strimzi.io/auto-rebalancing"]}}),
        );
        place.destroy();
        assert!(cluster::get(ready(), &namespace(&name)).is_none());
    });
}

#[test]
fn nothing_is_left_of_a_tenant() {
    let binary = Some(env!("CARGO_BIN_EXE_kaas-lab").into());
    let lab = TemporaryLab::with(&Options {
        pretend_ready: true,
        lab_binary: binary,
        ..Options::named(&format!("empty-{}", std::process::id()))
    })
    .unwrap();
    // The driver of EBS volumes: with it a tenant also has classes outside of its namespace.
    let driver = ObjectRef::global(Kind::CsiDriver, "ebs.csi.aws.com");
    cluster::apply(
        &lab,
        &driver,
        &json!({"apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "metadata": {"name": "ebs.csi.aws.com"}, "spec": {"attachRequired": true}}),
    );
    let before = objects::settled(&lab.kubeconfig()).unwrap();
    each_engine(|engine| {
        let name = named("empty", engine);
        let tenant = Tenant::small(&name).with("access {\n groups = [\"team\"]\n }");
        let place = Place::applied(engine, &lab, &tenant);
        place.plan_is_empty();
        for class in ["StorageClass", "VolumeAttributesClass"] {
            assert!(classes(&lab).iter().any(|name| name.starts_with(class)), "{:?}", classes(&lab));
        }
        // Other figures are another class; the old one goes.
        place.configure(&tenant.with("sizing_override {\n volume_mib_per_second = 250\n }"));
        place.apply();
        place.plan_is_empty();
        assert!(classes(&lab).contains(&format!("VolumeAttributesClass kaas-{name}-250-3000")));
        cluster::wait("the old class to go", || !classes(&lab).contains(&format!("VolumeAttributesClass kaas-{name}-125-3000")));
        let topic = json!({"apiVersion": "kafka.strimzi.io/v1", "kind": "KafkaTopic", "metadata": {"name": "t", "namespace": format!("kaas-{name}"),
            "labels": {"strimzi.io/cluster": name}}, "spec": {"partitions": 1, "replicas": 3}});
        cluster::apply(&lab, &of(&name, Kind::KafkaTopic, "t"), &topic);
        place.destroy();
    });
    assert_eq!(objects::all(&lab.kubeconfig()).unwrap(), before);
    lab.down().unwrap();
}

#[test]
fn a_tenant_whose_namespace_was_deleted_by_hand_is_destroyed_without_complaint() {
    each_engine(|engine| {
        let name = named("byhand", engine);
        let place = Place::applied(engine, ready(), &Tenant::small(&name));
        place.workspace.run(&["plan", "-no-color", "-destroy", "-out=saved"]).unwrap().succeeded().unwrap();
        cluster::delete(ready(), &namespace(&name));
        let ran = place.workspace.run(&["apply", "-no-color", "saved"]).unwrap();
        assert_eq!(ran.code, Some(0), "{}", said(&ran));
        let place = Place::applied(engine, ready(), &Tenant::small(&name));
        cluster::delete(ready(), &namespace(&name));
        place.destroy();
    });
}

#[test]
fn a_volume_that_is_not_deleted_is_named_and_the_next_destroy_goes_on() {
    each_engine(|engine| {
        let name = named("volume", engine);
        let place = Place::applied(engine, ready(), &Tenant::small(&name).with("timeouts {\n delete = \"15s\"\n }"));
        // As a CSI driver makes them, and none is here to take them away.
        let (gone, kept) = (volume(&name, "gone", "Delete"), volume(&name, "kept", "Retain"));
        let ran = place.workspace.destroy(&[]).unwrap();
        assert_eq!(ran.code, Some(1), "{}", said(&ran));
        let told = flat(&said(&ran));
        holds(
            &told,
            &[
                "The tenant is not gone yet",
                "The deadline passed",
                &gone.to_string(),
                "it is not being deleted",
                "CSI driver",
                "Destroy again",
            ],
        );
        assert!(!told.contains(&kept.to_string()), "{told}");
        // The claims are gone, and the volume is still looked for.
        let ran = place.workspace.destroy(&[]).unwrap();
        assert_eq!(ran.code, Some(1), "{}", said(&ran));
        holds(&flat(&said(&ran)), &[&gone.to_string()]);
        cluster::delete_volume(ready(), &gone);
        let ran = place.destroy();
        holds(&flat(&said(&ran)), &["Volumes are kept", &kept.name]);
        assert!(cluster::get(ready(), &namespace(&name)).is_none());
        cluster::delete_volume(ready(), &kept);
    });
}

/// A volume that a claim of the tenant names; the lab has no controller that would bind them.
fn volume(tenant: &str, purpose: &str, policy: &str) -> ObjectRef {
    let (name, space) = (format!("{tenant}-{purpose}"), format!("kaas-{tenant}"));
    let volume = ObjectRef::global(Kind::PersistentVolume, name.clone());
    let claim_ref = json!({"kind": "PersistentVolumeClaim", "apiVersion": "v1", "namespace": space, "name": purpose});
    let spec = json!({"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "persistentVolumeReclaimPolicy": policy, "claimRef": claim_ref,
        "csi": {"driver": "disks.example.com", "volumeHandle": name}});
    let annotations = json!({"pv.kubernetes.io/provisioned-by": "disks.example.com"});
    let metadata = json!({"name": name, "annotations": annotations});
    cluster::apply(ready(), &volume, &json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": metadata, "spec": spec}));
    let spec = json!({"accessModes": ["ReadWriteOnce"], "storageClassName": "", "volumeName": name, "resources": {"requests": {"storage": "1Gi"}}});
    let body =
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": purpose, "namespace": space}, "spec": spec});
    cluster::apply(ready(), &of(tenant, Kind::PersistentVolumeClaim, purpose), &body);
    volume
}

#[test]
fn a_finalizer_that_holds_a_topic_is_named_and_the_next_destroy_goes_on() {
    let mut lab = operated();
    lab.start_operator();
    let begun = each_engine(|engine| {
        let name = named("stuck", engine);
        (Place::applied(engine, lab.lab(), &Tenant::small(&name).with("timeouts {\n delete = \"8s\"\n }")), name)
    });
    lab.stop_operator();
    let begun = each(begun, |(place, name)| {
        let topic = of(&name, Kind::KafkaTopic, "orders");
        cluster::apply(lab.lab(), &topic, &held_topic(&name, "orders"));
        let ran = place.workspace.destroy(&[]).unwrap();
        assert_eq!(ran.code, Some(1));
        let told = format!("KafkaTopic kaas-{name}/orders");
        holds(
            &flat(&said(&ran)),
            &["The tenant is not gone yet", "The deadline passed", &told, "strimzi.io/topic-operator", "Destroy again"],
        );
        // It can still be looked at.
        holds(&place.plan_changes(), &["kaas_tenant.t"]);
        (place, name)
    });
    lab.start_operator();
    each(begun, |(place, name)| {
        // As the topic operator does, which has nothing to do for a Kafka that does not run.
        cluster::merge(lab.lab(), &of(&name, Kind::KafkaTopic, "orders"), &json!({"metadata": {"finalizers": null}}));
        cluster::wait("the end of the tenant", || place.workspace.destroy(&[]).unwrap().code == Some(0));
        assert!(cluster::get(lab.lab(), &namespace(&name)).is_none());
    });
}
