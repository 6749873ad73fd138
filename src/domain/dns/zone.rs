//! Which hosted zone is meant, and whether the names in it can be found from outside.

use thiserror::Error;

use super::record::{Record, RecordType, Target, Zone};
use super::spec::is_within;

/// Why a zone does not do.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ZoneError {
    #[error("there is no hosted zone {wanted} in the account{other}")]
    Missing { wanted: String, other: String },
    #[error("there are several {kind} zones {name}: {}; say which by zone_id", ids.join(", "))]
    Ambiguous { name: String, kind: &'static str, ids: Vec<String> },
    #[error("the hosted zone {id} ({name}) is {is}, and dns.private says otherwise: {way_out}")]
    OtherKind { id: String, name: String, is: &'static str, way_out: &'static str },
    #[error("the domain {domain} is not in the hosted zone {id}, which is {name}")]
    OtherDomain { domain: String, id: String, name: String },
}

const fn kind(private: bool) -> &'static str {
    if private { "private" } else { "public" }
}

/// The zone that is meant, of those that were found by the id or the name that is `wanted`.
///
/// # Errors
/// None or several, one of the other kind, or one that the domain is not in.
pub fn choose(found: Vec<Zone>, wanted: &str, domain: &str, private: bool) -> Result<Zone, ZoneError> {
    let (mut right, others): (Vec<Zone>, Vec<Zone>) = found.into_iter().partition(|zone| zone.private == private);
    if right.len() > 1 {
        let ids = right.iter().map(|zone| zone.id.clone()).collect();
        return Err(ZoneError::Ambiguous { name: wanted.to_owned(), kind: kind(private), ids });
    }
    let Some(zone) = right.pop() else {
        return Err(match others.into_iter().next() {
            Some(Zone { id, name, private, .. }) => {
                let way_out =
                    if private { "set dns.private = true, or take a public one" } else { "set dns.private = false, or take a private one" };
                ZoneError::OtherKind { id, name, is: kind(private), way_out }
            }
            None => ZoneError::Missing { wanted: wanted.to_owned(), other: String::new() },
        });
    };
    if is_within(domain, &zone.name) {
        Ok(zone)
    } else {
        Err(ZoneError::OtherDomain { domain: domain.to_owned(), id: zone.id, name: zone.name })
    }
}

/// How a zone is not delegated to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undelegated {
    /// Nobody is led to any of its name servers.
    Wholly(String),
    /// Some are led to servers that know nothing of the zone, or not to all that do.
    Partly(String),
}

impl Undelegated {
    /// How, in words, with the record to write.
    pub fn told(&self) -> &str {
        let (Self::Wholly(told) | Self::Partly(told)) = self;
        told
    }
}

/// Why nobody outside finds a zone, by the records of the zone above it, where that one is in the same account: the name servers it should name and does not.
/// None: it is delegated.
pub fn delegation(zone: &Zone, parent: &Zone, records: &[Record]) -> Option<Undelegated> {
    if zone.private {
        return None;
    }
    let named: Vec<&str> = records
        .iter()
        .filter(|record| record.kind == RecordType::Ns && record.name == zone.name)
        .flat_map(|record| match &record.target {
            Target::Values { values, .. } => values.as_slice(),
            Target::Alias { .. } => &[],
        })
        .map(String::as_str)
        .collect();
    let is_own = |server: &str| zone.name_servers.iter().any(|own| own == server);
    let led = zone.name_servers.iter().filter(|server| named.contains(&server.as_str())).count();
    if led == zone.name_servers.len() && named.iter().all(|server| is_own(server)) {
        return None;
    }
    let says = if named.is_empty() { "has no NS record for it".to_owned() } else { format!("leads to {}", named.join(", ")) };
    let told = format!(
        "the zone above it, {} ({}), {says}; write an NS record {} there with the values {}",
        parent.name,
        parent.id,
        zone.name,
        zone.name_servers.join(", ")
    );
    Some(if led == 0 { Undelegated::Wholly(told) } else { Undelegated::Partly(told) })
}
