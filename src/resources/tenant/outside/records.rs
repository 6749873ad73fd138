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

/// How a pause ended.
pub enum Pause {
    Over,
    DeadlinePassed,
    Stopped,
}

impl<'a> Records<'a> {
    /// None: nobody writes records of these names.
    pub fn of(
        connection: &'a Connection,
        tenant: &TenantName,
        dns: &DnsSpec,
        deadline: Instant,
        stop: &'a CancellationToken,
    ) -> Result<Option<Self>, Diagnostics> {
        let Some(zone) = dns.zone().filter(|_| dns.managed_by != ManagedBy::None).map(str::to_owned) else { return Ok(None) };
        let (names, owns) = (dns.names(tenant), Owns::of_tenant(tenant));
        Ok(Some(Self { connection, aws: connection.aws()?, zone, names, owns, deadline, stop }))
    }

    /// Until every name leads to its load balancer. Writes them where nobody else does. None: they do.
    pub async fn settle(&self, place: &Cluster, spec: &TenantSpec, dns: &DnsSpec) -> Result<Option<Outcome>, Diagnostics> {
        let mut written = Vec::new();
        loop {
            let pool = place.get(&pool(&spec.name)).await.map_err(|error| failed(SUMMARY, &error))?;
            let wanted = wanted(place, spec, &self.names, pool.as_ref(), Reading::Fresh).await?;
            let records = self.listed().await?;
            if dns.managed_by == ManagedBy::Provider {
                let changes =
                    dns::batch(&records, &wanted, &self.names, &self.owns, dns.ttl_s).map_err(|others| foreign(&self.zone, &others))?;
                // What Route53 spells otherwise than we do is not written again and again.
                if !changes.is_empty() && changes != written {
                    if let Some(outcome) = self.change(&format!("names of the tenant {}", spec.name), &changes).await? {
                        return Ok(Some(outcome));
                    }
                    written = changes;
                    continue;
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
            let what = format!("in the hosted zone {}: {}{who}", self.zone, pending.join("; "));
            match self.pause().await {
                Pause::Over => {}
                Pause::DeadlinePassed => return Ok(Some(Outcome::Waiting { what, why: "The deadline passed" })),
                Pause::Stopped => return Ok(Some(Outcome::Waiting { what, why: "The run was stopped" })),
            }
        }
    }

    /// Makes a batch of changes and waits until all of Route53's servers have it. None: they have.
    pub async fn change(&self, comment: &str, changes: &[Change]) -> Result<Option<Outcome>, Diagnostics> {
        let wrote = |error: aws::Error| failed_aws("Cannot write the tenant's records", &error);
        let id = self.aws.change_records(&self.zone, comment, changes).await.map_err(wrote)?;
        self.connection.forget_records(&self.zone);
        while !self.aws.change_is_in_sync(&id).await.map_err(wrote)? {
            let what = format!("the change {id} of the hosted zone {} is PENDING", self.zone);
            match self.pause().await {
                Pause::Over => {}
                Pause::DeadlinePassed => return Ok(Some(Outcome::Waiting { what, why: "The deadline passed" })),
                Pause::Stopped => return Ok(Some(Outcome::Waiting { what, why: "The run was stopped" })),
            }
        }
        Ok(None)
    }

    /// Takes away what the tenant owns, whoever wrote it, and waits until it is. None: nothing is left.
    pub async fn remove(&self) -> Result<Option<Outcome>, Diagnostics> {
        let changes = dns::removal(&self.listed().await?, &self.names, &self.owns);
        if changes.is_empty() { Ok(None) } else { self.change("names that a tenant has given up", &changes).await }
    }

    /// As [`Self::remove`], with the answers to challenges, of which nobody else is left to take them away.
    pub async fn remove_all(&self) -> Result<Option<Outcome>, Diagnostics> {
        let records = self.listed().await?;
        let mut changes = dns::removal(&records, &self.names, &self.owns);
        changes.extend(dns::challenges(&records, &self.names));
        if changes.is_empty() { Ok(None) } else { self.change("names of a tenant that is gone", &changes).await }
    }

    /// Waits until nothing of the tenant is left. None: nothing is.
    pub async fn gone(&self) -> Result<Option<Outcome>, Diagnostics> {
        loop {
            let left = dns::left(&self.listed().await?, &self.names, &self.owns);
            if left.is_empty() {
                self.connection.forget_records(&self.zone);
                return Ok(None);
            }
            let what = format!("the hosted zone {} still holds {}", self.zone, left.join(", "));
            match self.pause().await {
                Pause::Over => {}
                Pause::DeadlinePassed => return Ok(Some(Outcome::Waiting { what, why: "The deadline passed" })),
                Pause::Stopped => return Ok(Some(Outcome::Waiting { what, why: "The run was stopped" })),
            }
        }
    }

    /// The records as they are now; none where the zone is gone.
    async fn listed(&self) -> Result<Vec<dns::Record>, Diagnostics> {
        match self.aws.records(&self.zone, self.names.domain()).await {
            Err(aws::Error::NotFound { .. }) => Ok(Vec::new()),
            listed => listed.map_err(|error| failed_aws(SUMMARY, &error)),
        }
    }

    async fn pause(&self) -> Pause {
        let until = self.deadline.min(Instant::now() + LOOK);
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Pause::Stopped,
            () = tokio::time::sleep_until(until) => if until < self.deadline { Pause::Over } else { Pause::DeadlinePassed },
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
