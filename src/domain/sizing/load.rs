//! What the wish asks of the brokers, and whether a layout gives it with one broker lost.
//!
//! Source: AWS Big Data Blog, "Best practices for right-sizing your Apache Kafka clusters": the sustained ceiling of a cluster is
//! min(storage x B / r, EBS x B / r, network x B / (C + r - 1)) with B brokers, r replicas and C consumer groups, of which 80 % is used.
//! Here it is held twice: 80 % with all brokers, 100 % with B - 1. C is egress / ingress, so ingress x (C + r - 1) = egress + ingress x (r - 1).

use super::REPLICAS;
use super::error::Figure;
use super::layout::Layout;
use super::volume;
use super::wish::Wish;
use crate::domain::quantity::{MIB, rough_mib};

/// The part of a baseline that is used while all brokers are up.
pub const USED_PERCENT: u128 = 80;

/// One way in which brokers can be too weak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Load {
    /// The figure of the wish that drives it.
    pub driver: Figure,
    /// "write", "send", "receive".
    verb: &'static str,
    /// What limits it.
    limit: &'static str,
    /// Of one broker, bytes/s.
    per_broker: u128,
    /// Of all brokers, bytes/s.
    demand: u128,
    formula: String,
}

/// All loads of a layout whose volumes have this throughput, in MiB/s.
pub fn loads(wish: &Wish, layout: &Layout, volume_mib_per_second: u64) -> [Load; 4] {
    let (ingress, egress) = (u128::from(wish.ingress.bytes_per_second()), u128::from(wish.egress.bytes_per_second()));
    let replicas = u128::from(REPLICAS);
    let network = u128::from(layout.instance.network());
    let in_formula = format!("{} x {REPLICAS} replicas", wish.ingress);
    let out_formula = format!("{} to consumers + {} x {} to followers", wish.egress, wish.ingress, REPLICAS - 1);
    let out = egress + ingress * (replicas - 1);
    let written = ingress * replicas;
    let load = |driver, verb, limit, per_broker, demand, formula: &str| Load {
        driver,
        verb,
        limit,
        per_broker,
        demand,
        formula: formula.to_owned(),
    };
    [
        load(Figure::Ingress, "write", "the machine's bandwidth to EBS", u128::from(layout.instance.ebs()), written, &in_formula),
        load(
            Figure::Ingress,
            "write",
            "the volume's throughput",
            u128::from(volume_mib_per_second) * u128::from(MIB),
            written,
            &in_formula,
        ),
        load(Figure::Ingress, "receive", "the machine's network", network, written, &in_formula),
        load(Figure::Egress, "send", "the machine's network", network, out, &out_formula),
    ]
}

impl Load {
    /// What this many brokers carry, bytes/s: 80 % with all of them and 100 % with one lost, whichever is less.
    pub fn capacity(&self, brokers: u32) -> u128 {
        let brokers = u128::from(brokers);
        (brokers * self.per_broker * USED_PERCENT / 100).min(brokers.saturating_sub(1) * self.per_broker)
    }

    pub fn is_carried_by(&self, brokers: u32) -> bool {
        self.demand <= self.capacity(brokers)
    }

    /// "3 brokers with one lost write 2 x 75.1 MiB/s = 150.2 MiB/s (the machine's bandwidth to EBS), the wish needs 100 MiB/s x 3 replicas = 300.0 MiB/s".
    pub fn arithmetic(&self, brokers: u32) -> String {
        let Self { verb, limit, per_broker, demand, formula, .. } = self;
        let lost = u128::from(brokers.saturating_sub(1)) * per_broker;
        let all = u128::from(brokers) * per_broker * USED_PERCENT / 100;
        let each = rough_mib(*per_broker);
        let carried = if lost <= all {
            format!("{brokers} brokers with one lost {verb} {} x {each} MiB/s = {} MiB/s", brokers.saturating_sub(1), rough_mib(lost))
        } else {
            format!("{brokers} brokers at {USED_PERCENT} % {verb} {brokers} x {each} MiB/s x {USED_PERCENT} % = {} MiB/s", rough_mib(all))
        };
        format!("{carried} ({limit}), the wish needs {formula} = {} MiB/s", rough_mib(*demand))
    }

    /// The largest ingress or egress (whichever drives this load) that this many brokers carry, bytes/s.
    pub fn largest(&self, wish: &Wish, brokers: u32) -> u128 {
        let capacity = self.capacity(brokers);
        match self.driver {
            Figure::Egress => capacity.saturating_sub(u128::from(wish.ingress.bytes_per_second()) * u128::from(REPLICAS - 1)),
            _ => capacity / u128::from(REPLICAS),
        }
    }

    /// How much of what all brokers carry with one lost is asked for, in percent rounded up.
    pub fn percent(&self, brokers: u32) -> u128 {
        (self.demand * 100).div_ceil(self.capacity(brokers).max(1))
    }
}

/// The load with the least room in this layout, with the volumes it is given by default.
pub fn tightest(wish: &Wish, layout: &Layout) -> Load {
    let [first, others @ ..] = loads(wish, layout, volume::default_mib_per_second(&layout.instance));
    others.into_iter().fold(
        first,
        |tightest, load| {
            if load.percent(layout.brokers) > tightest.percent(layout.brokers) { load } else { tightest }
        },
    )
}
