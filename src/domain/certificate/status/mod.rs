//! What cert-manager says of a tenant's certificate, down to the ACME server's and AWS's own words, and what to do about it.
//!
//! Source of the conditions and states: cert-manager 1.21, `pkg/apis/{certmanager,acme}/v1`, and its ACME order and challenge controllers.

#[cfg(test)]
mod tests;

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
    /// Needed only where [`is_withheld`] says so.
    pub events: &'a [Value],
}

/// What cert-manager 1.21 writes into a Challenge in place of the words of AWS; those stand in an Event alone.
const WITHHELD: &str = "redacted AWS SDK error";

/// Whether a challenge leaves out what AWS said.
pub fn is_withheld(challenge: &Value) -> bool {
    challenge["status"]["reason"].as_str().is_some_and(|said| said.contains(WITHHELD))
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
    let (state, said) = (text(&challenge["status"]["state"]), one_line(&said_of(challenge, seen.events)));
    if said.is_empty() || state == "valid" {
        return None;
    }
    let words = Words::of(&said);
    let ended = ["invalid", "errored", "expired"].contains(&state.as_str());
    let told = words.told(&format!("the challenge DNS-01 for {} is {}: {said}", text(&challenge["spec"]["dnsName"]), shown(&state)));
    Some((words.phase(ended), words.reason().unwrap_or("Challenge").to_owned(), told))
}

/// The challenge's own words, or those of its last Event.
fn said_of(challenge: &Value, events: &[Value]) -> String {
    let own = |event: &&Value| event["type"] == "Warning" && event["involvedObject"]["uid"] == challenge["metadata"]["uid"];
    let told = events.iter().filter(own).max_by_key(|event| text(&event["lastTimestamp"]));
    match told.filter(|_| is_withheld(challenge)) {
        Some(event) => text(&event["message"]),
        None => text(&challenge["status"]["reason"]),
    }
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
    Some((
        CertificatePhase::Failed,
        words.reason().unwrap_or("OrderFailed").to_owned(),
        words.told(&format!("the order is {state}: {said}")),
    ))
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
    Passing,
    Unreachable,
    Rejected,
    Other,
}

/// In the order in which they are looked for.
const SIGNS: [(Words, &[&str]); 9] = [
    (Words::RateLimited, &["acme:error:ratelimited", "too many certificates", "429 "]),
    (
        Words::NoCredentials,
        &["failed to refresh cached credentials", "no ec2 imds role found", "invalidclienttokenid", "unrecognizedclient", "expiredtoken"],
    ),
    (Words::AccessDenied, &["accessdenied", "not authorized to perform", "signaturedoesnotmatch", "forbidden"]),
    (
        Words::ZoneMissing,
        &["nosuchhostedzone", "no matching hosted zone", "zone not found", "could not find the start of authority", "no hosted zone found"],
    ),
    (Words::NotPropagated, &["propagat"]),
    (Words::NotTrusted, &["x509", "certificate signed by unknown authority"]),
    (Words::Passing, &["acme:error:badnonce", "acme:error:serverinternal"]),
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
            Self::Passing => "DirectoryFails",
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
            Self::NotPropagated | Self::Passing | Self::Unreachable => CertificatePhase::Issuing,
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
            Self::ZoneMissing => {
                "Check that the hosted zone of the dns block is there, is public, and is delegated to by the zone above it"
            }
            Self::NotPropagated => {
                "If this stays, the name servers that the domain is delegated to are not those of the hosted zone: write its NS records into the zone above it"
            }
            Self::NotTrusted => "Say in tls.acme.ca_certificate what the directory's own HTTPS is trusted by",
            Self::Passing => "cert-manager asks again by itself; if this stays, see what the ACME server's operator says",
            Self::Unreachable => "Check tls.acme.directory_url, and that the pods of cert-manager reach it",
            Self::Rejected => {
                "Correct what the ACME server says (account, e-mail address, external account, CAA record or name) and apply again"
            }
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
