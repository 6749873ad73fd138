//! A listener of a Kafka as Strimzi's API has it, and the names, ports and hosts that follow from it alone. Pure. The rules are those of
//! Strimzi's `ListenersUtils`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::api::{Typed, invalid};

/// A listener.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Listener {
    pub name: String,
    pub port: u16,
    #[serde(rename = "type")]
    pub kind: String,
    pub tls: bool,
    pub authentication: Option<Typed>,
    #[serde(default)]
    pub configuration: ListenerConfiguration,
}

/// The part of a listener's configuration that changes what clients see.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListenerConfiguration {
    pub broker_cert_chain_and_key: Option<CertAndKey>,
    pub bootstrap: BootstrapConfiguration,
    pub brokers: Vec<BrokerConfiguration>,
    pub advertised_host_template: Option<String>,
    pub advertised_port_template: Option<String>,
    pub per_broker_annotations_template: BTreeMap<String, String>,
    pub per_broker_labels_template: BTreeMap<String, String>,
    pub class: Option<String>,
    pub external_traffic_policy: Option<String>,
    pub load_balancer_source_ranges: Vec<String>,
    pub finalizers: Vec<String>,
    pub create_bootstrap_service: Option<bool>,
    pub allocate_load_balancer_node_ports: Option<bool>,
    pub publish_not_ready_addresses: Option<bool>,
}

/// The bootstrap Service of a listener, and names a client may use for it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BootstrapConfiguration {
    pub alternative_names: Vec<String>,
    pub host: Option<String>,
    pub annotations: BTreeMap<String, String>,
    pub labels: BTreeMap<String, String>,
    pub node_port: Option<u16>,
    #[serde(rename = "loadBalancerIP")]
    pub load_balancer_ip: Option<String>,
    #[serde(rename = "externalIPs")]
    pub external_ips: Vec<String>,
}

/// What is otherwise for one broker.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BrokerConfiguration {
    pub broker: i32,
    pub advertised_host: Option<String>,
    pub advertised_port: Option<u16>,
    pub annotations: BTreeMap<String, String>,
    pub labels: BTreeMap<String, String>,
    pub node_port: Option<u16>,
    #[serde(rename = "loadBalancerIP")]
    pub load_balancer_ip: Option<String>,
    #[serde(rename = "externalIPs")]
    pub external_ips: Vec<String>,
}

/// A listener's own certificate, in a Secret.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CertAndKey {
    pub secret_name: String,
    pub certificate: String,
    pub key: String,
}

/// A broker, as templates name it.
#[derive(Debug, Clone, Copy)]
pub struct Broker<'a> {
    pub id: i32,
    pub pod: &'a str,
}

impl Broker<'_> {
    fn fill(self, template: &str) -> String {
        template.replace("{nodeId}", &self.id.to_string()).replace("{nodePodName}", self.pod)
    }

    fn fill_all(self, template: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        template.iter().map(|(key, value)| (key.clone(), self.fill(value))).collect()
    }
}

impl Listener {
    /// `TLS-9093`: how Strimzi names the listener in Kafka's configuration.
    pub fn kafka_name(&self) -> String {
        format!("{}-{}", self.name.to_uppercase(), self.port)
    }

    /// `tls`, `scram-sha-512` or nothing.
    pub fn authentication(&self) -> Option<&str> {
        self.authentication.as_ref().map(|a| a.kind.as_str())
    }

    pub fn is_internal(&self) -> bool {
        self.kind == "internal"
    }

