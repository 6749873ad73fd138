//! Names, certificate and listener of a tenant: what a plan says, what is refused before anything is made, what is seen, and what is taken away.

use std::collections::BTreeSet;
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use serde_json::{Value as Json, json};

use super::{
    calls::{absent, list},
    config, plan, state,
};
use crate::{
    domain::names::{NAMES_ANNOTATION, WISH_ANNOTATION},
    drivers::{
        aws::tests::aws,
        kubernetes::{
            Cluster,
            tests::{Log, Reply, server},
        },
        scripted::{self, Server},
    },
    framework::{
        attr::Attr,
        diagnostic::Diagnostics,
        model::{Model, decode_model},
        parts::Call,
        timeouts::Timeouts,
    },
    resources::{
        connection::Connection,
        tenant::{
            Tenant, apply, delete,
            outside::{Dns, External, Tls},
            parse, read,
        },
    },
};

/// The tenant's own, on the cluster whose `kube-system` has the UID [`UID`].
const OWNER: &str = "kaas-payments-0a1b2c3d";
const UID: &str = "0a1b2c3d-4e5f-6789-abcd-ef0123456789";
const BOOTSTRAP: &str = "bootstrap.payments.kafka.example.com";

fn empty<M: Model>() -> M {
    decode_model(&M::block().null_object(), &mut Diagnostics::none()).unwrap()
}

fn dns(managed_by: &str) -> Dns {
    Dns { domain: "kafka.example.com".into(), zone_id: "Z1".into(), managed_by: managed_by.into(), ..empty() }
}

fn letsencrypt() -> Tls {
    Tls { issuer: "letsencrypt".into(), ..empty() }
}

/// A tenant with public names.
fn named(managed_by: &str) -> Tenant {
    let mut config = config();
    config.management_cluster = "context/test".into();
    config.deletion_protection = false.into();
    config.dns = dns(managed_by).into();
    config
}

