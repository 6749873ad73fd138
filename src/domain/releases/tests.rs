//! What the sources and HelmReleases of a tenant must show.

use serde_json::Value;

use super::*;
use crate::domain::tenant::tests::{PAYMENTS, tenant};

fn cluster(json: &str) -> ClusterSpec {
    serde_json::from_str(json).unwrap()
}

fn everything() -> Wanted {
    let dns = ExternalDns {
        zone_ids: vec!["Z1".into()],
        domains: vec!["payments.kafka.example.com".into()],
        owner: "kaas-payments-0a1b2c3d".into(),
        role_arn: Some("arn:aws:iam::1:role/dns".into()),
        region: Some("eu-west-1".into()),
    };
    Wanted { versions: ComponentVersions::default(), external_dns: Some(dns), monitoring: true }
}

const EKS: &str = r#"{"region":"eu-west-1"}"#;
const AWS: &str = r#"{"class":"kaas-aws","region":"eu-west-1"}"#;
const OWN: &str = r#"{"class":"mine","class_namespace":"platform"}"#;

fn release(manifests: &[Manifest], component: Component) -> &Value {
    let of = |m: &&Manifest| m.object.kind == Kind::HelmRelease && m.object.name == component.name();
    &manifests.iter().find(of).unwrap().body["spec"]
}

#[test]
fn each_class_gets_what_it_does_not_bring() {
    use Component::*;
    for (class, wanted, expected) in [
        (EKS, Wanted::default(), vec![CertManager, Strimzi, DrainCleaner]),
        (EKS, everything(), vec![CertManager, Monitoring, ExternalDns, Strimzi, DrainCleaner]),
        (AWS, Wanted::default(), vec![CloudController, Network, EbsCsi, CertManager, Strimzi, DrainCleaner]),
        (OWN, Wanted { monitoring: true, ..Wanted::default() }, vec![CertManager, Monitoring, Strimzi, DrainCleaner]),
    ] {
        assert_eq!(components(&cluster(class), &wanted), expected);
    }
}

#[test]
fn every_release_reaches_the_tenants_cluster_and_has_a_source_before_it() {
    let manifests = build(&tenant(PAYMENTS), &cluster(AWS), &everything());
    for pair in manifests.chunks(2) {
        let [source, release] = pair else { panic!("{pair:?}") };
        assert_eq!(
            (source.object.namespace.as_deref(), release.object.namespace.as_deref()),
            (Some("kaas-payments"), Some("kaas-payments"))
        );
        let spec = &release.body["spec"];
        assert_eq!(spec["kubeConfig"]["secretRef"]["name"], "payments-kubeconfig");
        assert_eq!(spec["targetNamespace"], spec["storageNamespace"]);
        assert_eq!((&spec["install"]["createNamespace"], &spec["upgrade"]["crds"]), (&json!(true), &json!("CreateReplace")));
        assert_eq!((&spec["install"]["remediation"]["retries"], &spec["driftDetection"]["mode"]), (&json!(-1), &json!("enabled")));
        let reference = match source.object.kind {
            Kind::OciRepository => {
                assert!(spec.get("chart").is_none() && source.body["spec"]["url"].as_str().unwrap().starts_with("oci://"));
                assert!(source.body["spec"]["ref"]["tag"].is_string());
                &spec["chartRef"]
            }
            _ => {
                assert!(spec.get("chartRef").is_none() && spec["chart"]["spec"]["version"].is_string());
                &spec["chart"]["spec"]["sourceRef"]
            }
        };
        assert_eq!(
            (reference["kind"].as_str(), reference["name"].as_str()),
            (Some(source.object.kind.api().kind), Some(source.object.name.as_str()))
        );
        assert!(spec["values"].is_object(), "{}", release.object);
    }
}

#[test]
fn a_release_waits_only_for_what_is_installed_and_comes_earlier() {
    for class in [EKS, AWS, OWN] {
        let manifests = build(&tenant(PAYMENTS), &cluster(class), &everything());
        let mut seen = Vec::new();
        for release in manifests.iter().filter(|m| m.object.kind == Kind::HelmRelease) {
            for needed in release.body["spec"]["dependsOn"].as_array().into_iter().flatten() {
                assert!(seen.contains(&needed["name"].as_str().unwrap()), "{} of {class}", release.object);
            }
            seen.push(release.object.name.as_str());
        }
    }
    let manifests = build(&tenant(PAYMENTS), &cluster(EKS), &everything());
    for component in [Component::Strimzi, Component::DrainCleaner] {
        assert_eq!(release(&manifests, component)["dependsOn"], json!([{ "name": "cert-manager" }]));
    }
}

