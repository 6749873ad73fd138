//! The certificate for clients outside, where Kafka runs: looked at, waited for, and taken up anew after it was refused.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    domain::{
        certificate::{
            self, IssuerKind,
            status::{CertificatePhase, CertificateStatus, Seen, certificate_status, is_withheld},
        },
        external::LISTENER,
        manifests,
        object::{Kind, ObjectRef},
        tenant::TenantSpec,
    },
    drivers::kubernetes::{Cluster, Error, Probe, Propagation, Waited},
    framework::diagnostic::Diagnostics,
    resources::{
        failure::failed,
        tenant::{
            place,
            wait::{Outcome, early},
        },
    },
};

const SUMMARY: &str = "Cannot look at the certificate";
/// Between looks at what is behind a Certificate, whose own changes are seen at once.
const LOOK: Duration = Duration::from_secs(5);
/// A refusal ends waiting when it has stood for so long: what was said of an earlier wish goes within seconds.
const REFUSED_FOR: Duration = Duration::from_secs(15);
/// A new role takes a while until AWS knows it everywhere.
const STUCK_FOR: Duration = Duration::from_secs(60);
/// Why waiting ended that nothing can come of.
const IN_VAIN: &str = "Waiting ended early, as it cannot help,";

/// The certificate that cert-manager has issued. None: there is none to ask for.
pub async fn look(place: &Cluster, spec: &TenantSpec) -> Result<Option<CertificateStatus>, Diagnostics> {
    let Some(issuer) = spec.own_certificate().and_then(|tls| tls.cluster_issuer(&spec.name)) else { return Ok(None) };
    let found = async |object: ObjectRef| place::found(place, &object).await.map_err(refused);
    let certificate = found(certificate::certificate(&spec.name)).await?;
    let issuer = found(ObjectRef::global(Kind::ClusterIssuer, issuer)).await?;
    let seen = Seen { certificate: certificate.as_ref(), issuer: issuer.as_ref(), ..Seen::default() };
    let status = certificate_status(&seen);
    if status.phase == CertificatePhase::Ready {
        return Ok(Some(status));
    }
    let [requests, orders, challenges] = [Kind::CertificateRequest, Kind::Order, Kind::Challenge];
    let namespace = spec.name.namespace();
    let (requests, orders, challenges) =
        tokio::try_join!(listed(place, requests, &namespace), listed(place, orders, &namespace), listed(place, challenges, &namespace))?;
    let events = if challenges.iter().any(is_withheld) { listed(place, Kind::Event, &namespace).await? } else { Vec::new() };
    Ok(Some(certificate_status(&Seen { requests: &requests, orders: &orders, challenges: &challenges, events: &events, ..seen })))
}

async fn listed(place: &Cluster, kind: Kind, namespace: &str) -> Result<Vec<Value>, Diagnostics> {
    match place.list(kind, Some(namespace), None).await {
        // Less is told then.
        Err(Error::KindMissing { .. } | Error::Forbidden { .. }) => Ok(Vec::new()),
        listed => listed.map_err(refused),
    }
}

/// Whether the Kafka that is there shows this certificate and tells these names already: then it need not wait for a certificate that is issued anew.
pub fn is_served(kafka: Option<&Value>, spec: &TenantSpec) -> bool {
    let Some(secret) = spec.own_certificate().and_then(|tls| tls.secret(&spec.name)) else { return true };
    let listeners = kafka.and_then(|kafka| kafka["spec"]["kafka"]["listeners"].as_array());
    let Some(listener) = listeners.and_then(|listeners| listeners.iter().find(|listener| listener["name"] == LISTENER)) else {
        return false;
    };
    let configuration = &listener["configuration"];
    let template = spec.public_names().map(|names| names.broker_template());
    configuration["brokerCertChainAndKey"]["secretName"] == secret
        && configuration["advertisedHostTemplate"].as_str() == template.as_deref()
}

/// Begins anew what was refused: cert-manager would try it again only after an hour or more. The Secret with the certificate that is there stays.
pub async fn begin_anew(place: &Cluster, spec: &TenantSpec) -> Result<(), Diagnostics> {
    let refused_before = |status: &CertificateStatus| matches!(status.phase, CertificatePhase::Failed | CertificatePhase::Stuck);
    if !look(place, spec).await?.as_ref().is_some_and(|status| refused_before(status) && status.reason != "NoIssuer") {
        return Ok(());
    }
    let object = certificate::certificate(&spec.name);
    let summary = "Cannot ask for the certificate again";
    place.delete(&object, Propagation::Background).await.map_err(|error| failed(summary, &error))?;
    Ok(())
}