#[test]
fn the_name_that_clients_begin_at_is_known_when_the_plan_is_made() {
    let mut config = named("external-dns");
    config.tls = letsencrypt().into();
    config.dns.known_mut().unwrap().zone_id = Attr::Unknown;
    let planned = plan(&config, None);
    assert_eq!(planned.errors(), Vec::<String>::new());
    assert_eq!(planned.tenant.bootstrap_servers, format!("{BOOTSTRAP}:9094").into());
    assert!(planned.tenant.ca_certificate.is_null() && planned.tenant.certificate.is_unknown());
    config.external = External { r#type: "node-port".into(), ..empty() }.into();
    config.dns = Dns { zone_id: Attr::Null, ..dns("none") }.into();
    config.tls = Tls { issuer: "secret".into(), secret: "mine".into(), ..empty() }.into();
    let nodes = plan(&config, None);
    assert_eq!(nodes.errors(), Vec::<String>::new());
    assert!(nodes.tenant.bootstrap_servers.is_unknown(), "the port is Kubernetes' to choose");
    assert!(plan(&super::config(), None).tenant.certificate.is_null());
}

#[test]
fn more_brokers_do_not_change_the_name_and_another_domain_does_in_place() {
    let before = named("external-dns");
    let mut running = state(&before);
    running.bootstrap_servers = format!("{BOOTSTRAP}:9094").into();
    assert_eq!(plan(&before, Some(&running)).value, crate::framework::model::AttributeValue::encode(&running));
    let mut more = before.clone();
    more.sizing_override = super::brokers(6);
    assert_eq!(plan(&more, Some(&running)).tenant.bootstrap_servers, running.bootstrap_servers);
    let mut moved = before.clone();
    moved.dns.known_mut().unwrap().domain = "example.net".into();
    let planned = plan(&moved, Some(&running));
    assert_eq!((planned.errors(), planned.replace.clone()), (vec![], vec![]));
    assert_eq!(planned.tenant.bootstrap_servers, "bootstrap.payments.example.net:9094".into());
    assert!(planned.tenant.status.is_unknown());
    let told = planned.tenant.changes.known().unwrap();
    assert!(told[0].starts_with("rolling restart: domain kafka.example.com -> example.net; new names come first"), "{told:?}");
}

#[test]
fn everything_wrong_with_names_and_certificate_is_told_at_its_place() {
    let mut config = named("somebody");
    config.dns =
        Dns { domain: "Example".into(), zone_name: "example.com".into(), ttl_s: 0.into(), role_arn: "dns".into(), ..dns("somebody") }
            .into();
    config.tls = Tls { issuer: "verisign".into(), ..empty() }.into();
    config.external = External {
        r#type: "ingress".into(),
        source_ranges: Attr::Known(["10.0.0.1".to_owned()].into()),
        annotations: Attr::Known([("external-dns.kubernetes.io/ttl".to_owned(), "1".to_owned())].into()),
        ..empty()
    }
    .into();
    let errors = plan(&config, None).errors();
    for place in [
        "dns.domain: ",
        "dns.ttl_s: ",
        "dns.role_arn: ",
        "dns.managed_by: ",
        "tls.issuer: ",
        "external.type: ",
        "external.source_ranges: ",
        "external.annotations[\"external-dns.kubernetes.io/ttl\"]: ",
    ] {
        assert!(errors.iter().any(|error| error.starts_with(place)), "{place} in {errors:#?}");
    }
    for (dns, place) in [
        (Dns { zone_id: Attr::Null, ..dns("external-dns") }, "dns.zone_id: "),
        (Dns { zone_name: "example.com".into(), ..dns("provider") }, "dns.zone_name: "),
        (dns("none"), "dns.zone_id: "),
        (Dns { zone_id: Attr::Null, zone_name: "example.org".into(), ..dns("provider") }, "dns.domain: "),
        (Dns { zone_id: Attr::Null, ..dns("none") }, "tls.issuer: "),
    ] {
        let mut config = named("provider");
        (config.dns, config.tls) = (dns.into(), letsencrypt().into());
        let errors = plan(&config, None).errors();
        assert!(errors.iter().any(|error| error.starts_with(place)), "{place} in {errors:#?}");
    }
}

#[test]
fn an_imported_tenant_asks_for_the_same_again() {
    let mut tenant = state(&named("provider"));
    tenant.tls = Tls { email: "a@example.com".into(), ..letsencrypt() }.into();
    tenant.external = External { internal: true.into(), ..empty() }.into();
    let settings = Connection::default().settings();
    let spec = parse::spec(&tenant, &settings).unwrap();
    let mut rebuilt = tenant.clone();
    crate::resources::tenant::outside::rebuild(&mut rebuilt, spec.dns.clone(), spec.tls.clone(), spec.external.clone());
    assert_eq!(parse::spec(&rebuilt, &settings).unwrap(), spec);
    let wish = spec.to_wish_json().unwrap();
    assert_eq!(crate::domain::tenant::TenantSpec::from_wish_json(&wish).unwrap().dns, spec.dns);
}

fn record(name: &str, kind: &str, value: &str) -> String {
    format!(
        "<ResourceRecordSet><Name>{name}.</Name><Type>{kind}</Type><TTL>60</TTL><ResourceRecords><ResourceRecord><Value>{value}</Value></ResourceRecord>\
         </ResourceRecords></ResourceRecordSet>"
    )
}

fn owned(name: &str, owner: &str) -> String {
    record(name, "TXT", &format!("\"heritage=external-dns,external-dns/owner={owner},external-dns/resource=service/{owner}/x\""))
}

/// Route53 with these records in the zone Z1, until a batch of changes has come.
async fn route53(records: String) -> Server {
    let changed = Arc::new(AtomicBool::new(false));
    Server::start(move |asked, _| {
        let xml = |body: String| scripted::Reply(200, vec![("content-type", "text/xml".to_owned())], body);
        let line = asked.line.as_str();
        let info = "<ChangeInfo><Id>/change/C1</Id><Status>INSYNC</Status><SubmittedAt>2026-11-28T16:00:00Z</SubmittedAt></ChangeInfo>";
        if line.starts_with("POST") {
            changed.store(true, Ordering::SeqCst);
            return xml(format!("<ChangeResourceRecordSetsResponse>{info}</ChangeResourceRecordSetsResponse>"));
        }
        if line.contains("/change/") {
            return xml(format!("<GetChangeResponse>{info}</GetChangeResponse>"));
        }
        if line.contains("/rrset") {
            let records = if changed.load(Ordering::SeqCst) { "" } else { &records };
            let sets = format!("<ResourceRecordSets>{records}</ResourceRecordSets><IsTruncated>false</IsTruncated><MaxItems>300</MaxItems>");
            return xml(format!("<ListResourceRecordSetsResponse>{sets}</ListResourceRecordSetsResponse>"));
        }
        let zone = "<HostedZone><Id>/hostedzone/Z1</Id><Name>example.com.</Name><CallerReference>x</CallerReference><Config><PrivateZone>false</PrivateZone></Config></HostedZone>";
        if line.contains("/hostedzone/Z1") {
            return xml(format!("<GetHostedZoneResponse>{zone}<DelegationSet><NameServers><NameServer>ns1</NameServer></NameServers></DelegationSet></GetHostedZoneResponse>"));
        }
        xml(format!("<ListHostedZonesResponse><HostedZones>{zone}</HostedZones><IsTruncated>false</IsTruncated><MaxItems>100</MaxItems></ListHostedZonesResponse>"))
    })
    .await
}

fn connection(route53: &Server, cluster: Cluster) -> Connection {
    Connection::to(cluster).with_aws(aws(route53))
}

/// The tenant's namespace once it was made: the wish tells what was found of the zone.
fn namespace_of(tenant: &Tenant) -> Json {
    let mut spec = parse::spec(tenant, &Connection::default().settings()).unwrap();
    if let Some(dns) = spec.dns.as_mut() {
        dns.found = serde_json::from_value(json!({ "id": "Z1", "owner": OWNER })).unwrap();
    }
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "kaas-payments",
        "labels": { "kaas.dev/tenant": "payments" }, "annotations": { WISH_ANNOTATION: spec.to_wish_json().unwrap() } } })
}

