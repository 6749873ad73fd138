//! Record sets at and below a name.

use aws_sdk_route53::types;

use super::spelling::{plain_name, plain_value, spelt_name};
use super::zone_id;
use crate::domain::dns::{Record, RecordType, Target};
use crate::drivers::aws::{Aws, Error, Result};

impl Aws {
    /// The record sets at and below a name, and no others: `bootstrap.payments.example.com` is below `payments.example.com`.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is no such zone; when Route53 refuses or cannot be asked.
    pub async fn records(&self, zone: &str, below: &str) -> Result<Vec<Record>> {
        let (zone, below) = (zone_id(zone), plain_name(below));
        let act = format!("list the records of hosted zone {zone:?} of Route53 below {below:?}");
        let client = self.route53().await;
        let (mut name, mut kind, mut identifier) = (Some(spelt_name(&below)), None, None);
        let mut records = Vec::new();
        loop {
            let request = client.list_resource_record_sets().hosted_zone_id(zone);
            let request = request.set_start_record_name(name).set_start_record_type(kind).set_start_record_identifier(identifier);
            let answer = request.send().await.map_err(self.failed(act.clone()))?;
            let read: Vec<Record> = answer.resource_record_sets.into_iter().map(record).collect();
            let is_past = read.last().is_some_and(|last| !is_near(&last.name, &below));
            records.extend(read.into_iter().filter(|record| is_below(&record.name, &below)));
            if is_past || !answer.is_truncated {
                return Ok(records);
            }
            if answer.next_record_name.is_none() {
                return Err(Error::decode(act, "it says that there is more, and not where"));
            }
            (name, kind, identifier) = (answer.next_record_name, answer.next_record_type, answer.next_record_identifier);
        }
    }
}

fn is_below(name: &str, below: &str) -> bool {
    name.strip_suffix(below).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Whether names below `below` may follow this one in Route53's order, which is by labels from the last to the first, letter by letter:
/// `com.example.payments.bootstrap` comes after `com.example.payments`, and `com.example.payments-2` may stand between them.
fn is_near(name: &str, below: &str) -> bool {
    let reversed = |name: &str| name.split('.').rev().collect::<Vec<_>>().join(".");
    reversed(name).starts_with(&reversed(below))
}

fn record(found: types::ResourceRecordSet) -> Record {
    let kind = RecordType::from(found.r#type.as_str());
    let target = match found.alias_target {
        Some(alias) => Target::Alias {
            name: plain_name(&alias.dns_name),
            zone_id: alias.hosted_zone_id,
            evaluate_health: alias.evaluate_target_health,
        },
        None => Target::Values {
            ttl_s: found.ttl.and_then(|ttl| u32::try_from(ttl).ok()).unwrap_or_default(),
            values: found.resource_records.unwrap_or_default().iter().map(|record| plain_value(&kind, &record.value)).collect(),
        },
    };
    Record { name: plain_name(&found.name), kind, set_identifier: found.set_identifier, target }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn below_is_by_whole_labels() {
        let below = "payments.example.com";
        assert!(is_below(below, below) && is_below("a.b.payments.example.com", below));
        assert!(!is_below("xpayments.example.com", below) && !is_below("example.com", below));
    }

    #[test]
    fn reading_ends_behind_all_that_may_be_below() {
        let below = "payments.example.com";
        for name in [below, "x.payments.example.com", "payments-2.example.com", "payments2.example.com"] {
            assert!(is_near(name, below), "{name}");
        }
        assert!(!is_near("queue.example.com", below) && !is_near("example.org", below));
    }
}
