//! What is installed, kept, upgraded, left, adopted and removed on a server with written-down answers.

mod server;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use self::server::World;
use super::*;
use crate::{
    domain::install::{Component, ReleaseFile},
    framework::{
        model::{AttributeValue, Model, decode_model},
        parts::Resource,
    },
    resources::{
        connection::Connection,
        management_cluster::{
            ManagementClusterResource,
            install::model::FurtherProvider,
            model::{Existing, nothing},
        },
    },
};

fn blank<M: Model>() -> M {
    decode_model(&M::block().null_object(), &mut Diagnostics::none()).unwrap()
}

fn told(found: &Diagnostics) -> String {
    found.iter().map(|one| format!("{}: {}\n", one.summary, one.detail)).collect()
}

const CERT_MANAGER: &str = "/apis/apps/v1/namespaces/cert-manager/deployments/cert-manager";

fn cert_manager(version: &str) -> ReleaseFile {
    ReleaseFile::on_github("x/y", "cert-manager", version, "cert-manager.yaml")
}

fn flux() -> ReleaseFile {
    ReleaseFile::on_github("x/y", "flux2", "2.9.5", "install.yaml")
}

#[tokio::test]
async fn components_are_installed_in_order_kept_and_removed_backwards() {
    let world = World::new();
    world.release(&cert_manager("1.21.2"), "cert-manager", "");
    world.release(&flux(), "flux-system", "");
    let wished = world.wished(&[Component::CertManager, Component::Flux], "1.21.2", |_, mirror| mirror.image_registry = "r.local".into());
    let outcome = world.apply(&wished).await.unwrap();
    assert!(outcome.waiting.is_none() && outcome.warnings.iter().next().is_none(), "{outcome:?}");
    let lines: Vec<String> = world.log.lines().into_iter().filter(|line| line.starts_with("PATCH")).collect();
    let at = |part: &str| lines.iter().position(|line| line.contains(part)).unwrap_or_else(|| panic!("{part}: {lines:#?}"));
    let order = [
        "configmaps/kaas-install-cert-manager",
        "namespaces/cert-manager?",
        "things.cert-manager.io",
        "deployments/cert-manager",
        "configmaps/kaas-install-flux",
        "deployments/flux-system",
    ];
    assert!(order.windows(2).all(|pair| at(pair[0]) < at(pair[1])), "{lines:#?}");
    assert_eq!(world.there.get(CERT_MANAGER)["spec"]["template"]["spec"]["containers"][0]["image"], "r.local/cert-manager:v1");
    assert_eq!(drift(&world.cluster, &wished).await.unwrap(), Vec::<String>::new());
    // For the clusters of tenants.
    assert_eq!(world.there.get("/api/v1/namespaces/kaas-system/configmaps/kaas-mirror")["data"]["imageRegistry"], "r.local");

    let mut changed = world.there.get(CERT_MANAGER);
    changed["spec"]["replicas"] = json!(0);
    world.there.put(CERT_MANAGER, changed);
    world.there.objects.lock().unwrap().remove("/apis/apps/v1/namespaces/flux-system/deployments/flux-system");
    let lines = drift(&world.cluster, &wished).await.unwrap();
    assert_eq!(
        lines,
        ["Deployment cert-manager/cert-manager: spec.replicas is 0, should be 1", "Deployment flux-system/flux-system does not exist"]
    );
    // No source is needed to mend.
    std::fs::remove_dir_all(world.folder.path()).unwrap();
    world.apply(&wished).await.unwrap();
    assert_eq!(drift(&world.cluster, &wished).await.unwrap(), Vec::<String>::new());

    let before = world.log.lines().len();
    let outcome = world.remove().await.unwrap();
    assert!(outcome.waiting.is_none());
    assert_eq!(world.there.names(), Vec::<String>::new());
    let lines: Vec<String> = world.log.lines().into_iter().skip(before).filter(|line| line.starts_with("DELETE")).collect();
    let at = |part: &str| lines.iter().position(|line| line.ends_with(part)).unwrap();
    let order =
        ["deployments/flux-system", "things.flux-system.io", "v1/namespaces/flux-system", "kaas-install-flux", "deployments/cert-manager"];
    assert!(order.windows(2).all(|pair| at(pair[0]) < at(pair[1])), "{lines:#?}");
}

