//! The changes to a zone after which a tenant has the names that it is to have, and no others.

use std::collections::{BTreeMap, BTreeSet};

use super::ownership::{LEADING, Ownership, Owns, about, beside, is_beside};
use super::record::{Change, ChangeAction, Record, RecordType, Target};
use super::spec::{Names, is_within};
use super::wanted::{Address, Wanted, foreign};

/// The changes, all or none of which are made, after which each wanted name leads where it should and the tenant has no other. Names without an address are
/// left as they are.
///
/// # Errors
/// Names that are somebody else's, with whose they are: nothing of theirs is touched.
pub fn batch(records: &[Record], wanted: &[Wanted], names: &Names, owns: &Owns, ttl_s: u32) -> Result<Vec<Change>, Vec<(String, String)>> {
    let whose = |one: &Wanted| foreign(records, one, owns).map(|whose| (one.name.clone(), whose));
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
    let challenges = records.iter().filter(|record| record.name == challenge && record.kind == RecordType::Txt);
    own(records, names, owns).into_iter().chain(challenges).map(|record| format!("{} {}", record.kind, record.name)).collect()
}

/// Route53 takes so many record values, and so many characters in them, in one batch; those of an UPSERT count twice. Source: Route53's developer guide, on
/// quotas of ChangeResourceRecordSets.
const VALUES_MAX: usize = 1_000;
const CHARACTERS_MAX: usize = 32_000;

/// The changes in batches that Route53 takes. What belongs to one name stays in one of them.
pub fn in_portions(changes: &[Change]) -> Vec<Vec<Change>> {
    let mut by_name: BTreeMap<&str, Vec<&Change>> = BTreeMap::new();
    for change in changes {
        by_name.entry(about_name(&change.record)).or_default().push(change);
    }
    let mut portions: Vec<(Vec<Change>, usize, usize)> = Vec::new();
    for of_name in by_name.into_values() {
        let (values, characters) = of_name.iter().map(|change| weight(change)).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        let of_name = of_name.into_iter().cloned();
        match portions.last_mut() {
            Some(last) if last.1 + values <= VALUES_MAX && last.2 + characters <= CHARACTERS_MAX => {
                last.0.extend(of_name);
                (last.1, last.2) = (last.1 + values, last.2 + characters);
            }
            _ => portions.push((of_name.collect(), values, characters)),
        }
    }
    portions.into_iter().map(|(portion, ..)| portion).collect()
}

/// Values of a change, and characters in them.
fn weight(Change { action, record }: &Change) -> (usize, usize) {
    let times = if *action == ChangeAction::Upsert { 2 } else { 1 };
    let (values, characters) = match &record.target {
        Target::Values { values, .. } => (values.len(), values.iter().map(|value| value.len() + QUOTES).sum()),
        Target::Alias { name, .. } => (1, name.len()),
    };
    (values * times, characters * times)
}

/// Around a text.
const QUOTES: usize = 2;
