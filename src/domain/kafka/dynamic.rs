//! Which broker settings a running Kafka takes in without a restart.
//!
//! Source: the set `ALL_DYNAMIC_CONFIGS` of `org.apache.kafka.server.config.DynamicBrokerConfig` in `org.apache.kafka:kafka-server:4.3.1`, of which
//! [`super::config`] leaves these to the user. Strimzi changes what Kafka can change at run time and restarts the brokers for the rest.

const SETTINGS: [&str; 61] = [
    "background.threads",
    "compression.gzip.level",
    "compression.lz4.level",
    "compression.type",
    "compression.zstd.level",
    "follower.fetch.last.tiered.offset.enable",
    "follower.replication.throttled.rate",
    "group.consumer.assignment.interval.ms",
    "group.coordinator.cached.buffer.max.bytes",
    "group.share.assignment.interval.ms",
    "group.streams.assignment.interval.ms",
    "leader.replication.throttled.rate",
    "log.cleaner.backoff.ms",
    "log.cleaner.dedupe.buffer.size",
    "log.cleaner.delete.retention.ms",
    "log.cleaner.io.buffer.load.factor",
    "log.cleaner.io.buffer.size",
    "log.cleaner.io.max.bytes.per.second",
    "log.cleaner.max.compaction.lag.ms",
    "log.cleaner.min.cleanable.ratio",
    "log.cleaner.min.compaction.lag.ms",
    "log.cleaner.threads",
    "log.cleanup.policy",
    "log.flush.interval.messages",
    "log.flush.interval.ms",
    "log.index.interval.bytes",
    "log.index.size.max.bytes",
    "log.local.retention.bytes",
    "log.local.retention.ms",
    "log.message.timestamp.after.max.ms",
    "log.message.timestamp.before.max.ms",
    "log.message.timestamp.type",
    "log.preallocate",
    "log.roll.jitter.ms",
    "log.roll.ms",
    "max.connection.creation.rate",
    "max.connections.per.ip.overrides",
    "message.max.bytes",
    "metric.reporters",
    "num.io.threads",
    "num.network.threads",
    "num.recovery.threads.per.data.dir",
    "num.replica.fetchers",
    "principal.builder.class",
    "producer.id.expiration.ms",
    "remote.fetch.max.wait.ms",
    "remote.list.offsets.request.timeout.ms",
    "remote.log.index.file.cache.total.size.bytes",
    "remote.log.manager.copier.thread.pool.size",
    "remote.log.manager.copy.max.bytes.per.second",
    "remote.log.manager.expiration.thread.pool.size",
    "remote.log.manager.fetch.max.bytes.per.second",
    "remote.log.manager.follower.thread.pool.size",
    "remote.log.reader.threads",
    "replica.alter.log.dirs.io.max.bytes.per.second",
    "share.coordinator.cached.buffer.max.bytes",
    "ssl.cipher.suites",
    "ssl.enabled.protocols",
    "ssl.protocol",
    "ssl.secure.random.implementation",
    "transaction.partition.verification.enable",
];

/// Whether a change of the setting takes effect while the broker runs. Kafka's names are lower case.
pub fn is_dynamic(setting: &str) -> bool {
    SETTINGS.contains(&setting)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::kafka::config::check_key;

    #[test]
    fn settings_read_at_the_start_only_are_told_from_those_that_can_change() {
        for setting in ["message.max.bytes", "log.cleaner.threads", "num.io.threads"] {
            assert!(is_dynamic(setting), "{setting}");
        }
        for setting in ["log.cleaner.enable", "log.roll.hours", "num.partitions", "auto.create.topics.enable"] {
            assert!(!is_dynamic(setting), "{setting}");
        }
    }

    #[test]
    fn every_one_of_them_is_the_users_to_set() {
        for setting in SETTINGS {
            assert_eq!(check_key(setting), Ok(()), "{setting}");
        }
    }
}
