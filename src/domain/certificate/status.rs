//! What cert-manager says of a tenant's certificate, down to the ACME server's and AWS's own words, and what to do about it.
//!
//! Source of the conditions and states: cert-manager 1.21, `pkg/apis/{certmanager,acme}/v1`, and its ACME order and challenge controllers.

use serde_json::Value;

use super::seconds;
use crate::domain::cluster::status::{condition, one_line};

/// What there is of one certificate. Requests, orders and challenges: all of the tenant's namespace.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen<'a> {
    pub certificate: Option<&'a Value>,
    /// Its ClusterIssuer.
    pub issuer: Option<&'a Value>,
    pub requests: &'a [Value],
    pub orders: &'a [Value],
    pub challenges: &'a [Value],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificatePhase {
    Ready,
    Issuing,
    /// It is tried again and again, and fails each time; it helps when somebody else does something.
    Stuck,
    /// It was refused, and is tried again only after an hour or more.
    Failed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateStatus {
    pub phase: CertificatePhase,
    /// One word; empty when ready.
    pub reason: String,
    /// What was said, and the way out; empty when ready.
    pub message: String,
    /// When it ends, and when it is to be renewed, in RFC 3339. None: there is none yet.
    pub not_after: Option<String>,
    pub renewal_at: Option<String>,
}

/// Reads what there is. Ready is trusted only of the newest generation.
pub fn certificate_status(seen: &Seen<'_>) -> CertificateStatus {
    let (phase, reason, message) = judge(seen);
    let text = |key: &str| seen.certificate.and_then(|certificate| certificate["status"][key].as_str()).map(str::to_owned);
    CertificateStatus { phase, reason, message, not_after: text("notAfter"), renewal_at: text("renewalTime") }
}

type Judged = (CertificatePhase, String, String);

fn judge(seen: &Seen<'_>) -> Judged {
    let Some(certificate) = seen.certificate else {
        return (CertificatePhase::Issuing, "NoCertificate".to_owned(), "the Certificate does not exist".to_owned());
    };
    if is_true(certificate, "Ready") && is_seen(certificate, "Ready") {
        return (CertificatePhase::Ready, String::new(), String::new());
    }
    issuer(seen, certificate)
        .or_else(|| challenge(seen, certificate))
        .or_else(|| order(seen, certificate))
        .or_else(|| failed(certificate))
        .unwrap_or_else(|| issuing(seen, certificate))
}

/// What keeps the issuer from issuing.
fn issuer(seen: &Seen<'_>, certificate: &Value) -> Option<Judged> {
    let name = text(&certificate["spec"]["issuerRef"]["name"]);
    let Some(issuer) = seen.issuer else {
        let message = format!("ClusterIssuer {name} does not exist");
        return Some((CertificatePhase::Stuck, "NoIssuer".to_owned(), message));
    };
    if is_true(issuer, "Ready") && is_seen(issuer, "Ready") {
        return None;
    }
    // What was said of an older one is no verdict on this.
    let Some(ready) = condition(issuer, "Ready").filter(|_| is_seen(issuer, "Ready")) else {
        let message = format!("no controller has picked up ClusterIssuer {name} as it is now; is cert-manager running?");
        return Some((CertificatePhase::Issuing, "IssuerNotReady".to_owned(), message));
    };
    let said = one_line(&text(&ready["message"]));
    let words = Words::of(&said);
    let phase = if words == Words::Other { CertificatePhase::Issuing } else { words.phase(true) };
    let reason = words.reason().unwrap_or("IssuerNotReady").to_owned();
    Some((phase, reason, words.told(&format!("ClusterIssuer {name} is not ready: {said}"))))
}

/// What the challenge under way says.
fn challenge(seen: &Seen<'_>, certificate: &Value) -> Option<Judged> {
    let wildcard = wildcards(certificate);
    let is_own = |challenge: &&Value| wildcard.iter().any(|name| challenge["spec"]["dnsName"] == **name);
    let challenge = newest(seen.challenges.iter().filter(is_own))?;
    let (state, said) = (text(&challenge["status"]["state"]), one_line(&text(&challenge["status"]["reason"])));
    if said.is_empty() || state == "valid" {
        return None;
    }
    let words = Words::of(&said);
    let ended = ["invalid", "errored", "expired"].contains(&state.as_str());
    let told = words.told(&format!("the challenge DNS-01 for {} is {}: {said}", text(&challenge["spec"]["dnsName"]), shown(&state)));
    Some((words.phase(ended), words.reason().unwrap_or("Challenge").to_owned(), told))
}

