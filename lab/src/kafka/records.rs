//! Producing to and fetching from the leader of a partition.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{BrokerId, FetchRequest, ListOffsetsRequest, ProduceRequest, TopicName};
use kafka_protocol::records::{
    Compression, NO_PARTITION_LEADER_EPOCH, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, Record, RecordBatchDecoder, RecordBatchEncoder,
    RecordEncodeOptions, TimestampType,
};

use super::{Client, Error, check, text};

/// How long a partition that moves may be led by nobody that is known, and how soon it is asked for again.
const LEADER_PATIENCE: Duration = Duration::from_secs(20);
const LEADER_PAUSE: Duration = Duration::from_millis(200);

/// What a produce request came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Produced {
    /// Offset of the first record.
    pub base_offset: i64,
    /// How long the broker holds this client back because it is over its quota.
    pub throttle_ms: i32,
}

/// What a fetch request came to.
#[derive(Debug, Clone)]
pub struct Consumed {
    /// Values in order, each with its offset.
    pub records: Vec<(i64, Bytes)>,
    pub high_watermark: i64,
    pub throttle_ms: i32,
}

impl Client {
    /// Appends `values` as one batch and waits for all in-sync replicas. A throttle of the broker is obeyed: the next call waits. A partition that is new, or
    /// has just moved, is asked for again.
    pub async fn produce(&mut self, topic: &str, partition: i32, values: &[Bytes]) -> Result<Produced, Error> {
        let started = Instant::now();
        loop {
            match self.produce_once(topic, partition, values).await {
                Err(error) if led_elsewhere(&error) && started.elapsed() < LEADER_PATIENCE => tokio::time::sleep(LEADER_PAUSE).await,
                other => return other,
            }
        }
    }

    async fn produce_once(&mut self, topic: &str, partition: i32, values: &[Bytes]) -> Result<Produced, Error> {
        let batch = encode(values)?;
        let data = PartitionProduceData::default().with_index(partition).with_records(Some(batch));
        let request = ProduceRequest::default()
            .with_acks(-1)
            .with_timeout_ms(30_000)
            .with_topic_data(vec![TopicProduceData::default().with_name(TopicName(text(topic))).with_partition_data(vec![data])]);
        let leader = self.leader(topic, partition).await?;
        let answer = self.broker(&leader).await?.call(9, &request).await?;
        let results = answer.responses.iter().flat_map(|t| &t.partition_responses);
        let mut base_offset = -1;
        for result in results {
            check(|| format!("produce to {topic}-{partition}"), result.error_code, result.error_message.as_ref())?;
            base_offset = result.base_offset;
        }
        obey(answer.throttle_time_ms).await;
        Ok(Produced { base_offset, throttle_ms: answer.throttle_time_ms })
    }

    /// Fetches from `offset` on, at most `max_bytes` (one batch is always given), waiting up to half a second for data. As [`Client::produce`] where the
    /// partition has moved.
    pub async fn fetch(&mut self, topic: &str, partition: i32, offset: i64, max_bytes: i32) -> Result<Consumed, Error> {
        let started = Instant::now();
        loop {
            match self.fetch_once(topic, partition, offset, max_bytes).await {
                Err(error) if led_elsewhere(&error) && started.elapsed() < LEADER_PATIENCE => tokio::time::sleep(LEADER_PAUSE).await,
                other => return other,
            }
        }
    }

    async fn fetch_once(&mut self, topic: &str, partition: i32, offset: i64, max_bytes: i32) -> Result<Consumed, Error> {
        let part = FetchPartition::default()
            .with_partition(partition)
            .with_current_leader_epoch(-1)
            .with_last_fetched_epoch(-1)
            .with_fetch_offset(offset)
            .with_log_start_offset(-1)
            .with_partition_max_bytes(max_bytes);
        let request = FetchRequest::default()
            .with_replica_id(BrokerId(-1))
            .with_max_wait_ms(500)
            .with_min_bytes(1)
            .with_max_bytes(max_bytes)
            .with_session_epoch(-1)
            .with_topics(vec![FetchTopic::default().with_topic(TopicName(text(topic))).with_partitions(vec![part])]);
        let leader = self.leader(topic, partition).await?;
        let answer = self.broker(&leader).await?.call(12, &request).await?;
        check(|| format!("fetch {topic}-{partition}"), answer.error_code, None)?;
        let mut consumed = Consumed { records: Vec::new(), high_watermark: -1, throttle_ms: answer.throttle_time_ms };
        for result in answer.responses.into_iter().flat_map(|t| t.partitions) {
            check(|| format!("fetch {topic}-{partition}"), result.error_code, None)?;
            consumed.high_watermark = result.high_watermark;
            consumed.records.extend(decode(result.records.unwrap_or_default(), offset)?);
        }
        obey(consumed.throttle_ms).await;
        Ok(consumed)
    }

