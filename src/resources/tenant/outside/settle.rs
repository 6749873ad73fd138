//! The last part of an apply: names lead to the load balancers of a Kafka that is there, and its certificate is the one that was asked for.

use crate::{
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
        && let Some(records) = Records::of(connection, &spec.name, dns, *deadline, &call.stop)?
        && let Some(outcome) = records.settle(place, spec, dns).await?
    {
        return Ok(Some(outcome));
    }
    until_ready(place, spec, *deadline, &call.stop).await
}