#[tokio::test]
async fn what_does_not_become_ready_is_waited_for_again() {
    let world = World::new();
    world.release(&cert_manager("1.21.2"), "cert-manager", "");
    let wished = world.wished(&[Component::CertManager], "1.21.2", |_, _| {});
    *world.there.is_slow.lock().unwrap() = true;
    let waiting = world.apply(&wished).await.unwrap().waiting.unwrap();
    assert!(waiting.contains("deadline passed") && waiting.contains("Deployment cert-manager/cert-manager"), "{waiting}");
    let lines = drift(&world.cluster, &wished).await.unwrap();
    assert!(lines.iter().any(|line| line.contains("not installed to its end")), "{lines:?}");
    *world.there.is_slow.lock().unwrap() = false;
    assert!(world.apply(&wished).await.unwrap().waiting.is_none());
    assert_eq!(drift(&world.cluster, &wished).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn an_upgrade_takes_the_supported_path_and_prunes() {
    let world = World::new();
    let old = "---\n{apiVersion: v1, kind: Service, metadata: {name: old, namespace: cert-manager}}\n";
    world.release(&cert_manager("1.20.0"), "cert-manager", old);
    world.release(&cert_manager("1.21.2"), "cert-manager", "");
    world.apply(&world.wished(&[Component::CertManager], "1.20.0", |_, _| {})).await.unwrap();
    let mut deployment = world.there.get(CERT_MANAGER);
    deployment["spec"]["selector"] = json!({ "matchLabels": { "app": "an earlier one" } });
    world.there.put(CERT_MANAGER, deployment);
    let service = "/api/v1/namespaces/cert-manager/services/old";
    assert!(!world.there.get(service).is_null());
    let before = world.there.names();
    let refused = world.apply(&world.wished(&[Component::CertManager], "1.22.0", |_, _| {})).await.unwrap_err();
    assert!(told(&refused).contains("apply a 1.21 version first"), "{}", told(&refused));
    assert_eq!(world.there.names(), before);
    let wished = world.wished(&[Component::CertManager], "1.21.2", |_, _| {});
    world.apply(&wished).await.unwrap();
    assert!(world.there.get(service).is_null());
    assert_eq!(drift(&world.cluster, &wished).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn an_upgrade_that_was_begun_is_no_step_until_it_runs() {
    let world = World::new();
    for version in ["1.20.0", "1.21.2", "1.22.0"] {
        world.release(&cert_manager(version), "cert-manager", "");
    }
    let wished = |version: &str| world.wished(&[Component::CertManager], version, |_, _| {});
    world.apply(&wished("1.20.0")).await.unwrap();
    *world.there.is_slow.lock().unwrap() = true;
    let set = |version: &str| {
        json!({
            "apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": {
                "name": version, "namespace": "cert-manager",
                "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "Deployment", "name": "cert-manager", "uid": "1" }],
            },
            "spec": { "template": { "metadata": { "labels": { "app.kubernetes.io/version": format!("v{version}") } } } },
            "status": { "replicas": 1 },
        })
    };
    let place = "/apis/apps/v1/namespaces/cert-manager/replicasets/one";
    world.there.put(place, set("1.20.0"));
    assert!(world.apply(&wished("1.21.2")).await.unwrap().waiting.is_some());
    *world.there.is_slow.lock().unwrap() = false;
    let before = world.there.names();
    let refused = told(&world.apply(&wished("1.22.0")).await.unwrap_err());
    assert!(refused.contains("from 1.20.0 to 1.22.0") && refused.contains("apply a 1.21 version first"), "{refused}");
    assert_eq!(world.there.names(), before);
    // What was begun can be ended, and has been where its pods run.
    world.there.put(place, set("1.21.2"));
    world.apply(&wished("1.22.0")).await.unwrap();
}

#[tokio::test]
async fn secrets_of_others_keep_their_namespace() {
    let world = World::new();
    let own = "---\n{apiVersion: v1, kind: Secret, metadata: {name: own, namespace: cert-manager}}\n";
    world.release(&cert_manager("1.21.2"), "cert-manager", own);
    world.apply(&world.wished(&[Component::CertManager], "1.21.2", |_, _| {})).await.unwrap();
    let place = |name: &str| format!("/api/v1/namespaces/cert-manager/secrets/{name}");
    let put = |name: &str, metadata: serde_json::Value| {
        let mut secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": metadata });
        (secret["metadata"]["name"], secret["metadata"]["namespace"]) = (json!(name), json!("cert-manager"));
        world.there.put(&place(name), secret);
    };
    put("theirs", json!({}));
    // What programs made for themselves.
    put("cert-manager-webhook-ca", json!({ "annotations": { "cert-manager.io/allow-direct-injection": "true" } }));
    put("serving-cert", json!({ "annotations": { "cert-manager.io/certificate-name": "serving-cert" } }));
    put("sh.helm.release.v1.x.v1", json!({ "labels": { "owner": "helm" } }));
    put("token", json!({ "annotations": { "kubernetes.io/service-account.name": "default" } }));
    let outcome = world.remove().await.unwrap();
    let said = told(&outcome.warnings);
    assert!(said.contains("A namespace stays in the cluster") && said.contains("Secret cert-manager/theirs."), "{said}");
    assert!(!world.there.get(&place("theirs")).is_null() && world.there.get(&place("own")).is_null());
    assert!(world.there.get(CERT_MANAGER).is_null());
    // Nothing of theirs is left: it goes as before.
    world.there.objects.lock().unwrap().remove(&place("theirs"));
    world.apply(&world.wished(&[Component::CertManager], "1.21.2", |_, _| {})).await.unwrap();
    assert_eq!(told(&world.remove().await.unwrap().warnings), "");
}

#[tokio::test]
async fn a_first_installation_that_fails_says_what_it_leaves() {
    let world = World::new();
    world.there.put("/version", json!({ "gitVersion": "v1.36.3" }));
    let resource = ManagementClusterResource::new(Connection::to(world.cluster.clone()));
    let (install, mirror) = world.blocks(&[Component::CertManager, Component::Flux], "1.21.2");
    let existing = Existing { eks_name: Attr::Null, region: Attr::Null };
    let planned = ManagementCluster { existing: existing.into(), install: install.into(), mirror: mirror.into(), ..nothing() };
    let failed = async || {
        let mut call = Call::default();
        let refused = resource.create(planned.clone(), &mut call).await.unwrap_err();
        assert!(told(&refused.diagnostics).contains("Cannot get the manifests of"), "{}", told(&refused.diagnostics));
        told(&call.found)
    };
    assert_eq!(failed().await, "", "nothing was begun");
    world.release(&cert_manager("1.21.2"), "cert-manager", "");
    let said = failed().await;
    assert!(said.contains("A beginning is left") && said.contains("(cert-manager)"), "{said}");
}

#[tokio::test]
async fn what_somebody_else_has_installed_is_left_or_adopted() {
    let world = World::new();
    world.release(&cert_manager("1.21.2"), "cert-manager", "");
    world
        .there
        .put("/api/v1/namespaces/cert-manager", json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "cert-manager" } }));
    let theirs =
        json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "cert-manager", "namespace": "cert-manager" } });
    world.there.put(CERT_MANAGER, theirs.clone());
    let wished = world.wished(&[Component::CertManager], "1.21.2", |_, _| {});
    for _ in 0..2 {
        let outcome = world.apply(&wished).await.unwrap();
        assert!(told(&outcome.warnings).contains("on_conflict = \"adopt\""), "{}", told(&outcome.warnings));
        assert_eq!(world.there.get(CERT_MANAGER), theirs);
        assert_eq!(drift(&world.cluster, &wished).await.unwrap(), Vec::<String>::new());
    }
    let adopting = world.wished(&[Component::CertManager], "1.21.2", |install, _| install.on_conflict = "adopt".into());
    assert!(world.apply(&adopting).await.unwrap().warnings.iter().next().is_none());
    assert_eq!(world.there.get(CERT_MANAGER)["metadata"]["labels"]["kaas.dev/component"], "cert-manager");
    world.remove().await.unwrap();
    assert_eq!(world.there.names(), ["/api/v1/namespaces/cert-manager"], "a namespace of others stays");
}

