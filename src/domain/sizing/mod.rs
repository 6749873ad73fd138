//! From a wish in throughput and retention to a sized Kafka, with the reason for every figure.
//!
//! Whole numbers only, so that the same wish gives the same figures on every machine. A chain of layouts (`layout`) is tried from the
//! smallest; the first that carries the wish with one broker lost (`load`, `volume`) is taken, so a larger wish never gets less.

mod check;
mod error;
pub mod instance;
mod layout;
mod load;
mod reasons;
#[cfg(test)]
mod tests;
pub mod volume;
mod wish;

use std::collections::BTreeMap;

pub use error::{Figure, SizingError};
pub use layout::{Layout, MAX_BROKERS, MIN_BROKERS};
pub use volume::FILL_PERCENT;
pub use wish::{Floor, Overrides, Retention, RetentionError, Wish};

/// Each partition is held by three brokers, and a write is acknowledged by two of them: one broker may be lost without losing data or writes.
pub const REPLICAS: u64 = 3;
pub const MIN_INSYNC_REPLICAS: u32 = 2;
/// A quorum that survives the loss of one. Strimzi cannot change it later, so it is the same for everyone.
pub const CONTROLLERS: u32 = 3;

/// Pods get this part of the machine; the rest is the node's own (kubelet, network, storage and log agents).
const POD_PERCENT: u64 = 80;
/// Beyond 6 GiB a broker's heap only lengthens pauses; the page cache uses memory better.
const MAX_HEAP_MIB: u64 = 6_144;
/// Above this number of brokers the metadata of the cluster asks for larger controllers.
pub const SMALL_BROKERS: u32 = 12;
/// Connections a broker is asked to hold. Source: Red Hat's managed Kafka, 9,000 for three brokers.
pub const CONNECTIONS_PER_BROKER: u32 = 3_000;
/// Kafka's quotas hold per broker. Room above an even share, so that leaders need not be spread to the last byte.
const QUOTA_PERCENT: u64 = 110;
const CONTROLLER_STORAGE_GIB: u64 = 20;

/// All figures of one Kafka.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sizing {
    pub brokers: u32,
    pub controllers: u32,
    pub replication_factor: u32,
    pub min_insync_replicas: u32,
    /// The EC2 machine that a broker is sized for.
    pub instance_type: String,
    /// What a broker's pod asks for.
    pub broker_cpu_millis: u64,
    pub broker_memory_mib: u64,
    pub broker_heap_mib: u64,
    /// vCPUs of the broker's machine, which Kafka's threads follow.
    pub broker_vcpus: u32,
    pub controller_cpu_millis: u64,
    pub controller_memory_mib: u64,
    pub controller_heap_mib: u64,
    pub controller_storage_gib: u64,
    /// Of each broker.
    pub volume_gib: u64,
    /// Of each broker.
    pub volume_mib_per_second: u64,
    /// Of each broker.
    pub volume_iops: u64,
    /// Of all topics, without replicas.
    pub max_partitions: u64,
    /// Of all brokers together.
    pub max_connections: u32,
    /// Each broker throttles its producers to this: the larger of ingress / (brokers - 1), so that the promise holds while one broker is away, and
    /// ingress / brokers + 10 %, for leaders that are not spread to the last byte. Every machine carries the former: it is sized for it.
    pub quota_ingress_bytes_per_second_per_broker: u64,
    /// As for ingress, for consumers.
    pub quota_egress_bytes_per_second_per_broker: u64,
    pub retention_ms: u64,
    pub segment_bytes: u64,
    pub totals: Totals,
    /// One sentence for each figure, with its arithmetic.
    pub reasons: BTreeMap<Figure, String>,
}

/// What brokers (machines) and controllers (pods) sum up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    pub storage_gib: u64,
    pub vcpus: u64,
    pub memory_gib: u64,
}

/// Sizes a Kafka. Same input, same output.
///
/// # Errors
/// Everything that is wrong, at once: a wish that no layout carries, own figures that are unknown, out of range, too small for the wish or,
/// for volumes, below what exists.
pub fn size(wish: &Wish, overrides: &Overrides, floor: Option<&Floor>) -> Result<Sizing, Vec<SizingError>> {
    let nothing = Floor::default();
    let floor = floor.unwrap_or(&nothing);
    let mut errors = check::ranges(wish, overrides, floor);
    match check::layout(wish, overrides, floor, &errors) {
        Ok(layout) => {
            errors.extend(check::volumes(wish, overrides, &layout));
            if errors.is_empty() { Ok(figures(wish, overrides, floor, &layout)) } else { Err(errors) }
        }
        Err(more) => {
            errors.extend(more);
            Err(errors)
        }
    }
}

fn figures(wish: &Wish, overrides: &Overrides, floor: &Floor, layout: &Layout) -> Sizing {
    let Layout { brokers, instance } = *layout;
    let memory_mib = instance.memory_gib * 1024 * POD_PERCENT / 100;
    let volume_mib_per_second = overrides.volume_mib_per_second.unwrap_or_else(|| volume::default_mib_per_second(&instance));
    let kept = volume::kept(wish);
    let share = |bytes: u64| bytes.div_ceil(u64::from(brokers - 1)).max((bytes * QUOTA_PERCENT).div_ceil(100 * u64::from(brokers)));
    let large = u64::from(brokers > SMALL_BROKERS) + 1;
    let mut sizing = Sizing {
        brokers,
        controllers: CONTROLLERS,
        replication_factor: REPLICAS as u32,
        min_insync_replicas: MIN_INSYNC_REPLICAS,
        instance_type: instance.name(),
        broker_cpu_millis: u64::from(instance.vcpus) * 1000 * POD_PERCENT / 100,
        broker_memory_mib: memory_mib,
        broker_heap_mib: (memory_mib / 2).min(MAX_HEAP_MIB),
        broker_vcpus: instance.vcpus,
        controller_cpu_millis: 500 * large,
        controller_memory_mib: 2048 * large,
        controller_heap_mib: 1024 * large,
        controller_storage_gib: CONTROLLER_STORAGE_GIB,
        volume_gib: overrides.volume_gib.unwrap_or_else(|| volume::needed_gib(wish, layout).max(floor.volume_gib)),
        volume_mib_per_second,
        volume_iops: overrides.volume_iops.unwrap_or_else(|| volume::default_iops(volume_mib_per_second)),
        max_partitions: volume::max_partitions(layout),
        max_connections: brokers * CONNECTIONS_PER_BROKER,
        quota_ingress_bytes_per_second_per_broker: share(wish.ingress.bytes_per_second()),
        quota_egress_bytes_per_second_per_broker: share(wish.egress.bytes_per_second()),
        retention_ms: kept.ms,
        segment_bytes: volume::segment_bytes(kept.bytes, volume::planned_partitions(wish, layout)),
        totals: Totals { storage_gib: 0, vcpus: 0, memory_gib: 0 },
        reasons: BTreeMap::new(),
    };
    let controllers = u64::from(CONTROLLERS);
    sizing.totals = Totals {
        storage_gib: volume::total_gib(&sizing),
        vcpus: u64::from(brokers) * u64::from(instance.vcpus) + (controllers * sizing.controller_cpu_millis).div_ceil(1000),
        memory_gib: u64::from(brokers) * instance.memory_gib + (controllers * sizing.controller_memory_mib).div_ceil(1024),
    };
    sizing.reasons = reasons::all(wish, overrides, &check::binding(wish, overrides, floor, layout), layout, &sizing);
    sizing
}
