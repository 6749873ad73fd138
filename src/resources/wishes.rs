//! What an application developer states, and the figures that follow from it: the model parts that the tenant, the sizing data source and the
//! `size` function share.

use std::collections::BTreeMap;

use crate::framework::{
    attr::Attr,
    model::Model,
    number::Number,
};

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
    pub max_connections: Attr<u64>,
    /// Milliseconds for which messages are kept.
    #[tf(computed)]
    pub retention_ms: Attr<u64>,
    /// GiB of storage of all brokers together: what a cloud bills.
    #[tf(computed)]
    pub total_storage_gib: Attr<u64>,
    /// Virtual CPUs of all brokers and controllers together, in thousandths.
    #[tf(computed)]
    pub total_cpu_millis: Attr<u64>,
    /// Memory of all brokers and controllers together, in MiB.
    #[tf(computed)]
    pub total_memory_mib: Attr<u64>,
    /// Why each figure is what it is: one sentence with its arithmetic, by figure.
    #[tf(computed)]
    pub reasons: Attr<BTreeMap<String, String>>,
}
