//! What changes of names, certificate and listener do to the clients outside.

use super::{Change, Class, differing};
use crate::domain::dns::DnsSpec;
use crate::domain::tenant::TenantSpec;

/// Listeners, the names that brokers tell, and certificates are read when a broker starts.
pub fn changes(from: &TenantSpec, to: &TenantSpec) -> Vec<Change> {
    let (restart, live) = (Class::RollingRestart, Class::Live);
    let none = || "(none)".to_owned();
    let kind = |spec: &TenantSpec| spec.outside().map_or_else(none, |external| external.kind.as_str().to_owned());
    let issuer = |spec: &TenantSpec| spec.own_certificate().map_or("cluster", |tls| tls.issuer.as_str());
    let domain = |spec: &TenantSpec| spec.dns.as_ref().map_or_else(none, |dns| dns.domain.clone());
    let keeper = |spec: &TenantSpec| spec.dns.as_ref().map_or("none", |dns| dns.managed_by.as_str());
    let ttl = |spec: &TenantSpec| spec.dns.as_ref().map_or(0, |dns| dns.ttl_s);
    let both = from.dns.is_some() && to.dns.is_some();
    let remark = if both { "; new names come first, old ones go last, and clients need the new ones" } else { "" };
    let zone = |spec: &TenantSpec| spec.dns.as_ref().and_then(zone).unwrap_or_else(none);
    let ranges = |spec: &TenantSpec| match spec.outside().map(|external| external.source_ranges) {
        Some(ranges) if !ranges.is_empty() => ranges.join(", "),
        _ => "(all)".to_owned(),
    };
    let is_internal = |spec: &TenantSpec| spec.outside().is_some_and(|external| external.internal);
    let annotations = |spec: &TenantSpec| spec.outside().map(|external| external.annotations).unwrap_or_default();
    let stays = kind(from) == kind(to);
    let mut changes: Vec<Change> = [
        differing(restart, "listener for clients outside", &kind(from), &kind(to), ""),
        differing(restart, "domain", &domain(from), &domain(to), remark),
        differing(restart, "issuer of the certificate", &issuer(from), &issuer(to), ""),
        differing(live, "keeper of the DNS records", &keeper(from), &keeper(to), ""),
        differing(live, "hosted zone", &zone(from), &zone(to), "").filter(|_| both),
        differing(live, "seconds that resolvers keep a name", &ttl(from), &ttl(to), "").filter(|_| both),
        differing(live, "networks of clients", &ranges(from), &ranges(to), "").filter(|_| stays),
        differing(live, "internal load balancer", &is_internal(from), &is_internal(to), "; the cloud may replace it").filter(|_| stays),
    ]
    .into_iter()
    .flatten()
    .collect();
    if stays && annotations(from) != annotations(to) {
        changes.push(Change { class: live, what: "annotations of the load balancer".to_owned() });
    }
    if issuer(from) == issuer(to) && from.own_certificate() != to.own_certificate() {
        changes.push(Change { class: restart, what: "certificate, where it is issued anew".to_owned() });
    }
    changes
}

/// As it is written.
fn zone(dns: &DnsSpec) -> Option<String> {
    dns.zone_id.clone().or_else(|| dns.zone_name.clone())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::small;
    use super::*;
    use crate::domain::tenant::tests::with_outside;

    fn lines(from: &TenantSpec, to: &TenantSpec) -> Vec<String> {
        super::super::changes((from, &small()), (to, &small())).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_change_outside_has_its_class() {
        let dns = json!({ "domain": "a.example.com", "zone_id": "Z1" });
        let tls = json!({ "issuer": "letsencrypt" });
        let from = with_outside(dns.clone(), tls.clone(), json!({}));
        let change = |key: &str, value: Value| {
            let mut dns = dns.clone();
            dns[key] = value;
            with_outside(dns, tls.clone(), json!({}))
        };
        let told = |to: &TenantSpec| lines(&from, to);
        assert_eq!(told(&from), Vec::<String>::new());
        assert_eq!(
            told(&change("domain", json!("b.example.com"))),
            [
                "rolling restart: domain a.example.com -> b.example.com; new names come first, old ones go last, and clients need the new ones"
            ]
        );
        assert_eq!(told(&change("zone_id", json!("Z2"))), ["live: hosted zone Z1 -> Z2"]);
        assert_eq!(told(&change("ttl_s", json!(300))), ["live: seconds that resolvers keep a name 60 -> 300"]);
        assert_eq!(told(&change("managed_by", json!("provider"))), ["live: keeper of the DNS records external-dns -> provider"]);
        assert_eq!(
            told(&with_outside(dns.clone(), json!({ "issuer": "letsencrypt-staging" }), json!({}))),
            ["rolling restart: issuer of the certificate letsencrypt -> letsencrypt-staging"]
        );
        assert_eq!(
            told(&with_outside(dns.clone(), tls.clone(), json!({ "source_ranges": ["10.0.0.0/8"], "annotations": { "a": "b" } }))),
            ["live: networks of clients (all) -> 10.0.0.0/8", "live: annotations of the load balancer"]
        );
        let plain = with_outside(Value::Null, Value::Null, Value::Null);
        assert_eq!(
            lines(&plain, &from),
            [
                "rolling restart: listener for clients outside (none) -> load-balancer",
                "rolling restart: domain (none) -> a.example.com",
                "rolling restart: issuer of the certificate cluster -> letsencrypt",
                "live: keeper of the DNS records none -> external-dns",
            ]
        );
    }
}
