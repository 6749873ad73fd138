//! Topics, access control, configuration and membership, by the admin messages. Any broker may be asked: it forwards.

use std::collections::BTreeMap;

use kafka_protocol::messages::create_acls_request::AclCreation;
use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::delete_acls_request::DeleteAclsFilter;
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
use kafka_protocol::messages::update_features_request::FeatureUpdateKey;
use kafka_protocol::messages::{
    ApiVersionsRequest, BrokerId, CreateAclsRequest, CreatePartitionsRequest, CreateTopicsRequest, DeleteAclsRequest, DeleteTopicsRequest,
    DescribeAclsRequest, DescribeConfigsRequest, IncrementalAlterConfigsRequest, TopicName, UnregisterBrokerRequest, UpdateFeaturesRequest,
};

use super::{Client, Error, check, text};

const TIMEOUT_MS: i32 = 30_000;

/// What configuration belongs to, in Kafka's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceKind {
    Topic = 2,
    /// A broker by id, or with an empty name the default of all brokers.
    Broker = 4,
}

/// A change of one configuration key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlterOp {
    Set(String),
    Delete,
}

/// A topic as the brokers see it.
#[derive(Debug, Clone)]
pub struct TopicInfo {
    pub name: String,
    /// Kafka's id, as URL-safe base64 without padding: how Strimzi and Kafka's own tools print it.
    pub id: String,
    pub internal: bool,
    pub partitions: Vec<PartitionInfo>,
}

/// A partition; `leader` is -1 when there is none.
#[derive(Debug, Clone)]
pub struct PartitionInfo {
    pub index: i32,
    pub leader: i32,
    pub replicas: Vec<i32>,
    pub in_sync: Vec<i32>,
}

/// One access rule in Kafka's numbers (resource 2 topic, 3 group, 4 cluster, 5 transactional id; pattern 3 literal,
/// 4 prefixed; permission 2 deny, 3 allow).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Acl {
    pub principal: String,
    pub resource_type: i8,
    pub resource_name: String,
    pub pattern_type: i8,
    pub operation: i8,
    pub permission: i8,
    pub host: String,
}

impl Client {
    /// Ids and addresses of the brokers that are alive.
    pub async fn brokers(&mut self) -> Result<BTreeMap<i32, String>, Error> {
        let answer = self.raw_metadata(Some(&[])).await?;
        Ok(answer.brokers.into_iter().map(|b| (b.node_id.0, format!("{}:{}", b.host, b.port))).collect())
    }