    /// Reads at least `count` values of a partition from `offset` on, or as many as come before `deadline`.
    pub async fn consume(
        &mut self,
        topic: &str,
        partition: i32,
        mut offset: i64,
        count: usize,
        deadline: Duration,
    ) -> Result<Vec<Bytes>, Error> {
        let start = Instant::now();
        let mut values = Vec::new();
        while values.len() < count && start.elapsed() < deadline {
            let got = self.fetch(topic, partition, offset, 1 << 20).await?;
            offset = got.records.last().map_or(offset, |(last, _)| last + 1);
            values.extend(got.records.into_iter().map(|(_, value)| value));
        }
        Ok(values)
    }

    /// The offset the next record of a partition gets.
    pub async fn end_offset(&mut self, topic: &str, partition: i32) -> Result<i64, Error> {
        let part = ListOffsetsPartition::default().with_partition_index(partition).with_current_leader_epoch(-1).with_timestamp(-1);
        let request = ListOffsetsRequest::default()
            .with_replica_id(BrokerId(-1))
            .with_topics(vec![ListOffsetsTopic::default().with_name(TopicName(text(topic))).with_partitions(vec![part])]);
        let leader = self.leader(topic, partition).await?;
        let answer = self.broker(&leader).await?.call(7, &request).await?;
        let mut end = 0;
        for result in answer.topics.iter().flat_map(|t| &t.partitions) {
            check(|| format!("read the end of {topic}-{partition}"), result.error_code, None)?;
            end = result.offset;
        }
        Ok(end)
    }

    /// Address of the broker that leads a partition; waits a little for a topic just made.
    async fn leader(&mut self, topic: &str, partition: i32) -> Result<String, Error> {
        let mut last = (3, format!("topic {topic} has no partition {partition}"));
        for _ in 0..50 {
            let answer = self.raw_metadata(Some(&[topic])).await?;
            for found in &answer.topics {
                // 3 unknown topic, 5 leader not available: both pass after a create.
                if !matches!(found.error_code, 0 | 3 | 5) {
                    check(|| format!("describe topic {topic}"), found.error_code, None)?;
                }
                let Some(part) = found.partitions.iter().find(|p| p.partition_index == partition) else { continue };
                if let Some(broker) = answer.brokers.iter().find(|b| b.node_id == part.leader_id) {
                    return Ok(format!("{}:{}", broker.host, broker.port));
                }
                last = (5, format!("{topic}-{partition} has no leader"));
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        check(|| last.1, last.0, None)?;
        Ok(String::new())
    }
}

async fn obey(throttle_ms: i32) {
    if let Ok(ms) = u64::try_from(throttle_ms) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}

/// Whether a broker said that another leads the partition by now (6 not leader or follower, 74 fenced leader epoch).
fn led_elsewhere(error: &Error) -> bool {
    matches!(error.code(), Some(6 | 74))
}

fn encode(values: &[Bytes]) -> Result<Bytes, Error> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let timestamp = i64::try_from(now.as_millis()).unwrap_or_default();
    let records: Vec<Record> = (0i32..)
        .zip(values)
        .map(|(i, value)| Record {
            transactional: false,
            control: false,
            delete_horizon: false,
            partition_leader_epoch: NO_PARTITION_LEADER_EPOCH,
            producer_id: NO_PRODUCER_ID,
            producer_epoch: NO_PRODUCER_EPOCH,
            timestamp_type: TimestampType::Creation,
            offset: i64::from(i),
            sequence: i,
            timestamp,
            key: None,
            value: Some(value.clone()),
            headers: Default::default(),
        })
        .collect();
    let mut batch = BytesMut::new();
    let options = RecordEncodeOptions { version: 2, compression: Compression::None };
    RecordBatchEncoder::encode(&mut batch, &records, &options).map_err(|e| Error::Codec(e.to_string()))?;
    Ok(batch.freeze())
}

/// A broker gives whole batches, so records before `offset` may come too; and it may cut the last batch short.
fn decode(mut data: Bytes, offset: i64) -> Result<Vec<(i64, Bytes)>, Error> {
    let mut values = Vec::new();
    while data.len() > 12 {
        let length = usize::try_from(i32::from_be_bytes([data[8], data[9], data[10], data[11]])).unwrap_or_default() + 12;
        if data.len() < length {
            break;
        }
        let set = RecordBatchDecoder::decode(&mut data.split_to(length)).map_err(|e| Error::Codec(e.to_string()))?;
        let wanted = set.records.into_iter().filter(|r| r.offset >= offset && !r.control);
        values.extend(wanted.map(|r| (r.offset, r.value.unwrap_or_default())));
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_reads_back_and_a_cut_one_is_left_out() {
        let batch = encode(&[Bytes::from_static(b"a"), Bytes::from_static(b"bc")]).unwrap();
        let all = decode(batch.clone(), 0).unwrap();
        assert_eq!(all, vec![(0, Bytes::from_static(b"a")), (1, Bytes::from_static(b"bc"))]);
        assert_eq!(decode(batch.clone(), 1).unwrap().len(), 1);
        assert!(decode(batch.slice(..batch.len() - 1), 0).unwrap().is_empty());
    }
}
