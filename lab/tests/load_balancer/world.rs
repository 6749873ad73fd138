//! What the tests of addresses for clients outside the cluster share: a namespace with a Kafka, certificates of authorities of their own, and clients that know
//! brokers by their public names only.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::{Namespace, Secret, Service};
use kaas_lab::TemporaryLab;
use kaas_lab::kafka::{Client, Error, Names, Security};
use kube::ResourceExt;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::{Value, json};

pub const NS: &str = "kafka";
/// The domain of the tenant: brokers are `broker-ID` below it.
pub const DOMAIN: &str = "shop.kafka.example.test";
pub const CERTIFICATE: &str = "demo-external-tls";
const PATIENCE: Duration = Duration::from_secs(240);

pub struct World {
    pub lab: TemporaryLab,
    pub kube: kube::Client,
}

impl World {
    pub async fn up(purpose: &str, pretend_ready: bool) -> Result<Self> {
        let lab = TemporaryLab::up(purpose, pretend_ready)?;
        let kube = kaas_lab::client(&lab.kubeconfig()).await?;
        let world = Self { lab, kube };
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NS}});
        Api::<Namespace>::all(world.kube.clone()).patch(NS, &PatchParams::apply("test"), &Patch::Apply(&namespace)).await?;
        Ok(world)
    }

    pub fn api(&self, kind: &str) -> Api<DynamicObject> {
        let gvk = GroupVersionKind::gvk("kafka.strimzi.io", "v1", kind);
        Api::namespaced_with(self.kube.clone(), NS, &ApiResource::from_gvk(&gvk))
    }

    pub fn services(&self) -> Api<Service> {
        Api::namespaced(self.kube.clone(), NS)
    }

    pub async fn apply(&self, kind: &str, name: &str, spec: Value) -> Result<()> {
        let object = json!({"apiVersion": "kafka.strimzi.io/v1", "kind": kind,
            "metadata": {"name": name, "labels": {"strimzi.io/cluster": "demo"}}, "spec": spec});
        self.api(kind).patch(name, &PatchParams::apply("test").force(), &Patch::Apply(&object)).await?;
        Ok(())
    }

    /// Waits until `seen` gives something of the Kafka.
    pub async fn until<T>(&self, what: &str, seen: impl Fn(&DynamicObject) -> Option<T>) -> Result<T> {
        let started = Instant::now();
        loop {
            let kafka = self.api("Kafka").get("demo").await?;
            if let Some(found) = seen(&kafka) {
                println!("{what} after {:.1} s", started.elapsed().as_secs_f32());
                return Ok(found);
            }
            ensure!(started.elapsed() < PATIENCE, "the Kafka is not {what}: {:?}", kafka.data.get("status"));
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Its external listener's status once it is ready and `also` holds of that.
    pub async fn ready(&self, what: &str, also: impl Fn(&Value) -> bool) -> Result<Value> {
        self.until(what, |kafka| {
            let of_now = kafka.data.pointer("/status/observedGeneration").and_then(Value::as_i64) == kafka.metadata.generation;
            let listener = kafka.data.pointer("/status/listeners")?.as_array()?.iter().find(|one| one["name"] == "external")?;
            (of_now && condition(kafka, "Ready").is_some() && also(listener)).then(|| listener.clone())
        })
        .await
    }

    pub async fn write_certificate(&self, pair: &Pair) -> Result<()> {
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": {"name": CERTIFICATE},
            "stringData": {"tls.crt": pair.certificate, "tls.key": pair.key}});
        Api::<Secret>::namespaced(self.kube.clone(), NS)
            .patch(CERTIFICATE, &PatchParams::apply("test").force(), &Patch::Apply(&secret))
            .await?;
        Ok(())
    }

    /// What a DNS server would say: the names that Services ask for, with the addresses they have.
    pub async fn names(&self) -> Result<BTreeMap<String, IpAddr>> {
        let mut names = BTreeMap::new();
        for service in self.services().list(&Default::default()).await? {
            if let (Some(name), Some(address)) = (service.annotations().get("external-dns.kubernetes.io/hostname"), address(&service)) {
                names.insert(name.clone(), address.parse()?);
            }
        }
        Ok(names)
    }

    /// A client from outside that trusts `roots` and nobody else.
    pub async fn client(&self, roots: &str) -> Result<Client, Error> {
        let names = self.names().await.map_err(|error| Error::Certificates(error.to_string()))?;
        let security = Security::tls(roots, None)?.with_names(Names::Listed(Arc::new(names)));
        Client::connect_with(&format!("bootstrap.{DOMAIN}:9094"), security).await
    }

    pub async fn service(&self, name: &str) -> Result<Service> {
        let started = Instant::now();
        loop {
            if let Some(service) = self.services().get_opt(name).await?
                && address(&service).is_some()
            {
                return Ok(service);
            }
            ensure!(started.elapsed() < Duration::from_secs(60), "the Service {name} has no address");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// The address of a load balancer.
pub fn address(service: &Service) -> Option<String> {
    service.status.as_ref()?.load_balancer.as_ref()?.ingress.as_ref()?.first()?.ip.clone()
}

pub fn condition<'a>(object: &'a DynamicObject, kind: &str) -> Option<&'a Value> {
    object.data.pointer("/status/conditions")?.as_array()?.iter().find(|c| c["type"] == kind)
}

pub fn pool(replicas: u32, role: &str) -> Value {
    let volume = json!({"id": 0, "type": "ephemeral", "kraftMetadata": "shared"});
    json!({"replicas": replicas, "roles": [role], "storage": {"type": "jbod", "volumes": [volume]}})
}

/// A Kafka as the provider would write it; `more` of the external listener's configuration.
pub fn kafka(more: &Value) -> Value {
    let name = |host: &str| json!({"external-dns.kubernetes.io/hostname": format!("{host}.{DOMAIN}")});
    let mut configuration = json!({
        "bootstrap": {"annotations": name("bootstrap"), "labels": {"part": "bootstrap"}, "alternativeNames": [format!("bootstrap.{DOMAIN}")]},
        "perBrokerAnnotationsTemplate": name("broker-{nodeId}"), "perBrokerLabelsTemplate": {"pod": "{nodePodName}"},
        "advertisedHostTemplate": format!("broker-{{nodeId}}.{DOMAIN}"),
        "brokerCertChainAndKey": {"secretName": CERTIFICATE, "certificate": "tls.crt", "key": "tls.key"}});
    configuration.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"kafka": {
        "version": "4.3.1",
        "config": {"default.replication.factor": 3, "min.insync.replicas": 2, "offsets.topic.replication.factor": 3,
            "transaction.state.log.replication.factor": 3, "transaction.state.log.min.isr": 2, "auto.create.topics.enable": false},
        "listeners": [
            {"name": "tls", "port": 9093, "type": "internal", "tls": true, "authentication": {"type": "tls"}},
            {"name": "external", "port": 9094, "type": "loadbalancer", "tls": true, "configuration": configuration}]}})
}

/// A certificate with its key, PEM.
pub struct Pair {
    pub certificate: String,
    pub key: String,
}

/// An authority that no system trusts.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new() -> Result<Self> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Ok(Self(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?))
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for every name one label below the domain, as of a public authority.
    pub fn wildcard(&self) -> Result<Pair> {
        let key = KeyPair::generate()?;
        let params = CertificateParams::new(vec![format!("*.{DOMAIN}")]).context("name the certificate")?;
        let certificate = params.signed_by(&key, &self.0)?;
        Ok(Pair { certificate: certificate.pem(), key: key.serialize_pem() })
    }
}
