//! The certificate of a tenant's listener for clients outside: who issues it, and what is said of it.

pub mod status;
mod time;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::names::TenantName;
use super::object::{Kind, ObjectRef};
use super::tenant::is_dns_name;

pub use time::seconds;

/// Where cert-manager keeps what belongs to issuers of no namespace.
pub const NAMESPACE: &str = "cert-manager";

/// The annotation by which cert-manager says on requests, orders and challenges whose they are.
pub const NAME_ANNOTATION: &str = "cert-manager.io/certificate-name";

/// Whose certificate clients outside are shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsSpec {
    pub issuer: IssuerKind,
    /// Where an ACME server sends its warnings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The ACME server, for an issuer that does not say it itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acme: Option<AcmeSpec>,
    /// A ClusterIssuer that is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_issuer: Option<String>,
    /// A Secret in the tenant's namespace that somebody else keeps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// What is asked of the issuer. None: what it gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_hours: Option<u32>,
    /// Before its end. None: cert-manager's own third of its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renew_before_hours: Option<u32>,
}

/// An ACME server (RFC 8555).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcmeSpec {
    pub directory_url: String,
    /// PEM of the authorities that the server's own HTTPS is trusted by. None: those of cert-manager's image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_certificate: Option<String>,
    /// A kind of certificate among those that the server offers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_account: Option<ExternalAccount>,
}

/// An account with the CA to which the ACME account is bound. Its key is in a Secret and nowhere else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalAccount {
    pub key_id: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IssuerKind {
    Letsencrypt,
    LetsencryptStaging,
    Acme,
    ClusterIssuer,
    Secret,
    /// The CA of the tenant's Kafka.
    Cluster,
}

impl IssuerKind {
    pub const ALL: [Self; 6] = [Self::Letsencrypt, Self::LetsencryptStaging, Self::Acme, Self::ClusterIssuer, Self::Secret, Self::Cluster];

    /// As a configuration says it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Letsencrypt => "letsencrypt",
            Self::LetsencryptStaging => "letsencrypt-staging",
            Self::Acme => "acme",
            Self::ClusterIssuer => "cluster-issuer",
            Self::Secret => "secret",
            Self::Cluster => "cluster",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == text)
    }

    /// It proves that the names are the tenant's by a record in its zone.
    pub const fn is_acme(self) -> bool {
        matches!(self, Self::Letsencrypt | Self::LetsencryptStaging | Self::Acme)
    }

    /// Proves names by the public DNS alone.
    pub const fn is_lets_encrypt(self) -> bool {
        matches!(self, Self::Letsencrypt | Self::LetsencryptStaging)
    }

    /// cert-manager has it issued.
    pub const fn is_requested(self) -> bool {
        self.is_acme() || matches!(self, Self::ClusterIssuer)
    }
}

impl TlsSpec {
    /// The directory of the ACME server.
    pub fn directory_url(&self) -> Option<&str> {
        match self.issuer {
            IssuerKind::Letsencrypt => Some("https://acme-v02.api.letsencrypt.org/directory"),
            IssuerKind::LetsencryptStaging => Some("https://acme-staging-v02.api.letsencrypt.org/directory"),
            IssuerKind::Acme => self.acme.as_ref().map(|acme| acme.directory_url.as_str()),
            IssuerKind::ClusterIssuer | IssuerKind::Secret | IssuerKind::Cluster => None,
        }
    }

    /// The ClusterIssuer that the certificate is asked of. None: it is not asked for here.
    pub fn cluster_issuer(&self, tenant: &TenantName) -> Option<String> {
        match self.issuer {
            IssuerKind::ClusterIssuer => self.cluster_issuer.clone(),
            issuer if issuer.is_acme() => Some(own_issuer(tenant)),
            _ => None,
        }
    }

    /// The Secret that the certificate is in. None: it is that of the Kafka's own CA.
    pub fn secret(&self, tenant: &TenantName) -> Option<String> {
        match self.issuer {
            IssuerKind::Cluster => None,
            IssuerKind::Secret => self.secret.clone(),
            _ => Some(certificate_name(tenant)),
        }
    }
}

/// The tenant's own ClusterIssuer.
pub fn own_issuer(tenant: &TenantName) -> String {
    tenant.namespace()
}

