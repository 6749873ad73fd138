//! Batches of changes, and whether Route53's name servers have them.

use aws_sdk_route53::config::http::HttpResponse;
use aws_sdk_route53::error::{BuildError, SdkError};
use aws_sdk_route53::operation::change_resource_record_sets::ChangeResourceRecordSetsError;
use aws_sdk_route53::types;

use super::spelling::{spelt_name, spelt_value};
use super::{change_id, zone_id};
use crate::domain::dns::{Change, ChangeAction, Record, Target};
use crate::drivers::aws::{Answer, Aws, Error, Result};

const INVALID_BATCH: &str = "InvalidChangeBatch";

impl Aws {
    /// Makes all changes or none, and answers with the id of the batch.
    ///
    /// A refused batch is [`Error::BadRequest`], whose message names each record that is in the way and why. A request whose answer is lost is sent again, and
    /// refused for what it has done itself where it creates or deletes: look at the records before taking that for a refusal.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is no such zone; when Route53 refuses or cannot be asked.
    pub async fn change_records(&self, zone: &str, comment: &str, changes: &[Change]) -> Result<String> {
        let zone = zone_id(zone);
        let act = format!("change records of hosted zone {zone:?} of Route53");
        let spelt = changes.iter().map(change).collect::<std::result::Result<Vec<_>, _>>();
        let batch = spelt.and_then(|changes| types::ChangeBatch::builder().comment(comment).set_changes(Some(changes)).build());
        let batch =
            batch.map_err(|error| Error::Config { message: format!("{act}: {error}"), way_out: "Please report this error.".into() })?;
        let request = self.route53().await.change_resource_record_sets().hosted_zone_id(zone).change_batch(batch);
        let answer = request.send().await.map_err(|error| {
            let told = refusals(&error);
            with_refusals(self.failed(act.clone())(error), &act, &told)
        })?;
        let info = answer.change_info.ok_or_else(|| Error::decode(act, "there is no change in it"))?;
        Ok(change_id(&info.id).to_owned())
    }

    /// Whether all name servers of Route53 answer as a batch of changes says.
    ///
    /// # Errors
    /// When Route53 refuses or cannot be asked.
    pub async fn change_is_in_sync(&self, id: &str) -> Result<bool> {
        let id = change_id(id);
        let act = format!("read change {id:?} of Route53");
        let answer = self.route53().await.get_change().id(id).send().await.map_err(self.failed(act.clone()))?;
        let info = answer.change_info.ok_or_else(|| Error::decode(act, "there is no change in it"))?;
        Ok(info.status == types::ChangeStatus::Insync)
    }
}

/// What is wrong with a batch, where Route53 says so in a list. It sends that by itself, too, without the frame that all other errors have, and then the SDK
/// finds no error in it.
fn refusals(error: &SdkError<ChangeResourceRecordSetsError, HttpResponse>) -> Vec<String> {
    if let Some(ChangeResourceRecordSetsError::InvalidChangeBatch(refusal)) = error.as_service_error()
        && !refusal.messages().is_empty()
    {
        return refusal.messages().to_vec();
    }
    let body = error.raw_response().and_then(|answer| answer.body().bytes());
    body.and_then(|body| std::str::from_utf8(body).ok()).map(unframed).unwrap_or_default()
}

fn unframed(body: &str) -> Vec<String> {
    if !body.contains(&format!("<{INVALID_BATCH}")) {
        return Vec::new();
    }
    let entities = [("&apos;", "'"), ("&#39;", "'"), ("&quot;", "\""), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")];
    let plain = |text: &str| entities.iter().fold(text.to_owned(), |text, (entity, letter)| text.replace(entity, letter));
    body.split("<Message>").skip(1).filter_map(|rest| rest.split_once("</Message>")).map(|(message, _)| plain(message)).collect()
}

fn with_refusals(error: Error, act: &str, told: &[String]) -> Error {
    if told.is_empty() {
        return error;
    }
    let answer = error.answer().cloned().unwrap_or_default();
    let act = act.to_owned();
    Error::BadRequest { act, source: Box::new(Answer { code: INVALID_BATCH.to_owned(), message: told.join("; "), ..answer }) }
}

fn change(change: &Change) -> std::result::Result<types::Change, BuildError> {
    let action = match change.action {
        ChangeAction::Create => types::ChangeAction::Create,
        ChangeAction::Upsert => types::ChangeAction::Upsert,
        ChangeAction::Delete => types::ChangeAction::Delete,
    };
    types::Change::builder().action(action).resource_record_set(record_set(&change.record)?).build()
}

fn record_set(record: &Record) -> std::result::Result<types::ResourceRecordSet, BuildError> {
    let set = types::ResourceRecordSet::builder()
        .name(spelt_name(&record.name))
        .r#type(types::RrType::from(record.kind.as_str()))
        .set_set_identifier(record.set_identifier.clone());
    let set = match &record.target {
        Target::Values { ttl_s, values } => {
            let spelt = values.iter().map(|value| types::ResourceRecord::builder().value(spelt_value(&record.kind, value)).build());
            set.ttl(i64::from(*ttl_s)).set_resource_records(Some(spelt.collect::<std::result::Result<_, _>>()?))
        }
        Target::Alias { name, zone_id, evaluate_health } => {
            let alias = types::AliasTarget::builder().dns_name(spelt_name(name)).hosted_zone_id(zone_id);
            set.alias_target(alias.evaluate_target_health(*evaluate_health).build()?)
        }
    };
    set.build()
}
