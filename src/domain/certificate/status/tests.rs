//! Certificates as cert-manager leaves them, and what is told of each.

use serde_json::json;

use super::*;

fn certificate(ready: &str, observed: i64) -> Value {
    json!({
        "metadata": { "name": "payments-external-tls", "generation": 2 },
        "spec": { "dnsNames": ["*.payments.kafka.example.com"], "issuerRef": { "name": "kaas-payments" } },
        "status": { "conditions": [{ "type": "Ready", "status": ready, "observedGeneration": observed, "message": "Issuing certificate" }],
            "notAfter": "2026-11-28T12:00:00Z", "renewalTime": "2026-11-28T02:00:00Z" },
    })
}

fn issuer(status: &str, message: &str) -> Value {
    json!({ "metadata": { "generation": 1 }, "status": { "conditions": [{ "type": "Ready", "status": status, "message": message }] } })
}

fn order(state: &str, reason: &str) -> Vec<Value> {
    vec![json!({ "spec": { "dnsNames": ["*.payments.kafka.example.com"] }, "status": { "state": state, "reason": reason } })]
}

fn challenge(state: &str, reason: &str) -> Vec<Value> {
    vec![json!({ "spec": { "dnsName": "payments.kafka.example.com" }, "status": { "state": state, "reason": reason } })]
}

#[test]
fn ready_is_trusted_of_the_newest_generation_only() {
    let ready = issuer("True", "");
    for (observed, phase) in [(2, CertificatePhase::Ready), (1, CertificatePhase::Issuing)] {
        let certificate = certificate("True", observed);
        let status = certificate_status(&Seen { certificate: Some(&certificate), issuer: Some(&ready), ..Seen::default() });
        assert_eq!((status.phase, status.not_after.as_deref()), (phase, Some("2026-11-28T12:00:00Z")));
    }
    assert_eq!(certificate_status(&Seen::default()).reason, "NoCertificate");
}

#[test]
fn what_others_said_is_told_with_a_way_out() {
    use CertificatePhase::{Failed, Issuing, Stuck};
    let (ready, none) = (issuer("True", ""), Vec::new());
    let denied = "Failed to change Route 53 record set: AccessDenied: User: arn:aws:sts::1:assumed-role/x is not authorized to perform: route53:ChangeResourceRecordSets";
    let limited = "Failed to create Order: 429 urn:ietf:params:acme:error:rateLimited: too many certificates already issued for \"example.com\". Retry after 2026-12-01";
    let binding =
        "Failed to register ACME account: 403 urn:ietf:params:acme:error:externalAccountRequired: missing external account binding";
    let waiting = "Waiting for DNS-01 challenge propagation: DNS record for \"payments.kafka.example.com\" not yet propagated";
    let unknown = "Get \"https://ca/dir\": tls: failed to verify certificate: x509: certificate signed by unknown authority";
    let cases = [
        (Some(ready.clone()), none.clone(), challenge("pending", denied), Stuck, "AccessDenied", "provider::kaas::cert_manager_policy"),
        (
            Some(ready.clone()),
            none.clone(),
            challenge("pending", waiting),
            Issuing,
            "ChallengeNotSeen",
            "NS records into the zone above it",
        ),
        (
            Some(ready.clone()),
            none.clone(),
            challenge("invalid", "no TXT record found"),
            Failed,
            "Challenge",
            "is invalid: no TXT record found",
        ),
        (Some(ready.clone()), order("errored", limited), none.clone(), Failed, "RateLimited", "Retry after 2026-12-01. Wait until"),
        (Some(ready.clone()), order("invalid", ""), none.clone(), Failed, "OrderFailed", "gave no reason"),
        (Some(ready), order("pending", ""), none.clone(), Issuing, "Issuing", "Issuing certificate"),
        (Some(issuer("False", binding)), none.clone(), none.clone(), Failed, "Rejected", "Correct what the ACME server says"),
        (
            Some(issuer("False", "Failed to register ACME account: 500 urn:ietf:params:acme:error:serverInternal: try again")),
            none.clone(),
            none.clone(),
            Issuing,
            "DirectoryFails",
            "asks again by itself",
        ),
        (Some(issuer("False", unknown)), none.clone(), none.clone(), Stuck, "DirectoryNotTrusted", "tls.acme.ca_certificate"),
        (Some(json!({})), none.clone(), none.clone(), Issuing, "IssuerNotReady", "is cert-manager running?"),
        (None, none.clone(), none.clone(), Stuck, "NoIssuer", "kaas-payments does not exist"),
    ];
    for (issuer, orders, challenges, phase, reason, words) in cases {
        let certificate = certificate("False", 2);
        let seen =
            Seen { certificate: Some(&certificate), issuer: issuer.as_ref(), orders: &orders, challenges: &challenges, ..Seen::default() };
        let status = certificate_status(&seen);
        assert_eq!((status.phase, status.reason.as_str()), (phase, reason), "{}", status.message);
        assert!(status.message.contains(words), "{}", status.message);
    }
}

