//! What an application developer states, and the figures that follow from it: the model parts that the tenant, the sizing data source and the
//! `size` function share.

use std::collections::BTreeMap;

use crate::{
    domain::{
        quantity::ByteRate,
        sizing::{self, Figure, Floor, Overrides, Sizing, SizingError, Wish},
    },
    framework::{
        attr::Attr,
        diagnostic::Diagnostics,
        model::{Field, Model},
        number::Number,
        path::Path,
    },
};

/// Names of the wishes' places in a model: the tenant and the sizing data source use the same.
const THROUGHPUT: Field = Field("throughput");
const RETENTION: Field = Field("retention");
const PARTITIONS: Field = Field("partitions");
const SIZING_OVERRIDE: Field = Field("sizing_override");

/// How much data flows, at peak. The figures are enforced: Kafka quotas hold the tenant to them.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct Throughput {
    /// MiB per second that producers write, before replication. Fractions such as `0.5` are fine.
    #[tf(required)]
    pub ingress_mib_per_second: Attr<Number>,
    /// MiB per second that consumers read, all consumer groups together.
    #[tf(required)]
    pub egress_mib_per_second: Attr<Number>,
}

/// How long data stays. Exactly one of the two.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct Retention {
    /// Hours for which every message is kept at full ingress. Fractions are fine.
    #[tf(optional)]
    pub hours: Attr<Number>,
    /// GiB of messages to keep, before replication; at full ingress the time follows from it.
    #[tf(optional)]
    pub gib: Attr<u64>,
}

/// Figures to use in place of the computed ones. A figure that cannot carry the wish is refused with the arithmetic.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct Override {
    /// Number of brokers, at least 3.
    #[tf(optional)]
    pub brokers: Attr<u32>,
    /// EC2 instance type whose resources and limits each broker gets, such as `m7g.xlarge`.
    #[tf(optional)]
    pub instance_type: Attr<String>,
    /// GiB of storage of each broker. Never less than what exists: volumes cannot shrink.
    #[tf(optional)]
    pub volume_gib: Attr<u64>,
    /// MiB per second each broker's volume is provisioned for.
    #[tf(optional)]
    pub volume_mib_per_second: Attr<u64>,
    /// I/O operations per second each broker's volume is provisioned for.
    #[tf(optional)]
    pub volume_iops: Attr<u64>,
}

/// What the wish comes to.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct SizingReport {
    /// Number of brokers.
    #[tf(computed)]
    pub brokers: Attr<u32>,
    /// Number of KRaft controllers; never changes.
    #[tf(computed)]
    pub controllers: Attr<u32>,
    /// EC2 instance type whose resources and limits each broker gets.
    #[tf(computed)]
    pub instance_type: Attr<String>,
    /// CPU of each broker, in thousandths of a core.
    #[tf(computed)]
    pub broker_cpu_millis: Attr<u64>,
    /// Memory of each broker in MiB, of which the heap takes a part and the page cache the rest.
    #[tf(computed)]
    pub broker_memory_mib: Attr<u64>,
    /// GiB of storage of each broker.
    #[tf(computed)]
    pub volume_gib: Attr<u64>,
    /// MiB per second each broker's volume is provisioned for.
    #[tf(computed)]
    pub volume_mib_per_second: Attr<u64>,
    /// I/O operations per second each broker's volume is provisioned for.
    #[tf(computed)]
    pub volume_iops: Attr<u64>,
    /// Partitions the tenant may have, before replication.
    #[tf(computed)]
    pub max_partitions: Attr<u64>,
    /// Client connections the tenant may open.
    #[tf(computed)]
    pub max_connections: Attr<u32>,
    /// Bytes per second that each broker lets producers write: the promise shared by all brokers but one, so that it holds while one is away, and at least a tenth above an even share.
    #[tf(computed)]
    pub broker_ingress_quota_bytes_per_second: Attr<u64>,
    /// Bytes per second that each broker lets consumers read: the promise shared by all brokers but one, so that it holds while one is away, and at least a tenth above an even share.
    #[tf(computed)]
    pub broker_egress_quota_bytes_per_second: Attr<u64>,
    /// Milliseconds for which messages are kept.
    #[tf(computed)]
    pub retention_ms: Attr<u64>,
    /// GiB of storage of all brokers together: what a cloud bills.
    #[tf(computed)]
    pub total_storage_gib: Attr<u64>,
    /// Virtual CPUs of all brokers' machines and all controllers together.
    #[tf(computed)]
    pub total_vcpus: Attr<u64>,
    /// Memory of all brokers' machines and all controllers together, in GiB.
    #[tf(computed)]
    pub total_memory_gib: Attr<u64>,
    /// Why each figure is what it is: one sentence with its arithmetic, by figure.
    #[tf(computed)]
    pub reasons: Attr<BTreeMap<String, String>>,
}

