//! Where replicas go when brokers come or go: evenly by their number, and no more of them than need be. Pure. Cruise Control, which the real operator asks,
//! weighs disks, network and CPU as well.

use std::collections::{BTreeMap, BTreeSet};

use crate::kafka::{Reassignment, TopicInfo};

/// Replicas that each broker holds.
type Load = BTreeMap<i32, usize>;

fn load(topics: &[TopicInfo], brokers: &BTreeSet<i32>) -> Load {
    let mut load: Load = brokers.iter().map(|id| (*id, 0)).collect();
    for id in topics.iter().flat_map(|t| &t.partitions).flat_map(|p| &p.replicas) {
        if let Some(count) = load.get_mut(id) {
            *count += 1;
        }
    }
    load
}

/// Every partition that has a replica on a `leaving` broker, with another broker in its stead.
///
/// # Errors
/// A partition has more replicas than there are brokers that stay.
pub fn off(topics: &[TopicInfo], leaving: &BTreeSet<i32>, staying: &BTreeSet<i32>) -> Result<Vec<Reassignment>, String> {
    let mut load = load(topics, staying);
    let mut moves = Vec::new();
    for (topic, partition) in topics.iter().flat_map(|t| t.partitions.iter().map(move |p| (t, p))) {
        if !partition.replicas.iter().any(|id| leaving.contains(id)) {
            continue;
        }
        let mut replicas = partition.replicas.clone();
        for at in 0..replicas.len() {
            if !leaving.contains(&replicas[at]) {
                continue;
            }
            let free = load.iter().filter(|(id, _)| !replicas.contains(id)).min_by_key(|(id, count)| (**count, **id)).map(|(id, _)| *id);
            let Some(free) = free else {
                let (name, index, count) = (&topic.name, partition.index, replicas.len());
                return Err(format!("partition {index} of {name} has {count} replicas and only the brokers {staying:?} stay"));
            };
            replicas[at] = free;
            *load.entry(free).or_default() += 1;
        }
        moves.push(Reassignment { topic: topic.name.clone(), partition: partition.index, replicas });
    }
    Ok(moves)
}

/// Partitions to move onto `added` brokers, until each of these holds its even share.
pub fn onto(topics: &[TopicInfo], added: &BTreeSet<i32>, brokers: &BTreeSet<i32>) -> Vec<Reassignment> {
    let mut load = load(topics, brokers);
    let share = load.values().sum::<usize>() / brokers.len().max(1);
    let mut moves = Vec::new();
    for (topic, partition) in topics.iter().flat_map(|t| t.partitions.iter().map(move |p| (t, p))) {
        let Some(to) = added.iter().copied().filter(|id| load[id] < share && !partition.replicas.contains(id)).min_by_key(|id| load[id])
        else {
            continue;
        };
        let from = partition.replicas.iter().copied().filter(|id| load.get(id).is_some_and(|count| *count > share));
        let Some(from) = from.max_by_key(|id| load[id]) else { continue };
        let replicas = partition.replicas.iter().map(|id| if *id == from { to } else { *id }).collect();
        *load.entry(from).or_default() -= 1;
        *load.entry(to).or_default() += 1;
        moves.push(Reassignment { topic: topic.name.clone(), partition: partition.index, replicas });
    }
    moves
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::PartitionInfo;

    fn topic(name: &str, partitions: &[&[i32]]) -> TopicInfo {
        let one =
            |(index, replicas): (i32, &&[i32])| PartitionInfo { index, leader: 0, replicas: replicas.to_vec(), in_sync: replicas.to_vec() };
        TopicInfo { name: name.to_owned(), id: String::new(), internal: false, partitions: (0..).zip(partitions).map(one).collect() }
    }

    fn after(topics: &[TopicInfo], moves: &[Reassignment]) -> Vec<Vec<i32>> {
        let moved = |t: &TopicInfo, p: &PartitionInfo| moves.iter().find(|m| m.topic == t.name && m.partition == p.index);
        let of =
            |t: &TopicInfo| t.partitions.iter().map(|p| moved(t, p).map_or(p.replicas.clone(), |m| m.replicas.clone())).collect::<Vec<_>>();
        topics.iter().flat_map(of).collect()
    }

    #[test]
    fn what_is_on_leaving_brokers_goes_to_others_and_nothing_else_moves() {
        let topics = [topic("a", &[&[0, 1, 2], &[6, 1, 2], &[1, 6, 7]]), topic("b", &[&[7, 0, 6]])];
        let (leaving, staying) = ([6, 7].into(), [0, 1, 2].into());
        let moves = off(&topics, &leaving, &staying).unwrap();
        assert_eq!(moves.len(), 3);
        for replicas in after(&topics, &moves) {
            let unique: BTreeSet<i32> = replicas.iter().copied().collect();
            assert_eq!(unique, staying, "{replicas:?}");
        }
        assert_eq!(moves[0].replicas, [0, 1, 2], "those that stay keep their place");
    }

    #[test]
    fn a_partition_of_more_replicas_than_brokers_stay_is_named() {
        let told = off(&[topic("wide", &[&[0, 1, 2, 6]])], &[6].into(), &[0, 1, 2].into()).unwrap_err();
        assert!(told.contains("partition 0 of wide has 4 replicas"), "{told}");
    }

    #[test]
    fn a_new_broker_gets_its_share_and_no_partition_twice() {
        let partitions: Vec<&[i32]> = vec![&[0, 1, 2]; 8];
        let topics = [topic("a", &partitions)];
        let moves = onto(&topics, &[6].into(), &[0, 1, 2, 6].into());
        assert_eq!(moves.len(), 6);
        let all = after(&topics, &moves);
        assert!(all.iter().all(|replicas| replicas.iter().collect::<BTreeSet<_>>().len() == 3));
        let of = |id: i32| all.iter().filter(|replicas| replicas.contains(&id)).count();
        assert_eq!([of(0), of(1), of(2), of(6)], [6; 4]);
    }
}