/// Waits until the certificate is there with all names. None: it is, or there is none to wait for.
pub async fn until_ready(
    place: &Cluster,
    spec: &TenantSpec,
    deadline: Instant,
    stop: &CancellationToken,
) -> Result<Option<Outcome>, Diagnostics> {
    let Some(tls) = spec.own_certificate() else { return Ok(None) };
    if tls.issuer == IssuerKind::Secret {
        return given(place, spec, deadline, stop).await;
    }
    let object = certificate::certificate(&spec.name);
    let mut refused_since: Option<Instant> = None;
    loop {
        let Some(status) = look(place, spec).await? else { return Ok(None) };
        let patience = match status.phase {
            CertificatePhase::Ready => return Ok(None),
            CertificatePhase::Issuing => None,
            CertificatePhase::Failed => Some(REFUSED_FOR),
            CertificatePhase::Stuck => Some(STUCK_FOR),
        };
        let what = format!("{object} is not ready ({}): {}", status.reason, status.message);
        let now = Instant::now();
        refused_since = patience.map(|_| refused_since.unwrap_or(now));
        if let (Some(since), Some(patience)) = (refused_since, patience)
            && now - since >= patience
        {
            return Ok(Some(Outcome::Waiting { what, why: IN_VAIN }));
        }
        let until = deadline.min(now + LOOK);
        let probe = |found: Option<&Value>| {
            let seen = Seen { certificate: found, ..Seen::default() };
            let is_ready = found.is_some() && certificate_status(&seen).phase == CertificatePhase::Ready;
            if is_ready { Probe::Done(()) } else { Probe::Pending(what.clone()) }
        };
        match place.wait(&object, until, stop, probe).await.map_err(refused)? {
            Waited::Done(()) => return Ok(None),
            Waited::DeadlinePassed { .. } if until < deadline => {}
            Waited::DeadlinePassed { .. } => return Ok(early(Waited::<()>::DeadlinePassed { last_seen: what })),
            Waited::Stopped { .. } => return Ok(early(Waited::<()>::Stopped { last_seen: what })),
        }
    }
}

/// Waits for a certificate that somebody else keeps.
async fn given(place: &Cluster, spec: &TenantSpec, deadline: Instant, stop: &CancellationToken) -> Result<Option<Outcome>, Diagnostics> {
    let Some(object) = secret(spec) else { return Ok(None) };
    let probe = |found: Option<&Value>| match lacking(&object, found) {
        None => Probe::Done(()),
        Some(lacking) => Probe::Pending(format!("{lacking}; make it, and the apply goes on")),
    };
    Ok(early(place.wait(&object, deadline, stop, probe).await.map_err(refused)?))
}

/// The Secret with a certificate that somebody else keeps.
pub fn secret(spec: &TenantSpec) -> Option<ObjectRef> {
    let tls = spec.own_certificate().filter(|tls| tls.issuer == IssuerKind::Secret)?;
    Some(ObjectRef::namespaced(Kind::Secret, spec.name.namespace(), tls.secret(&spec.name)?))
}

/// What such a Secret lacks. None: nothing.
pub fn lacking(object: &ObjectRef, found: Option<&Value>) -> Option<String> {
    let Some(found) = found else { return Some(format!("{object} does not exist")) };
    let missing: Vec<&str> =
        ["tls.crt", "tls.key"].into_iter().filter(|key| found["data"][key].as_str().is_none_or(str::is_empty)).collect();
    (!missing.is_empty()).then(|| format!("{object} has no {}", missing.join(" and no ")))
}

/// Applies the Secret with the key of the account at the CA, of which only this call knows.
pub async fn apply_account(place: &Cluster, spec: &TenantSpec, hmac: Option<&str>) -> Result<(), Diagnostics> {
    let account = spec.own_certificate().and_then(|tls| tls.acme.as_ref()).and_then(|acme| acme.external_account.as_ref());
    let (Some(_), Some(hmac)) = (account, hmac) else { return Ok(()) };
    let secret = manifests::external_account(spec, hmac);
    place.apply(&secret).await.map_err(|error| failed("Cannot keep the key of the account at the CA", &error))?;
    Ok(())
}

fn refused(error: Error) -> Diagnostics {
    failed(SUMMARY, &error)
}
