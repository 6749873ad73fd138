//! Names, owners and batches, whatever the zone holds.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::domain::names::TenantName;

fn tenant() -> TenantName {
    "payments".parse().unwrap()
}

fn dns() -> DnsSpec {
    serde_json::from_value(json!({ "domain": "kafka.example.com", "zone_id": "/hostedzone/Z1" })).unwrap()
}

fn owns() -> Owns {
    Owns::new(&tenant(), OWNER, Shared::Anybody)
}

fn names() -> Names {
    dns().names(&tenant())
}

fn values(name: &str, kind: RecordType, values: &[&str]) -> Record {
    let target = Target::Values { ttl_s: 60, values: values.iter().map(|value| (*value).to_owned()).collect() };
    Record { name: name.to_owned(), kind, set_identifier: None, target }
}

fn txt(name: &str, owner: &str, resource: &str) -> Record {
    let ownership = Ownership { owner: owner.to_owned(), resource: resource.to_owned() };
    values(name, RecordType::Txt, &[&ownership.to_string()])
}

fn wanted(name: &str, addresses: &[Address]) -> Wanted {
    Wanted { name: name.to_owned(), service: "payments-kafka-external-bootstrap".to_owned(), addresses: addresses.into() }
}

fn ip(text: &str) -> Address {
    Address::Ip(text.parse().unwrap())
}

/// A zone after a batch, as Route53 makes it: a create of what is there and a delete of what is not so are refused.
fn applied(mut records: Vec<Record>, changes: &[Change]) -> Vec<Record> {
    for Change { action, record } in changes {
        let same =
            |other: &Record| (&other.name, &other.kind, &other.set_identifier) == (&record.name, &record.kind, &record.set_identifier);
        match action {
            ChangeAction::Delete => {
                let at = records.iter().position(|other| other == record).expect("a delete of what is there");
                records.remove(at);
            }
            ChangeAction::Create | ChangeAction::Upsert => {
                records.retain(|other| !same(other));
                let clash =
                    |other: &Record| other.name == record.name && (other.kind == RecordType::Cname || record.kind == RecordType::Cname);
                assert!(!records.iter().any(clash), "a CNAME beside {record:?}");
                records.push(record.clone());
            }
        }
    }
    records
}

const OWNER: &str = "kaas-payments-0a1b2c3d";
const B: &str = "bootstrap.payments.kafka.example.com";

#[test]
fn the_names_of_a_tenant_are_below_its_own_domain() {
    let names = names();
    assert_eq!(names.bootstrap(), B);
    assert_eq!(names.broker(4), "broker-4.payments.kafka.example.com");
    assert_eq!(names.broker_template().replace("{nodeId}", "4"), names.broker(4));
    assert_eq!(names.wildcard(), "*.payments.kafka.example.com");
    assert_eq!(dns().zone(), Some("Z1"));
}

#[test]
fn a_domain_that_leaves_no_room_or_is_none_is_refused() {
    let name = "a".repeat(40).parse().unwrap();
    assert_eq!(check_domain("kafka.example.com", Some(&name)), Ok(()));
    for domain in ["", "Kafka.example.com", "kafka.example.com.", "a..b", "-a.b", "*.example.com", "a_b.com"] {
        assert!(matches!(check_domain(domain, None), Err(DomainError::Name { .. })), "{domain}");
    }
    assert!(matches!(check_domain("com", None), Err(DomainError::TopLevel { .. })));
    let long = format!("{}.example.com", ["a".repeat(60), "b".repeat(60), "c".repeat(60)].join("."));
    assert_eq!(check_domain(&long, None), Ok(()));
    assert!(check_domain(&long, Some(&name)).unwrap_err().to_string().contains("DNS takes 253"));
}

#[test]
fn names_that_others_hold_are_named_and_never_changed() {
    let ours = wanted(B, &[ip("10.0.0.1")]);
    for (records, said) in [
        (vec![values(B, RecordType::A, &["10.0.0.1"])], "no ownership record"),
        (
            vec![values(B, RecordType::Cname, &["elb"]), txt(&format!("cname-{B}"), "default", "service/shop/web")],
            "\"default\" of external-dns for service/shop/web",
        ),
        (vec![txt(&format!("a-{B}"), "kaas-orders", "")], "\"kaas-orders\""),
    ] {
        let found = look(&records, std::slice::from_ref(&ours), &owns());
        assert!(matches!(&found[0], Found::Foreign(whose) if whose.contains(said)), "{found:?}");
        assert!(batch(&records, std::slice::from_ref(&ours), &names(), &owns(), 60).is_err());
        assert_eq!(removal(&records, &names(), &owns()), []);
    }
}

