//! Where a tenant's Kafka runs: on the management cluster, or on the tenant's own, which may not be there yet or not answer.

use serde_json::Value;

use crate::{
    domain::{
        cluster::status::{ClusterPhase, cluster_status},
        names::{BROKER_POOL, TenantName},
        object::{Kind, ObjectRef},
        tenant::TenantSpec,
    },
    drivers::kubernetes::{Cluster, Error},
    framework::diagnostic::Diagnostics,
    resources::{connection::Management, failure::failed, tenant::home},
};

/// Why a tenant is not as it should be, as far as that is seen before its Kafka is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// As in `status.phase`.
    pub phase: &'static str,
    /// One word.
    pub reason: String,
    pub message: String,
}

/// The API server that a tenant's Kafka is on (None: it cannot be asked), and the pool of brokers as it is there.
pub struct Seen {
    pub place: Option<Cluster>,
    pub brokers: Option<Value>,
    /// Some where there is no place, and where the tenant's own cluster is not as it should be.
    pub trouble: Option<Trouble>,
}

/// Looks where the Kafka is. `cluster`: the client of the management cluster, as the call uses it. That a tenant's own cluster cannot be asked is no error: a tenant is readable in every phase.
pub async fn look(management: &Management, cluster: &Cluster, spec: &TenantSpec) -> Result<Seen, Diagnostics> {
    let looked = |error: Error| failed("Cannot look at the tenant", &error);
    if spec.own_cluster().is_none() {
        let brokers = found(cluster, &pool(spec)).await.map_err(looked)?;
        return Ok(Seen { place: Some(cluster.clone()), brokers, trouble: None });
    }
    let trouble = match found(cluster, &home::object(&spec.name)).await.map_err(looked)? {
        None => Some(away("Missing", "NoCluster", format!("{} does not exist", home::object(&spec.name)))),
        Some(own) => {
            let status = cluster_status(&own);
            (status.phase != ClusterPhase::Ready).then(|| Trouble {
                phase: shown(status.phase),
                reason: status.reason,
                message: format!("{}: {}", home::object(&spec.name), status.message),
            })
        }
    };
    let unseen = |why: Trouble| Seen { place: None, brokers: None, trouble: Some(trouble.clone().unwrap_or(why)) };
    let place = match management.own_cluster(cluster, &spec.name).await {
        Ok(Some(place)) => place,
        Ok(None) => return Ok(unseen(away("NotReady", "NoKubeconfig", format!("{} does not exist", kubeconfig(&spec.name))))),
        Err(error) if is_unreadable(&error) => return Ok(unseen(away("NotReady", "Unreachable", error.report()))),
        Err(error) => return Err(looked(error)),
    };
    match found(&place, &pool(spec)).await {
        Ok(brokers) => Ok(Seen { place: Some(place), brokers, trouble }),
        Err(error) if is_unreadable(&error) => Ok(unseen(away("NotReady", "Unreachable", error.report()))),
        Err(error) => Err(looked(error)),
    }
}

fn away(phase: &'static str, reason: &str, message: String) -> Trouble {
    Trouble { phase, reason: reason.to_owned(), message }
}

/// A cluster's phase as a tenant's: one that is being made is part of a tenant that is.
fn shown(phase: ClusterPhase) -> &'static str {
    match phase {
        ClusterPhase::Provisioning => "Creating",
        other => other.as_str(),
    }
}

/// Whether an error says that the tenant's own API server is not there to be asked, or takes nobody's word.
pub fn is_away(error: &Error) -> bool {
    matches!(
        error,
        Error::Config { .. }
            | Error::Unreachable { .. }
            | Error::TimedOut { .. }
            | Error::Cut { .. }
            | Error::Unauthorized { .. }
            | Error::Server { .. }
    )
}

/// Whether an error keeps a tenant from being looked at now, though it may be well: no reason to fail a plan.
fn is_unreadable(error: &Error) -> bool {
    is_away(error) || matches!(error, Error::Throttled { .. } | Error::Forbidden { .. } | Error::Decode { .. })
}

/// The object as the shared lists know it.
pub async fn found(cluster: &Cluster, object: &ObjectRef) -> Result<Option<Value>, Error> {
    match cluster.find(object).await {
        // What the cluster does not know it does not hold.
        Err(Error::KindMissing { .. }) => Ok(None),
        other => other,
    }
}

fn pool(spec: &TenantSpec) -> ObjectRef {
    ObjectRef::namespaced(Kind::KafkaNodePool, spec.name.namespace(), BROKER_POOL)
}

/// The Secret with which the tenant's own cluster is reached.
pub fn kubeconfig(name: &TenantName) -> ObjectRef {
    ObjectRef::namespaced(Kind::Secret, name.namespace(), name.kubeconfig_secret())
}
