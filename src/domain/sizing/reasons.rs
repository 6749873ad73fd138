//! One sentence with its arithmetic for every figure of a sizing.

use std::collections::BTreeMap;

use super::error::Figure;
use super::layout::{Layout, candidates};
use super::load::{USED_PERCENT, tightest};
use super::wish::{Floor, Overrides, Retention, Wish};
use super::{POD_PERCENT, QUOTA_PERCENT, REPLICAS, Sizing, check, volume};
use crate::domain::quantity::MIB;

pub fn all(wish: &Wish, overrides: &Overrides, floor: &Floor, layout: &Layout, sizing: &Sizing) -> BTreeMap<Figure, String> {
    let mut reasons = BTreeMap::new();
    reasons.insert(Figure::Brokers, brokers(wish, overrides, floor, layout));
    reasons.insert(Figure::InstanceType, machine(wish, overrides, floor, layout));
    storage(&mut reasons, wish, overrides, floor, layout, sizing);
    retention(&mut reasons, wish, layout, sizing);
    resources(&mut reasons, layout, sizing);
    let (brokers, most) = (sizing.brokers, sizing.max_partitions);
    reasons.insert(
        Figure::MaxPartitions,
        format!(
            "{brokers} brokers x {} replicas recommended for {} / {REPLICAS} replicas = {most}",
            layout.instance.partitions(),
            sizing.instance_type
        ),
    );
    reasons.insert(
        Figure::MaxConnections,
        format!("{brokers} brokers x {} connections = {}", super::CONNECTIONS_PER_BROKER, sizing.max_connections),
    );
    reasons.insert(
        Figure::Quotas,
        format!(
            "Kafka's quotas hold per broker: {} in and {} out / {} brokers while one is away; at least an even share x {QUOTA_PERCENT} % for leaders that are not \
             spread to the last byte",
            wish.ingress,
            wish.egress,
            brokers - 1
        ),
    );
    reasons
}

fn brokers(wish: &Wish, overrides: &Overrides, floor: &Floor, layout: &Layout) -> String {
    let brokers = layout.brokers;
    if overrides.brokers.is_some() {
        return format!("set by you: {}", carried(wish, layout));
    }
    let without = first(wish, overrides, &Floor { brokers: 0, ..floor.clone() });
    if floor.brokers == brokers && without.is_some_and(|without| without.brokers < brokers) {
        return format!("kept: {brokers} brokers exist, and the plan knew of fewer; {}", carried(wish, layout));
    }
    let smaller = check::why_not_smaller(wish, overrides, floor, layout);
    format!(
        "the smallest layout (the machine grows first, then the number) that carries the wish with one broker lost: {}{smaller}",
        carried(wish, layout)
    )
}

fn machine(wish: &Wish, overrides: &Overrides, floor: &Floor, layout: &Layout) -> String {
    let name = layout.instance.name();
    let figures = format!(
        "{name} has {} vCPUs, {} GiB, {} Mbps of network and {} Mbps to EBS as its baseline",
        layout.instance.vcpus, layout.instance.memory_gib, layout.instance.network_mbps, layout.instance.ebs_mbps
    );
    if overrides.instance_type.is_some() {
        return format!("set by you: {figures}");
    }
    let without = first(wish, overrides, &Floor { instance_type: None, ..floor.clone() });
    if floor.instance_type.as_deref() == Some(name.as_str()) && without.is_some_and(|without| without.instance != layout.instance) {
        return format!("kept: brokers run on it and are not made smaller on their own; {figures}");
    }
    let smaller = check::why_not_smaller(wish, overrides, floor, layout);
    format!("of the smallest layout that carries the wish, {} x {name}: {figures}{smaller}", layout.brokers)
}

/// The layout that would be taken with another floor.
fn first(wish: &Wish, overrides: &Overrides, floor: &Floor) -> Option<Layout> {
    candidates(overrides, floor).into_iter().find(|layout| check::carries(wish, layout))
}

fn carried(wish: &Wish, layout: &Layout) -> String {
    let load = tightest(wish, layout);
    format!("{}, {} % of what they carry", load.arithmetic(layout.brokers), load.percent(layout.brokers))
}

