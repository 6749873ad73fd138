//! The provider's own clients of Route53 and IAM against the lab's: zones, records in batches and on pages, and the life of a role.
//!
//! Credentials come from the environment, which cannot be changed safely while a process runs: the client is this test program again, with one test and the
//! lab's variables.

use std::collections::BTreeMap;
use std::process::Command;

use aws_sdk_route53::config::{BehaviorVersion, Region};
use kaas::domain::dns::{Change, ChangeAction, Record, RecordType, Target};
use kaas::domain::iam::role::RoleWish;
use kaas::drivers::aws::{Aws, AwsConfig, Error};

use super::world::World;

/// Set in the second process: the id of the zone.
const ZONE: &str = "KAAS_LAB_TEST_ZONE";
const DOMAIN: &str = "kafka.example.test";
/// More than Route53 puts on a page.
const MANY: usize = 350;

/// Runs that test once more, as the administrator.
fn again(world: &World, test: &str, zone: &str) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("aws::names::{test}"), "--nocapture", "--test-threads=1"]);
    command.env(ZONE, zone).envs(world.aws.environment(world.aws.administrator()));
    assert!(command.status().unwrap().success(), "see above what failed in the second process");
}

/// In the second process: the client and the zone.
fn inside() -> Option<(Aws, String)> {
    Some((Aws::new(AwsConfig::default()), std::env::var(ZONE).ok()?))
}

/// A new public zone and its id.
async fn zone(world: &World) -> String {
    let user = world.aws.administrator();
    let keys = aws_sdk_route53::config::Credentials::new(&user.access_key_id, &user.secret_access_key, None, None, "lab");
    let config = aws_sdk_route53::Config::builder().behavior_version(BehaviorVersion::latest()).region(Region::new(world.aws.region()));
    let client = aws_sdk_route53::Client::from_conf(config.endpoint_url(world.aws.url()).credentials_provider(keys).build());
    let made = client.create_hosted_zone().name(DOMAIN).caller_reference("lab").send().await.unwrap();
    made.hosted_zone.unwrap().id
}

fn record(name: &str, kind: RecordType, values: &[&str]) -> Record {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    Record { name: format!("{name}.{DOMAIN}"), kind, set_identifier: None, target: Target::Values { ttl_s: 60, values } }
}

fn changes(action: ChangeAction, records: &[Record]) -> Vec<Change> {
    records.iter().map(|record| Change { action, record: record.clone() }).collect()
}

#[test]
fn zones_and_records_are_found_changed_and_taken_away() {
    if let Some((aws, zone)) = inside() {
        return runtime().block_on(records(&aws, &zone));
    }
    let world = World::new("aws-names");
    let zone = world.run(zone(&world));
    again(&world, "zones_and_records_are_found_changed_and_taken_away", &zone);
}