impl SizingReport {
    /// The figures as they are shown.
    pub fn of(sizing: &Sizing) -> Self {
        Self {
            brokers: sizing.brokers.into(),
            controllers: sizing.controllers.into(),
            instance_type: sizing.instance_type.clone().into(),
            broker_cpu_millis: sizing.broker_cpu_millis.into(),
            broker_memory_mib: sizing.broker_memory_mib.into(),
            volume_gib: sizing.volume_gib.into(),
            volume_mib_per_second: sizing.volume_mib_per_second.into(),
            volume_iops: sizing.volume_iops.into(),
            max_partitions: sizing.max_partitions.into(),
            max_connections: sizing.max_connections.into(),
            broker_ingress_quota_bytes_per_second: sizing.quota_ingress_bytes_per_second_per_broker.into(),
            broker_egress_quota_bytes_per_second: sizing.quota_egress_bytes_per_second_per_broker.into(),
            retention_ms: sizing.retention_ms.into(),
            total_storage_gib: sizing.totals.storage_gib.into(),
            total_vcpus: sizing.totals.vcpus.into(),
            total_memory_gib: sizing.totals.memory_gib.into(),
            reasons: Attr::Known(sizing.reasons.iter().map(|(figure, reason)| (figure.to_string(), reason.clone())).collect()),
        }
    }

    /// What exists according to this report: none of it shrinks on its own.
    pub fn floor(&self) -> Option<Floor> {
        Some(Floor {
            brokers: *self.brokers.known()?,
            volume_gib: *self.volume_gib.known()?,
            instance_type: self.instance_type.known().cloned(),
        })
    }
}

/// The wish as the domain takes it. None where it is wrong (then `found` says so) or not known yet.
pub fn wish(throughput: &Attr<Throughput>, retention: &Attr<Retention>, partitions: &Attr<u32>, found: &mut Diagnostics) -> Option<Wish> {
    let retention = kept(retention, found);
    let throughput = throughput.known()?;
    let ingress = rate(&throughput.ingress_mib_per_second, THROUGHPUT.then(Throughput::INGRESS_MIB_PER_SECOND), found);
    let egress = rate(&throughput.egress_mib_per_second, THROUGHPUT.then(Throughput::EGRESS_MIB_PER_SECOND), found);
    if partitions.is_unknown() {
        return None;
    }
    Some(Wish { ingress: ingress?, egress: egress?, retention: retention?, partitions: partitions.known().copied() })
}

/// The overrides as the domain takes them. None while one is not known yet.
pub fn overrides(block: &Attr<Override>) -> Option<Overrides> {
    let block = match block {
        Attr::Unknown => return None,
        Attr::Null => return Some(Overrides::default()),
        Attr::Known(block) => block,
    };
    let unknown = block.brokers.is_unknown()
        || block.instance_type.is_unknown()
        || block.volume_gib.is_unknown()
        || block.volume_mib_per_second.is_unknown()
        || block.volume_iops.is_unknown();
    (!unknown).then(|| Overrides {
        brokers: block.brokers.known().copied(),
        instance_type: block.instance_type.known().cloned(),
        volume_gib: block.volume_gib.known().copied(),
        volume_mib_per_second: block.volume_mib_per_second.known().copied(),
        volume_iops: block.volume_iops.known().copied(),
    })
}

