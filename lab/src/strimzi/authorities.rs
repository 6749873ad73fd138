//! The Secrets of a Kafka: its two authorities, the operator's and the nodes' certificates. The Secrets are the truth; the files
//! the nodes read are written from them. PEM only, as the real operator does with PKCS12 generation turned off.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use kube::Client;

use super::api::invalid;
use super::listener::{CertAndKey, Listener};
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

/// Certificates that users brought for listeners, by the name of the listener.
pub type Own = BTreeMap<String, String>;
/// What nodes read of Secrets: by its name, keys and values.
pub type Files = Vec<(String, BTreeMap<String, String>)>;

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

    /// The certificate of a node, in its Secret and in the files its configuration names. `own`: the certificates that listeners bring;
    /// `names`: what else the node is called. Returns a fingerprint.
    pub async fn node(&self, keys: &Keys, own: &Own, model: &Model, (node, names): (&Node, &[String]), nodes: &Nodes) -> Result<String> {
        let pod = node.pod(self.cluster);
        let more: BTreeSet<String> = model.listeners.iter().flat_map(Listener::alternative_names).chain(names).cloned().collect();
        let names = pki::node_names(self.cluster, self.namespace, &pod, &Vec::from_iter(more));
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
        if node.broker {
            own.values().for_each(|certificate| print.push_str(certificate));
        }
        Ok(fingerprint(&print))
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

/// Reads the certificates that users brought for listeners, and what of their Secrets the nodes read: by Secret, its keys and values.
///
/// # Errors
/// As the real operator's, when a Secret or a key in it is missing: all at once.
pub async fn own_certificates(client: &Client, namespace: &str, listeners: &[Listener]) -> Result<(Own, Files)> {
    let (mut found, mut files, mut errors) = (Own::new(), Vec::new(), Vec::new());
    for listener in listeners.iter().filter(|listener| listener.tls) {
        let Some(CertAndKey { secret_name: name, certificate, key }) = &listener.configuration.broker_cert_chain_and_key else { continue };
        let Some(secret) = apply::secret(client, namespace, name).await? else {
            errors.push(format!("Secret {name} with custom TLS certificate does not exist."));
            continue;
        };
        let values = apply::values(&secret);
        match (values.get(certificate), values.get(key)) {
            (None, _) => errors.push(format!("Secret {name} does not contain certificate under the key {certificate}.")),
            (_, None) => errors.push(format!("Secret {name} does not contain custom certificate private key under the key {key}.")),
            (Some(chain), Some(private)) => {
                files.push((name.clone(), BTreeMap::from([(certificate.clone(), chain.clone()), (key.clone(), private.clone())])));
                found.insert(listener.name.clone(), chain.clone());
            }
        }
    }
    if !errors.is_empty() {
        return Err(invalid(format!("Failed to process Secrets with custom certificates: [{}]", errors.join(", "))));
    }
    Ok((found, files))
}

/// Eight bytes of SHA-256 in hex: tells texts apart, keeps nothing of them.
pub fn fingerprint(text: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    digest.as_ref().iter().take(8).map(|b| format!("{b:02x}")).collect()
}