#[test]
fn a_record_is_the_tenants_by_its_owner_or_by_its_service() {
    let ours = [wanted(B, &[ip("10.0.0.1")])];
    let a = |values_: &[&str]| values(B, RecordType::A, values_);
    for owner in [txt(&format!("a-{B}"), OWNER, ""), txt(&format!("cname-{B}"), "default", "service/kaas-payments/x")] {
        assert_eq!(look(&[a(&["10.0.0.1"]), owner.clone()], &ours, &owns()), [Found::Right]);
        assert_eq!(look(&[a(&["10.0.0.9"]), owner.clone()], &ours, &owns()), [Found::Elsewhere("10.0.0.9".to_owned())]);
        assert_eq!(look(&[owner], &ours, &owns()), [Found::Missing]);
    }
    assert_eq!(look(&[], &[wanted(B, &[])], &owns()), [Found::NoAddress]);
    let alias =
        |name: &str| Record { target: Target::Alias { name: name.to_owned(), zone_id: "Z2".to_owned(), evaluate_health: true }, ..a(&[]) };
    let host = [wanted(B, &[Address::Host("lb.elb.amazonaws.com".to_owned())])];
    for record in
        [alias("dualstack.lb.elb.amazonaws.com"), alias("lb.elb.amazonaws.com"), values(B, RecordType::Cname, &["LB.elb.amazonaws.com"])]
    {
        assert_eq!(look(&[record, txt(&format!("a-{B}"), OWNER, "")], &host, &owns()), [Found::Right]);
    }
}

#[test]
fn a_tenant_of_the_same_name_on_another_management_cluster_is_somebody_else() {
    assert_eq!(owner_id(&tenant(), "0a1b2c3d-4e5f-6789-abcd-ef0123456789"), OWNER);
    let ours = wanted(B, &[ip("10.0.0.1")]);
    let namesake = "kaas-payments-ffffffff";
    for shared in [Shared::Nobody, Shared::Anybody, Shared::Owner("platform".to_owned())] {
        let owns = Owns::new(&tenant(), OWNER, shared);
        let theirs = txt(&format!("a-{B}"), namesake, "service/kaas-payments/payments-kafka-external-bootstrap");
        for address in ["10.0.0.1", "10.0.0.9"] {
            let records = [values(B, RecordType::A, &[address]), theirs.clone()];
            let found = look(&records, std::slice::from_ref(&ours), &owns);
            assert!(matches!(&found[0], Found::Foreign(whose) if whose.contains(namesake)), "{found:?}");
            assert_eq!(removal(&records, &names(), &owns), []);
            assert_eq!(left(&records, &names(), &owns), Vec::<String>::new());
        }
    }
}

#[test]
fn of_an_external_dns_that_works_for_many_the_records_are_known_by_its_owner_or_by_where_they_lead() {
    let service = "service/kaas-payments/payments-kafka-external-bootstrap";
    let ours = wanted(B, &[ip("10.0.0.1")]);
    let zone = |address: &str, owner: &str| vec![values(B, RecordType::A, &[address]), txt(&format!("a-{B}"), owner, service)];
    let seen = |records: &[Record], shared: Shared| {
        let owns = Owns::new(&tenant(), OWNER, shared);
        look(records, std::slice::from_ref(&ours), &owns)[0].clone()
    };
    let ours_is = || Shared::Owner("ours".to_owned());
    assert_eq!(seen(&zone("10.0.0.1", "ours"), ours_is()), Found::Right);
    assert_eq!(seen(&zone("10.0.0.9", "ours"), ours_is()), Found::Elsewhere("10.0.0.9".to_owned()));
    assert!(matches!(seen(&zone("10.0.0.9", "theirs"), ours_is()), Found::Foreign(_)));
    assert_eq!(seen(&zone("10.0.0.1", "renamed"), ours_is()), Found::Right);
    assert!(matches!(seen(&zone("10.0.0.9", "ours"), Shared::Nobody), Found::Foreign(_)));
    assert_eq!(writer(&zone("10.0.0.1", "ours"), &ours, &owns()), Some("ours".to_owned()));
    let prefixed = [values(B, RecordType::A, &["10.0.0.1"]), txt(&format!("owner-a-{B}"), "ours", service)];
    assert_eq!(seen(&prefixed, Shared::Anybody), Found::Right);
    let of_another_name = [values(B, RecordType::A, &["10.0.0.1"]), txt("a-bootstrap.payments.old.example.com", "ours", service)];
    assert!(matches!(seen(&of_another_name, Shared::Anybody), Found::Foreign(_)));
}