/// The Certificate and its Secret.
pub fn certificate_name(tenant: &TenantName) -> String {
    format!("{}-external-tls", tenant.kafka())
}

pub fn certificate(tenant: &TenantName) -> ObjectRef {
    ObjectRef::namespaced(Kind::Certificate, tenant.namespace(), certificate_name(tenant))
}

/// The Secret with the key of the account at the ACME server, which cert-manager makes.
pub fn account_secret(tenant: &TenantName) -> ObjectRef {
    ObjectRef::namespaced(Kind::Secret, NAMESPACE, format!("{}-acme-account", tenant.namespace()))
}

/// The Secret with the key of the account at the CA.
pub fn external_account_secret(tenant: &TenantName) -> ObjectRef {
    ObjectRef::namespaced(Kind::Secret, NAMESPACE, format!("{}-acme-eab", tenant.namespace()))
}

/// What a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    Email,
    Acme,
    DirectoryUrl,
    CaCertificate,
    ClusterIssuer,
    Secret,
    Duration,
    RenewBefore,
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TlsError {
    #[error("issuer = {:?} needs {what}", issuer.as_str())]
    Needed { setting: Setting, issuer: IssuerKind, what: &'static str },
    #[error("{what} is not used with issuer = {:?}; remove it", issuer.as_str())]
    Useless { setting: Setting, issuer: IssuerKind, what: &'static str },
    #[error("{found:?} {why}")]
    Invalid { setting: Setting, found: String, why: &'static str },
    #[error("a certificate is renewed before its end: renew_before_hours = {renew_before} is not less than duration_hours = {duration}")]
    NeverValid { renew_before: u32, duration: u32 },
    #[error("cert-manager takes {what} of at least {least}")]
    TooShort { setting: Setting, what: &'static str, least: &'static str },
}

impl TlsError {
    pub const fn setting(&self) -> Setting {
        match self {
            Self::Needed { setting, .. }
            | Self::Useless { setting, .. }
            | Self::Invalid { setting, .. }
            | Self::TooShort { setting, .. } => *setting,
            Self::NeverValid { .. } => Setting::RenewBefore,
        }
    }
}

/// Everything wrong with it.
pub fn check(tls: &TlsSpec) -> Vec<TlsError> {
    let issuer = tls.issuer;
    let only = |set: bool, wanted: bool, needed: bool, setting, what: &'static str| match (set, wanted) {
        (false, true) if needed => Some(TlsError::Needed { setting, issuer, what }),
        (true, false) => Some(TlsError::Useless { setting, issuer, what }),
        _ => None,
    };
    let requested = issuer.is_requested();
    let parts = [
        only(tls.email.is_some(), issuer.is_acme(), false, Setting::Email, "email"),
        only(tls.acme.is_some(), issuer == IssuerKind::Acme, true, Setting::Acme, "a block acme with its directory_url"),
        only(tls.cluster_issuer.is_some(), issuer == IssuerKind::ClusterIssuer, true, Setting::ClusterIssuer, "cluster_issuer"),
        only(tls.secret.is_some(), issuer == IssuerKind::Secret, true, Setting::Secret, "secret"),
        only(tls.duration_hours.is_some(), requested, false, Setting::Duration, "duration_hours"),
        only(tls.renew_before_hours.is_some(), requested, false, Setting::RenewBefore, "renew_before_hours"),
    ];
    let mut errors: Vec<TlsError> = parts.into_iter().flatten().collect();
    let invalid = |setting, found: &str, why| TlsError::Invalid { setting, found: found.to_owned(), why };
    if let Some(email) = tls.email.as_deref().filter(|email| !is_address(email)) {
        errors.push(invalid(Setting::Email, email, "is no e-mail address"));
    }
    for (setting, name) in [(Setting::ClusterIssuer, &tls.cluster_issuer), (Setting::Secret, &tls.secret)] {
        if let Some(name) = name.as_deref().filter(|name| !is_dns_name(name)) {
            errors.push(invalid(
                setting,
                name,
                "is no name of an object: lower-case letters, digits, \"-\" and \".\" are allowed, up to 253",
            ));
        }
    }
    if let Some(acme) = &tls.acme {
        if !acme.directory_url.strip_prefix("https://").is_some_and(|rest| !rest.is_empty() && !rest.contains(char::is_whitespace)) {
            errors.push(invalid(Setting::DirectoryUrl, &acme.directory_url, "is no URL that begins with https://"));
        }
        if acme.ca_certificate.as_deref().is_some_and(|pem| !pem.contains("-----BEGIN CERTIFICATE-----")) {
            errors.push(invalid(Setting::CaCertificate, "ca_certificate", "holds no certificate in PEM"));
        }
    }
    errors.extend(times(tls));
    errors
}

/// Source of the bounds: cert-manager 1.21, `pkg/apis/certmanager/v1/const.go`.
fn times(tls: &TlsSpec) -> Option<TlsError> {
    match (tls.duration_hours, tls.renew_before_hours) {
        (Some(0), _) => Some(TlsError::TooShort { setting: Setting::Duration, what: "a duration", least: "1 hour" }),
        (_, Some(0)) => Some(TlsError::TooShort { setting: Setting::RenewBefore, what: "a time to renew in", least: "5 minutes" }),
        (Some(duration), Some(renew_before)) if renew_before >= duration => Some(TlsError::NeverValid { renew_before, duration }),
        _ => None,
    }
}

fn is_address(text: &str) -> bool {
    let is_plain = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic() && !"<>,;@".contains(c));
    text.rsplit_once('@').is_some_and(|(local, domain)| is_plain(local) && is_plain(domain) && domain.contains('.'))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn told(tls: Value) -> Vec<Setting> {
        check(&serde_json::from_value(tls).unwrap()).iter().map(TlsError::setting).collect()
    }

    #[test]
    fn each_issuer_takes_what_it_needs_and_nothing_else() {
        let acme = json!({ "directory_url": "https://ca.example.com/acme" });
        for fine in [
            json!({ "issuer": "letsencrypt" }),
            json!({ "issuer": "letsencrypt-staging", "email": "a@example.com", "duration_hours": 24, "renew_before_hours": 8 }),
            json!({ "issuer": "acme", "acme": acme }),
            json!({ "issuer": "cluster-issuer", "cluster_issuer": "corp" }),
            json!({ "issuer": "secret", "secret": "mine" }),
            json!({ "issuer": "cluster" }),
        ] {
            assert_eq!(told(fine.clone()), [], "{fine}");
        }
        assert_eq!(told(json!({ "issuer": "acme" })), [Setting::Acme]);
        assert_eq!(told(json!({ "issuer": "letsencrypt", "acme": acme, "secret": "x" })), [Setting::Acme, Setting::Secret]);
        assert_eq!(told(json!({ "issuer": "cluster-issuer", "email": "a@b.c" })), [Setting::Email, Setting::ClusterIssuer]);
        assert_eq!(told(json!({ "issuer": "secret", "secret": "A B", "duration_hours": 2 })), [Setting::Duration, Setting::Secret]);
        let wrong = json!({ "directory_url": "http://x", "ca_certificate": "x" });
        assert_eq!(
            told(json!({ "issuer": "acme", "acme": wrong, "email": "a" })),
            [Setting::Email, Setting::DirectoryUrl, Setting::CaCertificate]
        );
        for times in
            [json!({ "duration_hours": 0 }), json!({ "renew_before_hours": 0 }), json!({ "duration_hours": 2, "renew_before_hours": 2 })]
        {
            let mut tls = times.clone();
            tls["issuer"] = json!("letsencrypt");
            assert_eq!(told(tls).len(), 1, "{times}");
        }
    }

    #[test]
    fn names_follow_the_tenants() {
        let name: TenantName = "payments".parse().unwrap();
        let tls: TlsSpec = serde_json::from_value(json!({ "issuer": "letsencrypt" })).unwrap();
        assert_eq!(tls.cluster_issuer(&name).as_deref(), Some("kaas-payments"));
        assert_eq!(tls.secret(&name).as_deref(), Some("payments-external-tls"));
        assert_eq!(account_secret(&name).to_string(), "Secret cert-manager/kaas-payments-acme-account");
        assert_eq!(external_account_secret(&name).to_string(), "Secret cert-manager/kaas-payments-acme-eab");
    }
}