#[tokio::test]
async fn what_runs_in_a_version_that_the_wished_one_cannot_follow_is_not_adopted() {
    let world = World::new();
    world.release(&cert_manager("1.21.2"), "cert-manager", "");
    let definition = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/certificates.cert-manager.io";
    world.there.put(definition, json!({ "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": { "name": "certificates.cert-manager.io" } }));
    let containers = json!([{ "image": "quay.io/jetstack/cert-manager-controller:v1.22.0" }]);
    let theirs = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "cert-manager", "namespace": "cert-manager" },
        "spec": { "template": { "spec": { "containers": containers } } } });
    world.there.put(CERT_MANAGER, theirs.clone());
    let adopting = world.wished(&[Component::CertManager], "1.21.2", |install, _| install.on_conflict = "adopt".into());
    let refused = told(&world.apply(&adopting).await.unwrap_err());
    assert!(refused.contains("What is there cannot be adopted") && refused.contains("ask for 1.22.0 or a later version"), "{refused}");
    assert_eq!(world.there.get(CERT_MANAGER), theirs);
}

#[tokio::test]
async fn nothing_is_removed_while_others_have_objects_of_its_kinds() {
    let world = World::new();
    world.release(&cert_manager("1.21.2"), "cert-manager", "");
    world.apply(&world.wished(&[Component::CertManager], "1.21.2", |_, _| {})).await.unwrap();
    let theirs = "/apis/cert-manager.io/v1/namespaces/shop/things/theirs";
    let mut thing = json!({ "apiVersion": "cert-manager.io/v1", "kind": "Thing", "metadata": { "name": "theirs", "namespace": "shop" } });
    world.there.put(theirs, thing.clone());
    let before = world.there.names();
    let refused = world.remove().await.unwrap_err();
    assert!(told(&refused).contains("Thing shop/theirs"), "{}", told(&refused));
    assert_eq!(world.there.names(), before);
    // What a controller made for another object goes with that, unless that is somebody else's.
    thing["metadata"]["ownerReferences"] = json!([{ "apiVersion": "shop.example.com/v1", "kind": "Shop", "name": "other" }]);
    world.there.put(theirs, thing.clone());
    assert!(told(&world.remove().await.unwrap_err()).contains("Thing shop/theirs"));
    thing["metadata"]["ownerReferences"] = json!([{ "apiVersion": "cert-manager.io/v1", "kind": "Thing", "name": "other" }]);
    world.there.put(theirs, thing);
    world.remove().await.unwrap();
    assert_eq!(world.there.names(), [theirs]);
}