#[test]
fn many_changes_go_in_batches_that_route53_takes_and_a_name_is_in_one_of_them() {
    let wishes: Vec<Wanted> = (0..400).map(|node| wanted(&names().broker(node), &[ip("10.0.0.1")])).collect();
    let changes = batch(&[], &wishes, &names(), &owns(), 60).unwrap();
    let portions = in_portions(&changes);
    assert!(portions.len() > 1);
    let mut all: Vec<&Change> = portions.iter().flatten().collect();
    assert_eq!(all.len(), changes.len());
    let key = |change: &&Change| (change.record.name.clone(), change.record.kind.clone());
    all.sort_by_key(key);
    all.dedup_by_key(|change| key(change));
    assert_eq!(all.len(), changes.len());
    for portion in &portions {
        let characters: usize = portion
            .iter()
            .map(|change| match &change.record.target {
                Target::Values { values, .. } => values.iter().map(|value| (value.len() + 2) * 2).sum(),
                Target::Alias { .. } => 0,
            })
            .sum();
        assert!(characters <= 32_000 && portion.len() * 2 <= 1_000, "{characters}");
        for change in portion.iter().filter(|change| change.record.kind == RecordType::A) {
            assert!(portion.iter().any(|other| other.record.name == format!("a-{}", change.record.name)));
        }
    }
    assert_eq!(in_portions(&[]), Vec::<Vec<Change>>::new());
}

#[test]
fn addresses_are_those_of_the_load_balancer() {
    let service = json!({ "status": { "loadBalancer": { "ingress": [{ "ip": "10.0.0.1" }, { "hostname": "LB.example.com." }, {}] } } });
    assert_eq!(addresses(&service), [ip("10.0.0.1"), Address::Host("lb.example.com".to_owned())]);
    assert_eq!(addresses(&json!({})), []);
}