fn kube_system() -> Reply {
    Reply::Json(200, json!({ "metadata": { "name": "kube-system", "uid": UID } }))
}

/// A cluster that holds the tenant's namespace, its Kafka with one broker behind a load balancer, and a Certificate.
fn holding(tenant: &Tenant, certificate: Json) -> (Cluster, Log) {
    let namespace = namespace_of(tenant);
    let kafka = json!({ "metadata": { "name": "payments" }, "status": { "clusterId": "c", "conditions": [{ "type": "Ready", "status": "True" }] } });
    let pool = json!({ "metadata": { "name": "brokers" }, "spec": { "replicas": 3, "storage": { "volumes": [{ "size": "153Gi" }] } },
        "status": { "nodeIds": [3], "replicas": 3 } });
    let service = json!({ "metadata": { "name": "x" }, "status": { "loadBalancer": { "ingress": [{ "ip": "192.0.2.1" }] } } });
    let issuer = json!({ "metadata": { "labels": { "kaas.dev/tenant": "payments" } }, "status": { "conditions": [{ "type": "Ready", "status": "True" }] } });
    server(move |line, _| match line {
        "GET /api/v1/namespaces/kaas-payments" => Reply::Json(200, namespace.clone()),
        line if line.contains("limit=") => list(&[]),
        line if line.ends_with("/kafkas/payments") => Reply::Json(200, kafka.clone()),
        line if line.ends_with("/kafkanodepools/brokers") => Reply::Json(200, pool.clone()),
        line if line.contains("/certificates/") => Reply::Json(200, certificate.clone()),
        line if line.contains("/clusterissuers/") && line.starts_with("GET") => Reply::Json(200, issuer.clone()),
        line if line.contains("/services/") => Reply::Json(200, service.clone()),
        _ => absent(),
    })
}

fn issued(not_after: &str) -> Json {
    json!({ "metadata": { "name": "payments-external-tls" }, "status": { "conditions": [{ "type": "Ready", "status": "True" }],
        "notAfter": not_after, "renewalTime": "2026-01-01T00:00:00Z" } })
}

