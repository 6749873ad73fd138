//! The tenant's records in its hosted zone: written, waited for, and seen to be gone.

use std::time::Duration;

use futures::future::try_join_all;
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    domain::{
        dns::{self, Change, DnsSpec, Found, ManagedBy, Names, Owns, Wanted, addresses},
        external::{ExternalType, LISTENER},
        names::{BROKER_POOL, TenantName},
        object::{Kind, ObjectRef},
        tenant::TenantSpec,
    },
    drivers::{
        aws::{self, Aws},
        kubernetes::Cluster,
    },
    framework::diagnostic::Diagnostics,
    resources::{
        connection::Connection,
        failure::{failed, failed_aws},
        tenant::{outside::zone::foreign, place, wait::Outcome},
    },
};

const SUMMARY: &str = "Cannot look at the tenant's records";
/// Between looks: Route53 takes five requests a second from a whole account.
const LOOK: Duration = Duration::from_secs(5);

/// A tenant's records in one zone, and by whom they are looked at.
pub struct Records<'a> {
    pub connection: &'a Connection,
    pub aws: Aws,
    pub zone: String,
    pub names: Names,
    pub owns: Owns,
    pub deadline: Instant,
    pub stop: &'a CancellationToken,
}

/// How changes ended.
enum Changed {
    Done,
    /// Somebody else has changed the records since they were looked at; Route53's own words.
    Overtaken(String),
    Ended(Outcome),
}

/// Code by which Route53 refuses a batch that does not go with what the zone holds.
const INVALID_BATCH: &str = "InvalidChangeBatch";

impl<'a> Records<'a> {
    /// None: nobody writes records of these names.
    pub fn of(
        connection: &'a Connection,
        (tenant, in_own_cluster): (&TenantName, bool),
        dns: &DnsSpec,
        deadline: Instant,
        stop: &'a CancellationToken,
    ) -> Result<Option<Self>, Diagnostics> {
        if dns.managed_by == ManagedBy::None {
            return Ok(None);
        }
        let (Some(zone), Some(owns)) = (dns.zone().map(str::to_owned), dns.owns(tenant, in_own_cluster)) else { return Ok(None) };
        Ok(Some(Self { connection, aws: connection.aws()?, zone, names: dns.names(tenant), owns, deadline, stop }))
    }

    /// Until every name leads to its load balancer. Writes them where nobody else does. None: they do.
    pub async fn settle(&self, place: &Cluster, spec: &TenantSpec, dns: &DnsSpec) -> Result<Option<Outcome>, Diagnostics> {
        let mut written = Vec::new();
        loop {
            let mut overtaken = None;
            let pool = place.get(&pool(&spec.name)).await.map_err(|error| failed(SUMMARY, &error))?;
            let wanted = wanted(place, spec, &self.names, pool.as_ref(), Reading::Fresh).await?;
            let records = self.listed().await?;
            if dns.managed_by == ManagedBy::Provider {
                let changes =
                    dns::batch(&records, &wanted, &self.names, &self.owns, dns.ttl_s).map_err(|others| foreign(&self.zone, &others))?;
                // What Route53 spells otherwise than we do is not written again and again.
                if !changes.is_empty() && changes != written {
                    match self.change(&format!("names of the tenant {}", spec.name), &changes).await? {
                        Changed::Done => {
                            written = changes;
                            continue;
                        }
                        Changed::Overtaken(said) => overtaken = Some(said),
                        Changed::Ended(outcome) => return Ok(Some(outcome)),
                    }
                }
            }
            let found = dns::look(&records, &wanted, &self.owns);
            let others: Vec<(String, String)> = wanted.iter().zip(&found).filter_map(whose).collect();
            if !others.is_empty() {
                return Err(foreign(&self.zone, &others));
            }
            let pending = pending(&wanted, &found);
            if pending.is_empty() && !wanted.is_empty() {
                self.connection.forget_records(&self.zone);
                return Ok(None);
            }
            let who = if dns.managed_by == ManagedBy::ExternalDns {
                "; external-dns writes them: see that it runs and may change the zone"
            } else {
                ""
            };
            let overtaken = overtaken.map_or_else(String::new, |said| format!("; others change them, too: {said}"));
            let what = format!("in the hosted zone {}: {}{who}{overtaken}", self.zone, pending.join("; "));
            if let Some(ended) = self.pause(what).await {
                return Ok(Some(ended));
            }
        }
    }

    /// Makes changes and waits until all of Route53's servers have them.
    async fn change(&self, comment: &str, changes: &[Change]) -> Result<Changed, Diagnostics> {
        let wrote = |error: aws::Error| failed_aws("Cannot write the tenant's records", &error);
        for portion in dns::in_portions(changes) {
            let id = match self.aws.change_records(&self.zone, comment, &portion).await {
                // The records are others than those that were looked at: somebody has changed them since, or an earlier try whose answer got lost.
                Err(error @ aws::Error::BadRequest { .. }) if error.answer().is_some_and(|answer| answer.code == INVALID_BATCH) => {
                    return Ok(Changed::Overtaken(error.answer().map(|answer| answer.message.clone()).unwrap_or_default()));
                }
                id => id.map_err(wrote)?,
            };
            self.connection.forget_records(&self.zone);
            while !self.aws.change_is_in_sync(&id).await.map_err(wrote)? {
                let what = format!("the change {id} of the hosted zone {} is PENDING", self.zone);
                if let Some(ended) = self.pause(what).await {
                    return Ok(Changed::Ended(ended));
                }
            }
        }
        Ok(Changed::Done)
    }