/// What the order says that was refused.
fn order(seen: &Seen<'_>, certificate: &Value) -> Option<Judged> {
    let names = &certificate["spec"]["dnsNames"];
    let order = newest(seen.orders.iter().filter(|order| order["spec"]["dnsNames"] == *names))?;
    let (state, said) = (text(&order["status"]["state"]), one_line(&text(&order["status"]["reason"])));
    if !["invalid", "errored", "expired"].contains(&state.as_str()) {
        return None;
    }
    let words = Words::of(&said);
    let said = if said.is_empty() { "the ACME server gave no reason".to_owned() } else { said };
    Some((CertificatePhase::Failed, words.reason().unwrap_or("OrderFailed").to_owned(), words.told(&format!("the order is {state}: {said}"))))
}

/// What is said of the last try, which failed.
fn failed(certificate: &Value) -> Option<Judged> {
    let issuing = condition(certificate, "Issuing").filter(|issuing| issuing["status"] == "False" && issuing["reason"] == "Failed")?;
    let said = one_line(&text(&issuing["message"]));
    let words = Words::of(&said);
    Some((CertificatePhase::Failed, words.reason().unwrap_or("Failed").to_owned(), words.told(&said)))
}

fn issuing(seen: &Seen<'_>, certificate: &Value) -> Judged {
    let own = |request: &&Value| request["metadata"]["annotations"][super::NAME_ANNOTATION] == certificate["metadata"]["name"];
    let request = newest(seen.requests.iter().filter(own)).and_then(|request| condition(request, "Ready"));
    let said = request.or_else(|| condition(certificate, "Ready"));
    let message = match said {
        Some(said) => one_line(&text(&said["message"])),
        None => "no controller has picked up the Certificate; is cert-manager running?".to_owned(),
    };
    (CertificatePhase::Issuing, "Issuing".to_owned(), message)
}

/// What the words of an ACME server, of AWS or of cert-manager come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Words {
    RateLimited,
    AccessDenied,
    NoCredentials,
    ZoneMissing,
    NotPropagated,
    NotTrusted,
    Unreachable,
    Rejected,
    Other,
}

/// In the order in which they are looked for.
const SIGNS: [(Words, &[&str]); 8] = [
    (Words::RateLimited, &["acme:error:ratelimited", "too many certificates", "429 "]),
    (Words::NoCredentials, &["failed to refresh cached credentials", "no ec2 imds role found", "invalidclienttokenid", "unrecognizedclient", "expiredtoken"]),
    (Words::AccessDenied, &["accessdenied", "not authorized to perform", "signaturedoesnotmatch", "forbidden"]),
    (Words::ZoneMissing, &["nosuchhostedzone", "no matching hosted zone", "zone not found", "could not find the start of authority", "no hosted zone found"]),
    (Words::NotPropagated, &["propagat"]),
    (Words::NotTrusted, &["x509", "certificate signed by unknown authority"]),
    (Words::Rejected, &["urn:ietf:params:acme:error:"]),
    (Words::Unreachable, &["connection refused", "no such host", "i/o timeout", "context deadline exceeded", "dial tcp"]),
];

impl Words {
    fn of(said: &str) -> Self {
        let said = said.to_ascii_lowercase();
        SIGNS.iter().find(|(_, signs)| signs.iter().any(|sign| said.contains(sign))).map_or(Self::Other, |(words, _)| *words)
    }

    const fn reason(self) -> Option<&'static str> {
        Some(match self {
            Self::RateLimited => "RateLimited",
            Self::AccessDenied => "AccessDenied",
            Self::NoCredentials => "NoCredentials",
            Self::ZoneMissing => "ZoneMissing",
            Self::NotPropagated => "ChallengeNotSeen",
            Self::NotTrusted => "DirectoryNotTrusted",
            Self::Unreachable => "DirectoryUnreachable",
            Self::Rejected => "Rejected",
            Self::Other => return None,
        })
    }

    /// `ended`: whoever said it does not try again soon.
    const fn phase(self, ended: bool) -> CertificatePhase {
        match self {
            Self::RateLimited | Self::Rejected => CertificatePhase::Failed,
            Self::AccessDenied | Self::NoCredentials | Self::ZoneMissing | Self::NotTrusted => CertificatePhase::Stuck,
            Self::NotPropagated | Self::Unreachable => CertificatePhase::Issuing,
            Self::Other if ended => CertificatePhase::Failed,
            Self::Other => CertificatePhase::Issuing,
        }
    }

    /// With the way out.
    fn told(self, said: &str) -> String {
        let way_out = match self {
            Self::RateLimited => {
                "Wait until the time that the ACME server says and apply again; for trials use issuer = \"letsencrypt-staging\", whose limits are wider"
            }
            Self::AccessDenied => {
                "Give the role that cert-manager acts by (dns.role_arn, or that of its service account) the policy of provider::kaas::cert_manager_policy for this zone and domain"
            }
            Self::NoCredentials => {
                "Give cert-manager's service account rights on AWS, by EKS Pod Identity, by a role annotation, or by dns.role_arn"
            }
            Self::ZoneMissing => "Check that the hosted zone of the dns block is there, is public, and is delegated to by the zone above it",
            Self::NotPropagated => {
                "If this stays, the name servers that the domain is delegated to are not those of the hosted zone: write its NS records into the zone above it"
            }
            Self::NotTrusted => "Say in tls.acme.ca_certificate what the directory's own HTTPS is trusted by",
            Self::Unreachable => "Check tls.acme.directory_url, and that the pods of cert-manager reach it",
            Self::Rejected => "Correct what the ACME server says (account, e-mail address, external account, CAA record or name) and apply again",
            Self::Other => return said.to_owned(),
        };
        format!("{}. {way_out}", said.trim_end_matches('.'))
    }
}