#[tokio::test]
async fn a_file_that_is_not_what_it_should_be_changes_nothing() {
    let world = World::new();
    world.release(&cert_manager("1.21.2"), "cert-manager", "");
    let sums = BTreeMap::from([(cert_manager("1.21.2").path, "00".repeat(32))]);
    let wished = world.wished(&[Component::CertManager], "1.21.2", |_, mirror| mirror.checksums = sums.into());
    let refused = told(&world.apply(&wished).await.unwrap_err());
    assert!(refused.contains("SHA-256") && refused.contains("cert-manager.yaml"), "{refused}");
    assert_eq!(world.there.names(), Vec::<String>::new());
}

#[test]
fn every_fault_of_the_blocks_is_told_at_its_place() {
    let mut install: Install = blank();
    install.without = Attr::Known(BTreeSet::from(["nothing".to_owned()]));
    install.on_conflict = "fight".into();
    install.flux = ">=2".into();
    let mut mirror: Mirror = blank();
    (mirror.url, mirror.directory) = ("ftp://x".into(), "/x".into());
    mirror.image_registry = "https://r".into();
    mirror.checksums = BTreeMap::from([("a".to_owned(), "b".to_owned())]).into();
    let mut found = Diagnostics::none();
    check(&install.clone().into(), &mirror.into(), &mut found);
    let paths: BTreeSet<String> = found.iter().filter_map(|one| one.path.as_ref()).map(ToString::to_string).collect();
    for path in [
        "install.without",
        "install.on_conflict",
        "install.flux",
        "mirror.url",
        "mirror.image_registry",
        "mirror.checksums[\"a\"]",
        "mirror.checksums",
    ] {
        assert!(paths.contains(path), "{path}: {paths:?}");
    }
    assert!(told(&found).contains("cert-manager/v1.21.2/cert-manager.yaml"), "{}", told(&found));
    let mut slashed: Mirror = blank();
    slashed.image_registry = "registry.example.com/".into();
    let mut found_there = Diagnostics::none();
    check(&Attr::Null, &slashed.into(), &mut found_there);
    assert!(told(&found_there).contains("no slash before or after"), "{}", told(&found_there));
    let further = FurtherProvider { kind: "infrastructure".into(), name: "metal3".into(), version: "1.2.3".into(), ..blank() };
    let with_further = Install { providers: Attr::Known(vec![further]), ..blank() };
    let registry = Mirror { image_registry: "registry.example.com".into(), ..blank() };
    let mut found_further = Diagnostics::none();
    check(&with_further.into(), &registry.into(), &mut found_further);
    assert!(found_further.iter().any(|one| one.summary == "Images from elsewhere"), "{}", told(&found_further));
    assert_eq!(decode_model::<Install>(&install.encode(), &mut Diagnostics::none()).unwrap(), install);
}

#[test]
fn the_plan_refuses_a_step_that_the_apply_would_refuse() {
    let with = |version: &str| Attr::Known(Install { cert_manager: version.into(), ..blank() });
    let mut found = Diagnostics::none();
    refuse_steps(&with("1.19.0"), &with("1.21.2"), &mut found);
    assert_eq!(found.iter().next().and_then(|one| one.path.as_ref()).map(ToString::to_string).as_deref(), Some("install.cert_manager"));
    let mut fine = Diagnostics::none();
    refuse_steps(&with("1.20.0"), &with("1.21.2"), &mut fine);
    refuse_steps(&Attr::Null, &with("1.21.2"), &mut fine);
    assert!(fine.iter().next().is_none());
}

#[test]
fn the_defaults_of_the_attributes_are_the_pinned_versions() {
    use super::model::pinned;
    let defaults = format!("{:?}", Install::block());
    for version in [
        pinned::CERT_MANAGER,
        pinned::CLUSTER_API_OPERATOR,
        pinned::CLUSTER_API,
        pinned::AWS,
        pinned::FLUX,
        pinned::STRIMZI,
        pinned::MONITORING,
        pinned::EXTERNAL_DNS,
    ] {
        assert!(defaults.contains(&format!("\"{version}\"")), "{version}: {defaults}");
    }
}
