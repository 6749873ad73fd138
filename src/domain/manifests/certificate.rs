//! The tenant's ClusterIssuer and Certificate. The Secret with the key of an account at the CA is apart: its value is known while it is applied, and never after.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{labels, manifest};
use crate::domain::certificate::{
    AcmeSpec, TlsSpec, account_secret, certificate_name, external_account_secret, own_issuer,
};
use crate::domain::dns::DnsSpec;
use crate::domain::object::{Kind, Manifest};
use crate::domain::tenant::TenantSpec;

/// The key of the account in its Secret.
const ACCOUNT_KEY: &str = "hmac";

/// Empty where the certificate is not asked for here.
pub fn build(spec: &TenantSpec) -> Vec<Manifest> {
    let Some(tls) = spec.own_certificate() else { return Vec::new() };
    let Some(issuer) = tls.cluster_issuer(&spec.name) else { return Vec::new() };
    cluster_issuer(spec, tls).into_iter().chain([certificate(spec, tls, &issuer)]).collect()
}

fn cluster_issuer(spec: &TenantSpec, tls: &TlsSpec) -> Option<Manifest> {
    let server = tls.directory_url().filter(|_| tls.issuer.is_acme())?;
    let solvers: Vec<Value> = zones(spec).map(|dns| solver(spec, dns)).collect();
    let mut acme = json!({
        "server": server,
        "privateKeySecretRef": { "name": account_secret(&spec.name).name },
        "solvers": solvers,
    });
    if let Some(email) = &tls.email {
        acme["email"] = json!(email);
    }
    if let Some(AcmeSpec { ca_certificate, profile, external_account, .. }) = &tls.acme {
        if let Some(pem) = ca_certificate {
            acme["caBundle"] = json!(STANDARD.encode(pem));
        }
        if let Some(profile) = profile {
            acme["profile"] = json!(profile);
        }
        if let Some(account) = external_account {
            let key = json!({ "name": external_account_secret(&spec.name).name, "key": ACCOUNT_KEY });
            acme["externalAccountBinding"] = json!({ "keyID": account.key_id, "keySecretRef": key });
        }
    }
    Some(manifest(spec, Kind::ClusterIssuer, own_issuer(&spec.name), json!({ "spec": { "acme": acme } })))
}

/// The names that are wanted, and those of before as long as they are given up.
fn zones(spec: &TenantSpec) -> impl Iterator<Item = &DnsSpec> {
    let other = |before: &&DnsSpec| spec.dns.as_ref().is_some_and(|dns| dns.domain != before.domain);
    // Where nobody wrote records there is nowhere to answer a challenge.
    let can_prove = |before: &&DnsSpec| before.zone().is_some() || spec.tls.as_ref().is_none_or(|tls| !tls.issuer.is_acme());
    spec.dns.iter().chain(spec.leaving.iter().filter(other).filter(can_prove))
}

/// For the tenant's names only: an issuer of no namespace can be used from any.
fn solver(spec: &TenantSpec, dns: &DnsSpec) -> Value {
    let mut route53 = json!({});
    for (key, value) in [("hostedZoneID", dns.zone()), ("region", dns.region()), ("role", dns.role_arn.as_deref())] {
        if let Some(value) = value {
            route53[key] = json!(value);
        }
    }
    json!({ "selector": { "dnsZones": [dns.names(&spec.name).domain()] }, "dns01": { "route53": route53 } })
}

/// Kafka reads keys as PKCS #8 only.
fn certificate(spec: &TenantSpec, tls: &TlsSpec, issuer: &str) -> Manifest {
    let name = certificate_name(&spec.name);
    let names: Vec<String> = zones(spec).map(|dns| dns.names(&spec.name).wildcard()).collect();
    let mut fields = json!({
        "secretName": name,
        "dnsNames": names,
        "issuerRef": { "group": "cert-manager.io", "kind": Kind::ClusterIssuer.api().kind, "name": issuer },
        "privateKey": { "algorithm": "ECDSA", "size": 256, "encoding": "PKCS8", "rotationPolicy": "Always" },
        "secretTemplate": { "labels": labels(spec, &[]) },
    });
    for (key, hours) in [("duration", tls.duration_hours), ("renewBefore", tls.renew_before_hours)] {
        if let Some(hours) = hours {
            fields[key] = json!(format!("{hours}h0m0s"));
        }
    }
    manifest(spec, Kind::Certificate, name, json!({ "spec": fields }))
}

