//! What a broker's volume has to hold, and what a gp3 volume can be.
//!
//! Source of the gp3 figures: Amazon EBS user guide, "General Purpose SSD volumes" (3,000 IOPS and 125 MiB/s at any size, at most 16,000
//! IOPS, 1,000 MiB/s and 16 TiB, 0.25 MiB/s for each IOPS, 500 IOPS for each GiB).

use super::instance::Instance;
use super::layout::Layout;
use super::wish::{Retention, Wish};
use super::{REPLICAS, Sizing};
use crate::domain::quantity::{GIB, MIB};

pub const MAX_GIB: u64 = 16_384;
pub const MIN_MIB_PER_SECOND: u64 = 125;
pub const MAX_MIB_PER_SECOND: u64 = 1_000;
pub const MIN_IOPS: u64 = 3_000;
pub const MAX_IOPS: u64 = 16_000;
pub const IOPS_PER_MIB_PER_SECOND: u64 = 4;
pub const IOPS_PER_GIB: u64 = 500;

/// Data fills 70 % of a volume: room for uneven partitions and for a broker that catches up. (Amazon MSK alarms at 85 %.)
pub const FILL_PERCENT: u64 = 70;
/// For Kafka's own topics, the metadata log and the file system, on each broker.
pub const RESERVE_GIB: u64 = 10;

const MIN_SEGMENT: u64 = 16 * MIB;
/// Kafka's own default of `log.segment.bytes`.
const MAX_SEGMENT: u64 = GIB;
/// Segments that are written to may take this part of what is kept.
const SEGMENT_SHARE: u128 = 8;

/// What the retention comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    pub ms: u64,
    /// Before replication.
    pub bytes: u128,
}

/// `Time`: ingress x time. `Size`: the bytes, and the time in which the promised ingress fills them (at least a millisecond).
pub fn kept(wish: &Wish) -> Kept {
    let rate = u128::from(wish.ingress.bytes_per_second());
    match wish.retention {
        Retention::Time { ms } => Kept { ms, bytes: rate * u128::from(ms) / 1000 },
        Retention::Size { gib } => {
            let bytes = u128::from(gib) * u128::from(GIB);
            Kept { ms: u64::try_from(bytes * 1000 / rate).unwrap_or(u64::MAX).max(1), bytes }
        }
    }
}

/// Partitions to plan with: the wish's, else all that the layout takes.
pub fn planned_partitions(wish: &Wish, layout: &Layout) -> u64 {
    wish.partitions.map_or_else(|| max_partitions(layout), u64::from)
}

/// Partitions of all topics, without replicas: brokers x recommended replicas per broker / 3.
pub fn max_partitions(layout: &Layout) -> u64 {
    u64::from(layout.brokers) * layout.instance.partitions() / REPLICAS
}

/// Retention deletes whole segments, so each partition keeps up to one segment more than it has to. This is the most those take together:
/// an eighth of what is kept, but no less and no more than the smallest and largest segment for each partition.
pub fn segments_bytes(kept: u128, partitions: u64) -> u128 {
    let partitions = u128::from(partitions);
    (kept / SEGMENT_SHARE).clamp(partitions * u128::from(MIN_SEGMENT), partitions * u128::from(MAX_SEGMENT))
}

/// `log.segment.bytes`: the largest power of two from 16 MiB to 1 GiB with which all partitions stay within [`segments_bytes`].
pub fn segment_bytes(kept: u128, partitions: u64) -> u64 {
    let each = segments_bytes(kept, partitions) / u128::from(partitions.max(1));
    let mut segment = MAX_SEGMENT;
    while segment > MIN_SEGMENT && u128::from(segment) > each {
        segment /= 2;
    }
    segment
}

/// GiB of each broker's volume: (kept + segments) x 3 replicas / brokers / 70 %, rounded up, + 10 GiB.
pub fn needed_gib(wish: &Wish, layout: &Layout) -> u64 {
    let bytes = kept(wish).bytes;
    let replicated = (bytes + segments_bytes(bytes, planned_partitions(wish, layout))) * u128::from(REPLICAS) * 100;
    let usable = u128::from(layout.brokers) * u128::from(FILL_PERCENT) * u128::from(GIB);
    u64::try_from(replicated.div_ceil(usable)).unwrap_or(u64::MAX).saturating_add(RESERVE_GIB)
}

/// MiB/s of each broker's volume when the user names none: what the machine can write to EBS. A slower volume would be the bottleneck when a
/// lost broker catches up, a faster one could not be used.
pub fn default_mib_per_second(instance: &Instance) -> u64 {
    (instance.ebs() / MIB).clamp(MIN_MIB_PER_SECOND, MAX_MIB_PER_SECOND)
}

/// The IOPS that gp3 asks for this throughput, at least those that come with every volume.
pub fn default_iops(mib_per_second: u64) -> u64 {
    mib_per_second.saturating_mul(IOPS_PER_MIB_PER_SECOND).max(MIN_IOPS)
}

/// Why the volume is as large as it is, with its arithmetic.
pub fn reason(wish: &Wish, layout: &Layout) -> String {
    let kept = kept(wish).bytes;
    let gib = |bytes: u128| bytes.div_ceil(u128::from(GIB));
    format!(
        "({} GiB kept + {} GiB in open segments) x {REPLICAS} replicas / {} brokers / {FILL_PERCENT} % fill + {RESERVE_GIB} GiB reserve = {} GiB",
        gib(kept),
        gib(segments_bytes(kept, planned_partitions(wish, layout))),
        layout.brokers,
        needed_gib(wish, layout)
    )
}

/// What all volumes of the brokers and controllers sum up to.
pub fn total_gib(sizing: &Sizing) -> u64 {
    u64::from(sizing.brokers) * sizing.volume_gib + u64::from(sizing.controllers) * sizing.controller_storage_gib
}
