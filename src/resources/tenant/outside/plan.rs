//! What of names and certificate is known when the plan is made. No I/O.

use serde_json::Value;

use crate::{
    domain::{
        certificate::IssuerKind,
        external::{ExternalType, PORT},
        status::{KafkaStatus, outside_servers},
        tenant::TenantSpec,
    },
    framework::{attr::Attr, model::Model},
    resources::tenant::{model::Tenant, outside},
};

/// The certificate that clients outside of the cluster are shown.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct CertificateReport {
    /// As `tls.issuer`.
    #[tf(computed)]
    pub issuer: Attr<String>,
    /// When it ends (RFC 3339); null while there is none, and for one that somebody else keeps.
    #[tf(computed)]
    pub not_after: Attr<String>,
    /// When it is to be renewed.
    #[tf(computed)]
    pub renewal_at: Attr<String>,
    /// Whether it holds all names of the tenant and is in time.
    #[tf(computed)]
    pub ready: Attr<bool>,
    /// What is the matter where it is not ready, or not renewed.
    #[tf(computed)]
    pub message: Attr<String>,
}

/// Completes what is planned: the address that clients begin at is known as soon as the names are, and never changes with brokers.
pub fn plan(planned: &mut Tenant, prior: Option<&Tenant>) {
    match known_servers(planned) {
        Attr::Unknown => planned.bootstrap_servers = Attr::Unknown,
        Attr::Null => {}
        servers @ Attr::Known(_) => planned.bootstrap_servers = servers,
    }
    match has_own_certificate(planned) {
        Some(false) => planned.certificate = Attr::Null,
        Some(true) => planned.ca_certificate = Attr::Null,
        None => (planned.certificate, planned.ca_certificate) = (Attr::Unknown, Attr::Unknown),
    }
    if let Some(prior) = prior
        && !keeps_addresses(planned, prior)
    {
        planned.status = Attr::Unknown;
    }
    // What is waited for may be the certificate.
    if planned.status.is_unknown() && has_own_certificate(planned) != Some(false) {
        planned.certificate = Attr::Unknown;
    }
}

/// What clients begin at, of a Kafka that is there.
pub fn servers(spec: &TenantSpec, kafka: &Value, status: &KafkaStatus) -> Option<String> {
    let name = spec.public_names().map(|names| names.bootstrap());
    match (spec.public_bootstrap(), spec.outside()) {
        (Some(servers), _) => Some(servers),
        (None, Some(_)) => outside_servers(kafka, name.as_deref()),
        (None, None) => status.bootstrap_servers.clone(),
    }
}

/// Whether names, certificate and listener are as before.
pub fn keeps_addresses(planned: &Tenant, prior: &Tenant) -> bool {
    (&planned.dns, &planned.tls, &planned.external) == (&prior.dns, &prior.tls, &prior.external)
}

/// Whether a part is not known that a spec would take for absent.
pub fn is_unknown(tenant: &Tenant) -> bool {
    outside::specs(tenant).is_none()
}

/// Null: they are those that Kafka says.
fn known_servers(tenant: &Tenant) -> Attr<String> {
    let kind = match &tenant.external {
        Attr::Unknown => return Attr::Unknown,
        Attr::Null => ExternalType::default().as_str(),
        Attr::Known(external) => match &external.r#type {
            Attr::Unknown => return Attr::Unknown,
            Attr::Null => ExternalType::default().as_str(),
            Attr::Known(kind) => kind,
        },
    };
    let domain = match &tenant.dns {
        Attr::Unknown => return Attr::Unknown,
        Attr::Null => return Attr::Null,
        Attr::Known(dns) => &dns.domain,
    };
    match (kind == ExternalType::LoadBalancer.as_str(), &tenant.name, domain) {
        (false, _, _) => Attr::Null,
        (true, Attr::Known(name), Attr::Known(domain)) => Attr::Known(format!("bootstrap.{name}.{domain}:{PORT}")),
        (true, _, _) => Attr::Unknown,
    }
}

/// Whether clients outside are shown a certificate other than that of the Kafka's own CA. None: not known yet.
fn has_own_certificate(tenant: &Tenant) -> Option<bool> {
    match &tenant.tls {
        Attr::Unknown => None,
        Attr::Null => Some(false),
        Attr::Known(tls) => match &tls.issuer {
            Attr::Unknown => None,
            issuer => Some(issuer.known().is_some_and(|issuer| issuer != IssuerKind::Cluster.as_str())),
        },
    }
}
