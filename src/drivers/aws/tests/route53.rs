//! Route53: what is read of zones and records, what is sent of changes, and what its refusals become.

use std::fmt::Write;

use super::{aws, xml, xml_refusal};
use crate::domain::dns::{Change, ChangeAction, Record, RecordType, Target, Zone};
use crate::drivers::aws::{Aws, Error};
use crate::drivers::scripted::{Reply, Server};

const ROOT: &str = "/2013-04-01";

fn zone(id: &str, name: &str, private: bool) -> String {
    format!(
        "<HostedZone><Id>/hostedzone/{id}</Id><Name>{name}</Name><CallerReference>x</CallerReference>\
         <Config><PrivateZone>{private}</PrivateZone></Config><ResourceRecordSetCount>2</ResourceRecordSetCount></HostedZone>"
    )
}

fn values(name: &str, kind: &str, ttl_s: u32, values: &[&str]) -> String {
    let mut records = String::new();
    for value in values {
        write!(records, "<ResourceRecord><Value>{value}</Value></ResourceRecord>").unwrap();
    }
    let records = format!("<ResourceRecords>{records}</ResourceRecords>");
    format!("<ResourceRecordSet><Name>{name}</Name><Type>{kind}</Type><TTL>{ttl_s}</TTL>{records}</ResourceRecordSet>")
}

fn page(sets: &str, rest: &str) -> Reply {
    let truncated = !rest.is_empty();
    xml(
        200,
        format!(
            "<ListResourceRecordSetsResponse><ResourceRecordSets>{sets}</ResourceRecordSets><IsTruncated>{truncated}</IsTruncated>{rest}\
             <MaxItems>300</MaxItems></ListResourceRecordSetsResponse>"
        ),
    )
}

fn record(name: &str, kind: RecordType, ttl_s: u32, values: &[&str]) -> Record {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    Record { name: name.to_owned(), kind, set_identifier: None, target: Target::Values { ttl_s, values } }
}

fn change(action: ChangeAction, record: Record) -> Change {
    Change { action, record }
}

fn accepted() -> Reply {
    xml(
        200,
        "<ChangeResourceRecordSetsResponse><ChangeInfo><Id>/change/C2682N5HXP0BZ4</Id><Status>PENDING</Status>\
         <SubmittedAt>2026-11-28T16:00:00Z</SubmittedAt></ChangeInfo></ChangeResourceRecordSetsResponse>",
    )
}

async fn changed(aws: &Aws) -> Result<String, Error> {
    let record = record("a.payments.example.com", RecordType::A, 60, &["192.0.2.1"]);
    aws.change_records("Z1", "payments", &[change(ChangeAction::Create, record)]).await
}

#[tokio::test]
async fn a_zone_is_read_with_its_name_servers_and_one_that_is_not_there_is_none() {
    let server = Server::start(|asked, _| match asked.line.strip_prefix(&format!("GET {ROOT}/hostedzone/")) {
        Some("Z1") => {
            let servers = "<NameServer>ns-1.awsdns-2.ORG.</NameServer><NameServer>ns-2.awsdns-1.com</NameServer>";
            let zone = zone("Z1", "Example.com.", false);
            xml(
                200,
                format!(
                    "<GetHostedZoneResponse>{zone}<DelegationSet><NameServers>{servers}</NameServers></DelegationSet></GetHostedZoneResponse>"
                ),
            )
        }
        Some("Z2") => xml(200, format!("<GetHostedZoneResponse>{}<VPCs/></GetHostedZoneResponse>", zone("Z2", "example.com.", true))),
        _ => xml_refusal(404, "NoSuchHostedZone", "No hosted zone found with ID: Z3"),
    })
    .await;
    let aws = aws(&server);
    let public = Zone {
        id: "Z1".into(),
        name: "example.com".into(),
        private: false,
        name_servers: vec!["ns-1.awsdns-2.org".into(), "ns-2.awsdns-1.com".into()],
    };
    for id in ["Z1", "/hostedzone/Z1"] {
        assert_eq!(aws.zone(id).await.unwrap(), Some(public.clone()));
    }
    assert_eq!(aws.zone("Z2").await.unwrap(), Some(Zone { id: "Z2".into(), private: true, name_servers: Vec::new(), ..public }));
    assert_eq!(aws.zone("Z3").await.unwrap(), None);
}