fn storage(reasons: &mut BTreeMap<Figure, String>, wish: &Wish, overrides: &Overrides, floor: &Floor, layout: &Layout, sizing: &Sizing) {
    let needed = volume::reason(wish, layout);
    let gib = match overrides.volume_gib {
        Some(_) => format!("set by you; needed are {needed}"),
        None if floor.volume_gib > volume::needed_gib(wish, layout) => {
            format!("kept: volumes of {} GiB exist and a volume never shrinks; needed are {needed}", floor.volume_gib)
        }
        None => needed,
    };
    reasons.insert(Figure::VolumeGib, gib);
    let throughput = sizing.volume_mib_per_second;
    let speed = match overrides.volume_mib_per_second {
        Some(_) => "set by you".to_owned(),
        None => format!(
            "{} writes {} MiB/s to EBS, a gp3 volume gives {} to {} MiB/s: a slower volume would hold up a broker that catches up, a faster one could not be used",
            sizing.instance_type,
            layout.instance.ebs() / MIB,
            volume::MIN_MIB_PER_SECOND,
            volume::MAX_MIB_PER_SECOND
        ),
    };
    reasons.insert(Figure::VolumeMibPerSecond, speed);
    let iops = match overrides.volume_iops {
        Some(_) => "set by you".to_owned(),
        None => format!(
            "gp3 gives {} with every volume and needs {} for each MiB/s: {throughput} x {} = {}",
            volume::MIN_IOPS,
            volume::IOPS_PER_MIB_PER_SECOND,
            volume::IOPS_PER_MIB_PER_SECOND,
            throughput * volume::IOPS_PER_MIB_PER_SECOND
        ),
    };
    reasons.insert(Figure::VolumeIops, iops);
}

fn retention(reasons: &mut BTreeMap<Figure, String>, wish: &Wish, layout: &Layout, sizing: &Sizing) {
    let retention = match wish.retention {
        Retention::Time { .. } => format!("{} as wished", wish.retention),
        Retention::Size { gib } => {
            format!(
                "{gib} GiB at {} fill in {} h; Kafka has no limit of bytes over all topics, so time is the limit that holds",
                wish.ingress,
                Retention::hours_text(sizing.retention_ms)
            )
        }
    };
    reasons.insert(Figure::RetentionMs, retention);
    reasons.insert(
        Figure::SegmentBytes,
        format!(
            "a power of two from 16 MiB to 1 GiB with which the open segments of {} partitions take an eighth of what is kept: {} MiB",
            volume::planned_partitions(wish, layout),
            sizing.segment_bytes / MIB
        ),
    );
}

fn resources(reasons: &mut BTreeMap<Figure, String>, layout: &Layout, sizing: &Sizing) {
    let Sizing { broker_cpu_millis, broker_memory_mib, broker_heap_mib, totals, .. } = sizing;
    reasons.insert(
        Figure::BrokerResources,
        format!(
            "{POD_PERCENT} % of {}, the rest is the node's own: {broker_cpu_millis} m CPU, {broker_memory_mib} MiB, of which {broker_heap_mib} MiB heap and the rest page cache",
            sizing.instance_type
        ),
    );
    reasons.insert(Figure::Controllers, "a quorum of three survives the loss of one, and Strimzi cannot change it later".to_owned());
    reasons.insert(
        Figure::ControllerResources,
        format!(
            "{} m CPU, {} MiB and {} GiB hold the metadata of {} brokers",
            sizing.controller_cpu_millis, sizing.controller_memory_mib, sizing.controller_storage_gib, sizing.brokers
        ),
    );
    reasons.insert(
        Figure::Totals,
        format!(
            "{} brokers x ({} GiB volume, {} vCPUs, {} GiB memory) + {} controllers = {} GiB, {} vCPUs, {} GiB; load is held below {USED_PERCENT} % of a machine's baseline",
            sizing.brokers,
            sizing.volume_gib,
            layout.instance.vcpus,
            layout.instance.memory_gib,
            sizing.controllers,
            totals.storage_gib,
            totals.vcpus,
            totals.memory_gib
        ),
    );
}