async fn records(aws: &Aws, zone: &str) {
    let found = aws.zone(zone).await.unwrap().unwrap();
    assert_eq!((found.name.as_str(), found.private, found.name_servers.is_empty()), (DOMAIN, false, false), "{found:?}");
    assert_eq!(aws.zone("Z00000000000000").await.unwrap(), None);
    let named = aws.zones_named(DOMAIN).await.unwrap();
    assert_eq!(named.iter().map(|zone| &zone.id).collect::<Vec<_>>(), [&found.id]);
    assert_eq!(aws.zones_named("example.test").await.unwrap(), []);
    assert!(aws.zones().await.unwrap().iter().any(|zone| zone.id == found.id));

    let heritage = "heritage=external-dns,external-dns/owner=kaas-payments,external-dns/resource=service/kaas-payments/payments-kafka";
    let alias = Target::Alias { name: "lb.elb.amazonaws.com".into(), zone_id: "Z26RNL4JYFTOTI".into(), evaluate_health: true };
    let wanted = [
        record("*.payments", RecordType::Cname, &["lb.elb.amazonaws.com"]),
        Record { target: alias, ..record("alias.payments", RecordType::A, &[]) },
        record("bootstrap.payments", RecordType::A, &["127.64.0.1", "127.64.0.2"]),
        record("long.payments", RecordType::Txt, &[&"x".repeat(300), "say \"hi\" \\ "]),
        record("a-bootstrap.payments", RecordType::Txt, &[heritage]),
        // Neither is below it.
        record("xpayments", RecordType::A, &["127.64.0.3"]),
        record("payments-2", RecordType::A, &["127.64.0.4"]),
    ];
    let id = aws.change_records(zone, "of a test", &changes(ChangeAction::Create, &wanted)).await.unwrap();
    assert!(aws.change_is_in_sync(&id).await.unwrap());
    let below = format!("payments.{DOMAIN}");
    let by_name = |mut records: Vec<Record>| {
        records.sort_by(|one, other| one.name.cmp(&other.name));
        records
    };
    assert_eq!(by_name(aws.records(zone, &below).await.unwrap()), by_name(wanted[..5].to_vec()));

    // Made as a whole or not at all, and each that is in the way is named.
    let refused = [record("new.payments", RecordType::A, &["127.64.0.9"]), wanted[2].clone()];
    let error = aws.change_records(zone, "of a test", &changes(ChangeAction::Create, &refused)).await.unwrap_err();
    assert!(matches!(error, Error::BadRequest { .. }), "{error:?}");
    assert!(error.report().contains("bootstrap.payments"), "{}", error.report());
    assert_eq!(aws.records(zone, &below).await.unwrap().len(), 5);

    let raised = Record { target: Target::Values { ttl_s: 300, values: vec!["127.64.0.5".into()] }, ..wanted[2].clone() };
    aws.change_records(zone, "of a test", &changes(ChangeAction::Upsert, std::slice::from_ref(&raised))).await.unwrap();
    assert!(aws.records(zone, &below).await.unwrap().contains(&raised));
    aws.change_records(zone, "of a test", &changes(ChangeAction::Delete, &[wanted[0].clone(), raised])).await.unwrap();
    assert_eq!(aws.records(zone, &below).await.unwrap().len(), 3);

    let many: Vec<Record> = (0..MANY).map(|number| record(&format!("broker-{number}.orders"), RecordType::A, &["127.64.0.6"])).collect();
    aws.change_records(zone, "of a test", &changes(ChangeAction::Create, &many)).await.unwrap();
    let mut names: Vec<String> =
        aws.records(zone, &format!("orders.{DOMAIN}")).await.unwrap().into_iter().map(|record| record.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), MANY);
}

#[test]
fn a_role_is_made_changed_and_taken_away() {
    if let Some((aws, _)) = inside() {
        return runtime().block_on(role(&aws));
    }
    let world = World::new("aws-role");
    again(&world, "a_role_is_made_changed_and_taken_away", "none");
}

fn wish(trusted: &str, policies: &[&str]) -> RoleWish {
    let statement = |action: &str| {
        format!("{{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Effect\":\"Allow\",\"Action\":\"{action}\",\"Resource\":\"*\"}}]}}")
    };
    let trust = format!(
        "{{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Effect\":\"Allow\",\"Principal\":{{\"Service\":\"{trusted}\"}},\"Action\":\"sts:AssumeRole\"}}]}}"
    );
    let tags = [("kaas.dev/tenant", "payments"), ("team", "kafka")];
    RoleWish {
        name: "kaas-payments-1f2e3d4c".into(),
        path: "/".into(),
        description: "Keeps the names of payments".into(),
        trust,
        policies: policies.iter().map(|name| ((*name).to_owned(), statement("route53:ListHostedZones"))).collect(),
        tags: tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
    }
}

async fn role(aws: &Aws) {
    let first = wish("ec2.amazonaws.com", &["cert-manager", "old"]);
    assert_eq!(aws.role(&first.name).await.unwrap(), None);
    let arn = aws.put_role(&first).await.unwrap();
    assert!(arn.ends_with(":role/kaas-payments-1f2e3d4c"), "{arn}");
    for wished in [first.clone(), first, wish("pods.eks.amazonaws.com", &["cert-manager", "external-dns"])] {
        assert_eq!(aws.put_role(&wished).await.unwrap(), arn);
        let found = aws.role(&wished.name).await.unwrap().unwrap();
        assert_eq!((found.description, found.tags, found.policies), (wished.description, wished.tags, wished.policies));
        assert_eq!(found.trust, wished.trust);
    }
    let others = RoleWish { tags: BTreeMap::from([("kaas.dev/tenant".to_owned(), "orders".to_owned())]), ..wish("ec2.amazonaws.com", &[]) };
    let error = aws.put_role(&others).await.unwrap_err();
    assert!(matches!(error, Error::Foreign { .. }) && error.report().contains(&arn), "{error:?}");
    aws.delete_role(&others.name).await.unwrap();
    assert_eq!(aws.role(&others.name).await.unwrap(), None);
    aws.delete_role(&others.name).await.unwrap();
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}