/// Sizes the wish; what cannot be had is told at the attribute that asks for it.
pub fn size(wish: &Wish, overrides: &Overrides, floor: Option<&Floor>, found: &mut Diagnostics) -> Option<Sizing> {
    let errors = match sizing::size(wish, overrides, floor) {
        Ok(sizing) => return Some(sizing),
        Err(errors) => errors,
    };
    for error in errors {
        let text = capitalised(&error.to_string());
        found.error_at(place(&error), "This size cannot be had", format!("{text}."));
    }
    None
}

/// The blocks of a configuration that ask for this size again.
pub fn blocks(wish: &Wish, overrides: &Overrides) -> (Throughput, Retention, Attr<Override>) {
    let number = |text: String| text.parse::<Number>().map_or(Attr::Null, Attr::Known);
    let throughput = Throughput {
        ingress_mib_per_second: number(wish.ingress.mib_per_second()),
        egress_mib_per_second: number(wish.egress.mib_per_second()),
    };
    let retention = match wish.retention {
        sizing::Retention::Time { ms } => Retention { hours: number(sizing::Retention::hours_text(ms)), gib: Attr::Null },
        sizing::Retention::Size { gib } => Retention { hours: Attr::Null, gib: gib.into() },
    };
    let block = (*overrides != Overrides::default()).then(|| Override {
        brokers: overrides.brokers.into(),
        instance_type: overrides.instance_type.clone().into(),
        volume_gib: overrides.volume_gib.into(),
        volume_mib_per_second: overrides.volume_mib_per_second.into(),
        volume_iops: overrides.volume_iops.into(),
    });
    (throughput, retention, block.into())
}

fn kept(block: &Attr<Retention>, found: &mut Diagnostics) -> Option<sizing::Retention> {
    let block = block.known()?;
    let (hours, gib) = match (&block.hours, &block.gib) {
        (Attr::Unknown, _) | (_, Attr::Unknown) => return None,
        (Attr::Known(hours), Attr::Null) => (Some(hours), None),
        (Attr::Null, Attr::Known(gib)) => (None, Some(*gib)),
        (Attr::Null, Attr::Null) => {
            found.error_at(RETENTION.then(Retention::HOURS), "No retention", "Give hours or gib: how long, or how much, is kept.");
            return None;
        }
        (Attr::Known(_), Attr::Known(_)) => {
            found.error_at(
                RETENTION.then(Retention::GIB),
                "Two retentions",
                "hours and gib exclude each other: at full ingress one follows from the other. Give one of them.",
            );
            return None;
        }
    };
    let (field, parsed) = match (hours, gib) {
        (Some(hours), _) => (Retention::HOURS, sizing::Retention::from_hours(&hours.to_string())),
        (_, gib) => (Retention::GIB, sizing::Retention::from_gib(gib.unwrap_or_default())),
    };
    parsed.map_err(|error| found.error_at(RETENTION.then(field), "Not a retention", format!("{}.", capitalised(&error.to_string())))).ok()
}

fn rate(number: &Attr<Number>, at: Path, found: &mut Diagnostics) -> Option<ByteRate> {
    let text = number.known()?.to_string();
    text.parse()
        .map_err(|error: crate::domain::quantity::RateError| {
            found.error_at(at, "Not a throughput", format!("{}.", capitalised(&error.to_string())))
        })
        .ok()
}

fn place(error: &SizingError) -> Path {
    match error.figure() {
        Figure::Ingress => THROUGHPUT.then(Throughput::INGRESS_MIB_PER_SECOND),
        Figure::Egress => THROUGHPUT.then(Throughput::EGRESS_MIB_PER_SECOND),
        Figure::Partitions => PARTITIONS.into(),
        Figure::Brokers => SIZING_OVERRIDE.then(Override::BROKERS),
        Figure::InstanceType => SIZING_OVERRIDE.then(Override::INSTANCE_TYPE),
        Figure::VolumeGib => SIZING_OVERRIDE.then(Override::VOLUME_GIB),
        Figure::VolumeMibPerSecond => SIZING_OVERRIDE.then(Override::VOLUME_MIB_PER_SECOND),
        Figure::VolumeIops => SIZING_OVERRIDE.then(Override::VOLUME_IOPS),
        _ => RETENTION.into(),
    }
}

/// The domain's messages begin in lower case; a diagnostic's detail is a sentence.
pub fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}