#[test]
fn the_zone_that_is_meant_is_the_only_one_of_its_kind_and_holds_the_domain() {
    let zone =
        |id: &str, name: &str, private| Zone { id: id.to_owned(), name: name.to_owned(), private, name_servers: vec!["ns1".to_owned()] };
    let chosen = |found: Vec<Zone>, private| choose(found, "example.com", "kafka.example.com", private).map(|zone| zone.id);
    let both = vec![zone("Z1", "example.com", false), zone("Z2", "example.com", true)];
    assert_eq!(chosen(both.clone(), false).unwrap(), "Z1");
    assert_eq!(chosen(both.clone(), true).unwrap(), "Z2");
    for (found, private, said) in [
        (vec![], false, "no hosted zone example.com"),
        (vec![zone("Z1", "example.com", false), zone("Z3", "example.com", false)], false, "Z1, Z3; say which by zone_id"),
        (vec![zone("Z2", "example.com", true)], false, "is private, and dns.private says otherwise"),
        (vec![zone("Z4", "another.com", false)], false, "is not in the hosted zone Z4, which is another.com"),
        (vec![zone("Z5", "a.example.com", false)], false, "is not in"),
    ] {
        let error = chosen(found, private).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn a_zone_that_its_parent_does_not_lead_to_is_told_with_the_record_to_write() {
    let zone = Zone { id: "Z1".into(), name: "kafka.example.com".into(), private: false, name_servers: vec!["ns1".into(), "ns2".into()] };
    let parent = Zone { id: "Z0".into(), name: "example.com".into(), private: false, name_servers: vec![] };
    let ns = |servers: &[&str]| vec![values("kafka.example.com", RecordType::Ns, servers)];
    assert_eq!(delegation(&zone, &parent, &ns(&["ns1", "ns2"])), None);
    assert!(
        delegation(&zone, &parent, &[])
            .unwrap()
            .told()
            .contains("has no NS record for it; write an NS record kafka.example.com there with the values ns1, ns2")
    );
    assert!(delegation(&zone, &parent, &ns(&["ns9"])).unwrap().told().contains("leads to ns9"));
    for partly in [["ns1"].as_slice(), &["ns1", "ns2", "ns9"]] {
        assert!(matches!(delegation(&zone, &parent, &ns(partly)), Some(Undelegated::Partly(_))), "{partly:?}");
    }
    assert_eq!(delegation(&Zone { private: true, ..zone }, &parent, &[]), None);
}

fn address() -> impl Strategy<Value = Address> {
    prop_oneof![
        any::<[u8; 4]>().prop_map(|ip| Address::Ip(ip.into())),
        any::<[u8; 16]>().prop_map(|ip| Address::Ip(ip.into())),
        "[a-z]{1,5}\\.elb\\.com".prop_map(Address::Host),
    ]
}

/// Wanted names, each with addresses of one kind.
fn wishes() -> impl Strategy<Value = Vec<Wanted>> {
    let node = (0..6_u32, proptest::collection::vec(address(), 0..3));
    proptest::collection::btree_map(0..6_u32, node, 0..5).prop_map(|nodes| {
        let only_hosts = |addresses: Vec<Address>| match addresses.iter().find(|one| matches!(one, Address::Host(_))) {
            Some(host) => vec![host.clone()],
            None => addresses,
        };
        nodes.into_iter().map(|(node, (_, addresses))| wanted(&names().broker(node), &only_hosts(addresses))).collect()
    })
}

/// Records of others, inside of the tenant's domain and out of it, at names that are not wanted.
fn others() -> impl Strategy<Value = Vec<Record>> {
    let one = prop_oneof![
        Just(values("example.com", RecordType::Ns, &["ns1"])),
        Just(values("x.payments.kafka.example.com", RecordType::A, &["1.1.1.1"])),
        Just(txt("a-y.payments.kafka.example.com", "default", "service/shop/web")),
        Just(values("bootstrap.orders.kafka.example.com", RecordType::A, &["2.2.2.2"])),
        Just(txt("a-bootstrap.orders.kafka.example.com", "kaas-orders", "service/kaas-orders/x")),
    ];
    proptest::collection::vec(one, 0..4).prop_map(|records| {
        let mut unique: Vec<Record> = Vec::new();
        records.into_iter().for_each(|record| {
            if !unique.contains(&record) {
                unique.push(record)
            }
        });
        unique
    })
}

proptest! {
    #[test]
    fn what_an_ownership_record_says_reads_back(owner in "[a-z0-9-]{1,20}", resource in "(service/[a-z]{1,8}/[a-z]{1,8})?") {
        let ownership = Ownership { owner, resource };
        prop_assert_eq!(Ownership::parse(&ownership.to_string()), Some(ownership.clone()));
        prop_assert_eq!(Ownership::parse(&format!("\"{ownership}\"")), Some(ownership));
    }

    #[test]
    fn no_text_of_a_txt_record_panics(text in ".{0,60}") {
        let _ = Ownership::parse(&text);
    }

    /// From any wish to any other: what is wanted is right afterwards, nothing else of the tenant is left, others' records are untouched, and a second
    /// look finds nothing to do.
    #[test]
    fn a_batch_makes_the_zone_as_wanted_and_touches_nothing_of_others(first in wishes(), second in wishes(), others in others()) {
        let make = |records: Vec<Record>, wishes: &[Wanted]| {
            let changes = batch(&records, wishes, &names(), &owns(), 60).unwrap();
            applied(records, &changes)
        };
        let zone = make(make(others.clone(), &first), &second);
        for (one, found) in second.iter().zip(look(&zone, &second, &owns())) {
            let right = if one.addresses.is_empty() { found == Found::NoAddress } else { found == Found::Right };
            prop_assert!(right, "{:?}: {:?}", one, found);
        }
        prop_assert!(others.iter().all(|record| zone.contains(record)));
        prop_assert_eq!(batch(&zone, &second, &names(), &owns(), 60).unwrap(), []);
        let empty = applied(zone.clone(), &removal(&zone, &names(), &owns()));
        prop_assert_eq!(&empty, &others);
        prop_assert!(left(&empty, &names(), &owns()).is_empty());
    }
}
