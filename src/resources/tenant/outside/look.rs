//! How names and certificate are: for the report, and for what a plan says of them. That a zone cannot be looked at is told and no error: a tenant is
//! readable in every phase.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::{
    domain::{
        certificate::status::{CertificatePhase, CertificateStatus, overdue},
        dns::{self, DnsSpec, ManagedBy},
        tenant::TenantSpec,
    },
    drivers::kubernetes::Cluster,
    framework::{attr::Attr, diagnostic::Diagnostics, parts::Call},
    resources::{
        connection::Connection,
        failure::failed,
        tenant::{
            outside::{
                CertificateReport, certificate,
                records::{Reading, pending, wanted},
            },
            place::{self, Trouble},
        },
    },
};

/// What was seen.
#[derive(Default)]
pub struct Look {
    pub certificate: Attr<CertificateReport>,
    /// What is wrong, the certificate first.
    pub trouble: Option<Trouble>,
    /// One line for each name that is not as it should be.
    pub drift: Vec<String>,
    /// What a plan should say of the certificate.
    pub late: Option<String>,
}

impl Look {
    /// Says what a plan should say.
    pub fn warn(&self, spec: &TenantSpec, call: &mut Call) {
        if let Some(late) = &self.late {
            call.found.warning("The certificate is not renewed", format!("Of the tenant {}, {late}", spec.name));
        }
    }
}

/// Looks at a tenant whose Kafka and pool of brokers are as given.
pub async fn look(
    connection: &Connection,
    place: &Cluster,
    spec: &TenantSpec,
    (kafka, pool): (Option<&Value>, Option<&Value>),
    call: &mut Call,
) -> Result<Look, Diagnostics> {
    let mut look = Look::default();
    if let Some(tls) = spec.own_certificate() {
        match certificate::look(place, spec).await? {
            Some(status) => with_certificate(&mut look, tls.issuer.as_str(), &status),
            None => with_secret(&mut look, place, spec).await?,
        }
    }
    let Some(dns) = spec.dns.as_ref().filter(|_| kafka.is_some()) else { return Ok(look) };
    match names(connection, place, spec, dns, pool).await {
        Ok(lines) => {
            if let (Some(first), None) = (lines.first(), &look.trouble) {
                look.trouble = Some(Trouble { phase: "NotReady", reason: "Records".to_owned(), message: first.clone() });
            }
            look.drift = lines;
        }
        Err(unseen) => {
            let told: Vec<&str> = unseen.iter().map(|error| error.detail.as_str()).collect();
            call.found
                .warning("Names not looked at", format!("The records of the tenant {} were not looked at. {}", spec.name, told.join(" ")));
        }
    }
    Ok(look)
}

fn with_certificate(look: &mut Look, issuer: &str, status: &CertificateStatus) {
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).ok().and_then(|since| i64::try_from(since.as_secs()).ok()).unwrap_or_default();
    let late = overdue(status, now_s);
    let ready = status.phase == CertificatePhase::Ready;
    let told = late.as_ref().map(|(_, message)| message.clone()).or_else(|| (!ready).then(|| status.message.clone()));
    let phase = match status.phase {
        CertificatePhase::Ready | CertificatePhase::Stuck => "NotReady",
        CertificatePhase::Issuing => "Updating",
        CertificatePhase::Failed => "Failed",
    };
    let reason = late.as_ref().map_or(status.reason.clone(), |(reason, _)| (*reason).to_owned());
    if let Some(message) = &told {
        look.trouble = Some(Trouble { phase, reason, message: format!("the certificate for clients outside is not right: {message}") });
    }
    look.late = late.map(|(_, message)| message);
    look.certificate = Attr::Known(CertificateReport {
        issuer: issuer.into(),
        not_after: status.not_after.clone().into(),
        renewal_at: status.renewal_at.clone().into(),
        ready: told.is_none().into(),
        message: told.into(),
    });
}

/// Of a certificate that somebody else keeps it is known whether it is there.
async fn with_secret(look: &mut Look, place: &Cluster, spec: &TenantSpec) -> Result<(), Diagnostics> {
    let Some(object) = certificate::secret(spec) else { return Ok(()) };
    let found = place::found(place, &object).await.map_err(|error| failed("Cannot look at the certificate", &error))?;
    let lacking = certificate::lacking(&object, found.as_ref());
    look.certificate = Attr::Known(CertificateReport {
        issuer: spec.own_certificate().map(|tls| tls.issuer.as_str().to_owned()).into(),
        not_after: Attr::Null,
        renewal_at: Attr::Null,
        ready: lacking.is_none().into(),
        message: lacking.clone().into(),
    });
    look.trouble = lacking.map(|message| Trouble { phase: "NotReady", reason: "NoCertificate".to_owned(), message });
    Ok(())
}

/// One line for each name that is not as it should be.
async fn names(
    connection: &Connection,
    place: &Cluster,
    spec: &TenantSpec,
    dns: &DnsSpec,
    pool: Option<&Value>,
) -> Result<Vec<String>, Diagnostics> {
    let (Some(zone), Some(owns)) =
        (dns.zone().filter(|_| dns.managed_by != ManagedBy::None), dns.owns(&spec.name, spec.own_cluster().is_some()))
    else {
        return Ok(Vec::new());
    };
    let wanted = wanted(place, spec, &dns.names(&spec.name), pool, Reading::Shared).await?;
    let aws = connection.aws()?;
    let records = connection.shared_records(&aws, zone, &dns.domain).await;
    let records = records.map_err(|error| crate::resources::failure::failed_aws("Cannot look at the tenant's records", &error))?;
    let found = dns::look(&records, &wanted, &owns);
    Ok(pending(&wanted, &found).into_iter().map(|line| format!("hosted zone {zone}: {line}")).collect())
}

/// Takes over what was found of the zone of these names, which the tenant's namespace keeps, where it is still the same that is meant.
pub fn with_kept(spec: &mut TenantSpec, kept: Option<DnsSpec>) {
    if let (Some(dns), Some(kept)) = (spec.dns.as_mut(), kept)
        && (&dns.zone_id, &dns.zone_name, dns.private) == (&kept.zone_id, &kept.zone_name, kept.private)
    {
        dns.found = kept.found;
    }
}
