//! An API server that fails in the middle of a tenant's calls: what cannot be looked at is not gone, what was not changed is not noted, and
//! what was not deleted is named. Failures that pass are not noticed.

use std::{collections::HashMap, sync::Mutex};

use futures::future::join_all;
use serde_json::json;

use super::{
    Retention,
    calls::{absent, list, tenant},
    config, number,
    own_cluster::{well, wish},
    plan,
};
use crate::{
    drivers::kubernetes::{
        Cluster,
        tests::{Log, Reply, server, status},
    },
    framework::{attr::Attr, diagnostic::Diagnostics, model::AttributeValue, parts::Call, timeouts::Timeouts},
    resources::{
        connection::Connection,
        tenant::{Tenant, apply, delete, read},
    },
};

/// Which requests fail.
type Fails = fn(&str) -> bool;

/// Which requests fail, and the kind of the object that a look or a change then fails on.
const SCOPES: [(Fails, &str); 3] =
    [(everything, " Namespace "), (beyond_the_namespace, " KafkaNodePool "), (everything_of_kafka, " Kafka ")];

fn everything(_: &str) -> bool {
    true
}

fn beyond_the_namespace(line: &str) -> bool {
    let path = line.split('?').next().unwrap_or_default();
    !path.ends_with("/namespaces") && !path.ends_with("/namespaces/kaas-payments")
}

fn everything_of_kafka(line: &str) -> bool {
    line.contains("/kafkas")
}