/// A share of the time between renewal and end for which a renewal may be late before it is told.
const LATE: i64 = 10;

/// What is the matter with a certificate that is there, at a time in seconds since 1970: it has ended, or has not been renewed when it should. A reason in
/// one word, and a sentence.
pub fn overdue(status: &CertificateStatus, now_s: i64) -> Option<(&'static str, String)> {
    let (end, renewal) = (status.not_after.as_deref()?, status.renewal_at.as_deref());
    let end_s = seconds(end)?;
    let why = if status.message.is_empty() { String::new() } else { format!(": {}", status.message) };
    if end_s <= now_s {
        return Some(("Expired", format!("the certificate has ended on {end} and was not renewed{why}")));
    }
    let (renewal, renewal_s) = (renewal?, seconds(renewal?)?);
    if now_s <= renewal_s + (end_s - renewal_s) / LATE {
        return None;
    }
    let left = end_s - now_s;
    let left = if left >= 2 * 86_400 { format!("{} days", left / 86_400) } else { format!("{} minutes", left / 60) };
    Some(("NotRenewed", format!("the certificate should have been renewed on {renewal} and ends in {left}, on {end}{why}")))
}

/// The names whose wildcards a certificate holds, as challenges name them.
fn wildcards(certificate: &Value) -> Vec<String> {
    let names = certificate["spec"]["dnsNames"].as_array().into_iter().flatten().filter_map(Value::as_str);
    names.map(|name| name.trim_start_matches("*.").to_owned()).collect()
}

fn newest<'a>(objects: impl Iterator<Item = &'a Value>) -> Option<&'a Value> {
    objects.max_by_key(|object| text(&object["metadata"]["creationTimestamp"]))
}

fn is_true(object: &Value, kind: &str) -> bool {
    condition(object, kind).is_some_and(|condition| condition["status"] == "True")
}

fn is_seen(object: &Value, kind: &str) -> bool {
    let seen = condition(object, kind).and_then(|condition| condition["observedGeneration"].as_i64());
    seen.is_none_or(|seen| object["metadata"]["generation"].as_i64().is_none_or(|wanted| seen >= wanted))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn shown(state: &str) -> &str {
    if state.is_empty() { "not begun" } else { state }
}

#[cfg(test)]
mod tests {
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
        let binding = "Failed to register ACME account: 403 urn:ietf:params:acme:error:externalAccountRequired: missing external account binding";
        let waiting = "Waiting for DNS-01 challenge propagation: DNS record for \"payments.kafka.example.com\" not yet propagated";
        let unknown = "Get \"https://ca/dir\": tls: failed to verify certificate: x509: certificate signed by unknown authority";
        let cases = [
            (Some(ready.clone()), none.clone(), challenge("pending", denied), Stuck, "AccessDenied", "provider::kaas::cert_manager_policy"),
            (Some(ready.clone()), none.clone(), challenge("pending", waiting), Issuing, "ChallengeNotSeen", "NS records into the zone above it"),
            (Some(ready.clone()), none.clone(), challenge("invalid", "no TXT record found"), Failed, "Challenge", "is invalid: no TXT record found"),
            (Some(ready.clone()), order("errored", limited), none.clone(), Failed, "RateLimited", "Retry after 2026-12-01. Wait until"),
            (Some(ready.clone()), order("invalid", ""), none.clone(), Failed, "OrderFailed", "gave no reason"),
            (Some(ready), order("pending", ""), none.clone(), Issuing, "Issuing", "Issuing certificate"),
            (Some(issuer("False", binding)), none.clone(), none.clone(), Failed, "Rejected", "Correct what the ACME server says"),
            (Some(issuer("False", unknown)), none.clone(), none.clone(), Stuck, "DirectoryNotTrusted", "tls.acme.ca_certificate"),
            (Some(json!({})), none.clone(), none.clone(), Issuing, "IssuerNotReady", "is cert-manager running?"),
            (None, none.clone(), none.clone(), Stuck, "NoIssuer", "kaas-payments does not exist"),
        ];
        for (issuer, orders, challenges, phase, reason, words) in cases {
            let certificate = certificate("False", 2);
            let seen = Seen { certificate: Some(&certificate), issuer: issuer.as_ref(), requests: &[], orders: &orders, challenges: &challenges };
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
}
