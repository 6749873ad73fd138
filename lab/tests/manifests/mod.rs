//! Every manifest the domain builds is taken by a real API server with Strimzi's real CRDs, and read by Strimzi's own Java model.

mod specs;

use std::collections::BTreeSet;

use kaas::domain::manifests::{build, namespace};
use kaas::domain::names::Phase;
use kaas::domain::object::{Kind, Manifest};
use kaas::domain::sizing::size;
use kaas_lab::custom_resources::Family;
use kaas_lab::{TemporaryLab, apply_crds, block_on, client, strimzi_api};
use kube::Client;
use serde_json::json;

/// Kinds that Strimzi's Java model knows.
const OF_STRIMZI: [Kind; 3] = [Kind::Kafka, Kind::KafkaNodePool, Kind::KafkaUser];

/// The manifests of every tenant of [`specs::all`].
fn manifests() -> Vec<Manifest> {
    let mut found = Vec::new();
    for (spec, facts) in specs::all() {
        // A wish that cannot be had has no manifests; most can.
        let Ok(sizing) = size(&spec.wish, &spec.overrides, spec.floor.as_ref()) else { continue };
        found.push(namespace(&spec, Phase::Creating));
        found.extend(build(&spec, &sizing, &facts));
    }
    found
}

#[test]
fn the_specs_reach_every_kind_and_every_branch() {
    let manifests = manifests();
    let tenants = manifests.iter().filter(|m| m.object.kind == Kind::Kafka).count();
    assert!(tenants >= 60, "only {tenants} of the specs can be sized");
    let kinds: BTreeSet<Kind> = manifests.iter().map(|m| m.object.kind).collect();
    let wanted = [
        Kind::Namespace,
        Kind::ResourceQuota,
        Kind::LimitRange,
        Kind::NetworkPolicy,
        Kind::Role,
        Kind::RoleBinding,
        Kind::StorageClass,
        Kind::VolumeAttributesClass,
        Kind::Kafka,
        Kind::KafkaNodePool,
        Kind::KafkaUser,
        Kind::ConfigMap,
        Kind::PodMonitor,
        Kind::PrometheusRule,
        Kind::ClusterIssuer,
        Kind::Certificate,
    ];
    assert_eq!(kinds, BTreeSet::from(wanted));
    let text: String = manifests.iter().map(|m| m.body.to_string()).collect();
    let branches = [
        "scram-sha-512",
        "metadataVersion",
        "kmsKeyId",
        "\"rack\"",
        "networkPolicyPeers",
        "num.replica.fetchers",
        "volumeAttributesClass\":",
        "\"loadbalancer\"",
        "\"nodeport\"",
        "perBrokerAnnotationsTemplate",
        "loadBalancerSourceRanges",
        "brokerCertChainAndKey",
        "externalAccountBinding",
        "caBundle",
        "hostedZoneID",
        "bootstrap.payments.kafka.example.com,bootstrap.payments.old.example.com",
    ];
    for branch in branches {
        assert!(text.contains(branch), "no manifest holds {branch}");
    }
}

#[test]
fn a_real_api_server_takes_every_manifest() {
    let lab = TemporaryLab::up("manifests", true).unwrap();
    for family in [Family::PrometheusOperator, Family::CertManager] {
        apply_crds(&lab.kubeconfig(), &family.crds().unwrap()).unwrap();
    }
    let manifests = manifests();
    let refused = block_on(async {
        let client = client(&lab.kubeconfig()).await?;
        let mut refused = Vec::new();
        for manifest in namespaces(&manifests) {
            apply(&client, &manifest, false).await?;
        }
        for manifest in &manifests {
            if let Err(error) = apply(&client, manifest, true).await {
                refused.push(format!("{}: {error}", manifest.object));
            }
        }
        Ok(refused)
    })
    .unwrap();
    assert!(refused.is_empty(), "{} of {}:\n{}", refused.len(), manifests.len(), refused.join("\n"));
    lab.down().unwrap();
}

#[test]
fn a_real_api_server_refuses_a_field_that_is_misspelt_or_of_the_wrong_type() {
    let lab = TemporaryLab::up("misspelt", true).unwrap();
    let manifests = manifests();
    block_on(async {
        let client = client(&lab.kubeconfig()).await?;
        for manifest in namespaces(&manifests) {
            apply(&client, &manifest, false).await?;
        }
        for kind in OF_STRIMZI.into_iter().chain([Kind::NetworkPolicy, Kind::ResourceQuota]) {
            let mut manifest = manifests.iter().find(|m| m.object.kind == kind).unwrap().clone();
            manifest.body["spec"]["replicaz"] = json!(3);
            let error = apply(&client, &manifest, true).await.unwrap_err().to_string();
            assert!(error.contains("replicaz"), "{kind:?}: {error}");
        }
        let mut pool = manifests.iter().find(|m| m.object.kind == Kind::KafkaNodePool).unwrap().clone();
        pool.body["spec"]["roles"] = json!(["brokr"]);
        assert!(apply(&client, &pool, true).await.unwrap_err().to_string().contains("brokr"));
        Ok(())
    })
    .unwrap();
    lab.down().unwrap();
}

#[test]
fn strimzis_own_model_reads_every_manifest_without_loss() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("manifests.json");
    let documents: Vec<String> = manifests()
        .into_iter()
        .filter(|m| OF_STRIMZI.contains(&m.object.kind))
        .map(|mut manifest| {
            let name = manifest.object.to_string();
            manifest.body["metadata"]["name"] = json!(name);
            format!("---\n{}\n", manifest.body)
        })
        .collect();
    assert!(documents.len() >= 240, "{}", documents.len());
    std::fs::write(&file, documents.concat()).unwrap();
    assert_eq!(strimzi_api::model_check(&[file]).unwrap(), Vec::<String>::new());
}

/// One manifest of each namespace: dry runs need the namespace to be there.
fn namespaces(manifests: &[Manifest]) -> Vec<Manifest> {
    let mut seen = BTreeSet::new();
    manifests.iter().filter(|m| m.object.kind == Kind::Namespace && seen.insert(m.object.clone())).cloned().collect()
}

/// Server-side apply as the provider does it.
async fn apply(client: &Client, manifest: &Manifest, dry_run: bool) -> kube::Result<()> {
    let api = manifest.object.kind.api();
    let group = if api.group.is_empty() { "/api/v1".to_owned() } else { format!("/apis/{}", api.api_version()) };
    let namespace = manifest.object.namespace.as_ref().map(|namespace| format!("/namespaces/{namespace}")).unwrap_or_default();
    let dry_run = if dry_run { "&dryRun=All" } else { "" };
    let name = &manifest.object.name;
    let path = format!("{group}{namespace}/{}/{name}?fieldManager=kaas&force=true&fieldValidation=Strict{dry_run}", api.plural);
    let body = manifest.body.to_string().into_bytes();
    let request = http::Request::patch(path).header(http::header::CONTENT_TYPE, "application/apply-patch+yaml").body(body);
    client.request_text(request.map_err(kube::Error::HttpError)?).await.map(|_| ())
}
