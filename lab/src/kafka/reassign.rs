//! Moving partitions between brokers, by the admin messages. Any broker may be asked: it forwards.

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::messages::alter_partition_reassignments_request::{ReassignablePartition, ReassignableTopic};
use kafka_protocol::messages::{AlterPartitionReassignmentsRequest, BrokerId, ListPartitionReassignmentsRequest, TopicName};

use super::{Client, Error, check, text};

const TIMEOUT_MS: i32 = 30_000;

/// The brokers that shall hold a partition, the one that should lead it first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reassignment {
    pub topic: String,
    pub partition: i32,
    pub replicas: Vec<i32>,
}

impl Client {
    /// Begins to move partitions; Kafka goes on with it by itself.
    ///
    /// # Errors
    /// Of the first partition that Kafka refuses; the others move.
    pub async fn reassign(&mut self, moves: &[Reassignment]) -> Result<(), Error> {
        let mut topics: BTreeMap<&str, Vec<ReassignablePartition>> = BTreeMap::new();
        for Reassignment { topic, partition, replicas } in moves {
            let replicas = Some(replicas.iter().map(|id| BrokerId(*id)).collect());
            topics
                .entry(topic)
                .or_default()
                .push(ReassignablePartition::default().with_partition_index(*partition).with_replicas(replicas));
        }
        if topics.is_empty() {
            return Ok(());
        }
        let topics = topics
            .into_iter()
            .map(|(name, partitions)| ReassignableTopic::default().with_name(TopicName(text(name))).with_partitions(partitions));
        let request = AlterPartitionReassignmentsRequest::default().with_timeout_ms(TIMEOUT_MS).with_topics(topics.collect());
        let answer = self.call(0, &request).await?;
        check(|| "move partitions".to_owned(), answer.error_code, answer.error_message.as_ref())?;
        answer.responses.iter().flat_map(|topic| topic.partitions.iter().map(move |one| (topic, one))).try_for_each(|(topic, one)| {
            check(|| format!("move partition {} of {}", one.partition_index, topic.name.0), one.error_code, one.error_message.as_ref())
        })
    }

    /// The partitions that are being moved: topic and index.
    pub async fn reassigning(&mut self) -> Result<BTreeSet<(String, i32)>, Error> {
        let request = ListPartitionReassignmentsRequest::default().with_timeout_ms(TIMEOUT_MS).with_topics(None);
        let answer = self.call(0, &request).await?;
        check(|| "list the partitions that move".to_owned(), answer.error_code, answer.error_message.as_ref())?;
        let of = |topic: &kafka_protocol::messages::list_partition_reassignments_response::OngoingTopicReassignment| {
            let name = topic.name.0.to_string();
            topic.partitions.iter().map(|one| (name.clone(), one.partition_index)).collect::<Vec<_>>()
        };
        Ok(answer.topics.iter().flat_map(of).collect())
    }
}
