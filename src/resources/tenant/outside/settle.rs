//! The last part of an apply: names lead to the load balancers of a Kafka that is there, and its certificate is the one that was asked for.

use crate::{
    domain::dns::DnsSpec,
    framework::{diagnostic::Diagnostics, parts::Call},
    resources::tenant::{
        outside::{certificate::until_ready, records::Records},
        prepare::Prepared,
        wait::Outcome,
    },
};

/// Waits for names and certificate. None: both are right.
pub async fn settle(prepared: &Prepared, call: &Call) -> Result<Option<Outcome>, Diagnostics> {
    let Prepared { connection, place, spec, deadline, .. } = prepared;
    if let Some(dns) = spec.dns.as_ref().filter(|_| spec.outside().is_some())
        && let Some(records) = Records::of(connection, spec.place_of_names(), dns, *deadline, &call.stop)?
        && let Some(outcome) = records.settle(place, spec, dns).await?
    {
        return Ok(Some(outcome));
    }
    until_ready(place, spec, *deadline, &call.stop).await
}

/// The owner by which the management cluster's external-dns writes for this tenant, where it is the one who does and that is not known yet.
pub async fn shared_owner(prepared: &Prepared, call: &Call) -> Result<Option<String>, Diagnostics> {
    let Prepared { connection, place, spec, deadline, .. } = prepared;
    let is_asked = |dns: &&DnsSpec| dns.owns(&spec.name, spec.own_cluster().is_some()).is_some_and(|owns| owns.is_not_told_who());
    let Some(dns) = spec.dns.as_ref().filter(|_| spec.outside().is_some()).filter(is_asked) else { return Ok(None) };
    match Records::of(connection, spec.place_of_names(), dns, *deadline, &call.stop)? {
        Some(records) => records.writer(place, spec).await,
        None => Ok(None),
    }
}
