//! What a destroy makes of the volumes behind a tenant.

use std::sync::Mutex;

use serde_json::{Value as Json, json};

use super::calls::{absent, list, namespace, tenant};
use crate::{
    domain::names::PHASE_ANNOTATION,
    drivers::kubernetes::{
        Cluster,
        tests::{Log, Reply, server, status},
    },
    framework::{attr::Attr, diagnostic::Diagnostics, parts::Call, timeouts::Timeouts},
    resources::{connection::Connection, tenant::delete},
};

const VOLUME: &str = "/api/v1/persistentvolumes/pv-1";

/// A cluster with one volume, for which `volume` answers, behind a claim of the tenant, which goes when it is deleted. `goes_on`: an earlier destroy
/// deleted the claim already.
fn with_volume(goes_on: bool, volume: impl Fn(&str) -> Reply + Send + Sync + 'static) -> (Cluster, Log) {
    let claim = json!({ "metadata": { "name": "data-0", "namespace": "kaas-payments" }, "spec": { "volumeName": "pv-1" } });
    let gone = Mutex::new(if goes_on { vec!["persistentvolumeclaims"] } else { Vec::new() });
    server(move |line, _| {
        let mut gone = gone.lock().unwrap();
        match line {
            line if line.contains("/persistentvolumes") => volume(line),
            "GET /api/v1/namespaces/kaas-payments" if !gone.contains(&"namespace") => Reply::Json(
                200,
                namespace(|namespace| {
                    if goes_on {
                        namespace["metadata"]["annotations"][PHASE_ANNOTATION] = "deleting".into();
                    }
                }),
            ),
            line if line.starts_with("PATCH") => Reply::Json(200, namespace(|_| {})),
            line if line.starts_with("DELETE") => {
                gone.push(if line.contains("persistentvolumeclaims") { "persistentvolumeclaims" } else { "namespace" });
                Reply::Json(200, json!({}))
            }
            line if line.contains("/persistentvolumeclaims?limit=") && !gone.contains(&"persistentvolumeclaims") => {
                list(std::slice::from_ref(&claim))
            }
            line if line.contains('?') => list(&[]),
            _ => absent(),
        }
    })
}

/// The volume, given back by its claim.
fn released(policy: &str) -> Json {
    json!({ "kind": "PersistentVolume", "metadata": { "name": "pv-1", "resourceVersion": "1", "finalizers": ["kubernetes.io/pv-protection"] },
        "spec": { "persistentVolumeReclaimPolicy": policy, "claimRef": { "namespace": "kaas-payments" } }, "status": { "phase": "Released" } })
}

async fn destroyed(cluster: Cluster) -> (Result<(), Diagnostics>, Call) {
    let mut call = Call::default();
    let mut tenant = tenant();
    tenant.timeouts = Timeouts { delete: Attr::Known("1s".parse().unwrap()), ..Timeouts::default() }.into();
    (delete::delete(&Connection::to(cluster), &tenant, &mut call).await, call)
}

fn shown(policy: &'static str) -> impl Fn(&str) -> Reply + Send + Sync + 'static {
    move |line| match line {
        line if line.contains("watch=") => Reply::Silent,
        line if line.contains('?') => list(&[released(policy)]),
        _ => Reply::Json(200, released(policy)),
    }
}

#[tokio::test]
async fn a_volume_that_kubernetes_deletes_is_waited_for_and_the_namespace_stays_until_then() {
    for goes_on in [false, true] {
        let (cluster, log) = with_volume(goes_on, shown("Delete"));
        let refused = destroyed(cluster).await.0.unwrap_err();
        let told: Vec<&str> = refused.iter().map(|error| error.detail.as_str()).collect();
        assert!(told[0].contains("PersistentVolume pv-1: it is not being deleted: it is Released"), "{told:?}");
        assert!(told[0].contains("The deadline passed") && told[0].contains("CSI driver"), "{told:?}");
        assert!(!log.lines().contains(&"DELETE /api/v1/namespaces/kaas-payments".to_owned()), "{:?}", log.lines());
    }
}

#[tokio::test]
async fn a_volume_that_goes_holds_nothing_up() {
    let looks = Mutex::new(0);
    let (cluster, log) = with_volume(false, move |line| match line {
        line if line.contains("watch=") => Reply::Silent,
        line if line.contains('?') => list(&[]),
        _ => {
            *looks.lock().unwrap() += 1;
            if *looks.lock().unwrap() == 1 { Reply::Json(200, released("Delete")) } else { absent() }
        }
    });
    let (ended, call) = destroyed(cluster).await;
    ended.unwrap();
    assert!(!call.found.has_errors() && log.matching(&format!("GET {VOLUME}")) > 0, "{:?}", log.lines());
}

#[tokio::test]
async fn volumes_that_the_user_may_not_see_are_not_waited_for() {
    for goes_on in [false, true] {
        let (cluster, log) = with_volume(goes_on, |_| Reply::Json(403, status(403, "Forbidden", "no", "it")));
        destroyed(cluster).await.0.unwrap();
        assert!(log.matching("/persistentvolumes") > 0, "{:?}", log.lines());
    }
}
