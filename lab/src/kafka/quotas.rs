//! Client quotas: of one user, or the default of all users. Kafka holds each broker to them by itself, not the cluster.

use std::collections::BTreeMap;

use kafka_protocol::messages::alter_client_quotas_request::{EntityData, EntryData, OpData};
use kafka_protocol::messages::describe_client_quotas_request::ComponentData;
use kafka_protocol::messages::{AlterClientQuotasRequest, DescribeClientQuotasRequest};

use super::{Client, Error, check, text};

/// Whom a quota holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QuotaEntity {
    /// Every user without a quota of its own.
    DefaultUser,
    /// One principal without its `User:`, such as `CN=alice`.
    User(String),
}

/// Quotas of one entity: key (`producer_byte_rate` …) and value.
pub type QuotaEntry = (QuotaEntity, BTreeMap<String, f64>);

impl Client {
    /// The quotas of all users that have some.
    pub async fn user_quotas(&mut self) -> Result<Vec<QuotaEntry>, Error> {
        // Match type 2: any name that is given, the default included.
        let component = ComponentData::default().with_entity_type(text("user")).with_match_type(2).with_match(None);
        let answer = self.call(1, &DescribeClientQuotasRequest::default().with_components(vec![component]).with_strict(true)).await?;
        check(|| "list quotas".to_owned(), answer.error_code, answer.error_message.as_ref())?;
        let entry = |e: kafka_protocol::messages::describe_client_quotas_response::EntryData| {
            let name = e.entity.first().and_then(|part| part.entity_name.as_ref()).map(ToString::to_string);
            let values = e.values.iter().map(|v| (v.key.to_string(), v.value)).collect();
            (name.map_or(QuotaEntity::DefaultUser, QuotaEntity::User), values)
        };
        Ok(answer.entries.unwrap_or_default().into_iter().map(entry).collect())
    }

    /// Sets (`Some`) or removes (`None`) quotas of an entity.
    pub async fn alter_quotas(&mut self, entity: &QuotaEntity, ops: &BTreeMap<String, Option<f64>>) -> Result<(), Error> {
        if ops.is_empty() {
            return Ok(());
        }
        let name = match entity {
            QuotaEntity::DefaultUser => None,
            QuotaEntity::User(name) => Some(text(name)),
        };
        let ops = ops
            .iter()
            .map(|(key, value)| OpData::default().with_key(text(key)).with_value(value.unwrap_or_default()).with_remove(value.is_none()));
        let entry = EntryData::default()
            .with_entity(vec![EntityData::default().with_entity_type(text("user")).with_entity_name(name)])
            .with_ops(ops.collect());
        let answer = self.call(1, &AlterClientQuotasRequest::default().with_entries(vec![entry])).await?;
        answer.entries.iter().try_for_each(|e| check(|| format!("alter quotas of {entity:?}"), e.error_code, e.error_message.as_ref()))
    }

    /// Makes the quotas of an entity exactly `wanted`; true when something changed.
    pub async fn set_quotas(&mut self, entity: &QuotaEntity, wanted: &BTreeMap<String, f64>) -> Result<bool, Error> {
        let current = self.user_quotas().await?.into_iter().find(|(e, _)| e == entity).map(|(_, v)| v).unwrap_or_default();
        let ops = difference(&current, wanted);
        self.alter_quotas(entity, &ops).await?;
        Ok(!ops.is_empty())
    }
}

fn difference(current: &BTreeMap<String, f64>, wanted: &BTreeMap<String, f64>) -> BTreeMap<String, Option<f64>> {
    let gone = current.keys().filter(|k| !wanted.contains_key(*k)).map(|k| (k.clone(), None));
    let changed = wanted.iter().filter(|(k, v)| current.get(*k) != Some(v)).map(|(k, v)| (k.clone(), Some(*v)));
    gone.chain(changed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_altered() {
        let map = |entries: &[(&str, f64)]| entries.iter().map(|(k, v)| ((*k).to_owned(), *v)).collect::<BTreeMap<_, _>>();
        let ops = difference(&map(&[("a", 1.0), ("b", 2.0), ("c", 3.0)]), &map(&[("a", 1.0), ("b", 5.0)]));
        assert_eq!(ops, BTreeMap::from([("b".to_owned(), Some(5.0)), ("c".to_owned(), None)]));
    }
}