#[tokio::test]
async fn names_that_are_somebody_elses_are_refused_before_anything_is_made() {
    let route53 = route53(record(BOOTSTRAP, "A", "192.0.2.9") + &owned(&format!("a-{BOOTSTRAP}"), "default")).await;
    let (cluster, log) = server(|line, _| match line {
        "GET /apis/kafka.strimzi.io/v1" => Reply::Json(200, json!({ "resources": [{ "name": "kafkas" }] })),
        "GET /api/v1/namespaces/kube-system" => kube_system(),
        line if line.contains("limit=") => list(&[]),
        _ => absent(),
    });
    let planned = plan(&named("provider"), None).tenant;
    let refused = apply::create(&connection(&route53, cluster), planned, &mut Call::default()).await.unwrap_err();
    let told: Vec<String> = refused.iter().map(|error| error.detail.clone()).collect();
    assert!(told[0].contains(&format!("{BOOTSTRAP}: it belongs to the owner \"default\"")), "{told:?}");
    assert!(log.lines().iter().all(|line| line.starts_with("GET")), "{:?}", log.lines());
    assert!(route53.lines().iter().all(|line| line.starts_with("GET")), "{:?}", route53.lines());
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_and_a_certificate_that_is_not_renewed_are_seen() {
    let mut config = named("external-dns");
    config.tls = letsencrypt().into();
    let tenant = state(&config);
    let records = record(BOOTSTRAP, "A", "192.0.2.9") + &owned(&format!("a-{BOOTSTRAP}"), OWNER);
    let route53 = route53(records).await;
    let connection = connection(&route53, holding(&tenant, issued("2026-02-01T00:00:00Z")).0);
    let mut call = Call::default();
    let seen = read::read(&connection, tenant.clone(), &mut call).await.unwrap().unwrap();
    let drift = seen.drift.known().unwrap();
    assert!(drift.iter().any(|line| line.contains(&format!("{BOOTSTRAP} leads to 192.0.2.9, should lead to 192.0.2.1"))), "{drift:#?}");
    assert!(
        drift.iter().any(|line| line.contains("broker-3.payments.kafka.example.com is missing, should lead to 192.0.2.1")),
        "{drift:#?}"
    );
    let status = seen.status.known().unwrap();
    assert_eq!((&status.phase, &status.reason), (&"NotReady".into(), &"Expired".into()));
    let certificate = seen.certificate.known().unwrap();
    assert_eq!((&certificate.ready, &certificate.not_after), (&false.into(), &"2026-02-01T00:00:00Z".into()));
    assert!(call.found.iter().any(|told| told.summary == "The certificate is not renewed" && told.detail.contains("2026-02-01")));
    assert_eq!(seen.bootstrap_servers, format!("{BOOTSTRAP}:9094").into());
    // A second tenant of the zone asks for nothing more of it.
    let asked = route53.lines().len();
    read::read(&connection, tenant, &mut Call::default()).await.unwrap().unwrap();
    assert_eq!(route53.lines().len(), asked);
}

#[tokio::test]
async fn a_zone_that_cannot_be_looked_at_does_not_keep_a_tenant_from_being_read() {
    let refusing = Server::start(|_, _| {
        let body = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>";
        scripted::Reply(403, vec![("content-type", "text/xml".to_owned())], body.to_owned())
    })
    .await;
    let tenant = state(&named("provider"));
    let mut call = Call::default();
    let seen = read::read(&connection(&refusing, holding(&tenant, json!({})).0), tenant, &mut call).await.unwrap().unwrap();
    assert_eq!(seen.status.known().unwrap().phase, "Ready".into());
    assert!(call.found.iter().any(|told| told.summary == "Names not looked at"), "{:?}", call.found);
}

#[tokio::test]
async fn a_destroy_takes_its_own_records_away_and_no_others() {
    let other = "x.payments.kafka.example.com";
    let records = [
        record(BOOTSTRAP, "A", "192.0.2.1"),
        owned(&format!("a-{BOOTSTRAP}"), OWNER),
        record(other, "A", "192.0.2.7"),
        owned(&format!("a-{other}"), "default"),
    ];
    let route53 = route53(records.concat()).await;
    let mut config = named("provider");
    config.tls = letsencrypt().into();
    let mut tenant = state(&config);
    tenant.timeouts = Timeouts { delete: Attr::Known("20s".parse().unwrap()), ..Timeouts::default() }.into();
    let namespace = namespace_of(&tenant);
    let gone = AtomicBool::new(false);
    let deleted = Mutex::new(BTreeSet::new());
    let (cluster, log) = server(move |line, _| match line {
        line if line.starts_with("DELETE") && line.contains("/secrets/") && !deleted.lock().unwrap().insert(line.to_owned()) => absent(),
        "GET /api/v1/namespaces/kaas-payments" if !gone.load(Ordering::SeqCst) => Reply::Json(200, namespace.clone()),
        line if line.starts_with("PATCH") => Reply::Json(200, namespace.clone()),
        line if line.starts_with("DELETE") => {
            gone.fetch_or(line.contains("/namespaces/kaas-payments") && !line.contains("kaas-payments/"), Ordering::SeqCst);
            Reply::Json(200, json!({}))
        }
        line if line.contains("/clusterissuers/") => {
            Reply::Json(200, json!({ "metadata": { "labels": { "kaas.dev/tenant": "payments" } } }))
        }
        line if line.contains('?') => list(&[]),
        _ => absent(),
    });
    delete::delete(&connection(&route53, cluster), &tenant, &mut Call::default()).await.unwrap();
    let batches: Vec<String> = route53.asked().into_iter().filter(|asked| asked.line.starts_with("POST")).map(|asked| asked.body).collect();
    assert_eq!(batches.len(), 1);
    assert_eq!(batches[0].matches("<Action>DELETE</Action>").count(), 2, "{}", batches[0]);
    assert!(batches[0].contains(BOOTSTRAP) && !batches[0].contains(other), "{}", batches[0]);
    let lines = log.lines();
    let position = |part: &str| lines.iter().position(|line| line.starts_with("DELETE") && line.contains(part)).unwrap();
    let end = lines.iter().position(|line| line == "DELETE /api/v1/namespaces/kaas-payments").unwrap();
    // cert-manager writes the Secret of an issuer that is there anew.
    assert!(position("/clusterissuers/kaas-payments") < position("kaas-payments-acme-account"));
    assert!(position("kaas-payments-acme-eab") < end && position("kaas-payments-acme-account") < end);
}

#[tokio::test]
async fn records_of_a_tenant_whose_namespace_somebody_deleted_go_all_the_same() {
    let records = record(BOOTSTRAP, "A", "192.0.2.1") + &owned(&format!("a-{BOOTSTRAP}"), OWNER);
    let route53 = route53(records).await;
    let (cluster, _) = server(|line, _| match line {
        "GET /api/v1/namespaces/kube-system" => kube_system(),
        line if line.contains('?') => list(&[]),
        _ => absent(),
    });
    delete::delete(&connection(&route53, cluster), &state(&named("provider")), &mut Call::default()).await.unwrap();
    let batches: Vec<String> = route53.asked().into_iter().filter(|asked| asked.line.starts_with("POST")).map(|asked| asked.body).collect();
    assert_eq!(batches.len(), 1, "{:?}", route53.lines());
    assert_eq!(batches[0].matches("<Action>DELETE</Action>").count(), 2, "{}", batches[0]);
}

#[tokio::test]
async fn what_a_change_to_other_names_has_begun_is_told_and_goes_with_the_tenant() {
    let tenant = state(&named("provider"));
    let mut namespace = namespace_of(&tenant);
    let begun = json!([{ "domain": "example.com", "zone_id": "Z1", "managed_by": "provider", "found": { "id": "Z1", "owner": OWNER } }]);
    namespace["metadata"]["annotations"][NAMES_ANNOTATION] = begun.to_string().into();
    let other = "bootstrap.payments.example.com";
    let records = record(other, "A", "192.0.2.1") + &owned(&format!("a-{other}"), OWNER);
    let gone = AtomicBool::new(false);
    let (cluster, _) = server(move |line, _| match line {
        "GET /api/v1/namespaces/kaas-payments" if !gone.load(Ordering::SeqCst) => Reply::Json(200, namespace.clone()),
        line if line.starts_with("PATCH") => Reply::Json(200, namespace.clone()),
        "DELETE /api/v1/namespaces/kaas-payments" => {
            gone.store(true, Ordering::SeqCst);
            Reply::Json(200, json!({}))
        }
        line if line.contains('?') => list(&[]),
        _ => absent(),
    });
    let route53 = route53(records).await;
    let connection = connection(&route53, cluster);
    let seen = read::read(&connection, tenant.clone(), &mut Call::default()).await.unwrap().unwrap();
    let drift = seen.drift.known().unwrap();
    assert!(drift.iter().any(|line| line.starts_with("names below payments.example.com: a change to them")), "{drift:#?}");
    delete::delete(&connection, &tenant, &mut Call::default()).await.unwrap();
    let batches: Vec<String> = route53.asked().into_iter().filter(|asked| asked.line.starts_with("POST")).map(|asked| asked.body).collect();
    assert_eq!(batches.len(), 1, "{:?}", route53.lines());
    assert!(batches[0].contains(other) && batches[0].matches("<Action>DELETE</Action>").count() == 2, "{}", batches[0]);
}
