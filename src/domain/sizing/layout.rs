//! Which numbers of which machines are tried, in which order.

use super::instance::{self, Instance};
use super::wish::{Floor, Overrides};

/// Brokers and their machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    pub brokers: u32,
    pub instance: Instance,
}

/// Three replicas need three brokers.
pub const MIN_BROKERS: u32 = 3;
/// Amazon MSK's default quota of brokers in a KRaft cluster.
pub const MAX_BROKERS: u32 = 60;

/// Size of machine, fewest and most brokers, step. Each step of the whole chain has at least the brokers and at least the machine of the one
/// before, which is why a larger wish can never be given less. Brokers come in threes, one for each zone; first the machine grows (no data
/// has to move), then the number. From 30 on they come in sixes, so that what a broker's volume holds in reserve still sums up to more.
const CHAIN: [(&str, u32, u32, u32); 5] =
    [("large", 3, 3, 3), ("xlarge", 3, 3, 3), ("2xlarge", 3, 12, 3), ("4xlarge", 12, 30, 3), ("8xlarge", 30, 60, 6)];
const FAMILY: &str = "m7g";

/// The layouts to try, smallest first, with the user's own figures in place and nothing below what exists.
pub fn candidates(overrides: &Overrides, floor: &Floor) -> Vec<Layout> {
    let own = overrides.instance_type.as_deref().and_then(instance::find);
    let existing = floor.instance_type.as_deref().and_then(instance::find);
    let mut candidates: Vec<Layout> = Vec::new();
    for (size, fewest, most, step) in CHAIN {
        let Some(machine) = instance::find(&format!("{FAMILY}.{size}")) else { continue };
        for brokers in (fewest..=most).step_by(step as usize) {
            let layout = Layout {
                brokers: overrides.brokers.unwrap_or(brokers.max(floor.brokers)),
                instance: own.unwrap_or_else(|| existing.map_or(machine, |existing| larger(existing, machine))),
            };
            if candidates.last() != Some(&layout) {
                candidates.push(layout);
            }
        }
    }
    candidates
}

/// The existing machine stays unless the other has more of everything that counts.
fn larger(existing: Instance, other: Instance) -> Instance {
    if other.vcpus > existing.vcpus && other.memory_gib >= existing.memory_gib { other } else { existing }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_of_the_chain_has_at_least_the_brokers_and_the_machine_of_the_one_before() {
        let chain = candidates(&Overrides::default(), &Floor::default());
        assert_eq!(chain.first().map(|l| (l.brokers, l.instance.name())), Some((3, "m7g.large".to_owned())));
        assert_eq!(chain.last().map(|l| (l.brokers, l.instance.name())), Some((60, "m7g.8xlarge".to_owned())));
        for pair in chain.windows(2) {
            assert!(pair[1].brokers >= pair[0].brokers && pair[1].instance.vcpus >= pair[0].instance.vcpus, "{pair:?}");
            assert_ne!(pair[0], pair[1]);
        }
    }

    #[test]
    fn own_figures_stand_in_every_candidate() {
        let overrides = Overrides { brokers: Some(5), instance_type: Some("r5.large".into()), ..Overrides::default() };
        let chain = candidates(&overrides, &Floor { brokers: 9, ..Floor::default() });
        assert_eq!(chain.len(), 1);
        assert_eq!((chain[0].brokers, chain[0].instance.name()), (5, "r5.large".to_owned()));
    }

    #[test]
    fn no_candidate_is_below_what_exists() {
        let floor = Floor { brokers: 7, volume_gib: 0, instance_type: Some("m5.2xlarge".into()) };
        for layout in candidates(&Overrides::default(), &floor) {
            assert!(layout.brokers >= 7 && layout.instance.vcpus >= 8);
        }
    }
}
