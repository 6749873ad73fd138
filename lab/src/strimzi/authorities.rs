//! The Secrets of a Kafka: its two authorities, the operator's and the nodes' certificates. The Secrets are the truth; the files
//! the nodes read are written from them. PEM only, as the real operator does with PKCS12 generation turned off.

use std::collections::BTreeMap;

use anyhow::Result;
use kube::Client;

use super::api::{Listener, invalid};
use super::nodes::Nodes;
use super::objects::{Owner, labels, object, pool_labels};
use super::pki::{self, Pair};
use super::properties::{Model, Node};
use super::{api, apply};

/// What signs and what administers a Kafka.
#[derive(Debug, Clone)]
pub struct Keys {
    pub cluster_ca: Pair,
    pub clients_ca: Pair,
    pub operator: Pair,
}

/// Where the Secrets of a Kafka go.
pub struct Home<'a> {
    pub client: &'a Client,
    pub namespace: &'a str,
    pub cluster: &'a str,
    pub owner: &'a Owner,
}

/// Which authority signed a certificate: kept beside it, so that a new authority brings new certificates.
const SIGNED_BY: &str = "strimzi.io/cluster-ca-fingerprint";

impl Home<'_> {
    /// Makes what is missing of the authorities and of the operator's certificate.
    pub async fn keys(&self, spec: &api::KafkaSpec) -> Result<Keys> {
        let cluster_ca = self.authority("cluster-ca", &spec.cluster_ca).await?;
        let clients_ca = self.authority("clients-ca", &spec.clients_ca).await?;
        let name = format!("{}-cluster-operator-certs", self.cluster);
        let make = || pki::leaf(&cluster_ca, Some("io.strimzi"), "cluster-operator", &[], 365);
        let operator = self.certificate(&name, "cluster-operator", &cluster_ca.certificate, None, make).await?;
        let bundle = [("cluster-ca.crt", &cluster_ca), ("clients-ca.crt", &clients_ca)];
        let bundle = bundle.iter().map(|(k, pair)| ((*k).to_owned(), pair.certificate.clone())).collect();
        self.write(&format!("{}-trustbundle", self.cluster), None, None, &bundle).await?;
        Ok(Keys { cluster_ca, clients_ca, operator })
    }

    async fn authority(&self, name: &str, spec: &api::CaSpec) -> Result<Pair> {
        let (key_name, cert_name) = (format!("{}-{name}", self.cluster), format!("{}-{name}-cert", self.cluster));
        let key = apply::secret(self.client, self.namespace, &key_name).await?.map(|s| apply::values(&s)).unwrap_or_default();
        let cert = apply::secret(self.client, self.namespace, &cert_name).await?.map(|s| apply::values(&s)).unwrap_or_default();
        if let (Some(key), Some(certificate)) = (key.get("ca.key"), cert.get("ca.crt")) {
            return Ok(Pair { certificate: certificate.clone(), key: key.clone() });
        }
        if spec.generate_certificate_authority == Some(false) {
            return Err(invalid(format!("{name} should not be generated, but the secrets {key_name} and {cert_name} were not found")));
        }
        let pair = pki::authority(name, spec.validity_days.unwrap_or(365))?;
        self.write(&key_name, None, None, &one("ca.key", &pair.key)).await?;
        self.write(&cert_name, None, None, &one("ca.crt", &pair.certificate)).await?;
        Ok(pair)
    }

    /// The certificate of a node, in its Secret and in the files its configuration names. Returns a fingerprint.
    pub async fn node(&self, keys: &Keys, model: &Model, node: &Node, nodes: &Nodes) -> Result<String> {
        let pod = node.pod(self.cluster);
        let names = pki::node_names(self.cluster, self.namespace, &pod, &more_names(&model.listeners));
        let make = || pki::leaf(&keys.cluster_ca, Some("io.strimzi"), &format!("{}-kafka", self.cluster), &names, 365);
        let signed_by = format!("{}{}", keys.cluster_ca.certificate, names.join(","));
        let pair = self.certificate(&pod, &pod, &signed_by, Some(pool_labels(model, node)), make).await?;
        let files = [(format!("{pod}.crt"), pair.certificate), (format!("{pod}.key"), pair.key)];
        let mut print = keys.clients_ca.certificate.clone();
        print.push_str(&files[0].1);
        nodes.write_secret(&pod, &files.into())?;
        let bundle = [("cluster-ca.crt", &keys.cluster_ca), ("clients-ca.crt", &keys.clients_ca)];
        let bundle = bundle.iter().map(|(k, pair)| ((*k).to_owned(), pair.certificate.clone())).collect();
        nodes.write_secret(&format!("{}-trustbundle", self.cluster), &bundle)?;
        for listener in model.listeners.iter().filter(|_| node.broker) {
            print.push_str(&self.own_certificate(listener, nodes).await?.unwrap_or_default());
        }
        Ok(fingerprint(&print))
    }

    /// The certificate a user brought for a listener.
    pub async fn own_certificate(&self, listener: &Listener, nodes: &Nodes) -> Result<Option<String>> {
        let Some(own) = &listener.configuration.broker_cert_chain_and_key else { return Ok(None) };
        let secret = apply::secret(self.client, self.namespace, &own.secret_name).await?;
        let found = secret.map(|s| apply::values(&s)).unwrap_or_default();
        let (Some(certificate), Some(key)) = (found.get(&own.certificate), found.get(&own.key)) else {
            return Err(invalid(format!(
                "Secret {} with custom TLS certificate does not exist or lacks {} or {}.",
                own.secret_name, own.certificate, own.key
            )));
        };
        let files = [(own.certificate.clone(), certificate.clone()), (own.key.clone(), key.clone())];
        nodes.write_secret(&own.secret_name, &files.into())?;
        Ok(Some(certificate.clone()))
    }

    async fn certificate(
        &self,
        secret: &str,
        key: &str,
        signed_by: &str,
        labels: Option<BTreeMap<String, String>>,
        make: impl FnOnce() -> Result<Pair>,
    ) -> Result<Pair> {
        let print = fingerprint(signed_by);
        let (cert_key, key_key) = (format!("{key}.crt"), format!("{key}.key"));
        if let Some(found) = apply::secret(self.client, self.namespace, secret).await? {
            let values = apply::values(&found);
            let same = found.metadata.annotations.as_ref().and_then(|a| a.get(SIGNED_BY)) == Some(&print);
            if let (true, Some(certificate), Some(key)) = (same, values.get(&cert_key), values.get(&key_key)) {
                return Ok(Pair { certificate: certificate.clone(), key: key.clone() });
            }
        }
        let pair = make()?;
        let data = [(cert_key, pair.certificate.clone()), (key_key, pair.key.clone())].into();
        self.write(secret, labels, Some(print), &data).await?;
        Ok(pair)
    }

    async fn write(
        &self,
        name: &str,
        own_labels: Option<BTreeMap<String, String>>,
        signed_by: Option<String>,
        data: &BTreeMap<String, String>,
    ) -> Result<()> {
        let component = if signed_by.is_none() { "certificate-authority" } else { "kafka" };
        let labels = own_labels.unwrap_or_else(|| labels(self.cluster, component, "strimzi"));
        let mut head = object("v1", "Secret", name, &labels, Some(self.owner));
        if let Some(signed_by) = signed_by {
            head["metadata"]["annotations"] = serde_json::json!({SIGNED_BY: signed_by});
        }
        apply::write_secret(self.client, self.namespace, head, data).await
    }
}

fn one(key: &str, value: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(key.to_owned(), value.to_owned())])
}

fn more_names(listeners: &[Listener]) -> Vec<String> {
    let bootstraps = listeners.iter().filter_map(|l| l.configuration.bootstrap.as_ref());
    bootstraps.flat_map(|b| b.alternative_names.iter().chain(b.host.iter()).cloned()).collect()
}

/// Eight bytes of SHA-256 in hex: tells texts apart, keeps nothing of them.
pub fn fingerprint(text: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    digest.as_ref().iter().take(8).map(|b| format!("{b:02x}")).collect()
}
