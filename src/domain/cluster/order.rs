//! In which order the nodes and the Kafka of a tenant change: nodes grow before Kafka does, and Kafka shrinks before its nodes do.

/// Machine deployments of brokers' nodes by name, and the nodes of each, as [`super::broker_counts`] gives them.
pub type Nodes = [(String, u32)];

/// What is applied first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The nodes stay as many as they are: either may be first.
    Any,
    ClusterFirst,
    KafkaFirst,
    /// Nodes are added in one place and taken away in another: the cluster as [`between`] says, then Kafka, then the cluster as planned.
    ClusterAround,
}

/// What comes first on the way from the prior nodes (None: there is no cluster yet) to the planned ones.
pub fn order(prior: Option<&Nodes>, planned: &Nodes) -> Order {
    let Some(prior) = prior else { return Order::ClusterFirst };
    let of = |nodes: &Nodes, name: &str| nodes.iter().find(|(other, _)| other == name).map_or(0, |(_, count)| *count);
    let grows = planned.iter().any(|(name, count)| *count > of(prior, name));
    let shrinks = prior.iter().any(|(name, count)| *count > of(planned, name));
    match (grows, shrinks) {
        (false, false) => Order::Any,
        (true, false) => Order::ClusterFirst,
        (false, true) => Order::KafkaFirst,
        (true, true) => Order::ClusterAround,
    }
}

/// The nodes that both the prior and the planned Kafka find room on: the larger of each.
pub fn between(prior: &Nodes, planned: &Nodes) -> Vec<(String, u32)> {
    let mut nodes = prior.to_vec();
    for (name, count) in planned {
        match nodes.iter_mut().find(|(other, _)| other == name) {
            Some((_, existing)) => *existing = (*existing).max(*count),
            None => nodes.push((name.clone(), *count)),
        }
    }
    nodes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(text: &str) -> Vec<(String, u32)> {
        let one = |part: &str| part.split_once('=').map(|(name, count)| (name.to_owned(), count.parse().unwrap()));
        text.split_whitespace().filter_map(one).collect()
    }

    #[test]
    fn nodes_grow_before_kafka_and_kafka_shrinks_before_nodes() {
        for (prior, planned, expected) in [
            ("brokers=3", "brokers=3", Order::Any),
            ("brokers=3", "brokers=6", Order::ClusterFirst),
            ("brokers=6", "brokers=3", Order::KafkaFirst),
            ("a=1 b=1 c=1", "a=2 b=2 c=2", Order::ClusterFirst),
            ("a=2 b=2", "a=2", Order::KafkaFirst),
            ("a=1 b=1", "a=1 b=1 c=1", Order::ClusterFirst),
            ("a=2 b=1", "a=1 b=2", Order::ClusterAround),
            ("brokers=3", "a=1 b=1 c=1", Order::ClusterAround),
            ("", "", Order::Any),
        ] {
            assert_eq!(order(Some(&nodes(prior)), &nodes(planned)), expected, "{prior} to {planned}");
        }
        assert_eq!(order(None, &nodes("brokers=3")), Order::ClusterFirst);
    }

    #[test]
    fn in_between_there_is_room_for_both() {
        assert_eq!(between(&nodes("a=2 b=1"), &nodes("a=1 b=2 c=1")), nodes("a=2 b=2 c=1"));
    }
}