#[test]
fn a_try_that_failed_is_told_where_nothing_of_it_is_left() {
    let mut certificate = certificate("False", 2);
    let issuing = json!({ "type": "Issuing", "status": "False", "reason": "Failed", "message": "The certificate request has failed to complete and will be retried" });
    certificate["status"]["conditions"].as_array_mut().unwrap().push(issuing);
    let ready = issuer("True", "");
    let status = certificate_status(&Seen { certificate: Some(&certificate), issuer: Some(&ready), ..Seen::default() });
    assert_eq!((status.phase, status.reason.as_str()), (CertificatePhase::Failed, "Failed"));
}

#[test]
fn a_certificate_that_is_not_renewed_in_time_is_told() {
    let certificate = certificate("True", 2);
    let ready = issuer("True", "");
    let status = certificate_status(&Seen { certificate: Some(&certificate), issuer: Some(&ready), ..Seen::default() });
    let at = |time: &str| overdue(&status, seconds(time).unwrap());
    assert_eq!(at("2026-11-28T01:00:00Z"), None);
    assert_eq!(at("2026-11-28T02:59:00Z"), None);
    assert!(at("2026-11-28T03:30:00Z").unwrap().1.contains("should have been renewed on 2026-11-28T02:00:00Z and ends in 510 minutes"));
    assert_eq!(at("2026-11-28T13:00:00Z").unwrap().0, "Expired");
}

#[test]
fn what_aws_said_is_taken_from_the_event_where_the_challenge_leaves_it_out() {
    let mut challenges = challenge("pending", "<redacted AWS SDK error: http.ResponseError: see events and logs for details>");
    challenges[0]["metadata"] = json!({ "uid": "u1" });
    let event = |uid: &str, kind: &str, at: &str, message: &str| json!({ "type": kind, "involvedObject": { "uid": uid }, "lastTimestamp": at, "message": message });
    let events = [
        event(
            "u1",
            "Warning",
            "2026-11-28T12:00:00Z",
            "Error presenting challenge: AccessDenied: not authorized to perform: route53:ChangeResourceRecordSets",
        ),
        event("u1", "Warning", "2026-11-28T11:00:00Z", "an earlier one"),
        event("u1", "Normal", "2026-11-28T13:00:00Z", "Challenge scheduled for processing"),
        event("u2", "Warning", "2026-11-28T13:00:00Z", "another's"),
    ];
    let (certificate, ready) = (certificate("False", 2), issuer("True", ""));
    let seen = Seen { certificate: Some(&certificate), issuer: Some(&ready), challenges: &challenges, events: &events, ..Seen::default() };
    let status = certificate_status(&seen);
    assert!(is_withheld(&challenges[0]));
    assert_eq!((status.phase, status.reason.as_str()), (CertificatePhase::Stuck, "AccessDenied"));
    assert!(status.message.contains("route53:ChangeResourceRecordSets. Give the role"), "{}", status.message);
}