/// Answers that stay as they are, and what is told of them. A server that asks for a shorter pause than a call may take is waited for.
fn lasting() -> [(Reply, &'static str); 6] {
    [
        (Reply::RetryAfter(429, 3600), "it asks to wait 3600 s"),
        (Reply::Text(500, "boom"), "answered 500: boom"),
        (Reply::Text(503, "no backend"), "answered 503: no backend"),
        (Reply::Json(403, status(403, "Forbidden", "no", "it")), "not allowed"),
        (Reply::Json(401, status(401, "Unauthorized", "no", "it")), "the credentials were not accepted"),
        (Reply::Broken, "the connection was cut"),
    ]
}

/// A server on which the tenant is there and well, but `reply` is the answer to the requests that `fails` picks by their line and
/// the number of those before.
fn troubled(fails: impl Fn(&str, usize) -> bool + Send + Sync + 'static, reply: Reply) -> (Cluster, Log) {
    let wish = wish(&tenant());
    server(move |line, before| if fails(line, before) { reply.clone() } else { healthy(line, &wish) })
}

/// The answer where all is well. Of the lists only that of the Kafkas in the tenant's namespace holds anything: the rest is asked
/// for by name.
fn healthy(line: &str, wish: &str) -> Reply {
    let (_, url) = line.split_once(' ').unwrap_or_default();
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let (plural, name) = (parts[parts.len().saturating_sub(2)], parts[parts.len() - 1]);
    match parts[..] {
        ["apis", _, _] => Reply::Json(200, json!({ "resources": [{ "name": "kafkas" }] })),
        _ if query.contains("watch=") => Reply::Silent,
        _ if query.contains("fieldSelector=") => {
            let one = query.split("metadata.name%3D").nth(1).and_then(|rest| rest.split('&').next()).unwrap_or_default();
            list(&[well(name, one, wish)])
        }
        _ if query.contains("limit=") && path.ends_with("/namespaces/kaas-payments/kafkas") => {
            let mut kafka = well("kafkas", "payments", wish);
            kafka["metadata"]["namespace"] = "kaas-payments".into();
            list(&[kafka])
        }
        _ if query.contains("limit=") => list(&[]),
        _ if ["clusters", "clusterissuers", "csidrivers"].contains(&plural) => absent(),
        _ => Reply::Json(200, well(plural, name, wish)),
    }
}

/// The tenant's configuration with data that stay for longer, to be applied within `limit`.
fn longer(limit: &str) -> Tenant {
    let mut config = config();
    config.management_cluster = "context/test".into();
    config.deletion_protection = false.into();
    config.retention = Retention { hours: number("30"), gib: Attr::Null }.into();
    config.timeouts = Timeouts { update: Attr::Known(limit.parse().unwrap()), ..Timeouts::default() }.into();
    config
}

fn text(found: &Diagnostics) -> String {
    found.iter().map(|error| format!("{}: {}", error.summary, error.detail)).collect::<Vec<_>>().join("; ")
}

#[tokio::test]
async fn a_tenant_that_cannot_be_looked_at_is_not_gone() {
    for (fails, object) in SCOPES {
        for (reply, words) in lasting() {
            let (cluster, _) = troubled(move |line, _| fails(line), reply);
            let seen = read::read(&Connection::to(cluster), tenant(), &mut Call::default()).await;
            let told = text(&seen.unwrap_err());
            assert!(told.contains(object) && told.contains(words), "{object} and {words} are not in {told}");
        }
    }
}

#[tokio::test]
async fn a_change_that_fails_leaves_the_state_as_it_was_and_is_planned_again() {
    let (before, wanted) = (tenant(), longer("1s"));
    let planned = plan(&wanted, Some(&before));
    assert_eq!(planned.errors(), Vec::<String>::new());
    for (fails, object) in SCOPES {
        for (reply, words) in lasting() {
            let (connection, mut call) = (Connection::to(troubled(move |line, _| fails(line), reply).0), Call::default());
            let failed = apply::update(&connection, before.clone(), planned.tenant.clone(), &mut call).await.unwrap_err();
            let told = text(&failed.diagnostics);
            assert!(told.contains(object) && told.contains(words), "{object} and {words} are not in {told}");
            let reached = failed.reached.unwrap();
            // Deadlines are in the state alone.
            assert_eq!(reached, Tenant { timeouts: wanted.timeouts.clone(), ..before.clone() }, "{told}");
            let next = plan(&wanted, Some(&reached));
            assert_eq!(next.errors(), Vec::<String>::new());
            assert_ne!(next.value, reached.encode(), "nothing is left to do after {told}");
        }
    }
}

async fn destroyed(fails: Fails, reply: Reply) -> (Result<(), Diagnostics>, Log) {
    let (cluster, log) = troubled(move |line, _| fails(line), reply);
    let (mut tenant, mut call) = (tenant(), Call::default());
    tenant.timeouts = Timeouts { delete: Attr::Known("1s".parse().unwrap()), ..Timeouts::default() }.into();
    (delete::delete(&Connection::to(cluster), &tenant, &mut call).await, log)
}

/// Looks at the Kafka itself, by which it is seen that it is gone.
fn looks_at_kafka(line: &str) -> bool {
    line.starts_with("GET") && (line.contains("/kafkas/payments") || (line.contains("/kafkas?") && line.contains("fieldSelector=")))
}

#[tokio::test]
async fn a_tenant_that_cannot_be_deleted_is_not_called_gone_and_what_stays_is_named() {
    let asked: [(Fails, &str); 5] = [
        (everything, " kaas-payments"),
        (beyond_the_namespace, " kaas-payments"),
        (everything_of_kafka, "list Kafka in namespace kaas-payments"),
        (|line| line.starts_with("DELETE"), "delete Kafka kaas-payments/payments"),
        (looks_at_kafka, " Kafka kaas-payments/payments"),
    ];
    for (fails, object) in asked {
        // At the same time, for a Kafka that cannot be looked at is waited for until the deadline.
        let all = join_all(lasting().map(|(reply, words)| async move { (destroyed(fails, reply).await, words) })).await;
        for ((ended, log), words) in all {
            let told = text(&ended.unwrap_err());
            assert!(told.contains(object) && told.contains(words), "{object} and {words} are not in {told}");
            assert_eq!(log.matching("DELETE /api/v1/namespaces/kaas-payments"), 0, "the namespace was deleted after {told}");
        }
    }
}

/// The first two of each request.
fn twice_each() -> impl Fn(&str, usize) -> bool + Send + Sync + 'static {
    let asked = Mutex::new(HashMap::<String, u32>::new());
    move |line, _| {
        let mut asked = asked.lock().unwrap();
        let times = asked.entry(line.to_owned()).or_default();
        *times += 1;
        *times <= 2
    }
}

/// Looks at the tenant on one server and changes it on the other, which both end well.
async fn end_well(looked_at: Cluster, changed: Cluster) {
    let planned = plan(&longer("1m"), Some(&tenant())).tenant;
    let (here, there) = (Connection::to(looked_at), Connection::to(changed));
    let (mut looking, mut changing) = (Call::default(), Call::default());
    let (seen, made) =
        tokio::join!(read::read(&here, tenant(), &mut looking), apply::update(&there, tenant(), planned.clone(), &mut changing));
    let (seen, made) = (seen.unwrap().unwrap(), made.map_err(|failed| failed.diagnostics).unwrap());
    for tenant in [&seen, &made] {
        assert_eq!(tenant.status.known().unwrap().phase, "Ready".into(), "{:?}", tenant.status);
    }
    assert_eq!((seen.retention, made.retention), (tenant().retention, planned.retention));
}

#[tokio::test]
async fn failures_that_pass_are_not_noticed() {
    for reply in [Reply::Text(500, "boom"), Reply::Text(503, "no backend"), Reply::RetryAfter(429, 0), Reply::Broken] {
        let server = || troubled(twice_each(), reply.clone()).0;
        end_well(server(), server()).await;
    }
    let busy = || troubled(|_, before| before < 2, Reply::RetryAfter(429, 1)).0;
    end_well(busy(), busy()).await;
}
