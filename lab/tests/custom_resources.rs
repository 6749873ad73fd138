//! The generated custom resource definitions are those of the projects, and a real API server takes them.

use kaas_lab::custom_resources::Family;
use kaas_lab::{Options, TemporaryLab, apply_crds};

#[test]
fn a_real_api_server_serves_the_generated_definitions_of_every_project() {
    let place = tempfile::tempdir().unwrap();
    let lab = TemporaryLab::with(&Options {
        dir: Some(place.path().join("lab")),
        pretend_ready: true,
        lab_binary: Some(env!("CARGO_BIN_EXE_kaas-lab").into()),
        ..Options::named("definitions")
    })
    .unwrap();
    let expected = [
        (Family::ClusterApi, ["Cluster", "ClusterClass", "KubeadmControlPlaneTemplate"]),
        (Family::ClusterApiAws, ["AWSManagedControlPlaneTemplate", "AWSMachineTemplate", "NodeadmConfigTemplate"]),
        (Family::Flux, ["HelmRelease", "HelmRepository", "OCIRepository"]),
        (Family::PrometheusOperator, ["PodMonitor", "PrometheusRule", "ServiceMonitor"]),
        (Family::CertManager, ["Certificate", "ClusterIssuer", "Issuer"]),
    ];
    for (family, kinds) in expected {
        let crds = family.crds().unwrap();
        for kind in kinds {
            assert!(crds.iter().any(|crd| crd.kind == kind), "{kind} is not among those of {}", family.name());
        }
        apply_crds(&lab.kubeconfig(), &crds).unwrap();
    }
    lab.down().unwrap();
}

#[test]
fn every_controller_of_cluster_api_has_webhooks() {
    for family in [Family::ClusterApi, Family::ClusterApiAws] {
        for (package, configurations) in family.webhooks().unwrap() {
            let kinds: Vec<&str> = configurations.iter().filter_map(|c| c["kind"].as_str()).collect();
            assert!(kinds.contains(&"ValidatingWebhookConfiguration"), "{package}: {kinds:?}");
            assert!(configurations.iter().all(|c| c["webhooks"][0]["clientConfig"]["service"]["path"].is_string()), "{package}");
        }
    }
}
