//! The authorities and certificates of a Kafka, with Strimzi's subjects and names: EC P-256 keys in PKCS#8, PEM only.

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use time::{Duration, OffsetDateTime};

/// A certificate and its private key, PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    pub certificate: String,
    pub key: String,
}

/// A new authority such as `cluster-ca`; Strimzi writes the generation of the key behind the name.
pub fn authority(name: &str, days: i64) -> Result<Pair> {
    let mut params = params(Some("io.strimzi"), &format!("{name} v0"), &[], days)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate().context("make a key")?;
    let certificate = params.self_signed(&key).with_context(|| format!("make the authority {name}"))?;
    Ok(Pair { certificate: certificate.pem(), key: key.serialize_pem() })
}

/// A certificate by `ca`. `names` are DNS names and addresses; a certificate with names serves as well as it connects.
pub fn leaf(ca: &Pair, organization: Option<&str>, common_name: &str, names: &[String], days: i64) -> Result<Pair> {
    let mut params = params(organization, common_name, names, days)?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    if !names.is_empty() {
        params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
    }
    let ca_key = KeyPair::from_pem(&ca.key).context("read the key of the authority")?;
    let issuer = Issuer::from_ca_cert_pem(&ca.certificate, ca_key).context("read the certificate of the authority")?;
    let key = KeyPair::generate().context("make a key")?;
    let certificate = params.signed_by(&key, &issuer).with_context(|| format!("make the certificate of {common_name}"))?;
    Ok(Pair { certificate: certificate.pem(), key: key.serialize_pem() })
}

/// The names of a node's certificate, as Strimzi gives them, and how the lab reaches it.
pub fn node_names(cluster: &str, namespace: &str, pod: &str, more: &[String]) -> Vec<String> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    for service in [format!("{cluster}-kafka-bootstrap"), format!("{cluster}-kafka-brokers")] {
        for suffix in ["", &format!(".{namespace}"), &format!(".{namespace}.svc"), &format!(".{namespace}.svc.cluster.local")] {
            names.push(format!("{service}{suffix}"));
        }
    }
    for suffix in ["svc", "svc.cluster.local"] {
        names.push(format!("{pod}.{cluster}-kafka-brokers.{namespace}.{suffix}"));
    }
    names.extend(more.iter().cloned());
    names
}

fn params(organization: Option<&str>, common_name: &str, names: &[String], days: i64) -> Result<CertificateParams> {
    let mut params = CertificateParams::new(names.to_vec()).with_context(|| format!("name the certificate of {common_name}"))?;
    let mut subject = DistinguishedName::new();
    if let Some(organization) = organization {
        subject.push(DnType::OrganizationName, organization);
    }
    subject.push(DnType::CommonName, common_name);
    params.distinguished_name = subject;
    let now = OffsetDateTime::now_utc();
    params.not_before = now - Duration::minutes(10);
    params.not_after = now + Duration::days(days);
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaf_is_signed_by_the_authority_read_back_from_pem() {
        let ca = authority("cluster-ca", 365).unwrap();
        let names = node_names("demo", "kafka", "demo-brokers-0", &[]);
        let pair = leaf(&ca, Some("io.strimzi"), "demo-kafka", &names, 365).unwrap();
        assert!(crate::kafka::Security::tls(&ca.certificate, Some((&pair.certificate, &pair.key))).is_ok());
        assert!(pair.key.starts_with("-----BEGIN PRIVATE KEY-----"));
    }
}