#[tokio::test]
async fn zones_of_a_name_are_those_of_exactly_that_name_on_all_pages() {
    let list = |zones: &str, rest: &str| {
        let truncated = !rest.is_empty();
        xml(
            200,
            format!(
                "<ListHostedZonesByNameResponse><HostedZones>{zones}</HostedZones><IsTruncated>{truncated}</IsTruncated>{rest}\
                 <MaxItems>1</MaxItems></ListHostedZonesByNameResponse>"
            ),
        )
    };
    let server = Server::start(move |asked, _| match asked.line.strip_prefix(&format!("GET {ROOT}/hostedzonesbyname?")) {
        Some("dnsname=kafka.example.com.") => list(
            &zone("Z1", "kafka.example.com.", false),
            "<NextDNSName>kafka.example.com.</NextDNSName><NextHostedZoneId>Z2</NextHostedZoneId>",
        ),
        Some("dnsname=kafka.example.com.&hostedzoneid=Z2") => list(
            &(zone("Z2", "kafka.example.com.", true) + &zone("Z3", "a.kafka.example.com.", false)),
            "<NextDNSName>queue.example.com.</NextDNSName><NextHostedZoneId>Z4</NextHostedZoneId>",
        ),
        other => panic!("{other:?} was asked for"),
    })
    .await;
    let found = aws(&server).zones_named("Kafka.example.com.").await.unwrap();
    let told: Vec<(&str, bool)> = found.iter().map(|zone| (zone.id.as_str(), zone.private)).collect();
    assert_eq!(told, [("Z1", false), ("Z2", true)]);
}

#[tokio::test]
async fn all_zones_come_from_all_pages() {
    let list = |zones: &str, rest: &str| {
        let truncated = !rest.is_empty();
        xml(
            200,
            format!(
                "<ListHostedZonesResponse><HostedZones>{zones}</HostedZones><IsTruncated>{truncated}</IsTruncated>{rest}\
                 <MaxItems>100</MaxItems></ListHostedZonesResponse>"
            ),
        )
    };
    let server = Server::start(move |asked, _| match asked.line.strip_prefix(&format!("GET {ROOT}/hostedzone")) {
        Some("") => list(&zone("Z1", "a.example.com.", false), "<NextMarker>Z2</NextMarker>"),
        Some("?marker=Z2") => list(&zone("Z2", "b.example.com.", false), ""),
        other => panic!("{other:?} was asked for"),
    })
    .await;
    let found = aws(&server).zones().await.unwrap();
    assert_eq!(found.iter().map(|zone| zone.name.as_str()).collect::<Vec<_>>(), ["a.example.com", "b.example.com"]);
}

