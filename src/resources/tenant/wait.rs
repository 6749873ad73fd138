//! Waiting until Kafka is ready, by watching, with a deadline and an ear for Ctrl-C.

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    domain::{
        object::{Kind, ObjectRef},
        status::{self, KafkaPhase, KafkaStatus},
        tenant::TenantSpec,
    },
    drivers::kubernetes::{Cluster, Probe, Waited},
    framework::diagnostic::Diagnostics,
    resources::failure::failed,
};

/// How waiting ended, when nothing has failed.
pub enum Outcome {
    Ready,
    /// What was last seen, and why waiting ended.
    Waiting { what: String, why: &'static str },
}

/// Waits for the Kafka and its admin user. An error when the operator says that the Kafka cannot become ready.
pub async fn until_ready(cluster: &Cluster, spec: &TenantSpec, deadline: Instant, stop: &CancellationToken) -> Result<Outcome, Diagnostics> {
    let namespace = spec.name.namespace();
    let kafka = ObjectRef::namespaced(Kind::Kafka, &namespace, spec.name.kafka());
    let waited = cluster
        .wait(&kafka, deadline, stop, |found| {
            let status = found.map_or_else(KafkaStatus::missing, status::of_kafka);
            match status.phase {
                KafkaPhase::Ready | KafkaPhase::Failed => Probe::Done(status),
                _ => Probe::Pending(format!("{kafka} is {}: {}", status.phase.as_str(), status.message)),
            }
        })
        .await
        .map_err(|error| failed("Cannot watch the tenant", &error))?;
    match waited {
        Waited::Done(status) if status.phase == KafkaPhase::Failed => {
            return Err(Diagnostics::of_error(
                "Kafka cannot become ready",
                format!("The operator says of {kafka}: {} ({}). Correct the configuration and apply again; it goes on from here.", status.message, status.reason),
            ));
        }
        Waited::Done(_) => {}
        Waited::DeadlinePassed { last_seen } => return Ok(Outcome::Waiting { what: last_seen, why: "The deadline passed" }),
        Waited::Stopped { last_seen } => return Ok(Outcome::Waiting { what: last_seen, why: "The run was stopped" }),
    }
    let user = ObjectRef::namespaced(Kind::KafkaUser, &namespace, spec.name.admin_user());
    let waited = cluster
        .wait(&user, deadline, stop, |found| match found.and_then(status::not_ready) {
            None if found.is_some() => Probe::Done(()),
            None => Probe::Pending(format!("{user} does not exist")),
            Some(message) => Probe::Pending(format!("{user}: {message}")),
        })
        .await
        .map_err(|error| failed("Cannot watch the tenant's admin user", &error))?;
    Ok(match waited {
        Waited::Done(()) => Outcome::Ready,
        Waited::DeadlinePassed { last_seen } => Outcome::Waiting { what: last_seen, why: "The deadline passed" },
        Waited::Stopped { last_seen } => Outcome::Waiting { what: last_seen, why: "The run was stopped" },
    })
}
