//! The `server.config` of a node, as Strimzi writes it: for the process on this machine, and, with a pod's names, for the ConfigMap
//! the real operator leaves. Pure.

use std::collections::BTreeMap;
use std::path::PathBuf;

use kaas::domain::kafka::config::kept_by_strimzi;

use super::api::{Authorization, Listener, Quotas};

/// What a node's configuration is made of.
#[derive(Debug, Clone)]
pub struct Model {
    pub namespace: String,
    pub cluster: String,
    pub nodes: Vec<Node>,
    pub listeners: Vec<Listener>,
    pub authorization: Option<Authorization>,
    pub quotas: Option<Quotas>,
    pub config: BTreeMap<String, String>,
    pub rack: bool,
}

/// One Kafka node.
#[derive(Debug, Clone)]
pub struct Node {
    pub id: i32,
    pub pool: String,
    pub controller: bool,
    pub broker: bool,
    /// Volume names of its pod, `data-0`; the metadata volume first.
    pub volumes: Vec<String>,
    /// Ports on 127.0.0.1 by Kafka's listener name.
    pub ports: BTreeMap<String, u16>,
    /// `host:port` that it tells clients from outside the cluster, by Kafka's listener name.
    pub advertised: BTreeMap<String, String>,
}

impl Node {
    /// The name of its pod.
    pub fn pod(&self, cluster: &str) -> String {
        format!("{cluster}-{}-{}", self.pool, self.id)
    }

    /// Its port on 127.0.0.1 for a listener.
    pub fn port(&self, listener: &str) -> u16 {
        self.ports.get(listener).copied().unwrap_or_default()
    }
}

pub const CONTROL: &str = "CONTROLPLANE-9090";
pub const REPLICATION: &str = "REPLICATION-9091";

/// Where a node runs, which decides its addresses and paths.
#[derive(Debug, Clone)]
pub enum Place {
    /// A process of this machine; the folder of the cluster.
    Process(PathBuf),
    /// A pod, as the real operator would run it.
    Pod,
}

/// What keeps an idle node small; whatever the user's config says comes after.
const SLIM: [(&str, &str); 13] = [
    ("log.cleaner.dedupe.buffer.size", "2097152"),
    ("log.cleaner.io.buffer.size", "65536"),
    ("num.network.threads", "2"),
    ("num.io.threads", "2"),
    ("background.threads", "2"),
    ("group.coordinator.threads", "1"),
    ("share.coordinator.threads", "1"),
    ("num.replica.fetchers", "1"),
    ("log.index.size.max.bytes", "1048576"),
    ("offsets.topic.num.partitions", "5"),
    ("transaction.state.log.num.partitions", "5"),
    ("share.coordinator.state.topic.num.partitions", "5"),
    ("controlled.shutdown.enable", "true"),
];

/// Whether Strimzi drops this key of `spec.kafka.config`. A test holds the lists against those of its own model.
pub fn forbidden(key: &str) -> bool {
    kept_by_strimzi(key).is_some()
}

/// Principals of Strimzi's own components, which every access rule and quota leaves alone.
pub fn own_principals(cluster: &str) -> Vec<String> {
    let parts = ["kafka", "entity-topic-operator", "entity-user-operator", "kafka-exporter", "cruise-control"];
    let mut names: Vec<String> = parts.iter().map(|p| format!("User:CN={cluster}-{p},O=io.strimzi")).collect();
    names.push("User:CN=cluster-operator,O=io.strimzi".to_owned());
    names
}

/// Renders one node's configuration, sorted by key.
pub fn render(model: &Model, node: &Node, place: &Place) -> BTreeMap<String, String> {
    let mut out = Out { model, node, place, map: BTreeMap::new() };
    if matches!(place, Place::Process(_)) {
        SLIM.iter().for_each(|(k, v)| out.put(*k, *v));
    }
    for (key, value) in model.config.iter().filter(|(k, _)| !forbidden(k)) {
        out.put(key, value);
    }
    out.identity();
    out.addresses();
    out.internal_listeners();
    if node.broker {
        model.listeners.iter().for_each(|l| out.user_listener(l));
        out.strimzi_quotas();
    }
    out.access();
    out.map
}

/// The text of a properties file.
pub fn to_text(properties: &BTreeMap<String, String>) -> String {
    properties.iter().map(|(k, v)| format!("{k}={}\n", v.replace('\\', "\\\\").replace('\n', "\\n"))).collect()
}

struct Out<'a> {
    model: &'a Model,
    node: &'a Node,
    place: &'a Place,
    map: BTreeMap<String, String>,
}

