//! Waiting until Kafka is ready, by watching, with a deadline and an ear for Ctrl-C.

use std::sync::{Mutex, PoisonError};

use futures::future::try_join_all;
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    domain::{
        names::{BROKER_POOL, CONTROLLER_POOL},
        object::{Kind, ObjectRef},
        status::{KafkaPhase, KafkaStatus, kafka_status, moving, pool_pending, user_pending},
        tenant::TenantSpec,
    },
    drivers::kubernetes::{Cluster, Error, Probe, Waited},
    framework::diagnostic::Diagnostics,
    resources::failure::failed,
};

const SUMMARY: &str = "Cannot watch the tenant";

/// How waiting ended, when nothing has failed.
pub enum Outcome {
    Ready,
    /// What was last seen, and why waiting ended.
    Waiting {
        what: String,
        why: &'static str,
    },
}

/// What is waited for, and for how long.
struct Wait<'a> {
    cluster: &'a Cluster,
    spec: &'a TenantSpec,
    deadline: Instant,
    stop: &'a CancellationToken,
    /// What was last seen of data that moves, which is what pools wait for that become smaller.
    moving: Mutex<Option<String>>,
}

/// Waits for the Kafka, its node pools and its admin user. An error when the operator says that the Kafka cannot become ready.
pub async fn until_ready(
    cluster: &Cluster,
    spec: &TenantSpec,
    deadline: Instant,
    stop: &CancellationToken,
) -> Result<Outcome, Diagnostics> {
    let wait = Wait { cluster, spec, deadline, stop, moving: Mutex::default() };
    loop {
        // A pool that the operator does not take in must not hide that it refuses the Kafka; at the deadline it is the pool that is told.
        let ended = tokio::select! {
            biased;
            ended = wait.pools() => ended?,
            ended = wait.kafka(|phase| matches!(phase, KafkaPhase::Failed | KafkaPhase::Paused)) => ended?,
        };
        if let Some(outcome) = ended {
            return Ok(outcome);
        }
        if let Some(outcome) = wait.kafka(|phase| matches!(phase, KafkaPhase::Ready | KafkaPhase::Failed | KafkaPhase::Paused)).await? {
            return Ok(outcome);
        }
        let (kafka, pools) = look(cluster, spec).await?;
        if kafka.is_some_and(|kafka| kafka_status(&kafka, &pools).phase == KafkaPhase::Ready) {
            return wait.user().await;
        }
    }
}

/// The Kafka and its pools as they are now.
pub async fn look(cluster: &Cluster, spec: &TenantSpec) -> Result<(Option<Value>, Vec<Value>), Diagnostics> {
    let looked = |error: Error| failed("Cannot look at the tenant", &error);
    let kafka = cluster.get(&kafka(spec)).await.map_err(looked)?;
    let pools = try_join_all(pools(spec).iter().map(|pool| cluster.get(pool))).await.map_err(looked)?;
    Ok((kafka, pools.into_iter().flatten().collect()))
}

impl Wait<'_> {
    /// Until the phase of the Kafka is an ending one. None: it is.
    async fn kafka(&self, is_end: impl Fn(KafkaPhase) -> bool) -> Result<Option<Outcome>, Diagnostics> {
        let object = kafka(self.spec);
        let waited = self
            .cluster
            .wait(&object, self.deadline, self.stop, |found| {
                *self.moving.lock().unwrap_or_else(PoisonError::into_inner) = found.and_then(moving);
                match found.map(|kafka| kafka_status(kafka, &[])) {
                    None => Probe::Pending(format!("{object} does not exist")),
                    Some(status) if is_end(status.phase) => Probe::Done(status),
                    Some(status) => Probe::Pending(format!("{object} is {}: {}", status.phase, status.message)),
                }
            })
            .await;
        match waited.map_err(refused)? {
            Waited::Done(KafkaStatus { phase: KafkaPhase::Failed, reason, message, .. }) => Err(Diagnostics::of_error(
                "Kafka cannot become ready",
                format!(
                    "The operator says of {object}: {message} ({reason}). Correct the configuration and apply again; it goes on from here."
                ),
            )),
            // Nothing moves until somebody takes the pause away.
            Waited::Done(KafkaStatus { phase: KafkaPhase::Paused, message, .. }) => {
                Ok(Some(Outcome::Waiting { what: message, why: "Reconciliation is paused" }))
            }
            waited => Ok(early(waited)),
        }
    }

    /// Until the operator has taken in the newest generation of every node pool and it has its nodes. None: it has.
    async fn pools(&self) -> Result<Option<Outcome>, Diagnostics> {
        for object in pools(self.spec) {
            let probe = |found: Option<&Value>| match found.map(pool_pending) {
                None => Probe::Pending(format!("{object} does not exist")),
                Some(None) => Probe::Done(()),
                Some(Some(message)) => Probe::Pending(message),
            };
            let waited = self.cluster.wait(&object, self.deadline, self.stop, probe).await.map_err(refused)?;
            if let Some(outcome) = early(waited) {
                return Ok(Some(self.with_moving(outcome)));
            }
        }
        Ok(None)
    }

    /// With what was last seen of data that moves.
    fn with_moving(&self, outcome: Outcome) -> Outcome {
        match (outcome, self.moving.lock().unwrap_or_else(PoisonError::into_inner).take()) {
            (Outcome::Waiting { what, why }, Some(moving)) => Outcome::Waiting { what: format!("{what}; {moving}"), why },
            (outcome, _) => outcome,
        }
    }

    async fn user(&self) -> Result<Outcome, Diagnostics> {
        let object = ObjectRef::namespaced(Kind::KafkaUser, self.spec.name.namespace(), self.spec.name.admin_user());
        let probe = |found: Option<&Value>| match found.map(user_pending) {
            None => Probe::Pending(format!("{object} does not exist")),
            Some(None) => Probe::Done(()),
            Some(Some(message)) => Probe::Pending(format!("{object}: {message}")),
        };
        let waited = self.cluster.wait(&object, self.deadline, self.stop, probe).await.map_err(refused)?;
        Ok(early(waited).unwrap_or(Outcome::Ready))
    }
}

/// How a wait ended that did not reach what it waited for.
pub fn early<T>(waited: Waited<T>) -> Option<Outcome> {
    match waited {
        Waited::Done(_) => None,
        Waited::DeadlinePassed { last_seen } => Some(Outcome::Waiting { what: last_seen, why: "The deadline passed" }),
        Waited::Stopped { last_seen } => Some(Outcome::Waiting { what: last_seen, why: "The run was stopped" }),
    }
}

fn kafka(spec: &TenantSpec) -> ObjectRef {
    ObjectRef::namespaced(Kind::Kafka, spec.name.namespace(), spec.name.kafka())
}

fn pools(spec: &TenantSpec) -> [ObjectRef; 2] {
    [BROKER_POOL, CONTROLLER_POOL].map(|pool| ObjectRef::namespaced(Kind::KafkaNodePool, spec.name.namespace(), pool))
}

fn refused(error: Error) -> Diagnostics {
    failed(SUMMARY, &error)
}
