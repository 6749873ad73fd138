//! Which broker settings a user may set himself.
//!
//! Two lists refuse one: Strimzi's (it would drop the setting with no more than a warning) and ours, of settings that a sizing stands on.
//! Source of the first: constants `FORBIDDEN_PREFIXES` and `FORBIDDEN_PREFIX_EXCEPTIONS` of
//! `io.strimzi.api.kafka.model.kafka.KafkaClusterSpec` in `io.strimzi:api:1.2.0`.

use std::collections::BTreeMap;

use thiserror::Error;

/// Beginnings of the names of settings that are not the user's: Strimzi's list, and at its end ours.
pub const FORBIDDEN_PREFIXES: [&str; 34] = [
    "listeners",
    "advertised.",
    "broker.",
    "listener.",
    "host.name",
    "port",
    "inter.broker.listener.name",
    "sasl.",
    "ssl.",
    "security.",
    "password.",
    "log.dir",
    "zookeeper.connect",
    "zookeeper.set.acl",
    "zookeeper.ssl",
    "zookeeper.clientCnxnSocket",
    "authorizer.",
    "super.user",
    "cruise.control.metrics.topic",
    "cruise.control.metrics.reporter.bootstrap.servers",
    "node.id",
    "process.roles",
    "controller.",
    "metadata.log.dir",
    "zookeeper.metadata.migration.enable",
    "client.quota.callback.static.kafka.admin.",
    "client.quota.callback.static.produce",
    "client.quota.callback.static.fetch",
    "client.quota.callback.static.storage.per.volume.limit.min.available.",
    "client.quota.callback.static.excluded.principal.name.list",
    "prometheus.metrics.reporter.",
    "cordoned.log.dirs",
    // Not in Strimzi's list, but set by it for the quotas.
    "client.quota.callback.class",
    "client.quota.callback.static.",
];

/// Settings with such a beginning that are the user's all the same.
pub const FORBIDDEN_PREFIX_EXCEPTIONS: [&str; 18] = [
    "zookeeper.connection.timeout.ms",
    "sasl.server.max.receive.size",
    "ssl.cipher.suites",
    "ssl.protocol",
    "ssl.enabled.protocols",
    "ssl.secure.random.implementation",
    "cruise.control.metrics.topic.num.partitions",
    "cruise.control.metrics.topic.replication.factor",
    "cruise.control.metrics.topic.retention.ms",
    "cruise.control.metrics.topic.auto.create.retries",
    "cruise.control.metrics.topic.auto.create.timeout.ms",
    "cruise.control.metrics.topic.min.insync.replicas",
    "broker.session.timeout.ms",
    "broker.heartbeat.interval.ms",
    "controller.socket.timeout.ms",
    "controller.quorum.election.backoff.max.ms",
    "controller.quorum.election.timeout.ms",
    "controller.quorum.fetch.timeout.ms",
];

/// Settings that a sizing stands on, and what to say instead.
const SIZED: [(&str, &str); 19] = [
    ("default.replication.factor", "every topic has three replicas, which the sizing counts with"),
    ("min.insync.replicas", "two of three replicas acknowledge, so that one broker may be lost without losing data"),
    ("offsets.topic.replication.factor", "Kafka's own topics have three replicas"),
    ("transaction.state.log.replication.factor", "Kafka's own topics have three replicas"),
    ("transaction.state.log.min.isr", "two of three replicas acknowledge"),
    ("share.coordinator.state.topic.replication.factor", "Kafka's own topics have three replicas"),
    ("share.coordinator.state.topic.min.isr", "two of three replicas acknowledge"),
    ("unclean.leader.election.enable", "a replica that lags behind would lose acknowledged messages"),
    ("log.retention.ms", "set the retention of the tenant, from which the volumes are sized"),
    ("log.retention.minutes", "set the retention of the tenant, from which the volumes are sized"),
    ("log.retention.hours", "set the retention of the tenant, from which the volumes are sized"),
    ("log.retention.bytes", "set the retention of the tenant in GiB, from which the volumes are sized"),
    ("log.segment.bytes", "it follows from the retention and the partitions of the tenant"),
    ("log.retention.check.interval.ms", "what has had its time has to leave before the volumes are full"),
    ("log.segment.delete.delay.ms", "what has had its time has to leave before the volumes are full"),
    ("max.connections", "the number of connections follows from the sizing; more brokers take more"),
    ("max.connections.per.ip", "the number of connections follows from the sizing; more brokers take more"),
    ("inter.broker.protocol.version", "set the metadata version"),
    ("log.message.format.version", "set the metadata version"),
];

/// A setting of which some values break the sizing.
struct SizedValue {
    setting: &'static str,
    breaks: fn(&str) -> bool,
    instead: &'static str,
}

const SIZED_VALUES: [SizedValue; 2] = [
    SizedValue {
        setting: "log.cleanup.policy",
        breaks: |value| value.split(',').all(|policy| policy.trim() != "delete"),
        instead: "without \"delete\" nothing leaves after the retention, from which the volumes are sized; set cleanup.policy of the topics that are to be compacted",
    },
    SizedValue {
        setting: "compression.type",
        breaks: |value| value.trim() == "uncompressed",
        instead: "volumes and network are sized from the throughput as producers send it; leave compression to them",
    },
];

