//! Taking names and certificate away: what is given up by a tenant that stays, and everything of one that goes.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    domain::{
        certificate,
        dns::{DnsSpec, ManagedBy},
        names::{TENANT_LABEL, TenantName},
        object::{Kind, ObjectRef},
        tenant::TenantSpec,
    },
    drivers::kubernetes::{Cluster, Error, Propagation},
    framework::{diagnostic::Diagnostics, parts::Call},
    resources::{
        connection::Connection,
        failure::failed,
        tenant::{outside::records::Records, prepare::Prepared, wait::Outcome},
    },
};

const SUMMARY: &str = "Cannot take the tenant's certificate away";
/// How often a Secret that comes back is deleted, and how long after each time is looked again.
const WRITTEN_ANEW: u32 = 10;
const WRITING: Duration = Duration::from_millis(500);

/// Takes away the names of before that the tenant does not have any more. `asked`: whoever writes them was told of them, and that they go. None: they are gone.
pub async fn given_up(prepared: &Prepared, before: &DnsSpec, asked: bool, call: &Call) -> Result<Option<Outcome>, Diagnostics> {
    let Prepared { connection, spec, deadline, .. } = prepared;
    let stay = |dns: &DnsSpec| dns.domain == before.domain && dns.zone() == before.zone() && dns.managed_by != ManagedBy::None;
    if spec.dns.as_ref().is_some_and(stay) {
        return Ok(None);
    }
    let Some(records) = Records::of(connection, spec.place_of_names(), before, *deadline, &call.stop)? else { return Ok(None) };
    // external-dns does not look into a zone that is no longer its own.
    let is_taken = before.managed_by == ManagedBy::ExternalDns && spec.dns.as_ref().is_none_or(|dns| dns.domain != before.domain);
    if asked && is_taken { records.gone().await } else { records.clear().await }
}

/// Takes away the names of before, so that somebody else may write them anew.
pub async fn given_up_to(prepared: &Prepared, before: &DnsSpec, call: &Call) -> Result<Option<Outcome>, Diagnostics> {
    let Prepared { connection, spec, deadline, .. } = prepared;
    match Records::of(connection, spec.place_of_names(), before, *deadline, &call.stop)? {
        Some(records) => records.clear().await,
        None => Ok(None),
    }
}

/// Takes away the records of a tenant that goes, once its Services are gone. `asked`: whoever writes them was told, by the Services that went.
pub async fn records(
    connection: &Connection,
    tenant: (&TenantName, bool),
    dns: &DnsSpec,
    asked: bool,
    deadline: Instant,
    stop: &CancellationToken,
) -> Result<(), Diagnostics> {
    let Some(records) = Records::of(connection, tenant, dns, deadline, stop)? else { return Ok(()) };
    let is_taken = asked && dns.managed_by == ManagedBy::ExternalDns;
    let ended = if is_taken { records.gone().await? } else { records.clear().await? };
    let Some(Outcome::Waiting { what, why }) = ended else { return Ok(()) };
    Err(Diagnostics::of_error(
        "The tenant is not gone yet",
        format!(
            "{why} while waiting: {what}. external-dns takes its records away when their Services are gone: see that it runs, may change the zone, and has the policy \
             sync. Destroy again: it goes on from here."
        ),
    ))
}

/// The objects of cert-manager that are the tenant's: requests, orders and challenges go with the Certificate they belong to.
pub const INSIDE: [&[Kind]; 2] = [&[Kind::Certificate], &[Kind::CertificateRequest, Kind::Order, Kind::Challenge]];

/// Deletes the tenant's ClusterIssuer and the Secrets that belong to it, which are outside of its namespace. A deletion that did not end may have left these alone.
pub async fn issuer(place: &Cluster, name: &TenantName) -> Result<(), Diagnostics> {
    let refused = |error: Error| failed(SUMMARY, &error);
    let object = ObjectRef::global(Kind::ClusterIssuer, certificate::own_issuer(name));
    let found = match place.get(&object).await {
        // Who may not see it did not make it.
        Err(Error::KindMissing { .. } | Error::Forbidden { .. }) => return Ok(()),
        found => found.map_err(refused)?,
    };
    match &found {
        Some(found) if !is_own(found, name) => return Ok(()),
        Some(_) => drop(place.delete(&object, Propagation::Background).await.map_err(refused)?),
        None => {}
    }
    for secret in [certificate::account_secret(name), certificate::external_account_secret(name)] {
        if found.is_some() {
            away(place, &secret).await.map_err(refused)?;
            continue;
        }
        match place.delete(&secret, Propagation::Background).await {
            // Who may not delete it did not make it.
            Err(Error::Forbidden { .. }) => {}
            deleted => drop(deleted.map_err(refused)?),
        }
    }
    Ok(())
}

/// cert-manager may still be making the account of an issuer that has just gone, and writes its Secret anew.
async fn away(place: &Cluster, secret: &ObjectRef) -> Result<(), Error> {
    for _ in 0..WRITTEN_ANEW {
        if !place.delete(secret, Propagation::Background).await? {
            return Ok(());
        }
        tokio::time::sleep(WRITING).await;
    }
    Ok(())
}

fn is_own(found: &Value, name: &TenantName) -> bool {
    found["metadata"]["labels"][TENANT_LABEL] == name.as_str()
}

/// Deletes what of the certificate a tenant that stays does not need any more: an issuer that it asks nothing of, a Certificate, and the Secret with it.
pub async fn pruned(place: &Cluster, spec: &TenantSpec) -> Result<(), Diagnostics> {
    let refused = |error: Error| failed(SUMMARY, &error);
    let tls = spec.own_certificate();
    if tls.is_none_or(|tls| !tls.issuer.is_acme()) {
        issuer(place, &spec.name).await?;
    }
    if tls.is_none_or(|tls| !tls.issuer.is_requested()) {
        let object = certificate::certificate(&spec.name);
        let secret = ObjectRef::namespaced(Kind::Secret, spec.name.namespace(), certificate::certificate_name(&spec.name));
        let is_used = tls.and_then(|tls| tls.secret(&spec.name)).is_some_and(|used| used == secret.name);
        let is_deleted = match place.delete(&object, Propagation::Background).await {
            // Who may not delete one did not make it.
            Err(Error::KindMissing { .. } | Error::Forbidden { .. }) => false,
            deleted => deleted.map_err(refused)?,
        };
        if is_deleted && !is_used {
            place.delete(&secret, Propagation::Background).await.map_err(refused)?;
        }
    }
    Ok(())
}
