//! What the demo does to a tenant without Terraform: passing messages as an application would, changing its Kafka as a careless
//! colleague would.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};

use crate::dns::Dns;
use crate::kafka::{Client, Names, Security};
use crate::kubernetes;

const TOPIC: &str = "demo";
const PARTITIONS: i32 = 3;
const MESSAGES: usize = 1000;
/// How long 1000 messages may take to come back.
const CONSUME: Duration = Duration::from_secs(30);

/// How an application reaches a tenant's brokers.
pub struct Reach {
    /// PEM of what it trusts, and nothing else.
    root: String,
    /// Who tells it where they are.
    names: Names,
}

impl Reach {
    /// By the lab's DNS server alone, trusting the ACME server's root alone.
    pub fn by_public_name(dns: &Dns) -> Result<Self> {
        Ok(Self { root: dns.acme_root()?, names: Names::Server(dns.server()) })
    }

    /// By their addresses, trusting the CA that Strimzi made for the tenant.
    pub fn by_own_ca(root: String) -> Self {
        Self { root, names: Names::System }
    }
}

/// Produces and consumes with the certificate of the tenant's administrator, and sees that a client without one is refused. How many messages came back.
pub fn pass(kubeconfig: &Path, tenant: &str, bootstrap: &str, reach: &Reach) -> Result<usize> {
    kubernetes::block_on(async {
        let secret = format!("{tenant}-admin");
        let kube = kubernetes::client(kubeconfig).await?;
        let admin = Api::<Secret>::namespaced(kube, &format!("kaas-{tenant}"))
            .get(&secret)
            .await
            .with_context(|| format!("read the Secret {secret}"))?;
        let (certificate, key) = (pem(&admin, "user.crt")?, pem(&admin, "user.key")?);
        let by = |own: Option<(&str, &str)>| Ok::<_, anyhow::Error>(Security::tls(&reach.root, own)?.with_names(reach.names.clone()));
        let mut client = Client::connect_with(bootstrap, by(Some((&certificate, &key)))?).await?;
        client.create_topic(TOPIC, PARTITIONS, 3, &std::collections::BTreeMap::new()).await?;
        let mut back = 0;
        for partition in 0..PARTITIONS {
            let values: Vec<Bytes> =
                (0..MESSAGES / PARTITIONS as usize + 1).map(|n| Bytes::from(format!("payment {partition}/{n}"))).collect();
            let produced = client.produce(TOPIC, partition, &values).await?;
            let consumed = client.consume(TOPIC, partition, produced.base_offset, values.len(), CONSUME).await?;
            ensure!(
                consumed == values,
                "partition {partition} gave back {} messages, other than the {} sent",
                consumed.len(),
                values.len()
            );
            back += consumed.len();
        }
        ensure!(Client::connect_with(bootstrap, by(None)?).await.is_err(), "the broker let a client in that has no certificate");
        client.delete_topic(TOPIC).await?;
        Ok(back)
    })
}

fn pem(secret: &Secret, key: &str) -> Result<String> {
    let data = secret.data.as_ref().and_then(|data| data.get(key)).with_context(|| format!("find {key} in the Secret"))?;
    String::from_utf8(data.0.clone()).with_context(|| format!("read {key} of the Secret"))
}

/// A field of a Kafka object that was changed, and what it was before.
pub struct Drift {
    kubeconfig: PathBuf,
    namespace: String,
    name: String,
    key: String,
    was: serde_json::Value,
}

/// Halves the retention in the Kafka object of `tenant`.
pub fn change_kafka(kubeconfig: &Path, tenant: &str) -> Result<(Drift, String)> {
    kubernetes::block_on(async {
        let (namespace, name) = (format!("kaas-{tenant}"), tenant.to_owned());
        let api = kafkas(kubeconfig, &namespace).await?;
        let kafka = api.get(&name).await.with_context(|| format!("read the Kafka {namespace}/{name}"))?;
        let config = kafka.data["spec"]["kafka"]["config"].as_object().context("find spec.kafka.config")?;
        let found = config.iter().find(|(key, _)| key.starts_with("log.retention."));
        let (key, was) = found.with_context(|| format!("find a retention among {:?}", config.keys().collect::<Vec<_>>()))?;
        let number = was.as_i64().or_else(|| was.as_str()?.parse().ok()).with_context(|| format!("read {key} = {was}"))?;
        let less = if was.is_string() { serde_json::json!((number / 2).to_string()) } else { serde_json::json!(number / 2) };
        let patch = serde_json::json!({"spec": {"kafka": {"config": {key: less}}}});
        api.patch(&name, &PatchParams::default(), &Patch::Merge(patch)).await.context("change the Kafka")?;
        let said = format!("{tenant}: {key}: {was} -> {less}");
        Ok((Drift { kubeconfig: kubeconfig.to_owned(), namespace, name, key: key.clone(), was: was.clone() }, said))
    })
}

impl Drift {
    /// The changed field.
    pub fn field(&self) -> String {
        format!("spec.kafka.config.{} of the Kafka {}/{}", self.key, self.namespace, self.name)
    }

    /// Whether a line of a plan names the changed field.
    pub fn is_told_by(&self, line: &str) -> bool {
        line.contains(&format!("Kafka {}/{}: ", self.namespace, self.name)) && line.contains(&self.key)
    }

    /// Fails unless the field is again what it was.
    pub fn check_mended(&self) -> Result<String> {
        kubernetes::block_on(async {
            let kafka = kafkas(&self.kubeconfig, &self.namespace).await?.get(&self.name).await?;
            let is = &kafka.data["spec"]["kafka"]["config"][&self.key];
            ensure!(*is == self.was, "{} is {is}, not {} as before", self.field(), self.was);
            Ok(format!("{}: {} is {is} again", self.name, self.key))
        })
    }
}

async fn kafkas(kubeconfig: &Path, namespace: &str) -> Result<Api<DynamicObject>> {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("kafka.strimzi.io", "v1", "Kafka"));
    Ok(Api::namespaced_with(kubernetes::client(kubeconfig).await?, namespace, &kind))
}
