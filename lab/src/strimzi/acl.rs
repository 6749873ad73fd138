//! Access rules of a KafkaUser in Kafka's numbers, and what to add and remove. Pure.

use anyhow::{Result, bail};

use super::api::AclRule;
use crate::kafka::Acl;

/// The rules of a user as Kafka keeps them: one per operation.
pub fn wanted(principal: &str, rules: &[AclRule]) -> Result<Vec<Acl>> {
    let mut acls = Vec::new();
    for rule in rules {
        let resource_type = match rule.resource.kind.as_str() {
            "topic" => 2,
            "group" => 3,
            "cluster" => 4,
            "transactionalId" => 5,
            other => bail!("resource type {other} of an access rule is unknown"),
        };
        let pattern_type = if rule.resource.pattern_type.as_deref() == Some("prefix") { 4 } else { 3 };
        let permission = if rule.permission.as_deref() == Some("deny") { 2 } else { 3 };
        for operation in &rule.operations {
            acls.push(Acl {
                principal: principal.to_owned(),
                resource_type,
                resource_name: if resource_type == 4 { "kafka-cluster".to_owned() } else { rule.resource.name.clone().unwrap_or_default() },
                pattern_type,
                operation: operation_number(operation)?,
                permission,
                host: rule.host.clone().unwrap_or_else(|| "*".to_owned()),
            });
        }
    }
    acls.sort();
    acls.dedup();
    Ok(acls)
}

fn operation_number(name: &str) -> Result<i8> {
    Ok(match name {
        "All" => 2,
        "Read" => 3,
        "Write" => 4,
        "Create" => 5,
        "Delete" => 6,
        "Alter" => 7,
        "Describe" => 8,
        "ClusterAction" => 9,
        "DescribeConfigs" => 10,
        "AlterConfigs" => 11,
        "IdempotentWrite" => 12,
        other => bail!("operation {other} of an access rule is unknown"),
    })
}

/// What to add and what to remove.
pub fn difference(current: &[Acl], wanted: &[Acl]) -> (Vec<Acl>, Vec<Acl>) {
    let add = wanted.iter().filter(|a| !current.contains(a)).cloned().collect();
    let remove = current.iter().filter(|a| !wanted.contains(a)).cloned().collect();
    (add, remove)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Vec<AclRule> {
        serde_json::from_value(serde_json::json!([
            {"resource": {"type": "topic", "name": "orders", "patternType": "prefix"}, "operations": ["Read", "Describe"]},
            {"type": "deny", "resource": {"type": "cluster"}, "operations": ["Alter"], "host": "10.0.0.1"}
        ]))
        .unwrap()
    }

    #[test]
    fn every_operation_is_a_rule_with_strimzis_defaults() {
        let acls = wanted("User:CN=alice", &rules()).unwrap();
        assert_eq!(acls.len(), 3);
        let read = acls.iter().find(|a| a.operation == 3).unwrap();
        assert_eq!((read.pattern_type, read.permission, read.host.as_str()), (4, 3, "*"));
        let deny = acls.iter().find(|a| a.resource_type == 4).unwrap();
        assert_eq!((deny.resource_name.as_str(), deny.permission, deny.host.as_str()), ("kafka-cluster", 2, "10.0.0.1"));
    }

    #[test]
    fn only_the_difference_is_sent() {
        let all = wanted("User:CN=alice", &rules()).unwrap();
        let (add, remove) = difference(&all[..2], &all[1..]);
        assert_eq!((add.as_slice(), remove.as_slice()), (&all[2..], &all[..1]));
        assert_eq!(difference(&all, &all), (vec![], vec![]));
    }
}
