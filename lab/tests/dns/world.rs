//! A lab with DNS, and the objects of its management cluster.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kaas_lab::TemporaryLab;
use kaas_lab::dns::Dns;
use kube::Client;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use serde_json::{Value, json};

/// How long anything may take here: other tests use the machine too.
pub const PATIENCE: Duration = Duration::from_secs(180);
/// Where the tests' objects are.
pub const TENANT: &str = "pay";

pub struct World {
    pub lab: TemporaryLab,
    pub dns: Dns,
    pub cluster: Cluster,
}

/// A cluster by its API.
pub struct Cluster(pub Client);

impl World {
    pub async fn up(purpose: &str) -> Result<Self> {
        Self::of(TemporaryLab::with_dns(purpose)?).await
    }

    pub async fn of(lab: TemporaryLab) -> Result<Self> {
        let (dns, cluster) = (lab.dns()?, Cluster(kaas_lab::client(&lab.kubeconfig()).await?));
        cluster.apply(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": TENANT}})).await?;
        Ok(Self { lab, dns, cluster })
    }

    /// A name in the zone.
    pub fn name(&self, first: &str) -> String {
        format!("{first}.{}", self.dns.zone_name())
    }

    /// Waits until `name` has exactly these addresses.
    pub async fn resolves(&self, name: &str, addresses: &[&str]) -> Result<()> {
        let wanted: Vec<String> = addresses.iter().map(|&address| address.to_owned()).collect();
        until(&format!("{name} at {addresses:?}"), async || {
            let found: Vec<String> = self.dns.resolve(name)?.iter().map(ToString::to_string).collect();
            Ok((found == wanted).then_some(()).ok_or_else(|| format!("{found:?}")))
        })
        .await
    }
}

/// Looks until there is something; what was seen instead is told when it takes too long.
pub async fn until<T>(what: &str, look: impl AsyncFn() -> Result<Result<T, String>>) -> Result<T> {
    let started = Instant::now();
    loop {
        let seen = match look().await? {
            Ok(found) => {
                println!("{what} after {:.1} s", started.elapsed().as_secs_f32());
                return Ok(found);
            }
            Err(seen) => seen,
        };
        ensure!(started.elapsed() < PATIENCE, "wait for {what}: {seen}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

impl Cluster {
    pub fn api(&self, version: &str, kind: &str, namespace: &str) -> Api<DynamicObject> {
        let (group, version) = version.split_once('/').unwrap_or(("", version));
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        match namespace {
            "" => Api::all_with(self.0.clone(), &resource),
            _ => Api::namespaced_with(self.0.clone(), namespace, &resource),
        }
    }

    pub async fn apply(&self, object: &Value) -> Result<()> {
        let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default();
        let api = self.api(text("/apiVersion"), text("/kind"), text("/metadata/namespace"));
        let name = text("/metadata/name");
        api.patch(name, &PatchParams::apply("test").force(), &Patch::Apply(object)).await.with_context(|| format!("apply {name}"))?;
        Ok(())
    }

    /// A Service of type LoadBalancer called `name` in public, and the load balancer's address that somebody writes into its status.
    pub async fn load_balancer(&self, service: &str, name: &str, ingress: Value) -> Result<()> {
        let annotations = json!({"external-dns.alpha.kubernetes.io/hostname": name, "external-dns.alpha.kubernetes.io/ttl": "30"});
        self.apply(&json!({"apiVersion": "v1", "kind": "Service",
            "metadata": {"name": service, "namespace": TENANT, "annotations": annotations},
            "spec": {"type": "LoadBalancer", "loadBalancerClass": "lab.kaas.dev/nobody", "ports": [{"port": 9094}], "selector": {"app": "none"}}}))
            .await?;
        let status = json!({"status": {"loadBalancer": {"ingress": [ingress]}}});
        self.services().patch_status(service, &PatchParams::default(), &Patch::Merge(status)).await.context("report a load balancer")?;
        Ok(())
    }

    pub fn services(&self) -> Api<DynamicObject> {
        self.api("v1", "Service", TENANT)
    }

    pub async fn delete_service(&self, name: &str) -> Result<()> {
        self.services().delete(name, &DeleteParams::default()).await?;
        Ok(())
    }

    /// A ClusterIssuer of the lab's ACME server with DNS-01 by Route 53.
    pub async fn issuer(&self, dns: &Dns, name: &str, more: Value) -> Result<()> {
        let mut acme = json!({
            "server": dns.acme_directory(), "email": "kafka@example.test", "caBundle": STANDARD.encode(dns.acme_ca()?),
            "privateKeySecretRef": {"name": format!("{name}-account")},
            "solvers": [{"selector": {"dnsZones": [dns.zone_name()]}, "dns01": {"route53": {"region": "eu-central-1"}}}],
        });
        if let (Some(acme), Some(more)) = (acme.as_object_mut(), more.as_object()) {
            acme.extend(more.clone());
        }
        self.apply(
            &json!({"apiVersion": "cert-manager.io/v1", "kind": "ClusterIssuer", "metadata": {"name": name}, "spec": {"acme": acme}}),
        )
        .await
    }

    /// A Certificate for every name below `domain`.
    pub async fn certificate(&self, name: &str, issuer: &str, domain: &str) -> Result<()> {
        self.apply(&json!({"apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": {"name": name, "namespace": TENANT},
            "spec": {"secretName": name, "dnsNames": [format!("*.{domain}")], "issuerRef": {"name": issuer, "kind": "ClusterIssuer"},
                "privateKey": {"algorithm": "ECDSA", "size": 256}}}))
            .await
    }

    /// Waits until the Certificate is Ready and gives back its chain, PEM.
    pub async fn ready(&self, name: &str) -> Result<String> {
        let api = self.api("cert-manager.io/v1", "Certificate", TENANT);
        until(&format!("the certificate {name} Ready"), async || {
            let object = api.get(name).await?;
            let ready = condition(&object, "Ready").is_some_and(|c| c["status"] == "True");
            Ok(ready.then_some(()).ok_or_else(|| object.data["status"].to_string()))
        })
        .await?;
        self.chain(name).await
    }

    /// The chain in a TLS Secret, PEM.
    pub async fn chain(&self, name: &str) -> Result<String> {
        let secret = self.api("v1", "Secret", TENANT).get(name).await?;
        ensure!(secret.data["type"] == "kubernetes.io/tls", "{}", secret.data["type"]);
        let text = secret.data["data"]["tls.crt"].as_str().context("find tls.crt")?;
        Ok(String::from_utf8(STANDARD.decode(text)?)?)
    }

    /// Waits until an object of the kind in the tests' namespace says something that contains `wanted` in its status.
    pub async fn says(&self, version: &str, kind: &str, wanted: &str) -> Result<()> {
        let api = self.api(version, kind, TENANT);
        until(&format!("a {kind} that says {wanted:?}"), async || {
            let all = api.list(&Default::default()).await?;
            let said: Vec<String> = all.iter().map(|object| object.data["status"].to_string()).collect();
            Ok(said.iter().any(|text| text.contains(wanted)).then_some(()).ok_or_else(|| format!("{said:#?}")))
        })
        .await
    }

    /// Waits until an event in the tests' namespace contains `wanted`.
    pub async fn event(&self, wanted: &str) -> Result<()> {
        let api = self.api("v1", "Event", TENANT);
        until(&format!("an event with {wanted:?}"), async || {
            let all = api.list(&Default::default()).await?;
            let said: Vec<String> = all.iter().map(|object| object.data["message"].to_string()).collect();
            Ok(said.iter().any(|text| text.contains(wanted)).then_some(()).ok_or_else(|| format!("{said:#?}")))
        })
        .await
    }
}

pub fn condition<'a>(object: &'a DynamicObject, kind: &str) -> Option<&'a Value> {
    object.data.pointer("/status/conditions")?.as_array()?.iter().find(|c| c["type"] == kind)
}

/// Checks a chain for a name as a client does that trusts `root` and nothing else.
pub fn verify(chain: &str, root: &str, name: &str) -> Result<()> {
    let chain: Vec<CertificateDer> = CertificateDer::pem_slice_iter(chain.as_bytes()).collect::<Result<_, _>>()?;
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(root.as_bytes())?)?;
    let provider = rustls::crypto::aws_lc_rs::default_provider().into();
    let verifier = WebPkiServerVerifier::builder_with_provider(std::sync::Arc::new(roots), provider).build()?;
    let (leaf, rest) = chain.split_first().context("find a certificate")?;
    verifier.verify_server_cert(leaf, rest, &ServerName::try_from(name.to_owned())?, &[], UnixTime::now())?;
    Ok(())
}