/// The Secret with the key of the account at the CA.
pub fn external_account(spec: &TenantSpec, hmac: &str) -> Manifest {
    let object = external_account_secret(&spec.name);
    let metadata = json!({ "name": object.name, "namespace": object.namespace, "labels": labels(spec, &[]) });
    let data = json!({ ACCOUNT_KEY: STANDARD.encode(hmac) });
    let body = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": data });
    Manifest { object, body }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::tenant::tests::{PAYMENTS, tenant};

    fn with(tls: Value) -> TenantSpec {
        let mut spec = tenant(PAYMENTS);
        let zone = json!({ "domain": "kafka.example.com", "zone_name": "example.com", "found": { "id": "Z1", "region": "eu-west-1" } });
        spec.dns = serde_json::from_value(zone).unwrap();
        spec.tls = serde_json::from_value(tls).unwrap();
        spec
    }

    #[test]
    fn one_wildcard_is_proved_in_the_tenants_zone_by_the_tenants_issuer() {
        let account = json!({ "directory_url": "https://ca/dir", "ca_certificate": "-----BEGIN CERTIFICATE-----", "external_account": { "key_id": "k1" } });
        let spec = with(json!({ "issuer": "acme", "email": "a@b.c", "acme": account, "duration_hours": 24 }));
        let built = build(&spec);
        let [issuer, certificate] = built.as_slice() else { panic!("{built:?}") };
        let acme = &issuer.body["spec"]["acme"];
        assert_eq!(issuer.object.to_string(), "ClusterIssuer kaas-payments");
        assert_eq!(acme["server"], "https://ca/dir");
        assert_eq!(acme["caBundle"], "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t");
        assert_eq!(acme["externalAccountBinding"]["keySecretRef"]["name"], "kaas-payments-acme-eab");
        assert_eq!(acme["solvers"][0]["selector"]["dnsZones"], json!(["payments.kafka.example.com"]));
        assert_eq!(acme["solvers"][0]["dns01"]["route53"], json!({ "hostedZoneID": "Z1", "region": "eu-west-1" }));
        assert_eq!(certificate.body["spec"]["dnsNames"], json!(["*.payments.kafka.example.com"]));
        assert_eq!(certificate.body["spec"]["issuerRef"]["name"], "kaas-payments");
        assert_eq!((&certificate.body["spec"]["duration"], &certificate.body["spec"]["privateKey"]["encoding"]), (&json!("24h0m0s"), &json!("PKCS8")));
    }

    #[test]
    fn the_key_of_an_account_is_in_its_secret_and_nowhere_else() {
        let account = json!({ "directory_url": "https://ca/dir", "external_account": { "key_id": "k1" } });
        let spec = with(json!({ "issuer": "acme", "acme": account }));
        let secret = external_account(&spec, "geheim");
        assert_eq!(secret.object.to_string(), "Secret cert-manager/kaas-payments-acme-eab");
        assert_eq!(secret.body["data"]["hmac"], "Z2VoZWlt");
        assert!(build(&spec).iter().all(|manifest| !manifest.body.to_string().contains("Z2VoZWlt")));
    }

    #[test]
    fn names_of_before_stay_in_the_certificate_while_they_are_given_up() {
        let mut spec = with(json!({ "issuer": "letsencrypt" }));
        spec.leaving = serde_json::from_value(json!({ "domain": "old.example.com", "zone_id": "Z2" })).unwrap();
        let built = build(&spec);
        assert_eq!(built[1].body["spec"]["dnsNames"], json!(["*.payments.kafka.example.com", "*.payments.old.example.com"]));
        assert_eq!(built[0].body["spec"]["acme"]["solvers"][1]["dns01"]["route53"]["hostedZoneID"], "Z2");
    }

    #[test]
    fn what_others_issue_or_keep_is_not_asked_of_an_issuer_of_ours() {
        let kinds = |tls: Value| build(&with(tls)).iter().map(|m| m.object.kind).collect::<Vec<_>>();
        assert_eq!(kinds(json!({ "issuer": "cluster-issuer", "cluster_issuer": "corporate" })), [Kind::Certificate]);
        assert_eq!(kinds(json!({ "issuer": "secret", "secret": "mine" })), []);
        assert_eq!(kinds(json!({ "issuer": "cluster" })), []);
    }
}