#[tokio::test]
async fn records_at_and_below_a_name_are_read_from_all_pages_and_no_further() {
    let server = Server::start(|asked, _| match asked.line.strip_prefix(&format!("GET {ROOT}/hostedzone/Z1/rrset?")) {
        Some("name=payments.example.com.") => page(
            &[
                values("payments-2.example.com.", "A", 60, &["192.0.2.9"]),
                values("payments.example.com.", "NS", 172_800, &["NS-1.awsdns-2.org."]),
                values("\\052.payments.example.com.", "CNAME", 60, &["lb.elb.amazonaws.com"]),
            ]
            .concat(),
            "<NextRecordName>a.payments.example.com.</NextRecordName><NextRecordType>TXT</NextRecordType>\
             <NextRecordIdentifier>one</NextRecordIdentifier>",
        ),
        Some("name=a.payments.example.com.&type=TXT&identifier=one") => page(
            &[
                values("a.payments.example.com.", "TXT", 300, &["\"heritage=external-dns,\" \"a \\\"b\\\"\"", "\"two\""]),
                "<ResourceRecordSet><Name>b.payments.example.com.</Name><Type>A</Type><SetIdentifier>one</SetIdentifier><Weight>1</Weight>\
                 <AliasTarget><HostedZoneId>Z26RNL4JYFTOTI</HostedZoneId><DNSName>LB.elb.amazonaws.com.</DNSName>\
                 <EvaluateTargetHealth>true</EvaluateTargetHealth></AliasTarget></ResourceRecordSet>"
                    .to_owned(),
                values("c.payments.example.com.", "CAA", 60, &["0 issue \"letsencrypt.org\""]),
                values("queue.example.com.", "A", 60, &["192.0.2.7"]),
            ]
            .concat(),
            "<NextRecordName>r.example.com.</NextRecordName><NextRecordType>A</NextRecordType>",
        ),
        other => panic!("{other:?} was asked for"),
    })
    .await;
    let found = aws(&server).records("/hostedzone/Z1", "payments.example.com").await.unwrap();
    let alias = Record {
        name: "b.payments.example.com".into(),
        kind: RecordType::A,
        set_identifier: Some("one".into()),
        target: Target::Alias { name: "lb.elb.amazonaws.com".into(), zone_id: "Z26RNL4JYFTOTI".into(), evaluate_health: true },
    };
    let wanted = [
        record("payments.example.com", RecordType::Ns, 172_800, &["ns-1.awsdns-2.org"]),
        record("*.payments.example.com", RecordType::Cname, 60, &["lb.elb.amazonaws.com"]),
        record("a.payments.example.com", RecordType::Txt, 300, &["heritage=external-dns,a \"b\"", "two"]),
        alias,
        record("c.payments.example.com", RecordType::Other("CAA".into()), 60, &["0 issue \"letsencrypt.org\""]),
    ];
    assert_eq!(found, wanted);
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn a_batch_is_sent_as_a_whole_in_route53s_spelling() {
    let server = Server::start(|asked, _| match asked.line.as_str() {
        "POST /2013-04-01/hostedzone/Z1/rrset" => accepted(),
        "GET /2013-04-01/change/C2682N5HXP0BZ4" => xml(
            200,
            "<GetChangeResponse><ChangeInfo><Id>/change/C2682N5HXP0BZ4</Id><Status>INSYNC</Status>\
             <SubmittedAt>2026-11-28T16:00:00Z</SubmittedAt></ChangeInfo></GetChangeResponse>",
        ),
        other => panic!("{other} was asked for"),
    })
    .await;
    let aws = aws(&server);
    let alias = Target::Alias { name: "lb.elb.amazonaws.com".into(), zone_id: "Z26RNL4JYFTOTI".into(), evaluate_health: true };
    let changes = [
        change(ChangeAction::Create, record("*.example.com", RecordType::Txt, 60, &["say \"hi\"", &"x".repeat(300)])),
        change(ChangeAction::Upsert, record("b.example.com", RecordType::Cname, 60, &["lb.example.com"])),
        change(ChangeAction::Delete, Record { name: "c.example.com".into(), kind: RecordType::A, set_identifier: None, target: alias }),
    ];
    let id = aws.change_records("Z1", "names of payments", &changes).await.unwrap();
    assert_eq!(id, "C2682N5HXP0BZ4");
    assert!(aws.change_is_in_sync(&id).await.unwrap());
    let body = server.asked().remove(0).body.replace("&quot;", "\"");
    let text = format!("<Value>\"{}\" \"{}\"</Value>", "x".repeat(255), "x".repeat(45));
    for part in [
        "<Comment>names of payments</Comment>",
        "<Action>CREATE</Action><ResourceRecordSet><Name>*.example.com.</Name><Type>TXT</Type><TTL>60</TTL>",
        "<Value>\"say \\\"hi\\\"\"</Value>",
        &text,
        "<Action>UPSERT</Action><ResourceRecordSet><Name>b.example.com.</Name><Type>CNAME</Type>",
        "<Value>lb.example.com</Value>",
        "<Action>DELETE</Action><ResourceRecordSet><Name>c.example.com.</Name><Type>A</Type><AliasTarget>",
        "<DNSName>lb.elb.amazonaws.com.</DNSName><EvaluateTargetHealth>true</EvaluateTargetHealth>",
    ] {
        assert!(body.contains(part), "{part} is not in {body}");
    }
    assert_eq!(body.matches("<Change>").count(), 3);
}

#[tokio::test]
async fn a_change_that_is_under_way_is_not_in_sync() {
    let pending = "<GetChangeResponse><ChangeInfo><Id>/change/C1</Id><Status>PENDING</Status><SubmittedAt>2026-11-28T16:00:00Z</SubmittedAt>\
                   </ChangeInfo></GetChangeResponse>";
    let server = Server::start(move |_, _| xml(200, pending)).await;
    assert!(!aws(&server).change_is_in_sync("/change/C1").await.unwrap());
    assert_eq!(server.lines(), ["GET /2013-04-01/change/C1"]);
}

#[tokio::test]
async fn a_refused_batch_names_every_record_that_is_in_the_way_however_route53_frames_it() {
    let (one, two) = (
        "Tried to create resource record set [name=&apos;a.example.com.&apos;, type=&apos;A&apos;] but it already exists",
        "Tried to delete resource record set [name='b.example.com.', type='A'] but it was not found",
    );
    let list = format!("<Messages><Message>{one}</Message><Message>{two}</Message></Messages>");
    let bodies = [
        format!(
            "<InvalidChangeBatch xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\">{list}<RequestId>x</RequestId></InvalidChangeBatch>"
        ),
        format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidChangeBatch</Code><Message>[{one}, {two}]</Message></Error></ErrorResponse>"
        ),
    ];
    for body in bodies {
        let server = Server::start(move |_, _| xml(400, body.clone())).await;
        let error = changed(&aws(&server)).await.unwrap_err();
        assert!(matches!(error, Error::BadRequest { .. }), "{error:?}");
        let answer = error.answer().unwrap();
        assert_eq!((answer.code.as_str(), answer.status, answer.request_id.as_deref()), ("InvalidChangeBatch", 400, Some("4b5c-6d")));
        for part in [one.replace("&apos;", "'").as_str(), two] {
            assert!(answer.message.contains(part), "{}", answer.message);
        }
        assert!(error.report().starts_with("change records of hosted zone \"Z1\" of Route53"), "{}", error.report());
        assert_eq!(server.asked().len(), 1, "a refusal is not tried again");
    }
}

