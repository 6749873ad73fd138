//! The certificate for clients outside as a configuration says it. No I/O.

use crate::{
    domain::certificate::{self, AcmeSpec, ExternalAccount as ExternalAccountSpec, IssuerKind, Setting, TlsSpec},
    framework::{attr::Attr, diagnostic::Diagnostics, model::Model, path::Path},
    resources::{
        tenant::{model::Tenant, parse::known},
        wishes::capitalised,
    },
};

/// Whose certificate clients outside of the cluster are shown. It is issued and renewed by cert-manager where Kafka runs: one for all names of the tenant
/// (`*.<tenant>.<domain>`); a renewed one restarts the brokers one after the other, without Terraform. Clients still prove who they are as
/// `kafka.authentication` says.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct Tls {
    /// `letsencrypt`; `letsencrypt-staging`, for trials; `acme`, any ACME server; `cluster-issuer`, a ClusterIssuer of cert-manager that is there; `secret`, a
    /// certificate that somebody else keeps; `cluster`, the CA of the tenant's own Kafka, as without this block. ACME servers are answered by DNS-01, in
    /// the zone of `dns`.
    #[tf(required)]
    pub issuer: Attr<String>,
    /// E-mail address of the account at the ACME server.
    #[tf(optional)]
    pub email: Attr<String>,
    /// Name of the ClusterIssuer, for `cluster-issuer`.
    #[tf(optional)]
    pub cluster_issuer: Attr<String>,
    /// Name of a Secret of type `kubernetes.io/tls` in the tenant's namespace where Kafka runs, for `secret`. Kafka is made once it is there.
    #[tf(optional)]
    pub secret: Attr<String>,
    /// The ACME server, for `acme`.
    #[tf(block)]
    pub acme: Attr<Acme>,
    /// How long a certificate holds, where the issuer lets that be chosen.
    #[tf(block)]
    pub certificate: Attr<CertificateTimes>,
}

/// An ACME server (RFC 8555).
#[derive(Clone, Debug, PartialEq, Model)]
pub struct Acme {
    /// URL of its directory.
    #[tf(required)]
    pub directory_url: Attr<String>,
    /// Certificates, in PEM, that the server's own HTTPS is trusted by. Unset, those that cert-manager comes with.
    #[tf(optional)]
    pub ca_certificate: Attr<String>,
    /// Profile of certificates, of those that the server offers.
    #[tf(optional)]
    pub profile: Attr<String>,
    /// Account with the CA that the ACME account is bound to (external account binding).
    #[tf(block)]
    pub external_account: Attr<ExternalAccount>,
}

/// Account with the CA that the ACME account is bound to.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct ExternalAccount {
    /// Id of its key.
    #[tf(required)]
    pub key_id: Attr<String>,
    /// The key, in base64url as the CA gives it. It is in no state and no plan: it goes into a Secret of the namespace `cert-manager`.
    #[tf(required, sensitive, write_only)]
    pub hmac_key_wo: Attr<String>,
    /// Any number; another one says that the key is another, which a plan cannot see.
    #[tf(optional)]
    pub hmac_key_version: Attr<u32>,
}

/// How long a certificate holds.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct CertificateTimes {
    /// Hours that are asked for. Unset, the issuer decides.
    #[tf(optional)]
    pub duration_hours: Attr<u32>,
    /// Hours before its end at which a certificate is renewed. Unset, a third of its time.
    #[tf(optional)]
    pub renew_before_hours: Attr<u32>,
}

/// Checks it where it is wholly known.
pub fn check(config: &Tenant, found: &mut Diagnostics) {
    let Some(tls) = config.tls.known() else { return };
    if let Some(issuer) = tls.issuer.known()
        && IssuerKind::parse(issuer).is_none()
    {
        let offered = IssuerKind::ALL.map(|one| format!("{:?}", one.as_str())).join(", ");
        found.error_at(Tenant::TLS.then(Tls::ISSUER), "Not an issuer", format!("issuer is {issuer:?}; it can be {offered}."));
    }
    let account = tls.acme.known().and_then(|acme| acme.external_account.known());
    if account.and_then(|account| account.key_id.known()).is_some_and(String::is_empty) {
        let at = place(Setting::Acme).attribute(Acme::EXTERNAL_ACCOUNT.0).attribute(ExternalAccount::KEY_ID.0);
        found.error_at(at, "Empty key id", "The CA gives every key an id of at least one character.");
    }
    if account.and_then(|account| account.hmac_key_wo.known()).is_some_and(|key| !is_base64url(key)) {
        let at = place(Setting::Acme).attribute(Acme::EXTERNAL_ACCOUNT.0).attribute(ExternalAccount::HMAC_KEY_WO.0);
        found.error_at(at, "Not a key", "The key is written in base64url, as the CA gives it: letters, digits, \"-\" and \"_\".");
    }
    if let Some(Some(spec)) = spec(config) {
        for error in certificate::check(&spec) {
            found.error_at(place(error.setting()), "No certificate can be had so", format!("{}.", capitalised(&error.to_string())));
        }
    }
}

