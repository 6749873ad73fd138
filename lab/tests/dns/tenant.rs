//! The programs on a cluster that HelmReleases bring them to: a kubeconfig in a Secret, as of a tenant's own cluster.

use anyhow::{Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kaas_lab::custom_resources::Family;
use kaas_lab::flux::StandIn;
use kaas_lab::process;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};

use super::world::{TENANT, World, until};

/// The release runs beside the lab's own external-dns in the same cluster: what it does is known by its owner and its domain.
#[tokio::test]
async fn a_release_of_external_dns_writes_records_as_its_values_say_until_it_is_deleted() -> Result<()> {
    let world = World::up("dns-tenant").await?;
    let _flux = StandIn::start(&world.lab, true, true)?;
    kaas_lab::apply_crds(&world.lab.kubeconfig(), &Family::Flux.crds()?)?;
    let kubeconfig = STANDARD.encode(std::fs::read_to_string(world.lab.kubeconfig())?);
    let named = |name: &str| json!({"name": name, "namespace": TENANT});
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": named("pay-kubeconfig"), "data": {"value": kubeconfig}});
    world.cluster.apply(&secret).await?;
    let domain = "pay.other.test";
    let zone = world.lab.aws()?.hosted_zone("other.test")?;
    let spec = json!({
        "interval": "10m", "chartRef": {"kind": "OCIRepository", "name": "external-dns"}, "releaseName": "external-dns",
        "targetNamespace": "external-dns", "storageNamespace": "external-dns", "install": {"createNamespace": true},
        "kubeConfig": {"secretRef": {"name": "pay-kubeconfig"}},
        "values": {"provider": {"name": "aws"}, "sources": ["service"], "policy": "sync", "registry": "txt", "txtOwnerId": "kaas-pay",
            "domainFilters": [domain], "extraArgs": ["--aws-zone-match-parent".to_owned(), format!("--zone-id-filter={zone}")]},
    });
    let kinds = [
        (
            "source.toolkit.fluxcd.io/v1",
            "OCIRepository",
            json!({"interval": "10m", "url": "oci://registry.invalid/external-dns", "ref": {"tag": "1.21.1"}}),
        ),
        ("helm.toolkit.fluxcd.io/v2", "HelmRelease", spec),
    ];
    for (version, kind, spec) in kinds {
        let object: Value = json!({"apiVersion": version, "kind": kind, "metadata": named("external-dns"), "spec": spec});
        let plural = if kind == "OCIRepository" { "ocirepositories" } else { "helmreleases" };
        let (group, version) = version.split_once('/').unwrap_or_default();
        let gvk = kube::api::GroupVersionKind::gvk(group, version, kind);
        let resource = kube::api::ApiResource::from_gvk_with_plural(&gvk, plural);
        let api: kube::Api<kube::api::DynamicObject> = kube::Api::namespaced_with(world.cluster.0.clone(), TENANT, &resource);
        api.patch("external-dns", &PatchParams::apply("test").force(), &Patch::Apply(object)).await?;
    }
    let name = format!("bootstrap.{domain}");
    world.cluster.load_balancer("bootstrap", &name, json!({"ip": "127.64.0.9"})).await?;
    world.resolves(&name, &["127.64.0.9"]).await?;
    let owner = world.dns.query(&format!("a-{name}"), "TXT")?.values.join(" ");
    ensure!(owner.contains("external-dns/owner=kaas-pay"), "{owner}");

    let folder = world.lab.folder().join("flux-stand-in/controllers");
    ensure!(process::marked(&folder).len() == 1, "one process works for the release");
    let releases = world.cluster.api("helm.toolkit.fluxcd.io/v2", "HelmRelease", TENANT);
    releases.delete("external-dns", &DeleteParams::default()).await?;
    until("the end of its process", async || {
        let left = process::marked(&folder);
        Ok(if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) })
    })
    .await?;
    world.lab.down()
}