    /// Takes away what the tenant owns, whoever wrote it, until nothing is left, also of what others write anew meanwhile. With the answers to challenges. None:
    /// nothing is left.
    pub async fn clear(&self) -> Result<Option<Outcome>, Diagnostics> {
        self.emptied(|records| {
            let mut changes = dns::removal(records, &self.names, &self.owns);
            changes.extend(dns::challenges(records, &self.names));
            changes
        })
        .await
    }

    /// Waits until nothing of the tenant is left. What cert-manager has left of answers to challenges, which are over by now, goes at once. None: nothing is left.
    pub async fn gone(&self) -> Result<Option<Outcome>, Diagnostics> {
        self.emptied(|records| dns::challenges(records, &self.names)).await
    }

    /// Makes these changes until nothing of the tenant is left.
    async fn emptied(&self, changes: impl Fn(&[dns::Record]) -> Vec<Change>) -> Result<Option<Outcome>, Diagnostics> {
        loop {
            let records = self.listed().await?;
            let left = dns::left(&records, &self.names, &self.owns);
            if left.is_empty() {
                self.connection.forget_records(&self.zone);
                return Ok(None);
            }
            let mut overtaken = String::new();
            let changes = changes(&records);
            if !changes.is_empty() {
                match self.change("names that a tenant has given up", &changes).await? {
                    Changed::Done => continue,
                    Changed::Overtaken(said) => overtaken = format!("; others change them, too: {said}"),
                    Changed::Ended(outcome) => return Ok(Some(outcome)),
                }
            }
            if let Some(ended) = self.pause(format!("the hosted zone {} still holds {}{overtaken}", self.zone, left.join(", "))).await {
                return Ok(Some(ended));
            }
        }
    }

    /// The owner by which an external-dns that works for many has written the name that clients begin at.
    pub async fn writer(&self, place: &Cluster, spec: &TenantSpec) -> Result<Option<String>, Diagnostics> {
        let wanted = wanted(place, spec, &self.names, None, Reading::Fresh).await?;
        let records = self.listed().await?;
        Ok(wanted.first().and_then(|bootstrap| dns::writer(&records, bootstrap, &self.owns)))
    }

    /// The records as they are now; none where the zone is gone.
    async fn listed(&self) -> Result<Vec<dns::Record>, Diagnostics> {
        match self.aws.records(&self.zone, self.names.domain()).await {
            Err(aws::Error::NotFound { .. }) => Ok(Vec::new()),
            listed => listed.map_err(|error| failed_aws(SUMMARY, &error)),
        }
    }

    /// Until the next look. Some: there is no more time, with what is waited for.
    async fn pause(&self, what: String) -> Option<Outcome> {
        let until = self.deadline.min(Instant::now() + LOOK);
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Some(Outcome::Waiting { what, why: "The run was stopped" }),
            () = tokio::time::sleep_until(until) => (until >= self.deadline).then_some(Outcome::Waiting { what, why: "The deadline passed" }),
        }
    }
}

/// How objects are read.
#[derive(Clone, Copy)]
pub enum Reading {
    Fresh,
    /// From the lists that all tenants share.
    Shared,
}

/// The names that a Kafka with this pool of brokers is to have, each with the address of its load balancer. None of them where there is none to have.
pub async fn wanted(
    place: &Cluster,
    spec: &TenantSpec,
    names: &Names,
    pool: Option<&Value>,
    reading: Reading,
) -> Result<Vec<Wanted>, Diagnostics> {
    if spec.outside().is_none_or(|external| external.kind != ExternalType::LoadBalancer) {
        return Ok(Vec::new());
    }
    let nodes = pool.and_then(|pool| pool["status"]["nodeIds"].as_array()).into_iter().flatten();
    let nodes = nodes.filter_map(Value::as_u64).filter_map(|node| u32::try_from(node).ok());
    let kafka = spec.name.kafka();
    let brokers = nodes.map(|node| (names.broker(node), format!("{kafka}-{BROKER_POOL}-{LISTENER}-{node}")));
    let all = std::iter::once((names.bootstrap(), format!("{kafka}-kafka-{LISTENER}-bootstrap"))).chain(brokers);
    let one = async |(name, service): (String, String)| {
        let object = ObjectRef::namespaced(Kind::Service, spec.name.namespace(), &service);
        let found = match reading {
            Reading::Fresh => place.get(&object).await,
            Reading::Shared => place::found(place, &object).await,
        };
        let found = found.map_err(|error| failed(SUMMARY, &error))?;
        Ok::<Wanted, Diagnostics>(Wanted { name, service, addresses: found.as_ref().map(addresses).unwrap_or_default() })
    };
    try_join_all(all.map(one)).await
}

/// What is not as it should be, a text for each name.
pub fn pending(wanted: &[Wanted], found: &[Found]) -> Vec<String> {
    let text = |(one, found): (&Wanted, &Found)| {
        let to = || one.addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        Some(match found {
            Found::Right => return None,
            Found::NoAddress => format!("{} has no load balancer yet (Service {})", one.name, one.service),
            Found::Missing => format!("{} is missing, should lead to {}", one.name, to()),
            Found::Elsewhere(elsewhere) => format!("{} leads to {elsewhere}, should lead to {}", one.name, to()),
            Found::Foreign(whose) => format!("{} is somebody else's: {whose}", one.name),
        })
    };
    wanted.iter().zip(found).filter_map(text).collect()
}

fn whose((one, found): (&Wanted, &Found)) -> Option<(String, String)> {
    match found {
        Found::Foreign(whose) => Some((one.name.clone(), whose.clone())),
        _ => None,
    }
}

fn pool(name: &TenantName) -> ObjectRef {
    ObjectRef::namespaced(Kind::KafkaNodePool, name.namespace(), BROKER_POOL)
}