#[tokio::test]
async fn throttling_and_a_change_before_this_one_are_waited_out() {
    let server = Server::start(|_, before| match before {
        0 => xml_refusal(400, "Throttling", "Rate exceeded"),
        1 => xml_refusal(400, "PriorRequestNotComplete", "The request was rejected because Route 53 was still processing a prior request."),
        2 => xml_refusal(503, "ServiceUnavailable", "busy"),
        _ => accepted(),
    })
    .await;
    changed(&aws(&server)).await.unwrap();
    assert_eq!(server.asked().len(), 4);
    let busy = Server::start(|_, _| xml_refusal(400, "PriorRequestNotComplete", "still processing")).await;
    let error = changed(&aws(&busy)).await.unwrap_err();
    assert!(matches!(error, Error::Throttled { .. }) && busy.asked().len() == 5, "{error:?}");
}

#[tokio::test]
async fn other_refusals_are_told_by_their_class() {
    type Is = fn(&Error) -> bool;
    let cases: [(u16, &str, Is); 4] = [
        (403, "AccessDenied", |error| matches!(error, Error::Denied { .. })),
        (404, "NoSuchHostedZone", |error| matches!(error, Error::NotFound { .. })),
        (400, "InvalidInput", |error| matches!(error, Error::BadRequest { .. })),
        (403, "InvalidClientTokenId", |error| matches!(error, Error::Unauthorized { .. })),
    ];
    for (status, code, is) in cases {
        let server = Server::start(move |_, _| xml_refusal(status, code, "because")).await;
        let aws = aws(&server);
        let errors = [changed(&aws).await.unwrap_err(), aws.records("Z1", "example.com").await.unwrap_err()];
        assert!(errors.iter().all(is), "{code}: {errors:?}");
        assert!(errors[1].report().ends_with(&format!("AWS answered {code}: because (request 4b5c-6d)")), "{}", errors[1].report());
        if code != "NoSuchHostedZone" {
            assert!(aws.zone("Z1").await.is_err(), "{code}");
        }
    }
}
