//! From the records of a zone and the names that a tenant is to have: what is missing, what leads elsewhere, and what is somebody else's.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use serde_json::Value;

use super::ownership::{LEADING, Ownership, Owns, is_beside};
use super::record::{Record, RecordType, Target};

/// Where a load balancer is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Address {
    Ip(IpAddr),
    Host(String),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(ip) => write!(f, "{ip}"),
            Self::Host(host) => f.write_str(host),
        }
    }
}

/// The addresses that a Service of type LoadBalancer has; none while it has none.
pub fn addresses(service: &Value) -> Vec<Address> {
    let ingress = service["status"]["loadBalancer"]["ingress"].as_array();
    let address = |one: &Value| match (one["hostname"].as_str(), one["ip"].as_str()) {
        (Some(host), _) => Some(Address::Host(host.trim_end_matches('.').to_ascii_lowercase())),
        (None, Some(ip)) => ip.parse().ok().map(Address::Ip),
        (None, None) => None,
    };
    ingress.into_iter().flatten().filter_map(address).collect()
}

/// A name, and what it is to lead to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub name: String,
    /// The Service in the tenant's namespace.
    pub service: String,
    /// Of its load balancer; none while it has none.
    pub addresses: Vec<Address>,
}

/// How a wanted name is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    Right,
    /// Its load balancer has no address yet.
    NoAddress,
    Missing,
    /// It leads to something else, which is told.
    Elsewhere(String),
    /// It is somebody else's, who is told.
    Foreign(String),
}

/// How each wanted name is, in their order.
pub fn look(records: &[Record], wanted: &[Wanted], owns: &Owns) -> Vec<Found> {
    wanted.iter().map(|one| found(records, one, owns)).collect()
}

fn found(records: &[Record], wanted: &Wanted, owns: &Owns) -> Found {
    if let Some(whose) = foreign(records, wanted, owns) {
        return Found::Foreign(whose);
    }
    let leading: Vec<&Record> = leading(records, &wanted.name).collect();
    if wanted.addresses.is_empty() {
        return Found::NoAddress;
    }
    if leading.is_empty() {
        return Found::Missing;
    }
    if leads_to(&leading, &wanted.addresses) { Found::Right } else { Found::Elsewhere(shown(&leading)) }
}

fn leading<'a>(records: &'a [Record], name: &'a str) -> impl Iterator<Item = &'a Record> {
    records.iter().filter(move |record| record.name == name && LEADING.contains(&record.kind))
}

/// What is said of whose a name is: by TXT records beside it, or by one that names its Service, for external-dns may be told to write a prefix before them.
fn said(records: &[Record], wanted: &Wanted, owns: &Owns) -> Vec<Ownership> {
    let of_service = |ownership: &Ownership| {
        owns.is_of_namespace(ownership) && ownership.resource.rsplit_once('/').is_some_and(|(_, service)| service == wanted.service)
    };
    let is_about =
        |txt: &str, ownership: &Ownership| is_beside(txt, &wanted.name) || (txt.ends_with(&wanted.name) && of_service(ownership));
    records.iter().filter_map(|record| Ownership::of(record).filter(|ownership| is_about(&record.name, ownership))).collect()
}

/// Whose a name is that is not the tenant's: by the TXT record beside it, or because there is none and yet a record. None: the tenant's, or nobody's.
///
/// What an external-dns has written for a Service of the tenant's namespace and leads to that very Service is the tenant's, whatever owner it writes by.
pub(super) fn foreign(records: &[Record], wanted: &Wanted, owns: &Owns) -> Option<String> {
    let held: Vec<&Record> = leading(records, &wanted.name).collect();
    let is_proven = !held.is_empty() && !wanted.addresses.is_empty() && leads_to(&held, &wanted.addresses);
    let said = said(records, wanted, owns);
    let is_own = |ownership: &&Ownership| owns.holds(ownership) || (is_proven && owns.is_of_namespace(ownership));
    if let Some(other) = said.iter().find(|ownership| !is_own(ownership)) {
        let resource = if other.resource.is_empty() { String::new() } else { format!(" for {}", other.resource) };
        return Some(format!("it belongs to the owner {:?} of external-dns{resource}", other.owner));
    }
    let held = held.first()?;
    said.is_empty().then(|| format!("a record {} {} is there with no ownership record beside it", held.kind, held.name))
}

/// The owner by which others than the tenant itself have written a name that is its own.
pub fn writer(records: &[Record], wanted: &Wanted, owns: &Owns) -> Option<String> {
    let written =
        said(records, wanted, owns).into_iter().find(|ownership| ownership.owner != owns.owner && owns.is_of_namespace(ownership));
    written.map(|ownership| ownership.owner)
}

fn leads_to(leading: &[&Record], addresses: &[Address]) -> bool {
    let ips: BTreeSet<String> = addresses.iter().filter(|one| matches!(one, Address::Ip(_))).map(ToString::to_string).collect();
    let mut found = BTreeSet::new();
    for record in leading {
        match &record.target {
            Target::Alias { name, .. } => return addresses.contains(&Address::Host(plain(name))),
            Target::Values { values, .. } if record.kind == RecordType::Cname => {
                return values.iter().any(|value| addresses.contains(&Address::Host(plain(value))));
            }
            Target::Values { values, .. } => found.extend(values.iter().cloned()),
        }
    }
    found == ips
}

/// A load balancer's name as its Service has it: Route53's console, like external-dns, writes an alias of both address families so.
fn plain(name: &str) -> String {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name.strip_prefix("dualstack.").map_or(name.clone(), str::to_owned)
}

fn shown(leading: &[&Record]) -> String {
    let target = |record: &&Record| match &record.target {
        Target::Alias { name, .. } => name.clone(),
        Target::Values { values, .. } => values.join(", "),
    };
    leading.iter().map(target).collect::<Vec<_>>().join(", ")
}
