//! From the records of a zone and the names that a tenant is to have: what is missing, what leads elsewhere, what is somebody else's, and what to change.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use serde_json::Value;

use super::ownership::{LEADING, Ownership, Owns, about, beside, is_beside};
use super::record::{Change, ChangeAction, Record, RecordType, Target};
use super::spec::{Names, is_within};

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
    if let Some(whose) = foreign(records, &wanted.name, owns) {
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

/// Whose a name is that is not the tenant's: by the TXT record beside it, or because there is none and yet a record. None: the tenant's, or nobody's.
fn foreign(records: &[Record], name: &str, owns: &Owns) -> Option<String> {
    let beside: Vec<Ownership> = records.iter().filter(|record| is_beside(&record.name, name)).filter_map(Ownership::of).collect();
    if let Some(other) = beside.iter().find(|ownership| !owns.holds(ownership)) {
        let resource = if other.resource.is_empty() { String::new() } else { format!(" for {}", other.resource) };
        return Some(format!("it belongs to the owner {:?} of external-dns{resource}", other.owner));
    }
    let held = leading(records, name).next()?;
    beside.is_empty().then(|| format!("a record {} {} is there with no ownership record beside it", held.kind, held.name))
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

/// The changes, all or none of which are made, after which each wanted name leads where it should and the tenant has no other. Names without an address are
/// left as they are.
///
/// # Errors
/// Names that are somebody else's, with whose they are: nothing of theirs is touched.
pub fn batch(records: &[Record], wanted: &[Wanted], names: &Names, owns: &Owns, ttl_s: u32) -> Result<Vec<Change>, Vec<(String, String)>> {
    let whose = |one: &Wanted| foreign(records, &one.name, owns).map(|whose| (one.name.clone(), whose));
    let others: Vec<(String, String)> = wanted.iter().filter_map(whose).collect();
    if !others.is_empty() {
        return Err(others);
    }
    let waiting: BTreeSet<&str> = wanted.iter().filter(|one| one.addresses.is_empty()).map(|one| one.name.as_str()).collect();
    let mut target = BTreeMap::new();
    for one in wanted {
        for record in made(one, owns, ttl_s) {
            target.insert((record.name.clone(), record.kind.clone()), record);
        }
    }
    let own = own(records, names, owns);
    let gone = own.iter().filter(|record| !waiting.contains(about_name(record)));
    let gone = gone.filter(|record| record.set_identifier.is_some() || !target.contains_key(&(record.name.clone(), record.kind.clone())));
    // What goes comes first: a CNAME admits no other record of its name.
    let mut changes: Vec<Change> = gone.map(|record| Change { action: ChangeAction::Delete, record: (*record).clone() }).collect();
    let missing = target.into_values().filter(|record| !records.contains(record));
    changes.extend(missing.map(|record| Change { action: ChangeAction::Upsert, record }));
    Ok(changes)
}

fn about_name(record: &Record) -> &str {
    if record.kind == RecordType::Txt { about(&record.name) } else { &record.name }
}

/// The records of a name, each with the one that says whose it is.
fn made(wanted: &Wanted, owns: &Owns, ttl_s: u32) -> Vec<Record> {
    let values = |kind: RecordType, values: Vec<String>| (kind, values);
    let ips = |wanted_v4: bool| -> Vec<String> {
        let of = |one: &Address| matches!(one, Address::Ip(ip) if ip.is_ipv4() == wanted_v4);
        wanted.addresses.iter().filter(|one| of(one)).map(ToString::to_string).collect::<BTreeSet<_>>().into_iter().collect()
    };
    let host = wanted.addresses.iter().find_map(|one| if let Address::Host(host) = one { Some(host.clone()) } else { None });
    let sets = match host {
        Some(host) => vec![values(RecordType::Cname, vec![host])],
        None => vec![values(RecordType::A, ips(true)), values(RecordType::Aaaa, ips(false))],
    };
    let ownership = owns.written(&wanted.service).to_string();
    let record = |name: String, kind, values| Record { name, kind, set_identifier: None, target: Target::Values { ttl_s, values } };
    let sets = sets.into_iter().filter(|(_, values)| !values.is_empty());
    sets.flat_map(|(kind, values)| {
        let txt = record(beside(&wanted.name, &kind), RecordType::Txt, vec![ownership.clone()]);
        [record(wanted.name.clone(), kind, values), txt]
    })
    .collect()
}

/// The records below a tenant's domain that are its own, those that say so included.
fn own<'a>(records: &'a [Record], names: &Names, owns: &Owns) -> Vec<&'a Record> {
    let inside = |record: &&Record| is_within(&record.name, names.domain());
    let is_own_name = |name: &str| {
        let mut said = records.iter().filter(|record| is_beside(&record.name, name)).filter_map(Ownership::of).peekable();
        said.peek().is_some() && said.all(|ownership| owns.holds(&ownership))
    };
    let is_own = |record: &&Record| match Ownership::of(record) {
        Some(ownership) => owns.holds(&ownership),
        None => LEADING.contains(&record.kind) && is_own_name(&record.name),
    };
    records.iter().filter(inside).filter(is_own).collect()
}

/// The changes that take away all that the tenant owns.
pub fn removal(records: &[Record], names: &Names, owns: &Owns) -> Vec<Change> {
    own(records, names, owns).into_iter().map(|record| Change { action: ChangeAction::Delete, record: record.clone() }).collect()
}

/// The changes that take away the answers to challenges for the tenant's wildcard, which stand at a name that only its own issuer writes.
pub fn challenges(records: &[Record], names: &Names) -> Vec<Change> {
    let name = names.challenge();
    let answers = records.iter().filter(|record| record.name == name && record.kind == RecordType::Txt);
    answers.map(|record| Change { action: ChangeAction::Delete, record: record.clone() }).collect()
}

/// What of the tenant a zone still holds, one text for each record: also the answer to a challenge, which is cert-manager's.
pub fn left(records: &[Record], names: &Names, owns: &Owns) -> Vec<String> {
    let challenge = names.challenge();
    let challenges = records.iter().filter(|record| record.name == challenge);
    own(records, names, owns).into_iter().chain(challenges).map(|record| format!("{} {}", record.kind, record.name)).collect()
}