/// Some(None): there is no block. None: something is wrong, which [`check`] tells, or not known yet.
#[expect(clippy::option_option, reason = "not known and not set are told apart, and `?` ends at the first that is not known")]
pub fn spec(tenant: &Tenant) -> Option<Option<TlsSpec>> {
    let tls = match &tenant.tls {
        Attr::Unknown => return None,
        Attr::Null => return Some(None),
        Attr::Known(tls) => tls,
    };
    let times = known(&tls.certificate)?;
    let time = |part: fn(&CertificateTimes) -> &Attr<u32>| times.as_ref().map_or(Some(None), |times| known(part(times)));
    Some(Some(TlsSpec {
        issuer: IssuerKind::parse(tls.issuer.known()?)?,
        email: known(&tls.email)?,
        acme: match known(&tls.acme)? {
            Some(acme) => Some(acme_spec(&acme)?),
            None => None,
        },
        cluster_issuer: known(&tls.cluster_issuer)?,
        secret: known(&tls.secret)?,
        duration_hours: time(|times| &times.duration_hours)?,
        renew_before_hours: time(|times| &times.renew_before_hours)?,
    }))
}

fn acme_spec(acme: &Acme) -> Option<AcmeSpec> {
    let account = match known(&acme.external_account)? {
        Some(account) => Some(ExternalAccountSpec { key_id: known(&account.key_id)?? }),
        None => None,
    };
    Some(AcmeSpec {
        directory_url: known(&acme.directory_url)??,
        ca_certificate: known(&acme.ca_certificate)?,
        profile: known(&acme.profile)?,
        external_account: account,
    })
}

/// The key of the account at the CA, as the configuration holds it; it is in no state.
pub fn hmac_key(tenant: &Tenant) -> Option<&str> {
    let account = tenant.tls.known()?.acme.known()?.external_account.known()?;
    account.hmac_key_wo.known().map(String::as_str)
}

/// The block of a configuration that asks for this certificate again. The version of a key is not known of one that exists.
pub fn block(spec: Option<TlsSpec>) -> Attr<Tls> {
    let account = |ExternalAccountSpec { key_id }| ExternalAccount {
        key_id: Attr::Known(key_id),
        hmac_key_wo: Attr::Null,
        hmac_key_version: Attr::Null,
    };
    let acme = |AcmeSpec { directory_url, ca_certificate, profile, external_account }| Acme {
        directory_url: Attr::Known(directory_url),
        ca_certificate: ca_certificate.into(),
        profile: profile.into(),
        external_account: external_account.map(account).into(),
    };
    let block = |TlsSpec { issuer, email, acme: server, cluster_issuer, secret, duration_hours, renew_before_hours }| {
        let timed = duration_hours.is_some() || renew_before_hours.is_some();
        let times = CertificateTimes { duration_hours: duration_hours.into(), renew_before_hours: renew_before_hours.into() };
        Tls {
            issuer: IssuerKind::as_str(issuer).into(),
            email: email.into(),
            cluster_issuer: cluster_issuer.into(),
            secret: secret.into(),
            acme: server.map(acme).into(),
            certificate: timed.then_some(times).into(),
        }
    };
    spec.map(block).into()
}

fn place(setting: Setting) -> Path {
    let of_acme = |field: &str| Tenant::TLS.then(Tls::ACME).attribute(field);
    let of_times = |field: &str| Tenant::TLS.then(Tls::CERTIFICATE).attribute(field);
    match setting {
        Setting::Email => Tenant::TLS.then(Tls::EMAIL),
        Setting::Acme => Tenant::TLS.then(Tls::ACME),
        Setting::DirectoryUrl => of_acme(Acme::DIRECTORY_URL.0),
        Setting::CaCertificate => of_acme(Acme::CA_CERTIFICATE.0),
        Setting::ClusterIssuer => Tenant::TLS.then(Tls::CLUSTER_ISSUER),
        Setting::Secret => Tenant::TLS.then(Tls::SECRET),
        Setting::Duration => of_times(CertificateTimes::DURATION_HOURS.0),
        Setting::RenewBefore => of_times(CertificateTimes::RENEW_BEFORE_HOURS.0),
    }
}

fn is_base64url(key: &str) -> bool {
    let key = key.trim_end_matches('=');
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
