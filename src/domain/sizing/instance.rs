//! The machines a broker can be sized for.
//!
//! Figures: network baseline and memory from karpenter-provider-aws (reference/instance-types, 2026-08), EBS baselines from the EC2 user
//! guide (ebs-optimized). Baselines, not bursts: a small machine may burst for 30 minutes a day, a Kafka runs all day.

const BYTES_PER_MEGABIT: u64 = 125_000;

/// One EC2 instance type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instance {
    pub family: &'static str,
    pub size: &'static str,
    pub vcpus: u32,
    pub memory_gib: u64,
    pub network_mbps: u64,
    pub ebs_mbps: u64,
    pub ebs_iops: u64,
}

impl Instance {
    /// "m7g.large".
    pub fn name(&self) -> String {
        format!("{}.{}", self.family, self.size)
    }

    /// What the network carries in each direction, in bytes/s.
    pub const fn network(&self) -> u64 {
        self.network_mbps * BYTES_PER_MEGABIT
    }

    /// What the link to EBS carries, in bytes/s.
    pub const fn ebs(&self) -> u64 {
        self.ebs_mbps * BYTES_PER_MEGABIT
    }

    /// Replicas a broker of this size should hold at most. Source: Amazon MSK developer guide, "Right-size your cluster" (recommended, not
    /// the higher maximum up to which updates are possible).
    pub const fn partitions(&self) -> u64 {
        match self.vcpus {
            0..=4 => 1_000,
            5..=8 => 2_000,
            _ => 4_000,
        }
    }
}

/// The instance type of this name; None when the table does not hold it.
pub fn find(name: &str) -> Option<Instance> {
    all().find(|instance| name.split_once('.') == Some((instance.family, instance.size)))
}

/// All names in the table, for the message about an unknown one.
pub fn names() -> Vec<String> {
    all().map(|instance| instance.name()).collect()
}

fn all() -> impl Iterator<Item = Instance> {
    GENERATIONS.iter().flat_map(|generation| {
        // Memory per vCPU: 4 GiB in the general families, 8 GiB in those for memory.
        [(generation.general, 4), (generation.memory, 8)].into_iter().flat_map(move |(family, gib_per_vcpu)| {
            generation.rows.iter().map(move |&(size, vcpus, network_mbps, ebs_mbps, ebs_iops)| Instance {
                family,
                size,
                vcpus,
                memory_gib: gib_per_vcpu * vcpus as u64,
                network_mbps,
                ebs_mbps,
                ebs_iops,
            })
        })
    })
}

/// Size, vCPUs, network baseline Mbps, EBS baseline Mbps, EBS baseline IOPS.
type Row = (&'static str, u32, u64, u64, u64);

struct Generation {
    general: &'static str,
    memory: &'static str,
    rows: [Row; 5],
}

const GENERATIONS: [Generation; 3] = [
    Generation {
        general: "m5",
        memory: "r5",
        rows: [
            ("large", 2, 750, 650, 3_600),
            ("xlarge", 4, 1_250, 1_150, 6_000),
            ("2xlarge", 8, 2_500, 2_300, 12_000),
            ("4xlarge", 16, 5_000, 4_750, 18_750),
            ("8xlarge", 32, 10_000, 6_800, 30_000),
        ],
    },
    Generation {
        general: "m6i",
        memory: "r6i",
        rows: [
            ("large", 2, 781, 650, 3_600),
            ("xlarge", 4, 1_562, 1_250, 6_000),
            ("2xlarge", 8, 3_125, 2_500, 12_000),
            ("4xlarge", 16, 6_250, 5_000, 20_000),
            ("8xlarge", 32, 12_500, 10_000, 40_000),
        ],
    },
    Generation {
        general: "m7g",
        memory: "r7g",
        rows: [
            ("large", 2, 937, 630, 3_600),
            ("xlarge", 4, 1_876, 1_250, 6_000),
            ("2xlarge", 8, 3_750, 2_500, 12_000),
            ("4xlarge", 16, 7_500, 5_000, 20_000),
            ("8xlarge", 32, 15_000, 10_000, 40_000),
        ],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_found_by_its_name_with_its_figures() {
        let instance = find("r7g.2xlarge").unwrap();
        assert_eq!((instance.vcpus, instance.memory_gib, instance.network_mbps, instance.ebs_mbps), (8, 64, 3_750, 2_500));
        assert_eq!(instance.partitions(), 2_000);
        assert_eq!(find("m7g.large").unwrap().ebs(), 78_750_000);
        assert_eq!(find("t3.small"), None);
        assert_eq!(find("m7g"), None);
        assert_eq!(names().len(), 30);
    }

    #[test]
    fn a_larger_size_of_a_family_is_never_weaker() {
        for pair in all().collect::<Vec<_>>().windows(2).filter(|pair| pair[0].family == pair[1].family) {
            let [a, b] = pair else { unreachable!() };
            assert!(b.vcpus > a.vcpus && b.memory_gib > a.memory_gib && b.network() > a.network() && b.ebs() > a.ebs());
            assert!(b.partitions() >= a.partitions() && b.ebs_iops >= a.ebs_iops);
        }
    }
}
