//! What an authoritative server says to a question, by the zones alone: exact names, wildcards and empty names as RFC 1034 and RFC 4592 have them, CNAMEs
//! followed as far as the zones go, aliases of Route 53 answered with the addresses behind them.

use std::net::Ipv4Addr;

use simple_dns::RCODE as Code;

use super::zones::{Content, RecordSet, Zone};

/// How many names a question may lead through.
const HOPS: usize = 8;
/// How long the address of a load balancer may be remembered, in seconds.
const LOAD_BALANCER_TTL_S: u32 = 60;

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub name: String,
    pub kind: String,
    pub ttl_s: u32,
    pub value: String,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub code: Code,
    pub lines: Vec<Line>,
    /// The SOA of the zone, where there is nothing to answer.
    pub soa: Option<Line>,
}

/// Answers a question for `name` (lower case, no last dot) and `kind` (`A`). `public`: private zones are not looked at.
pub fn answer(zones: &[Zone], name: &str, kind: &str, public: bool) -> Answer {
    let mut lines = Vec::new();
    let mut name = name.to_owned();
    for _ in 0..HOPS {
        match step(zones, &name, kind, public) {
            Step::Refused if lines.is_empty() => return Answer { code: Code::Refused, lines, soa: None },
            // The rest is another server's.
            Step::Refused => return Answer { code: Code::NoError, lines, soa: None },
            Step::Missing(soa) => return Answer { code: Code::NameError, lines, soa },
            Step::Empty(soa) => return Answer { code: Code::NoError, lines, soa },
            Step::Found(found) => {
                lines.extend(found);
                return Answer { code: Code::NoError, lines, soa: None };
            }
            Step::Other(line) => {
                name.clone_from(&line.value);
                lines.push(line);
            }
        }
    }
    Answer { code: Code::ServerFailure, lines: Vec::new(), soa: None }
}

enum Step {
    Refused,
    Missing(Option<Line>),
    Empty(Option<Line>),
    Found(Vec<Line>),
    /// A CNAME, its value as a plain name.
    Other(Line),
}

fn step(zones: &[Zone], name: &str, kind: &str, public: bool) -> Step {
    if let Some(address) = load_balancer(name) {
        let line = Line { name: name.to_owned(), kind: "A".to_owned(), ttl_s: LOAD_BALANCER_TTL_S, value: address.to_string() };
        return if kind == "A" { Step::Found(vec![line]) } else { Step::Empty(None) };
    }
    let Some(zone) = zone_of(zones, name, public) else { return Step::Refused };
    let soa = zone.records.iter().find(|set| set.kind == "SOA").and_then(|set| lines(set, &zone.name).into_iter().next());
    let here = at(zone, name);
    if here.is_empty() {
        let below = format!(".{name}");
        let above_something = name == zone.name || zone.records.iter().any(|set| set.name.ends_with(&below));
        return if above_something { Step::Empty(soa) } else { Step::Missing(soa) };
    }
    if let Some(set) = here.iter().find(|set| set.kind == kind) {
        let Content::Alias(target) = &set.content else { return Step::Found(lines(set, name)) };
        let behind = answer_alias(zones, target, kind, public);
        let named = behind.into_iter().filter(|line| line.kind == kind).map(|line| Line { name: name.to_owned(), ..line });
        let named: Vec<Line> = named.collect();
        return if named.is_empty() { Step::Empty(soa) } else { Step::Found(named) };
    }
    if let Some(line) = here.iter().find(|set| set.kind == "CNAME").and_then(|set| lines(set, name).into_iter().next()) {
        let value = super::zones::plain(&line.value);
        return Step::Other(Line { value, ..line });
    }
    Step::Empty(soa)
}

/// What is behind an alias. One that leads to itself leads nowhere.
fn answer_alias(zones: &[Zone], target: &str, kind: &str, public: bool) -> Vec<Line> {
    let is_alias = |set: &RecordSet| set.name == target && set.kind == kind && matches!(set.content, Content::Alias(_));
    if zones.iter().flat_map(|zone| &zone.records).any(is_alias) {
        // Route 53 lets an alias point at an alias once; a chain is not for a lab.
        return Vec::new();
    }
    answer(zones, target, kind, public).lines
}

/// The zone with the longest name that fits; of two with one name the private one, for those who see it.
fn zone_of<'a>(zones: &'a [Zone], name: &str, public: bool) -> Option<&'a Zone> {
    let fits = |zone: &&Zone| (name == zone.name || name.ends_with(&format!(".{}", zone.name))) && !(public && zone.private);
    zones.iter().filter(fits).max_by_key(|zone| (zone.name.len(), zone.private))
}

/// The record sets that count for `name`: its own, else those of the wildcard at the nearest name that is there.
fn at<'a>(zone: &'a Zone, name: &str) -> Vec<&'a RecordSet> {
    let own = |wanted: &str| zone.records.iter().filter(|set| set.name == wanted).collect::<Vec<_>>();
    let exact = own(name);
    let is_there = |wanted: &str| zone.records.iter().any(|set| set.name == wanted || set.name.ends_with(&format!(".{wanted}")));
    if !exact.is_empty() || is_there(name) {
        return exact;
    }
    let mut rest = name;
    while let Some((_, above)) = rest.split_once('.') {
        if above == zone.name || is_there(above) {
            return own(&format!("*.{above}"));
        }
        rest = above;
    }
    Vec::new()
}

