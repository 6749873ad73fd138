//! What external-dns and cert-manager may do in Route53: only the names of one tenant, in one zone.
//!
//! Sources: external-dns `docs/tutorials/aws.md` (0.22), cert-manager's documentation of the Route53 solver (1.21), and Route53's developer guide on
//! conditions for record sets: names in lower case without the last dot, other characters as octal escapes.

use serde_json::json;

use super::{PolicyError, allow, allow_if, policy};

/// What external-dns needs to keep the records of one tenant: all names below `domain`, in the zone.
///
/// # Errors
/// What is no id of a zone or no DNS name.
pub fn external_dns(zone: &str, domain: &str) -> Result<String, PolicyError> {
    let zone = zone_arn(zone)?;
    let domain = checked_domain(domain)?;
    // A record's ownership record stands beside it, with a prefix in the first label: that of the domain itself would be outside.
    let names = json!({ "ForAllValues:StringLike": {
        "route53:ChangeResourceRecordSetsNormalizedRecordNames": [format!("*.{domain}")],
        "route53:ChangeResourceRecordSetsRecordTypes": ["A", "AAAA", "CNAME", "TXT"],
    } });
    policy(vec![
        allow_if(&["route53:ChangeResourceRecordSets"], std::slice::from_ref(&zone), names),
        allow(&["route53:ListResourceRecordSets", "route53:ListTagsForResource", "route53:ListTagsForResources"], &[zone]),
        allow(&["route53:ListHostedZones"], &["*".to_owned()]),
    ])
}

/// What cert-manager needs to answer the DNS-01 challenge for `domain` and the wildcard below it, in the zone.
///
/// # Errors
/// What is no id of a zone or no DNS name.
pub fn cert_manager(zone: &str, domain: &str) -> Result<String, PolicyError> {
    let zone = zone_arn(zone)?;
    let domain = checked_domain(domain)?;
    let names = json!({ "ForAllValues:StringEquals": {
        "route53:ChangeResourceRecordSetsNormalizedRecordNames": [format!("_acme-challenge.{domain}")],
        "route53:ChangeResourceRecordSetsRecordTypes": ["TXT"],
    } });
    policy(vec![
        allow(&["route53:GetChange"], &["arn:*:route53:::change/*".to_owned()]),
        allow_if(&["route53:ChangeResourceRecordSets"], std::slice::from_ref(&zone), names),
        allow(&["route53:ListResourceRecordSets"], &[zone]),
        allow(&["route53:ListHostedZonesByName"], &["*".to_owned()]),
    ])
}

/// The ARN of a zone that is given by its id, by `/hostedzone/<id>`, or by its ARN.
fn zone_arn(zone: &str) -> Result<String, PolicyError> {
    let id = zone.rsplit_once("hostedzone/").map_or(zone, |(_, id)| id);
    let is_id = (1..=32).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    if !is_id {
        return Err(PolicyError::Zone { found: zone.to_owned() });
    }
    Ok(format!("arn:*:route53:::hostedzone/{id}"))
}

/// The name as conditions take it: without its last dot.
fn checked_domain(domain: &str) -> Result<&str, PolicyError> {
    let name = domain.strip_suffix('.').unwrap_or(domain);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_'))
    };
    // A single label is a whole top-level domain.
    let is_name = name.len() <= 240 && name.contains('.') && name.split('.').all(is_label);
    if is_name { Ok(name) } else { Err(PolicyError::Domain { found: domain.to_owned() }) }
}
