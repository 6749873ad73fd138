//! The listener for clients outside: its load balancer or node ports, names, and certificate.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::domain::dns::{DnsSpec, ManagedBy, Names};
use crate::domain::external::{DNS_PREFIXES, ExternalSpec, ExternalType, LISTENER, PORT};
use crate::domain::sizing::CONNECTIONS_PER_BROKER;
use crate::domain::tenant::TenantSpec;

/// None: nobody outside comes in.
pub fn listener(spec: &TenantSpec) -> Option<Value> {
    let external = spec.outside()?;
    let kind = match external.kind {
        ExternalType::LoadBalancer => "loadbalancer",
        ExternalType::NodePort => "nodeport",
        ExternalType::None => return None,
    };
    let mut configuration = Map::from_iter([("maxConnections".to_owned(), json!(CONNECTIONS_PER_BROKER))]);
    if let Some(names) = spec.public_names() {
        // A client is sent to a broker by the name that the certificate holds.
        configuration.insert("advertisedHostTemplate".to_owned(), json!(names.broker_template()));
    }
    let mut bootstrap = Map::new();
    let hosts: Vec<String> = served(spec).iter().map(|(_, names)| names.bootstrap()).collect();
    if !hosts.is_empty() {
        bootstrap.insert("alternativeNames".to_owned(), json!(hosts));
    }
    let annotations = |host: fn(&Names) -> String| annotations(spec, &external, host);
    let (of_bootstrap, of_brokers) = (annotations(Names::bootstrap), annotations(Names::broker_template));
    if !of_bootstrap.is_empty() {
        bootstrap.insert("annotations".to_owned(), json!(of_bootstrap));
        configuration.insert("perBrokerAnnotationsTemplate".to_owned(), json!(of_brokers));
    }
    if !bootstrap.is_empty() {
        configuration.insert("bootstrap".to_owned(), Value::Object(bootstrap));
    }
    if external.kind == ExternalType::LoadBalancer && !external.source_ranges.is_empty() {
        configuration.insert("loadBalancerSourceRanges".to_owned(), json!(external.source_ranges));
    }
    if let Some(secret) = spec.own_certificate().and_then(|tls| tls.secret(&spec.name)) {
        let pair = json!({ "secretName": secret, "certificate": "tls.crt", "key": "tls.key" });
        configuration.insert("brokerCertChainAndKey".to_owned(), pair);
    }
    Some(json!({
        "name": LISTENER,
        "port": PORT,
        "type": kind,
        "tls": true,
        "authentication": { "type": spec.kafka.authentication.as_str() },
        "configuration": configuration,
    }))
}

/// The names that answer: those that are wanted, and those of before as long as they are given up.
fn served(spec: &TenantSpec) -> Vec<(&DnsSpec, Names)> {
    let Some(dns) = &spec.dns else { return Vec::new() };
    let before = spec.leaving.as_ref().filter(|before| before.domain != dns.domain);
    [Some(dns), before].into_iter().flatten().map(|dns| (dns, dns.names(&spec.name))).collect()
}