fn lines(set: &RecordSet, name: &str) -> Vec<Line> {
    let Content::Values(values) = &set.content else { return Vec::new() };
    let line = |value: &String| Line { name: name.to_owned(), kind: set.kind.clone(), ttl_s: set.ttl_s, value: value.clone() };
    values.iter().map(line).collect()
}

/// The address of a load balancer of this lab, which stands in its host name: `NAME-127-64-0-7.elb.eu-central-1.amazonaws.com`.
fn load_balancer(name: &str) -> Option<Ipv4Addr> {
    let (first, rest) = name.split_once('.')?;
    if !(rest.starts_with("elb.") && rest.ends_with(".amazonaws.com")) {
        return None;
    }
    let mut numbers: Vec<u8> = first.rsplit('-').map_while(|part| part.parse().ok()).take(4).collect();
    numbers.reverse();
    let [a, b, c, d] = numbers.as_slice() else { return None };
    Some(Ipv4Addr::new(*a, *b, *c, *d)).filter(Ipv4Addr::is_loopback)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(name: &str, kind: &str, value: &str) -> RecordSet {
        RecordSet { name: name.to_owned(), kind: kind.to_owned(), ttl_s: 60, content: Content::Values(vec![value.to_owned()]) }
    }

    fn alias(name: &str, target: &str) -> RecordSet {
        RecordSet { content: Content::Alias(target.to_owned()), ..set(name, "A", "") }
    }

    fn zones() -> Vec<Zone> {
        let records = vec![
            set("t", "SOA", "ns. host. 1 2 3 4 5"),
            set("boot.pay.t", "A", "127.64.0.7"),
            set("*.pay.t", "TXT", "\"any\""),
            set("www.t", "CNAME", "boot.pay.t."),
            set("out.t", "CNAME", "example.org."),
            set("loop.t", "CNAME", "loop.t."),
            alias("lb.t", "k8s-127-64-0-9.elb.eu-central-1.amazonaws.com"),
            alias("self.t", "self.t"),
        ];
        let own = vec![set("sub.t", "SOA", "sub"), set("x.sub.t", "A", "127.64.0.1")];
        let zone = |name: &str, private, records| Zone { id: "Z".to_owned(), name: name.to_owned(), private, records };
        vec![zone("t", false, records), zone("sub.t", false, own), zone("t", true, vec![set("boot.pay.t", "A", "127.64.0.8")])]
    }

    fn values(name: &str, kind: &str) -> (Code, Vec<String>, bool) {
        let answer = answer(&zones(), name, kind, true);
        (answer.code, answer.lines.into_iter().map(|line| line.value).collect(), answer.soa.is_some())
    }

    fn found(values: &[&str]) -> (Code, Vec<String>, bool) {
        (Code::NoError, values.iter().map(|&value| value.to_owned()).collect(), false)
    }

    #[test]
    fn names_are_answered_and_their_absence_is_told_with_the_soa() {
        assert_eq!(values("boot.pay.t", "A"), found(&["127.64.0.7"]));
        assert_eq!(values("boot.pay.t", "AAAA"), (Code::NoError, vec![], true));
        assert_eq!(values("pay.t", "A"), (Code::NoError, vec![], true), "there is something below");
        assert_eq!(values("none.t", "A"), (Code::NameError, vec![], true));
        assert_eq!(values("example.org", "A"), (Code::Refused, vec![], false));
        assert_eq!(values("x.sub.t", "A"), found(&["127.64.0.1"]));
    }

    #[test]
    fn a_wildcard_counts_where_no_nearer_name_is() {
        assert_eq!(values("a.pay.t", "TXT"), found(&["\"any\""]));
        assert_eq!(values("a.b.pay.t", "TXT"), found(&["\"any\""]));
        assert_eq!(values("a.boot.pay.t", "TXT"), (Code::NameError, vec![], true), "boot.pay.t is nearer");
        assert_eq!(values("boot.pay.t", "TXT"), (Code::NoError, vec![], true));
    }

    #[test]
    fn another_name_leads_on_and_an_alias_shows_what_is_behind() {
        assert_eq!(values("www.t", "A"), found(&["boot.pay.t", "127.64.0.7"]));
        assert_eq!(values("out.t", "A"), found(&["example.org"]));
        assert_eq!(values("loop.t", "A").0, Code::ServerFailure);
        assert_eq!(values("lb.t", "A"), found(&["127.64.0.9"]));
        assert!(values("lb.t", "AAAA").2);
        assert_eq!(values("self.t", "A"), (Code::NoError, vec![], true));
        assert_eq!(load_balancer("a-8-8-8-8.elb.eu-central-1.amazonaws.com"), None);
    }

    #[test]
    fn who_sees_a_private_zone_gets_its_records() {
        assert_eq!(answer(&zones(), "boot.pay.t", "A", false).lines[0].value, "127.64.0.8");
    }
}
