//! Reads: one object from the shared list, one object from the server, many objects from the server.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use super::call::{Call, JSON, METADATA_LIST, escape, kind_path, object_path};
use super::error::{Act, Error, Result};
use super::snapshot::Found;
use super::{Cause, Cluster};
use crate::domain::object::{Kind, ObjectRef};

/// Objects per page of a LIST. So many that the lists of hundreds of tenants are one request each, so few that a page of the largest kind stays
/// at some megabytes.
const PAGE: usize = 1000;

/// One page of a LIST, its objects left as text so that no tree of all of them is ever built.
#[derive(Deserialize)]
struct Page<'a> {
    #[serde(default)]
    metadata: PageMeta,
    #[serde(borrow, default)]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Default, Deserialize)]
struct PageMeta {
    #[serde(default, rename = "continue")]
    next: Option<String>,
}

impl Cluster {
    /// The object as the shared list of its kind knows it, at most half a minute old; None: it does not exist.
    ///
    /// What the list lacks is asked for directly before it is called absent: an object may have lost the label it is listed by.
    pub async fn find(&self, object: &ObjectRef) -> Result<Option<Value>> {
        match self.find_shared(object).await? {
            Found::Object(text) => decode(Act::on("read", object), object.kind, text.as_bytes()).map(Some),
            Found::Unknown => self.get(object).await,
        }
    }

    /// The object as the server has it now; None: it does not exist.
    pub async fn get(&self, object: &ObjectRef) -> Result<Option<Value>> {
        let act = Act::on("read", object);
        match self.send(Call::get(act.clone(), object_path(object)?)).await {
            Ok(body) => decode(act, object.kind, &body).map(Some),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All objects of a kind as the server has them now: in one namespace or (None) in all, by label selector where one is given.
    pub async fn list(&self, kind: Kind, namespace: Option<&str>, label_selector: Option<&str>) -> Result<Vec<Value>> {
        self.objects(JSON, kind, namespace, label_selector).await
    }

    /// As [`Cluster::list`], of the objects' metadata only: for kinds whose objects are large.
    pub async fn list_metadata(&self, kind: Kind, namespace: Option<&str>, label_selector: Option<&str>) -> Result<Vec<Value>> {
        self.objects(METADATA_LIST, kind, namespace, label_selector).await
    }

    async fn objects(&self, accept: &'static str, kind: Kind, namespace: Option<&str>, label_selector: Option<&str>) -> Result<Vec<Value>> {
        let mut found = Vec::new();
        let each = |act: &Act, text: &str| {
            found.push(decode(act.clone(), kind, text.as_bytes())?);
            Ok(())
        };
        self.each_listed(accept, kind, namespace, label_selector, each).await?;
        Ok(found)
    }

    /// Hands over the JSON of every listed object, one page at a time. A list that expires between two pages is begun anew, so an object may come twice.
    pub(super) async fn each_listed(
        &self,
        accept: &'static str,
        kind: Kind,
        namespace: Option<&str>,
        label_selector: Option<&str>,
        mut each: impl FnMut(&Act, &str) -> Result<()>,
    ) -> Result<()> {
        let act = Act::on_all("list", kind, namespace);
        let selector = label_selector.map(|selector| format!("&labelSelector={}", escape(selector))).unwrap_or_default();
        let first = format!("{}?limit={PAGE}{selector}", kind_path(kind, namespace));
        let mut path = first.clone();
        let mut restarted = false;
        loop {
            let body = match self.send(Call { accept, ..Call::get(act.clone(), path) }).await {
                // 410: the server no longer knows the state the pages were cut from.
                Err(error) if error.answer().is_some_and(|answer| answer.code == 410) && !restarted => {
                    restarted = true;
                    path = first.clone();
                    continue;
                }
                outcome => outcome?,
            };
            let page: Page<'_> = parse(&act, &body)?;
            for item in page.items.unwrap_or_default() {
                each(&act, item.get())?;
            }
            match page.metadata.next.filter(|next| !next.is_empty()) {
                Some(next) => path = format!("{first}&continue={}", escape(&next)),
                None => return Ok(()),
            }
        }
    }

    /// Sends a request whose answer is the object.
    pub(super) async fn send_for_object(&self, call: Call, kind: Kind) -> Result<Value> {
        let act = call.act.clone();
        let body: Bytes = self.send(call).await?;
        decode(act, kind, &body)
    }
}

/// The name ("namespace/name") of a listed object and its text without the book-keeping of field managers, which is often half of it. The rest is copied, not
/// understood: most of a list is looked at once or never.
pub(super) fn compact(act: &Act, text: &str) -> Result<(Box<str>, Arc<str>)> {
    let mut fields: BTreeMap<String, &RawValue> = parse(act, text.as_bytes())?;
    let mut metadata: BTreeMap<String, &RawValue> =
        fields.get("metadata").map_or(Ok(BTreeMap::new()), |raw| parse(act, raw.get().as_bytes()))?;
    metadata.remove("managedFields");
    let part = |name: &str| metadata.get(name).map_or(Ok(String::new()), |raw| parse::<String>(act, raw.get().as_bytes()));
    let key = format!("{}/{}", part("namespace")?, part("name")?);
    let failed = |source: serde_json::Error| Error::Decode { act: act.clone(), source: Cause::from(Box::from(source)) };
    let metadata = to_raw_value(&metadata).map_err(failed)?;
    fields.insert("metadata".to_owned(), &metadata);
    Ok((key.into_boxed_str(), serde_json::to_string(&fields).map_err(failed)?.into()))
}

pub(super) fn parse<'a, T: Deserialize<'a>>(act: &Act, body: &'a [u8]) -> Result<T> {
    serde_json::from_slice(body).map_err(|source| Error::Decode { act: act.clone(), source: Cause::from(Box::from(source)) })
}

/// One object, without the book-keeping of field managers (often half its size), with the kind that LISTs leave out.
fn decode(act: Act, kind: Kind, text: &[u8]) -> Result<Value> {
    let value: Value = parse(&act, text)?;
    if !value.is_object() {
        let source = Cause::from(Box::from("it is not a JSON object"));
        return Err(Error::Decode { act, source });
    }
    Ok(complete(kind, value))
}

/// Fills in `apiVersion` and `kind`, drops `metadata.managedFields`.
pub(super) fn complete(kind: Kind, mut object: Value) -> Value {
    if let Some(fields) = object.as_object_mut() {
        fields.entry("apiVersion").or_insert_with(|| json!(kind.api().api_version()));
        fields.entry("kind").or_insert_with(|| json!(kind.api().kind));
        if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("managedFields");
        }
    }
    object
}
