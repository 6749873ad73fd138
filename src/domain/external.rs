//! How clients outside of the cluster reach a tenant, and what of names, certificate and listener goes together.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::certificate::{IssuerKind, TlsSpec};
use super::dns::{DnsSpec, ManagedBy, Names};
use super::names::TenantName;
use super::tenant::{TenantSpec, is_dns_name};

/// The listener of clients outside, beside the one inside.
pub const LISTENER: &str = "outside";
pub const PORT: u16 = 9094;

/// How clients outside come in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExternalSpec {
    #[serde(rename = "type")]
    pub kind: ExternalType,
    /// The load balancer is reached from the networks of the cluster only.
    pub internal: bool,
    /// Networks that may come in, as CIDR. Empty: all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub source_ranges: Vec<String>,
    /// On the Services of the listener, before our own.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExternalType {
    #[default]
    LoadBalancer,
    NodePort,
    /// They do not.
    None,
}

impl ExternalType {
    pub const ALL: [Self; 3] = [Self::LoadBalancer, Self::NodePort, Self::None];

    /// As a configuration says it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LoadBalancer => "load-balancer",
            Self::NodePort => "node-port",
            Self::None => "none",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == text)
    }
}

/// Prefixes of external-dns' own annotations: those up to 0.21 and those since.
pub const DNS_PREFIXES: [&str; 2] = ["external-dns.alpha.kubernetes.io/", "external-dns.kubernetes.io/"];

/// What is wrong with a network or an annotation.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ExternalError {
    #[error("{found:?} is no network in CIDR notation, such as 203.0.113.0/24 or 2001:db8::/32")]
    Range { found: String },
    #[error("{key:?} is no key of an annotation: an optional DNS name and \"/\", then up to 63 letters, digits, \"-\", \"_\" and \".\"")]
    Annotation { key: String },
    #[error("the annotation {key:?} is external-dns' own; the dns block says the tenant's names")]
    DnsAnnotation { key: String },
}

/// Everything wrong with it.
pub fn check(external: &ExternalSpec) -> Vec<ExternalError> {
    let ranges = external.source_ranges.iter().filter(|range| !is_network(range));
    let mut errors: Vec<ExternalError> = ranges.map(|range| ExternalError::Range { found: range.clone() }).collect();
    for key in external.annotations.keys() {
        let (prefix, name) = key.split_once('/').map_or((None, key.as_str()), |(prefix, name)| (Some(prefix), name));
        let inner = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let is_name = (1..=63).contains(&name.len())
            && name.chars().all(inner)
            && !name.starts_with(['-', '_', '.'])
            && !name.ends_with(['-', '_', '.']);
        if !prefix.is_none_or(is_dns_name) || !is_name {
            errors.push(ExternalError::Annotation { key: key.clone() });
        } else if DNS_PREFIXES.iter().any(|prefix| key.starts_with(prefix)) {
            errors.push(ExternalError::DnsAnnotation { key: key.clone() });
        }
    }
    errors
}

fn is_network(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else { return false };
    let longest = match address.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    length.bytes().all(|byte| byte.is_ascii_digit()) && length.parse::<u8>().is_ok_and(|length| length <= longest)
}

/// What of the three does not go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TogetherError {
    #[error("records lead to load balancers, and external.type is {}; set dns.managed_by = \"none\", or take the load balancer", kind.as_str())]
    NothingToLeadTo { kind: ExternalType },
    #[error("with the issuer {} the certificate is for the tenant's names, of which there are none: add a dns block", issuer.as_str())]
    NoNames { issuer: IssuerKind },
    #[error(
        "the issuer {} asks for a record in the tenant's hosted zone (challenge DNS-01), and with dns.managed_by = \"none\" there is none: let external-dns or the \
         provider keep the names, or set the issuer to \"cluster-issuer\" or \"secret\"", issuer.as_str()
    )]
    NoZone { issuer: IssuerKind },
    #[error(
        "no public ACME server sees the hosted zone, which is a private one, so the issuer {} cannot prove its names: take a public zone, or set the issuer to \
         \"acme\" with a server of your own, \"cluster-issuer\" or \"secret\"", issuer.as_str()
    )]
    UnseenZone { issuer: IssuerKind },
    #[error(
        "there is no listener for clients outside, to which the certificate would belong: add a dns or an external block whose type is not \"none\""
    )]
    NoListener,
    #[error("without a load balancer there is none that could be internal")]
    NothingInternal,
}

