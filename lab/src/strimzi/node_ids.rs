//! Which node ids a pool gets: ids once given are kept; new ones are the lowest free, pool by pool in the order of names; the
//! highest go first when a pool shrinks. Pure.

use std::collections::{BTreeMap, BTreeSet};

/// A pool before and after.
#[derive(Debug, Clone)]
pub struct PoolWish {
    pub name: String,
    pub replicas: usize,
    /// Ids of its status.
    pub current: Vec<i32>,
}

/// The ids of every pool.
pub fn assign(pools: &[PoolWish]) -> BTreeMap<String, Vec<i32>> {
    let mut used: BTreeSet<i32> = pools.iter().flat_map(|p| p.current.iter().copied()).collect();
    let sorted: BTreeMap<&str, &PoolWish> = pools.iter().map(|p| (p.name.as_str(), p)).collect();
    let mut assigned = BTreeMap::new();
    for (name, pool) in sorted {
        let mut ids: Vec<i32> = pool.current.iter().copied().collect::<BTreeSet<_>>().into_iter().take(pool.replicas).collect();
        while ids.len() < pool.replicas {
            let Some(free) = (0..).find(|id| !used.contains(id)) else { break };
            used.insert(free);
            ids.push(free);
        }
        ids.sort_unstable();
        assigned.insert(name.to_owned(), ids);
    }
    assigned
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(name: &str, replicas: usize, current: &[i32]) -> PoolWish {
        PoolWish { name: name.to_owned(), replicas, current: current.to_vec() }
    }

    #[test]
    fn new_pools_are_numbered_in_the_order_of_their_names() {
        let ids = assign(&[wish("controllers", 3, &[]), wish("brokers", 3, &[])]);
        assert_eq!(ids["brokers"], [0, 1, 2]);
        assert_eq!(ids["controllers"], [3, 4, 5]);
    }

    #[test]
    fn a_growing_pool_keeps_its_ids_and_takes_the_next_free() {
        let ids = assign(&[wish("brokers", 4, &[0, 1, 2]), wish("controllers", 3, &[3, 4, 5])]);
        assert_eq!(ids["brokers"], [0, 1, 2, 6]);
        assert_eq!(ids["controllers"], [3, 4, 5]);
    }

    #[test]
    fn a_shrinking_pool_gives_up_its_highest_id() {
        assert_eq!(assign(&[wish("brokers", 2, &[6, 0, 1])])["brokers"], [0, 1]);
    }
}