/// Why one setting is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConfigError {
    #[error("Kafka setting {key:?} is kept by Strimzi (it owns {prefix:?}) and would be dropped; remove it")]
    Forbidden { key: String, prefix: &'static str },
    #[error("Kafka setting {key:?} cannot be set: {instead}")]
    Sized { key: String, instead: &'static str },
    #[error("Kafka setting {key:?} cannot be {value:?}: {instead}")]
    SizedValue { key: String, value: String, instead: &'static str },
    #[error("{key:?} is no name of a Kafka setting: allowed are letters, digits, \".\", \"-\" and \"_\"")]
    Name { key: String },
}

impl ConfigError {
    pub fn key(&self) -> &str {
        match self {
            Self::Forbidden { key, .. } | Self::Sized { key, .. } | Self::SizedValue { key, .. } | Self::Name { key } => key,
        }
    }
}

/// Every setting in the map that the user may not set, in the order of their names.
pub fn check(config: &BTreeMap<String, String>) -> Vec<ConfigError> {
    config.iter().filter_map(|(key, value)| check_key(key).and_then(|()| check_value(key, value)).err()).collect()
}

fn check_value(key: &str, value: &str) -> Result<(), ConfigError> {
    match SIZED_VALUES.iter().find(|sized| key.eq_ignore_ascii_case(sized.setting) && (sized.breaks)(value)) {
        Some(sized) => Err(ConfigError::SizedValue { key: key.to_owned(), value: value.to_owned(), instead: sized.instead }),
        None => Ok(()),
    }
}

/// # Errors
/// The setting is owned by Strimzi or by the sizing, or is none.
pub fn check_key(key: &str) -> Result<(), ConfigError> {
    let own = || key.to_owned();
    if key.is_empty() || !key.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c)) {
        return Err(ConfigError::Name { key: own() });
    }
    // Kafka's names are lower case and Strimzi compares without case.
    let lower = key.to_ascii_lowercase();
    if let Some((_, instead)) = SIZED.iter().find(|(sized, _)| *sized == lower) {
        return Err(ConfigError::Sized { key: own(), instead });
    }
    match kept_by_strimzi(key) {
        Some(prefix) => Err(ConfigError::Forbidden { key: own(), prefix }),
        None => Ok(()),
    }
}

/// The beginning of its name for which Strimzi keeps a setting to itself, and drops what the user says of it; None: it is the user's.
pub fn kept_by_strimzi(key: &str) -> Option<&'static str> {
    let lower = key.to_ascii_lowercase();
    if FORBIDDEN_PREFIX_EXCEPTIONS.contains(&lower.as_str()) {
        return None;
    }
    FORBIDDEN_PREFIXES.into_iter().find(|prefix| lower.starts_with(&prefix.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_strimzi_are_refused_and_its_exceptions_allowed() {
        for key in
            ["listeners", "broker.id", "SSL.keystore.location", "sasl.enabled.mechanisms", "node.id", "log.dirs", "authorizer.class.name"]
        {
            assert!(matches!(check_key(key), Err(ConfigError::Forbidden { .. })), "{key}");
        }
        for key in ["ssl.cipher.suites", "broker.session.timeout.ms", "controller.quorum.fetch.timeout.ms"] {
            assert_eq!(check_key(key), Ok(()), "{key}");
        }
    }

    #[test]
    fn settings_that_break_the_sizing_are_refused_with_what_to_set_instead() {
        let message = check_key("log.retention.ms").unwrap_err().to_string();
        assert_eq!(
            message,
            "Kafka setting \"log.retention.ms\" cannot be set: set the retention of the tenant, from which the volumes are sized"
        );
        for key in ["min.insync.replicas", "default.replication.factor", "unclean.leader.election.enable", "log.retention.hours"] {
            assert!(matches!(check_key(key), Err(ConfigError::Sized { .. })), "{key}");
        }
        assert!(matches!(check_key("client.quota.callback.class"), Err(ConfigError::Forbidden { .. })));
    }

    #[test]
    fn values_that_break_the_sizing_are_refused_and_others_of_the_setting_are_not() {
        let check = |key: &str, value: &str| check(&[(key.to_owned(), value.to_owned())].into());
        for (key, breaking, harmless) in [
            ("log.cleanup.policy", "compact", "compact, delete"),
            ("compression.type", "uncompressed", "zstd"),
            ("Compression.Type", "uncompressed", "producer"),
        ] {
            let faults = check(key, breaking);
            assert!(matches!(&faults[..], [ConfigError::SizedValue { .. }]), "{faults:?}");
            assert_eq!(check(key, harmless), [], "{key}");
        }
    }

    #[test]
    fn other_settings_are_the_users_and_all_faults_are_told_at_once() {
        let config = ["message.max.bytes", "auto.create.topics.enable", "num.partitions", "listeners", "log.retention.ms", "a b", ""];
        let config = config.map(|key| (key.to_owned(), "1".to_owned())).into();
        let faults = check(&config);
        let keys: Vec<&str> = faults.iter().map(ConfigError::key).collect();
        assert_eq!(keys, ["", "a b", "listeners", "log.retention.ms"]);
    }
}