    /// The type of its own Services, where clients outside the cluster use it and the lab gives it any.
    pub fn service_type(&self) -> Option<&'static str> {
        match self.kind.as_str() {
            "loadbalancer" => Some("LoadBalancer"),
            "nodeport" => Some("NodePort"),
            _ => None,
        }
    }

    /// Whether it is the one that older versions knew, whose Services keep their names of then.
    fn is_of_old(&self) -> bool {
        self.name == "external" && self.port == 9094
    }

    /// The name of its port in Services.
    pub fn port_name(&self) -> String {
        match (self.name.as_str(), self.port, self.is_internal()) {
            ("plain", 9092, true) => "tcp-clients".to_owned(),
            ("tls", 9093, true) => "tcp-clientstls".to_owned(),
            (name, ..) => format!("tcp-{name}"),
        }
    }

    /// The name of its bootstrap Service; none where it shall have none.
    pub fn bootstrap_service(&self, cluster: &str) -> Option<String> {
        let wanted = self.kind != "loadbalancer" || self.configuration.create_bootstrap_service.unwrap_or(true);
        wanted.then(|| format!("{cluster}-kafka-{}-bootstrap", self.name))
    }

    /// The name of the Service of one of its brokers.
    pub fn broker_service(&self, cluster: &str, pool: &str, id: i32) -> String {
        if self.is_of_old() { format!("{cluster}-{pool}-{id}") } else { format!("{cluster}-{pool}-{}-{id}", self.name) }
    }

    /// What is set for one broker alone.
    pub fn broker(&self, id: i32) -> BrokerConfiguration {
        self.configuration.brokers.iter().find(|one| one.broker == id).cloned().unwrap_or_default()
    }

    /// Annotations of a broker's Service: the template, and over it what is set for this broker.
    pub fn broker_annotations(&self, broker: Broker<'_>) -> BTreeMap<String, String> {
        let mut all = broker.fill_all(&self.configuration.per_broker_annotations_template);
        all.extend(self.broker(broker.id).annotations);
        all
    }

    /// Labels of a broker's Service, in the same way.
    pub fn broker_labels(&self, broker: Broker<'_>) -> BTreeMap<String, String> {
        let mut all = broker.fill_all(&self.configuration.per_broker_labels_template);
        all.extend(self.broker(broker.id).labels);
        all
    }

    /// The host a broker shall tell its clients, where one is given.
    pub fn advertised_host(&self, broker: Broker<'_>) -> Option<String> {
        let template = || self.configuration.advertised_host_template.as_ref().map(|template| broker.fill(template));
        self.broker(broker.id).advertised_host.or_else(template)
    }

    /// The port a broker shall tell its clients, where one is given.
    pub fn advertised_port(&self, broker: Broker<'_>) -> anyhow::Result<Option<u16>> {
        if let Some(port) = self.broker(broker.id).advertised_port {
            return Ok(Some(port));
        }
        let Some(template) = &self.configuration.advertised_port_template else { return Ok(None) };
        let wrong = || invalid(format!("listener {}: the advertisedPortTemplate {template} gives no port", self.name));
        calculate(&broker.fill(template)).and_then(|port| u16::try_from(port).ok()).map(Some).ok_or_else(wrong)
    }

    /// Names for which certificates of the cluster's own authority are made, besides its addresses.
    pub fn alternative_names(&self) -> impl Iterator<Item = &String> {
        let bootstrap = &self.configuration.bootstrap;
        bootstrap.alternative_names.iter().chain(&bootstrap.host)
    }
}

/// The value of `9000 + 10 * 3`: whole numbers, `+`, `-` and `*`.
fn calculate(formula: &str) -> Option<i64> {
    let formula: String = formula.chars().filter(|c| !c.is_whitespace()).collect::<String>().replace('-', "+-");
    let product = |term: &str| term.split('*').try_fold(1_i64, |all, factor| all.checked_mul(factor.parse().ok()?));
    formula.trim_start_matches('+').split('+').try_fold(0_i64, |all, term| all.checked_add(product(term)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener(name: &str, port: u16, configuration: serde_json::Value) -> Listener {
        let text = serde_json::json!({"name": name, "port": port, "type": "loadbalancer", "tls": true, "configuration": configuration});
        serde_json::from_value(text).unwrap()
    }

    #[test]
    fn services_are_named_by_pool_and_listener_but_those_of_the_first_external_listener() {
        let (old, new) = (listener("external", 9094, serde_json::json!({})), listener("public", 9094, serde_json::json!({})));
        assert_eq!(old.broker_service("demo", "brokers", 2), "demo-brokers-2");
        assert_eq!(new.broker_service("demo", "brokers", 2), "demo-brokers-public-2");
        assert_eq!(old.bootstrap_service("demo").unwrap(), "demo-kafka-external-bootstrap");
        let none = listener("public", 9094, serde_json::json!({"createBootstrapService": false}));
        assert_eq!(none.bootstrap_service("demo"), None);
    }

    #[test]
    fn templates_are_filled_for_each_broker_and_give_way_to_what_is_set_for_it() {
        let listener = listener(
            "external",
            9094,
            serde_json::json!({"advertisedHostTemplate": "broker-{nodeId}.example.test", "advertisedPortTemplate": "9000 + 10 * {nodeId} - 1",
                "perBrokerAnnotationsTemplate": {"name": "{nodePodName}", "kept": "1"},
                "brokers": [{"broker": 3, "advertisedHost": "other", "advertisedPort": 7, "annotations": {"name": "mine"}}]}),
        );
        let (second, third) = (Broker { id: 2, pod: "demo-brokers-2" }, Broker { id: 3, pod: "demo-brokers-3" });
        assert_eq!(listener.advertised_host(second).unwrap(), "broker-2.example.test");
        assert_eq!(listener.advertised_port(second).unwrap(), Some(9019));
        assert_eq!(listener.broker_annotations(second)["name"], "demo-brokers-2");
        assert_eq!((listener.advertised_host(third).unwrap(), listener.advertised_port(third).unwrap()), ("other".to_owned(), Some(7)));
        let annotations = listener.broker_annotations(third);
        assert_eq!((annotations["name"].as_str(), annotations["kept"].as_str()), ("mine", "1"));
    }

    #[test]
    fn a_port_formula_that_gives_no_port_is_refused() {
        for formula in ["9000 +", "nine", "0 - {nodeId}", "65535 * 2"] {
            let listener = listener("external", 9094, serde_json::json!({"advertisedPortTemplate": formula}));
            let told = listener.advertised_port(Broker { id: 1, pod: "p" }).unwrap_err().to_string();
            assert!(told.contains(formula), "{told}");
        }
    }
}