    /// The topics named that exist and may be seen; all with `None`.
    pub async fn topics(&mut self, names: Option<&[&str]>) -> Result<Vec<TopicInfo>, Error> {
        let answer = self.raw_metadata(names).await?;
        let mut topics = Vec::new();
        for topic in answer.topics {
            let name = topic.name.map(|n| n.to_string()).unwrap_or_default();
            if topic.error_code == 3 {
                continue;
            }
            check(|| format!("describe topic {name}"), topic.error_code, None)?;
            let ids = |ids: Vec<BrokerId>| ids.into_iter().map(|id| id.0).collect();
            let partitions = topic.partitions.into_iter().map(|p| PartitionInfo {
                index: p.partition_index,
                leader: p.leader_id.0,
                replicas: ids(p.replica_nodes),
                in_sync: ids(p.isr_nodes),
            });
            let id = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, topic.topic_id.as_bytes());
            topics.push(TopicInfo { name, id, internal: topic.is_internal, partitions: partitions.collect() });
        }
        Ok(topics)
    }

    /// Makes a topic; `replicas` -1 takes the cluster's default.
    pub async fn create_topic(
        &mut self,
        name: &str,
        partitions: i32,
        replicas: i16,
        config: &BTreeMap<String, String>,
    ) -> Result<(), Error> {
        let configs = config.iter().map(|(k, v)| CreatableTopicConfig::default().with_name(text(k)).with_value(Some(text(v)))).collect();
        let topic = CreatableTopic::default()
            .with_name(TopicName(text(name)))
            .with_num_partitions(partitions)
            .with_replication_factor(replicas)
            .with_configs(configs);
        let answer = self.call(7, &CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(TIMEOUT_MS)).await?;
        answer.topics.iter().try_for_each(|t| check(|| format!("create topic {name}"), t.error_code, t.error_message.as_ref()))
    }

    /// Raises the number of partitions to `count`.
    pub async fn create_partitions(&mut self, name: &str, count: i32) -> Result<(), Error> {
        let topic = CreatePartitionsTopic::default().with_name(TopicName(text(name))).with_count(count).with_assignments(None);
        let answer = self.call(3, &CreatePartitionsRequest::default().with_topics(vec![topic]).with_timeout_ms(TIMEOUT_MS)).await?;
        answer.results.iter().try_for_each(|t| check(|| format!("add partitions to {name}"), t.error_code, t.error_message.as_ref()))
    }

    /// Deletes a topic.
    pub async fn delete_topic(&mut self, name: &str) -> Result<(), Error> {
        let state = DeleteTopicState::default().with_name(Some(TopicName(text(name))));
        let answer = self.call(6, &DeleteTopicsRequest::default().with_topics(vec![state]).with_timeout_ms(TIMEOUT_MS)).await?;
        answer.responses.iter().try_for_each(|t| check(|| format!("delete topic {name}"), t.error_code, t.error_message.as_ref()))
    }

    /// Effective configuration of a topic or broker; `keys` narrows it. A key without value is left out.
    pub async fn configs(&mut self, kind: ResourceKind, name: &str, keys: Option<&[&str]>) -> Result<BTreeMap<String, String>, Error> {
        self.described(kind, name, keys, false).await
    }

    /// What was set on the topic or broker itself, not inherited.
    pub async fn own_configs(&mut self, kind: ResourceKind, name: &str) -> Result<BTreeMap<String, String>, Error> {
        self.described(kind, name, None, true).await
    }

    async fn described(
        &mut self,
        kind: ResourceKind,
        name: &str,
        keys: Option<&[&str]>,
        own: bool,
    ) -> Result<BTreeMap<String, String>, Error> {
        let resource = DescribeConfigsResource::default()
            .with_resource_type(kind as i8)
            .with_resource_name(text(name))
            .with_configuration_keys(keys.map(|keys| keys.iter().map(|k| text(k)).collect()));
        let answer = self.call(4, &DescribeConfigsRequest::default().with_resources(vec![resource])).await?;
        let mut found = BTreeMap::new();
        for result in answer.results {
            check(|| format!("describe configuration of {name}"), result.error_code, result.error_message.as_ref())?;
            // Sources: 1 set on the topic, 2 set on the broker.
            let entries = result.configs.into_iter().filter(|c| !own || matches!(c.config_source, 1 | 2));
            found.extend(entries.filter_map(|c| Some((c.name.to_string(), c.value?.to_string()))));
        }
        Ok(found)
    }

    /// Changes single keys of a topic or broker, leaving the others.
    pub async fn alter_configs(&mut self, kind: ResourceKind, name: &str, ops: &BTreeMap<String, AlterOp>) -> Result<(), Error> {
        let configs = ops.iter().map(|(key, op)| {
            let (operation, value) = match op {
                AlterOp::Set(value) => (0, Some(text(value))),
                AlterOp::Delete => (1, None),
            };
            AlterableConfig::default().with_name(text(key)).with_config_operation(operation).with_value(value)
        });
        let resource =
            AlterConfigsResource::default().with_resource_type(kind as i8).with_resource_name(text(name)).with_configs(configs.collect());
        let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
        // A broker changes only itself; everything else any broker forwards.
        let own = match (kind, name.parse::<i32>()) {
            (ResourceKind::Broker, Ok(id)) => self.brokers().await?.remove(&id),
            _ => None,
        };
        let answer = match own {
            Some(address) => self.broker(&address).await?.call(1, &request).await?,
            None => self.call(1, &request).await?,
        };
        answer.responses.iter().try_for_each(|r| check(|| format!("alter configuration of {name}"), r.error_code, r.error_message.as_ref()))
    }

    /// All access rules, or those of one principal (`User:CN=alice`).
    pub async fn acls(&mut self, principal: Option<&str>) -> Result<Vec<Acl>, Error> {
        // 1 is "any" for type, pattern, operation and permission.
        let filter = DescribeAclsRequest::default()
            .with_resource_type_filter(1)
            .with_resource_name_filter(None)
            .with_host_filter(None)
            .with_pattern_type_filter(1)
            .with_principal_filter(principal.map(text))
            .with_operation(1)
            .with_permission_type(1);
        let answer = self.call(3, &filter).await?;
        check(|| "list access rules".to_owned(), answer.error_code, answer.error_message.as_ref())?;
        let mut acls = Vec::new();
        for resource in answer.resources {
            acls.extend(resource.acls.iter().map(|acl| Acl {
                principal: acl.principal.to_string(),
                resource_type: resource.resource_type,
                resource_name: resource.resource_name.to_string(),
                pattern_type: resource.pattern_type,
                operation: acl.operation,
                permission: acl.permission_type,
                host: acl.host.to_string(),
            }));
        }
        Ok(acls)
    }

    /// Adds access rules.
    pub async fn create_acls(&mut self, acls: &[Acl]) -> Result<(), Error> {
        let creations = acls.iter().map(|acl| {
            AclCreation::default()
                .with_resource_type(acl.resource_type)
                .with_resource_name(text(&acl.resource_name))
                .with_resource_pattern_type(acl.pattern_type)
                .with_principal(text(&acl.principal))
                .with_host(text(&acl.host))
                .with_operation(acl.operation)
                .with_permission_type(acl.permission)
        });
        let answer = self.call(3, &CreateAclsRequest::default().with_creations(creations.collect())).await?;
        answer.results.iter().try_for_each(|r| check(|| "add an access rule".to_owned(), r.error_code, r.error_message.as_ref()))
    }

    /// Removes exactly these access rules.
    pub async fn delete_acls(&mut self, acls: &[Acl]) -> Result<(), Error> {
        let filters = acls.iter().map(|acl| {
            DeleteAclsFilter::default()
                .with_resource_type_filter(acl.resource_type)
                .with_resource_name_filter(Some(text(&acl.resource_name)))
                .with_pattern_type_filter(acl.pattern_type)
                .with_principal_filter(Some(text(&acl.principal)))
                .with_host_filter(Some(text(&acl.host)))
                .with_operation(acl.operation)
                .with_permission_type(acl.permission)
        });
        let answer = self.call(3, &DeleteAclsRequest::default().with_filters(filters.collect())).await?;
        answer.filter_results.iter().try_for_each(|r| check(|| "remove an access rule".to_owned(), r.error_code, r.error_message.as_ref()))
    }

    /// Tells the controllers that a broker is gone for good.
    pub async fn unregister_broker(&mut self, id: i32) -> Result<(), Error> {
        let answer = self.call(0, &UnregisterBrokerRequest::default().with_broker_id(BrokerId(id))).await?;
        check(|| format!("unregister broker {id}"), answer.error_code, answer.error_message.as_ref())
    }

    /// The finalized level of a feature such as `metadata.version`.
    pub async fn feature_level(&mut self, feature: &str) -> Result<Option<i16>, Error> {
        let request = ApiVersionsRequest::default().with_client_software_name(text("kaas-lab")).with_client_software_version(text("1"));
        let answer = self.call(3, &request).await?;
        check(|| "read the features".to_owned(), answer.error_code, None)?;
        Ok(answer.finalized_features.iter().find(|f| f.name.to_string() == feature).map(|f| f.max_version_level))
    }

    /// Raises a feature to `level`.
    pub async fn upgrade_feature(&mut self, feature: &str, level: i16) -> Result<(), Error> {
        let update = FeatureUpdateKey::default().with_feature(text(feature)).with_max_version_level(level).with_upgrade_type(1);
        let request = UpdateFeaturesRequest::default().with_timeout_ms(TIMEOUT_MS).with_feature_updates(vec![update]);
        let answer = self.call(1, &request).await?;
        check(|| format!("raise {feature} to {level}"), answer.error_code, answer.error_message.as_ref())?;
        answer.results.iter().try_for_each(|r| check(|| format!("raise {feature} to {level}"), r.error_code, r.error_message.as_ref()))
    }
}