#[test]
fn values_say_what_a_tenant_needs() {
    let manifests = build(&tenant(PAYMENTS), &cluster(EKS), &everything());
    let values = |component| &release(&manifests, component)["values"];
    assert_eq!(values(Component::Strimzi)["watchAnyNamespace"], true);
    assert!(values(Component::Strimzi)["affinity"]["nodeAffinity"].is_object());
    let drain_cleaner = &release(&manifests, Component::DrainCleaner);
    assert_eq!(
        (&drain_cleaner["values"]["replicaCount"], &drain_cleaner["values"]["podDisruptionBudget"]),
        (&json!(2), &json!({ "create": true }))
    );
    assert_eq!(
        (&drain_cleaner["values"]["certManager"], &drain_cleaner["values"]["secret"]),
        (&json!({ "create": true }), &json!({ "ca_bundle": "" }))
    );
    assert_eq!(drain_cleaner["values"]["affinity"], values(Component::Strimzi)["affinity"]);
    assert_eq!(drain_cleaner["values"]["namespace"], json!({ "create": false, "name": drain_cleaner["targetNamespace"] }));
    assert_eq!(values(Component::CertManager)["crds"]["enabled"], true);
    let dns = values(Component::ExternalDns);
    assert_eq!((dns["txtOwnerId"].as_str(), dns["policy"].as_str()), (Some("kaas-payments-0a1b2c3d"), Some("sync")));
    assert_eq!(dns["extraArgs"], json!(["--zone-id-filter=Z1", "--aws-zone-match-parent"]));
    assert_eq!(dns["serviceAccount"]["annotations"]["eks.amazonaws.com/role-arn"], "arn:aws:iam::1:role/dns");
    let prometheus = &values(Component::Monitoring)["prometheus"]["prometheusSpec"];
    assert_eq!(prometheus["podMonitorSelectorNilUsesHelmValues"], false);
    let own = build(&tenant(PAYMENTS), &cluster(OWN), &everything());
    assert!(release(&own, Component::Strimzi)["values"].get("affinity").is_none());
}

#[test]
fn with_a_mirror_nothing_comes_from_anywhere_else() {
    let spec = TenantSpec { mirror: Some("registry.example.com:5000/all".to_owned()), ..tenant(PAYMENTS) };
    let manifests = build(&spec, &cluster(AWS), &everything());
    let plain = build(&tenant(PAYMENTS), &cluster(AWS), &everything());
    for pair in manifests.chunks(2) {
        let [source, release] = pair else { panic!("{pair:?}") };
        assert_eq!(source.object.kind, Kind::OciRepository);
        assert!(source.body["spec"]["url"].as_str().unwrap().starts_with("oci://registry.example.com:5000/all/"), "{source:?}");
        let text = release.body.to_string();
        assert!(text.contains("registry.example.com:5000/all"), "{text}");
        for public in ["quay.io", "registry.k8s.io", "public.ecr.aws", "ghcr.io", "docker.io"] {
            assert!(!text.contains(public), "{text}");
        }
        let before = &plain.iter().find(|one| one.object == release.object).unwrap().body["spec"]["values"];
        let kept = crate::domain::drift::differences(&json!({ "spec": before }), &json!({ "spec": release.body["spec"]["values"] }));
        assert!(kept.is_empty(), "{kept:?}");
    }
    let cert_manager = &release(&manifests, Component::CertManager)["values"];
    assert_eq!(cert_manager["webhook"]["image"]["repository"], "registry.example.com:5000/all/jetstack/cert-manager-webhook");
    assert_eq!(mirror::registry(&mirror::manifest("r.local").body), Some("r.local".to_owned()));
    assert_eq!(mirror::registry(&Value::Null), None);
}

#[test]
fn a_named_version_is_the_one_of_the_source() {
    let versions = ComponentVersions { strimzi: Some("1.1.0".into()), external_dns: Some("1.20.0".into()), ..ComponentVersions::default() };
    let manifests = build(&tenant(PAYMENTS), &cluster(EKS), &Wanted { versions, ..everything() });
    let strimzi = manifests.iter().find(|m| m.object.kind == Kind::OciRepository && m.object.name == "strimzi-kafka-operator").unwrap();
    assert_eq!(strimzi.body["spec"]["ref"]["tag"], "1.1.0");
    assert_eq!(release(&manifests, Component::ExternalDns)["chart"]["spec"]["version"], "1.20.0");
}
