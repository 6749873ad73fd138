//! Which node ids a pool gets: ids once given are kept; new ones are the lowest free, pool by pool in the order of names; when a pool
//! shrinks those go first that its annotation names, in that order, then the highest. Pure.

use std::collections::{BTreeMap, BTreeSet};

/// A pool before and after.
#[derive(Debug, Clone)]
pub struct PoolWish {
    pub name: String,
    pub replicas: usize,
    /// Ids of its status.
    pub current: Vec<i32>,
    /// Those to go first when it shrinks.
    pub remove: Vec<i32>,
}

/// The ids of every pool.
pub fn assign(pools: &[PoolWish]) -> BTreeMap<String, Vec<i32>> {
    let mut used: BTreeSet<i32> = pools.iter().flat_map(|p| p.current.iter().copied()).collect();
    let sorted: BTreeMap<&str, &PoolWish> = pools.iter().map(|p| (p.name.as_str(), p)).collect();
    let mut assigned = BTreeMap::new();
    for (name, pool) in sorted {
        let mut ids: Vec<i32> = pool.current.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
        for named in &pool.remove {
            if ids.len() > pool.replicas {
                ids.retain(|id| id != named);
            }
        }
        ids.truncate(pool.replicas);
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

/// The ids of an annotation such as `[0, 7-5, 10]`; none where it is not one, as the real operator then goes without.
pub fn parse(range: &str) -> Vec<i32> {
    let Some(list) = range.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else { return Vec::new() };
    let part = |part: &str| -> Option<Vec<i32>> {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (i32, i32) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        Some(if first <= last { (first..=last).collect() } else { (last..=first).rev().collect() })
    };
    let parts: Option<Vec<Vec<i32>>> = list.split(',').map(part).collect();
    parts.unwrap_or_default().concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(name: &str, replicas: usize, current: &[i32]) -> PoolWish {
        PoolWish { name: name.to_owned(), replicas, current: current.to_vec(), remove: Vec::new() }
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

    #[test]
    fn a_shrinking_pool_gives_up_first_what_its_annotation_names() {
        let left = |replicas, remove: &str| assign(&[PoolWish { remove: parse(remove), ..wish("brokers", replicas, &[0, 1, 2, 3, 6]) }]);
        for (replicas, remove, expected) in [
            (3, "[3, 1]", vec![0, 2, 6]),
            (4, "[3, 1]", vec![0, 1, 2, 6]),
            (3, "[9, 1]", vec![0, 2, 3]),
            (3, " [ 2 - 1 ] ", vec![0, 3, 6]),
            (3, "2, 1", vec![0, 1, 2]),
            (3, "[]", vec![0, 1, 2]),
            (5, "[1]", vec![0, 1, 2, 3, 6]),
        ] {
            assert_eq!(left(replicas, remove)["brokers"], expected, "{remove}");
        }
    }
}
