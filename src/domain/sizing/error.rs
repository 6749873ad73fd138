//! Why a wish or an own figure cannot be had, and at which figure the message belongs.

use std::fmt;

use thiserror::Error;

/// What a message or a reason is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Figure {
    Ingress,
    Egress,
    Retention,
    Partitions,
    Brokers,
    Controllers,
    InstanceType,
    BrokerResources,
    ControllerResources,
    VolumeGib,
    VolumeMibPerSecond,
    VolumeIops,
    MaxPartitions,
    MaxConnections,
    Quotas,
    RetentionMs,
    SegmentBytes,
    Totals,
}

impl Figure {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
            Self::Retention => "retention",
            Self::Partitions => "partitions",
            Self::Brokers => "brokers",
            Self::Controllers => "controllers",
            Self::InstanceType => "instance_type",
            Self::BrokerResources => "broker_resources",
            Self::ControllerResources => "controller_resources",
            Self::VolumeGib => "volume_gib",
            Self::VolumeMibPerSecond => "volume_mib_per_second",
            Self::VolumeIops => "volume_iops",
            Self::MaxPartitions => "max_partitions",
            Self::MaxConnections => "max_connections",
            Self::Quotas => "quotas",
            Self::RetentionMs => "retention_ms",
            Self::SegmentBytes => "segment_bytes",
            Self::Totals => "totals",
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SizingError {
    #[error("instance type {name:?} is not known; known are {}", known.join(", "))]
    UnknownInstanceType { name: String, known: Vec<String> },
    #[error("{figure} = {found} is outside of {min} to {max}: {why}")]
    OutOfRange { figure: Figure, found: u64, min: u64, max: u64, why: &'static str },
    #[error("{figure} cannot carry the wish: {arithmetic}; {way_out}")]
    TooSmall { figure: Figure, arithmetic: String, way_out: String },
    #[error("volume_gib = {found} is less than the {existing} GiB that exist: a volume never shrinks; leave it at {existing} or above")]
    Shrinks { found: u64, existing: u64 },
    #[error("no layout carries this {figure}: {arithmetic}; {largest}")]
    TooLarge { figure: Figure, arithmetic: String, largest: String },
}

impl SizingError {
    /// The figure of the wish or of the overrides that is at fault.
    pub const fn figure(&self) -> Figure {
        match self {
            Self::UnknownInstanceType { .. } => Figure::InstanceType,
            Self::Shrinks { .. } => Figure::VolumeGib,
            Self::OutOfRange { figure, .. } | Self::TooSmall { figure, .. } | Self::TooLarge { figure, .. } => *figure,
        }
    }
}