/// Of one Service. Source of those of AWS: the AWS Load Balancer Controller (scheme) and the AWS cloud controller (internal).
fn annotations(spec: &TenantSpec, external: &ExternalSpec, host: fn(&Names) -> String) -> BTreeMap<String, String> {
    let mut annotations = BTreeMap::new();
    if external.kind == ExternalType::LoadBalancer {
        let aws = |name: &str| format!("service.beta.kubernetes.io/aws-load-balancer-{name}");
        annotations.insert(aws("type"), "nlb".to_owned());
        annotations.insert(aws("scheme"), if external.internal { "internal" } else { "internet-facing" }.to_owned());
        if external.internal {
            annotations.insert(aws("internal"), "true".to_owned());
        }
    }
    annotations.extend(external.annotations.clone());
    let kept: Vec<_> = served(spec).into_iter().filter(|(dns, _)| dns.managed_by == ManagedBy::ExternalDns).collect();
    if let (Some((dns, _)), ExternalType::LoadBalancer) = (kept.first(), external.kind) {
        let hosts: Vec<String> = kept.iter().map(|(_, names)| host(names)).collect();
        for prefix in DNS_PREFIXES {
            annotations.insert(format!("{prefix}hostname"), hosts.join(","));
            annotations.insert(format!("{prefix}ttl"), dns.ttl_s.to_string());
        }
    }
    annotations
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::manifests::{build, components, home};
    use crate::domain::object::Kind;
    use crate::domain::sizing::size;
    use crate::domain::tenant::tests::{PAYMENTS, tenant, with_outside};
    use crate::domain::tenant::{Facts, Isolation, OwnCluster};

    fn zone() -> Value {
        json!({ "domain": "kafka.example.com", "zone_id": "Z1", "role_arn": "arn:aws:iam::1:role/dns", "found": { "id": "Z1", "region": "eu-west-1" } })
    }

    fn old() -> Option<DnsSpec> {
        serde_json::from_value(json!({ "domain": "old.example.com", "zone_id": "Z2" })).unwrap()
    }

    #[test]
    fn without_names_and_without_a_way_in_there_is_one_listener() {
        assert_eq!(listener(&tenant(PAYMENTS)), None);
        assert_eq!(listener(&with_outside(Value::Null, Value::Null, json!({ "type": "none" }))), None);
    }

    #[test]
    fn a_load_balancer_has_names_by_both_prefixes_and_the_certificate() {
        let external = json!({ "internal": true, "source_ranges": ["10.0.0.0/8"], "annotations": { "example.com/a": "b" } });
        let listener = listener(&with_outside(zone(), json!({ "issuer": "letsencrypt" }), external)).unwrap();
        assert_eq!((&listener["name"], &listener["port"], &listener["type"]), (&json!(LISTENER), &json!(9094), &json!("loadbalancer")));
        let configuration = &listener["configuration"];
        let bootstrap = &configuration["bootstrap"]["annotations"];
        let brokers = &configuration["perBrokerAnnotationsTemplate"];
        for prefix in DNS_PREFIXES {
            assert_eq!(bootstrap[format!("{prefix}hostname")], "bootstrap.payments.kafka.example.com");
            assert_eq!(brokers[format!("{prefix}hostname")], "broker-{nodeId}.payments.kafka.example.com");
            assert_eq!(brokers[format!("{prefix}ttl")], "60");
        }
        assert_eq!(bootstrap["service.beta.kubernetes.io/aws-load-balancer-scheme"], "internal");
        assert_eq!(brokers["example.com/a"], "b");
        assert_eq!(configuration["advertisedHostTemplate"], "broker-{nodeId}.payments.kafka.example.com");
        assert_eq!(configuration["loadBalancerSourceRanges"], json!(["10.0.0.0/8"]));
        assert_eq!(
            configuration["brokerCertChainAndKey"],
            json!({ "secretName": "payments-external-tls", "certificate": "tls.crt", "key": "tls.key" })
        );
    }

    #[test]
    fn who_writes_the_records_is_the_only_one_who_is_told_of_names() {
        for (managed_by, told) in [("external-dns", true), ("provider", false), ("none", false)] {
            let mut dns = zone();
            dns["managed_by"] = json!(managed_by);
            let text = listener(&with_outside(dns, Value::Null, Value::Null)).unwrap().to_string();
            assert_eq!(text.contains("external-dns."), told, "{managed_by}");
            assert!(text.contains("broker-{nodeId}.payments.kafka.example.com"));
        }
        let nodes = listener(&with_outside(Value::Null, Value::Null, json!({ "type": "node-port" }))).unwrap();
        assert_eq!(nodes["type"], "nodeport");
        assert!(!nodes.to_string().contains("annotations"));
    }

    #[test]
    fn names_of_before_answer_beside_the_new_ones_but_brokers_tell_the_new() {
        let mut spec = with_outside(zone(), json!({ "issuer": "letsencrypt" }), Value::Null);
        spec.leaving = old();
        let configuration = listener(&spec).unwrap()["configuration"].clone();
        let both = "bootstrap.payments.kafka.example.com,bootstrap.payments.old.example.com";
        assert_eq!(configuration["bootstrap"]["annotations"]["external-dns.kubernetes.io/hostname"], both);
        assert_eq!(configuration["bootstrap"]["alternativeNames"].as_array().unwrap().len(), 2);
        assert_eq!(configuration["advertisedHostTemplate"], "broker-{nodeId}.payments.kafka.example.com");
        spec.dns = None;
        spec.external = None;
        assert_eq!(listener(&spec), None, "names alone that are given up make no listener");
    }

    #[test]
    fn both_isolations_have_the_same_objects_but_the_home() {
        let mut soft = with_outside(zone(), json!({ "issuer": "letsencrypt" }), Value::Null);
        let mut hard = soft.clone();
        let own = OwnCluster { cluster: serde_json::from_value(json!({ "region": "eu-west-1" })).unwrap(), ..OwnCluster::default() };
        hard.isolation = Isolation::Cluster(Box::new(own.clone()));
        let sizing = size(&soft.wish, &soft.overrides, None).unwrap();
        let outside = |spec: &TenantSpec| -> Vec<Value> {
            let kinds = [Kind::ClusterIssuer, Kind::Certificate, Kind::NetworkPolicy];
            let built = build(spec, &sizing, &Facts::default());
            let kafka = built.iter().filter(|m| m.object.kind == Kind::Kafka).map(|m| m.body["spec"]["kafka"]["listeners"].clone());
            built.iter().filter(|m| kinds.contains(&m.object.kind)).map(|m| m.body.clone()).chain(kafka).collect()
        };
        assert_eq!(outside(&soft), outside(&hard));
        assert_eq!(outside(&soft).len(), 4);
        assert!(home(&soft, &sizing).is_empty());
        hard.leaving = old();
        let dns = components(&hard, &own).external_dns.unwrap();
        assert_eq!(dns.zone_ids, ["Z1", "Z2"]);
        assert_eq!(dns.domains, ["payments.kafka.example.com", "payments.old.example.com"]);
        assert_eq!((dns.role_arn.as_deref(), dns.region.as_deref()), (Some("arn:aws:iam::1:role/dns"), Some("eu-west-1")));
        soft.dns.as_mut().unwrap().managed_by = ManagedBy::Provider;
        assert_eq!(components(&soft, &own).external_dns, None);
    }
}