/// What of names, certificate and listener does not go together, each complete in itself.
pub fn check_together(dns: Option<&DnsSpec>, tls: Option<&TlsSpec>, external: Option<&ExternalSpec>) -> Vec<TogetherError> {
    let mut errors = Vec::new();
    let kind = external.map_or_else(ExternalType::default, |external| external.kind);
    if kind != ExternalType::LoadBalancer {
        if dns.is_some_and(|dns| dns.managed_by != ManagedBy::None) {
            errors.push(TogetherError::NothingToLeadTo { kind });
        }
        if external.is_some_and(|external| external.internal) {
            errors.push(TogetherError::NothingInternal);
        }
    }
    let Some(issuer) = tls.map(|tls| tls.issuer).filter(|issuer| *issuer != IssuerKind::Cluster) else { return errors };
    if kind == ExternalType::None || (dns.is_none() && external.is_none()) {
        errors.push(TogetherError::NoListener);
    }
    match dns {
        None if issuer != IssuerKind::Secret => errors.push(TogetherError::NoNames { issuer }),
        Some(dns) if issuer.is_acme() && dns.managed_by == ManagedBy::None => errors.push(TogetherError::NoZone { issuer }),
        Some(dns) if issuer.is_lets_encrypt() && dns.private => errors.push(TogetherError::UnseenZone { issuer }),
        _ => {}
    }
    errors
}

impl TenantSpec {
    /// The way in for clients outside. None: there is none.
    pub fn outside(&self) -> Option<ExternalSpec> {
        let external = match (&self.external, &self.dns) {
            (Some(external), _) => external.clone(),
            (None, Some(_)) => ExternalSpec::default(),
            (None, None) => return None,
        };
        (external.kind != ExternalType::None).then_some(external)
    }

    /// The tenant's names, where it has any.
    pub fn public_names(&self) -> Option<Names> {
        self.dns.as_ref().map(|dns| dns.names(&self.name))
    }

    /// Whose names they are, and whether they are written from a cluster of its own.
    pub fn place_of_names(&self) -> (&TenantName, bool) {
        (&self.name, self.own_cluster().is_some())
    }

    /// The certificate of the listener outside. None: it has that of the cluster's own CA.
    pub fn own_certificate(&self) -> Option<&TlsSpec> {
        self.outside()?;
        self.tls.as_ref().filter(|tls| tls.issuer != IssuerKind::Cluster)
    }

    /// What clients begin at, where it is known before there is a Kafka.
    pub fn public_bootstrap(&self) -> Option<String> {
        let external = self.outside()?;
        let names = self.public_names()?;
        (external.kind == ExternalType::LoadBalancer).then(|| format!("{}:{PORT}", names.bootstrap()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn networks_and_annotations_that_kubernetes_or_external_dns_would_not_take_are_named() {
        let external: ExternalSpec = serde_json::from_value(json!({
            "source_ranges": ["10.0.0.0/8", "2001:db8::/32", "0.0.0.0/0", "10.0.0.1", "10.0.0.0/33", "::/129", "a/8", "10.0.0.0/", "10.0.0.0/+8"],
            "annotations": { "a/b": "", "service.beta.kubernetes.io/x": "y", "-a": "", "A_/b": "", "external-dns.kubernetes.io/hostname": "x" },
        }))
        .unwrap();
        let errors: Vec<String> = check(&external).iter().map(ToString::to_string).collect();
        assert_eq!(errors.len(), 9, "{errors:#?}");
        assert!(errors[8].contains("external-dns' own") && errors[0].contains("\"10.0.0.1\" is no network"));
    }

    #[test]
    fn names_certificate_and_listener_go_together_or_it_is_told() {
        let dns =
            |managed_by: &str| -> Option<DnsSpec> { serde_json::from_value(json!({ "domain": "a.b", "managed_by": managed_by })).unwrap() };
        let tls = |issuer: &str| -> Option<TlsSpec> { serde_json::from_value(json!({ "issuer": issuer })).unwrap() };
        let external = |kind: &str, internal: bool| -> Option<ExternalSpec> {
            serde_json::from_value(json!({ "type": kind, "internal": internal })).unwrap()
        };
        let told = |dns: Option<DnsSpec>, tls: Option<TlsSpec>, external: Option<ExternalSpec>| {
            check_together(dns.as_ref(), tls.as_ref(), external.as_ref())
        };
        use TogetherError::*;
        assert_eq!(told(dns("external-dns"), tls("letsencrypt"), None), []);
        assert_eq!(told(None, tls("cluster"), None), []);
        assert_eq!(told(None, tls("secret"), external("node-port", false)), []);
        assert_eq!(told(dns("none"), tls("cluster-issuer"), external("node-port", false)), []);
        assert_eq!(told(dns("none"), None, external("none", false)), []);
        assert_eq!(
            told(dns("provider"), None, external("node-port", true)),
            [NothingToLeadTo { kind: ExternalType::NodePort }, NothingInternal]
        );
        assert_eq!(told(None, tls("acme"), None), [NoListener, NoNames { issuer: IssuerKind::Acme }]);
        assert_eq!(told(dns("none"), tls("letsencrypt"), None), [NoZone { issuer: IssuerKind::Letsencrypt }]);
        assert_eq!(told(dns("none"), tls("secret"), external("none", false)), [NoListener]);
        let private = |managed_by: &str| dns(managed_by).map(|dns| DnsSpec { private: true, ..dns });
        assert_eq!(told(private("provider"), tls("letsencrypt"), None), [UnseenZone { issuer: IssuerKind::Letsencrypt }]);
        assert_eq!(told(private("provider"), tls("acme"), None), []);
    }
}