impl Out<'_> {
    fn put(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.map.insert(key.into(), value.into());
    }

    fn secret(&self, secret: &str, key: &str) -> String {
        match self.place {
            Place::Process(folder) => format!("${{strimzisecrets:{}/pki/{secret}:{key}}}", folder.display()),
            Place::Pod => format!("${{strimzisecrets:{}/{secret}:{key}}}", self.model.namespace),
        }
    }

    fn host(&self, node: &Node) -> String {
        match self.place {
            Place::Process(_) => "127.0.0.1".to_owned(),
            Place::Pod => {
                let (cluster, namespace) = (&self.model.cluster, &self.model.namespace);
                format!("{}.{cluster}-kafka-brokers.{namespace}.svc", node.pod(cluster))
            }
        }
    }

    fn port(&self, node: &Node, listener: &str) -> u16 {
        match self.place {
            Place::Process(_) => node.port(listener),
            Place::Pod => listener.rsplit('-').next().and_then(|p| p.parse().ok()).unwrap_or_default(),
        }
    }

    fn identity(&mut self) {
        let roles = [(self.node.broker, "broker"), (self.node.controller, "controller")];
        self.put("node.id", self.node.id.to_string());
        self.put("process.roles", roles.iter().filter(|r| r.0).map(|r| r.1).collect::<Vec<_>>().join(","));
        let voters = self.model.nodes.iter().filter(|n| n.controller);
        let voters = voters.map(|n| format!("{}@{}:{}", n.id, self.host(n), self.port(n, CONTROL))).collect::<Vec<_>>();
        self.put("controller.quorum.voters", voters.join(","));
        self.put("controller.listener.names", CONTROL);
        let base = match self.place {
            Place::Process(folder) => folder.join("nodes").join(self.node.pod(&self.model.cluster)).display().to_string(),
            Place::Pod => "/var/lib/kafka".to_owned(),
        };
        let dirs: Vec<String> = self.node.volumes.iter().map(|v| format!("{base}/{v}/kafka-log{}", self.node.id)).collect();
        self.put("metadata.log.dir", dirs.first().cloned().unwrap_or_default());
        self.put("log.dirs", dirs.join(","));
        if self.node.broker && self.model.rack {
            self.put("broker.rack", format!("zone-{}", self.node.id % 3));
        }
    }

    fn addresses(&mut self) {
        let mut names = Vec::new();
        let mut protocols = vec![format!("{CONTROL}:SSL"), format!("{REPLICATION}:SSL")];
        if self.node.controller {
            names.push(CONTROL.to_owned());
        }
        if self.node.broker {
            names.push(REPLICATION.to_owned());
            names.extend(self.model.listeners.iter().map(Listener::kafka_name));
            self.put("inter.broker.listener.name", REPLICATION);
        }
        for listener in &self.model.listeners {
            let protocol = match (listener.authentication() == Some("scram-sha-512"), listener.tls) {
                (true, true) => "SASL_SSL",
                (true, false) => "SASL_PLAINTEXT",
                (false, true) => "SSL",
                (false, false) => "PLAINTEXT",
            };
            protocols.push(format!("{}:{protocol}", listener.kafka_name()));
        }
        let bind = if matches!(self.place, Place::Pod) { "0.0.0.0" } else { "127.0.0.1" };
        let own = |name: &str, host: &str| format!("{name}://{host}:{}", self.port(self.node, name));
        let told = |name: &str| self.node.advertised.get(name).map(|address| format!("{name}://{address}"));
        let host = self.host(self.node);
        let listeners = names.iter().map(|n| own(n, bind)).collect::<Vec<_>>().join(",");
        let advertised = names.iter().map(|n| told(n).unwrap_or_else(|| own(n, &host))).collect::<Vec<_>>().join(",");
        self.put("listeners", listeners);
        self.put("advertised.listeners", advertised);
        self.put("listener.security.protocol.map", protocols.join(","));
        self.put("sasl.enabled.mechanisms", "");
        self.put("ssl.endpoint.identification.algorithm", "HTTPS");
    }

    fn tls(&mut self, listener: &str, secret: &str, certificate: &str, key: &str) {
        let prefix = format!("listener.name.{}.ssl", listener.to_lowercase());
        self.put(format!("{prefix}.keystore.certificate.chain"), self.secret(secret, certificate));
        self.put(format!("{prefix}.keystore.key"), self.secret(secret, key));
        self.put(format!("{prefix}.keystore.type"), "PEM");
    }

    fn trust(&mut self, listener: &str, authority: &str) {
        let prefix = format!("listener.name.{}.ssl", listener.to_lowercase());
        let bundle = format!("{}-trustbundle", self.model.cluster);
        self.put(format!("{prefix}.truststore.certificates"), self.secret(&bundle, authority));
        self.put(format!("{prefix}.truststore.type"), "PEM");
        self.put(format!("{prefix}.client.auth"), "required");
    }

    fn internal_listeners(&mut self) {
        let pod = self.node.pod(&self.model.cluster);
        let internal = if self.node.broker { vec![CONTROL, REPLICATION] } else { vec![CONTROL] };
        for listener in internal {
            self.tls(listener, &pod, &format!("{pod}.crt"), &format!("{pod}.key"));
            self.trust(listener, "cluster-ca.crt");
        }
    }

    fn user_listener(&mut self, listener: &Listener) {
        let name = listener.kafka_name();
        if listener.tls {
            let pod = self.node.pod(&self.model.cluster);
            match &listener.configuration.broker_cert_chain_and_key {
                Some(own) => self.tls(&name, &own.secret_name, &own.certificate, &own.key),
                None => self.tls(&name, &pod, &format!("{pod}.crt"), &format!("{pod}.key")),
            }
        }
        let prefix = format!("listener.name.{}", name.to_lowercase());
        match listener.authentication() {
            Some("tls") => self.trust(&name, "clients-ca.crt"),
            Some("scram-sha-512") => {
                self.put(format!("{prefix}.sasl.enabled.mechanisms"), "SCRAM-SHA-512");
                let module = "org.apache.kafka.common.security.scram.ScramLoginModule required;";
                self.put(format!("{prefix}.scram-sha-512.sasl.jaas.config"), module);
            }
            _ => {}
        }
    }

    fn access(&mut self) {
        self.put("config.providers", "strimzisecrets,strimzienv");
        self.put("config.providers.strimzienv.class", "org.apache.kafka.common.config.provider.EnvVarConfigProvider");
        let class = match self.place {
            Place::Process(folder) => {
                self.put("config.providers.strimzisecrets.param.allowed.paths", folder.join("pki").display().to_string());
                "org.apache.kafka.common.config.provider.DirectoryConfigProvider"
            }
            Place::Pod => "io.strimzi.kafka.KubernetesSecretConfigProvider",
        };
        self.put("config.providers.strimzisecrets.class", class);
        let Some(authorization) = self.model.authorization.as_ref().filter(|a| a.kind == "simple") else { return };
        let mut super_users = own_principals(&self.model.cluster);
        super_users.extend(authorization.super_users.iter().map(|u| format!("User:{u}")));
        self.put("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer");
        self.put("super.users", super_users.join(";"));
    }

    /// The plugin behind quotas of type `strimzi`: it holds all clients of a broker together to the rates.
    fn strimzi_quotas(&mut self) {
        const P: &str = "client.quota.callback.static";
        let Some(quotas) = self.model.quotas.as_ref().filter(|q| q.kind == "strimzi") else { return };
        // A process has no volume of its own: a full disk of this machine must not throttle the tenants of a lab.
        let volume = |limit: Option<String>| limit.filter(|_| matches!(self.place, Place::Pod));
        let limits = [
            ("produce", quotas.producer_byte_rate.map(|v| v.to_string())),
            ("fetch", quotas.consumer_byte_rate.map(|v| v.to_string())),
            ("storage.per.volume.limit.min.available.bytes", volume(quotas.min_available_bytes_per_volume.map(|v| v.to_string()))),
            ("storage.per.volume.limit.min.available.ratio", volume(quotas.min_available_ratio_per_volume.map(|v| v.to_string()))),
        ];
        for (key, value) in limits {
            if let Some(value) = value {
                self.put(format!("{P}.{key}"), value);
            }
        }
        let mut excluded = own_principals(&self.model.cluster);
        excluded.extend(quotas.excluded_principals.iter().map(|p| format!("User:{p}")));
        self.put("client.quota.callback.class", "io.strimzi.kafka.quotas.StaticQuotaCallback");
        self.put(format!("{P}.excluded.principal.name.list"), excluded.join(";"));
        let pod = self.node.pod(&self.model.cluster);
        let address = match self.place {
            Place::Process(_) => format!("127.0.0.1:{}", self.node.port(REPLICATION)),
            Place::Pod => format!("{}-kafka-bootstrap:9091", self.model.cluster),
        };
        let admin = [
            ("bootstrap.servers", address),
            ("security.protocol", "SSL".to_owned()),
            ("ssl.keystore.certificate.chain", self.secret(&pod, &format!("{pod}.crt"))),
            ("ssl.keystore.key", self.secret(&pod, &format!("{pod}.key"))),
            ("ssl.keystore.type", "PEM".to_owned()),
            ("ssl.truststore.certificates", self.secret(&format!("{}-trustbundle", self.model.cluster), "cluster-ca.crt")),
            ("ssl.truststore.type", "PEM".to_owned()),
        ];
        for (key, value) in admin {
            self.put(format!("{P}.kafka.admin.{key}"), value);
        }
    }
}
