//! Objects of kinds that only their manifests name: read, listed, applied and deleted by `apiVersion` and `kind`.
//!
//! Where a kind lies is asked of its own group and version only, once for each; one that is not served yet is asked for again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::call::{Call, JSON, METADATA_LIST, escape};
use super::error::{Act, Answer, Error, Result};
use super::read::parse;
use super::write::FIELD_MANAGER;
use super::{Cluster, Propagation};
use crate::domain::install::object::{AnyObject, AnyRef};

/// Objects per page of a LIST: definitions are some hundred KiB each.
const PAGE: usize = 200;

/// The objects of any kind in one cluster. Clones share what was asked.
#[derive(Clone)]
pub struct AnyKinds {
    cluster: Cluster,
    /// By `apiVersion`.
    served: Arc<Mutex<BTreeMap<String, Vec<Served>>>>,
}

#[derive(Clone, Deserialize)]
struct Served {
    name: String,
    kind: String,
    namespaced: bool,
}

#[derive(Deserialize)]
struct ServedKinds {
    #[serde(default)]
    resources: Vec<Served>,
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    metadata: PageMeta,
    #[serde(default)]
    items: Option<Vec<Value>>,
}

#[derive(Default, Deserialize)]
struct PageMeta {
    #[serde(default, rename = "continue")]
    next: Option<String>,
}

impl AnyKinds {
    pub fn of(cluster: &Cluster) -> Self {
        Self { cluster: cluster.clone(), served: Arc::default() }
    }

    /// The object as the server has it now; None: there is none, also where its kind is not served.
    pub async fn get(&self, object: &AnyRef) -> Result<Option<Value>> {
        let act = Act::on_any("read", object);
        let Some(path) = self.path(object, &act).await? else { return Ok(None) };
        match self.cluster.send(Call::get(act.clone(), path)).await {
            Ok(body) => parse(&act, &body).map(|value| Some(complete(&object.api_version, &object.kind, value))),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All objects of a kind in every namespace, by label selector where one is given; none where the kind is not served.
    pub async fn list(&self, api_version: &str, kind: &str, selector: Option<&str>) -> Result<Vec<Value>> {
        self.each_page(JSON, api_version, kind, selector).await
    }

    /// As [`AnyKinds::list`], of the objects' metadata only.
    pub async fn list_metadata(&self, api_version: &str, kind: &str, selector: Option<&str>) -> Result<Vec<Value>> {
        self.each_page(METADATA_LIST, api_version, kind, selector).await
    }

    /// Server-side apply of exactly the fields in the object, taken from whoever owned them; fields of others stay. What the server does not know of a
    /// manifest it leaves out: releases are made for many versions of Kubernetes.
    ///
    /// # Errors
    /// As of every write; also [`Error::NotFound`] where the kind is not served, which may be but a matter of moments.
    pub async fn apply(&self, object: &AnyObject) -> Result<Value> {
        let act = Act::on_any("apply", &object.reference);
        let Some(path) = self.path(&object.reference, &act).await? else { return Err(not_served(act, &object.reference)) };
        let path = format!("{path}?fieldManager={FIELD_MANAGER}&force=true&fieldValidation=Ignore");
        let call = Call {
            method: Method::PATCH,
            content_type: "application/apply-patch+yaml",
            body: object.body.to_string().into_bytes(),
            ..Call::get(act.clone(), path)
        };
        self.cluster.inner.shared.written();
        let body = self.cluster.send(call).await?;
        parse(&act, &body).map(|value| complete(&object.reference.api_version, &object.reference.kind, value))
    }

    /// Asks for the object's deletion; false: there was none.
    pub async fn delete(&self, object: &AnyRef, propagation: Propagation) -> Result<bool> {
        let act = Act::on_any("delete", object);
        let Some(path) = self.path(object, &act).await? else { return Ok(false) };
        let options = json!({ "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation.as_str() });
        let call = Call { method: Method::DELETE, body: options.to_string().into_bytes(), ..Call::get(act, path) };
        self.cluster.inner.shared.written();
        match self.cluster.send(call).await {
            Ok(_) => Ok(true),
            Err(Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn each_page(&self, accept: &'static str, api_version: &str, kind: &str, selector: Option<&str>) -> Result<Vec<Value>> {
        let act = Act::on_any("list", format_args!("{kind} ({api_version}) in every namespace"));
        let Some(served) = self.kind(api_version, kind).await? else { return Ok(Vec::new()) };
        let selector = selector.map(|selector| format!("&labelSelector={}", escape(selector))).unwrap_or_default();
        let first = format!("{}/{}?limit={PAGE}{selector}", version_path(api_version), served.name);
        let (mut path, mut found, mut restarted) = (first.clone(), Vec::new(), false);
        loop {
            let body = match self.cluster.send(Call { accept, ..Call::get(act.clone(), path) }).await {
                Err(error) if error.answer().is_some_and(|answer| answer.code == 410) && !restarted => {
                    (restarted, path) = (true, first.clone());
                    found.clear();
                    continue;
                }
                // The definition went since it was asked for.
                Err(Error::NotFound { .. }) => return Ok(Vec::new()),
                outcome => outcome?,
            };
            let page: Page = parse(&act, &body)?;
            found.extend(page.items.unwrap_or_default().into_iter().map(|item| complete(api_version, kind, item)));
            match page.metadata.next.filter(|next| !next.is_empty()) {
                Some(next) => path = format!("{first}&continue={}", escape(&next)),
                None => return Ok(found),
            }
        }
    }

    /// The URL of an object; None: its kind is not served. A manifest that names no namespace means `default`, as kubectl takes it.
    async fn path(&self, object: &AnyRef, act: &Act) -> Result<Option<String>> {
        if object.name.is_empty() {
            return Err(Error::config(format!("{act}: it lacks its name"), "Give the object's full name."));
        }
        let Some(served) = self.kind(&object.api_version, &object.kind).await? else { return Ok(None) };
        let namespace = if served.namespaced {
            format!("/namespaces/{}", escape(object.namespace.as_deref().unwrap_or("default")))
        } else {
            String::new()
        };
        Ok(Some(format!("{}{namespace}/{}/{}", version_path(&object.api_version), served.name, escape(&object.name))))
    }

    async fn kind(&self, api_version: &str, kind: &str) -> Result<Option<Served>> {
        let known = {
            let served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
            served.get(api_version).and_then(|all| all.iter().find(|one| one.kind == kind).cloned())
        };
        if known.is_some() {
            return Ok(known);
        }
        let act = Act::on_server("which kinds it serves");
        let all = match self.cluster.send(Call::get(act.clone(), version_path(api_version))).await {
            Ok(body) => parse::<ServedKinds>(&act, &body)?.resources,
            Err(Error::NotFound { .. }) => Vec::new(),
            Err(error) => return Err(error),
        };
        // Subresources are listed as `deployments/scale`.
        let all: Vec<Served> = all.into_iter().filter(|one| !one.name.contains('/')).collect();
        let found = all.iter().find(|one| one.kind == kind).cloned();
        self.served.lock().unwrap_or_else(PoisonError::into_inner).insert(api_version.to_owned(), all);
        Ok(found)
    }
}

fn version_path(api_version: &str) -> String {
    if api_version.contains('/') { format!("/apis/{api_version}") } else { format!("/api/{api_version}") }
}

fn not_served(act: Act, object: &AnyRef) -> Error {
    let message = format!("it does not serve {} ({})", object.kind, object.api_version);
    Error::NotFound { act, source: Box::new(Answer { code: 404, message, ..Answer::default() }) }
}

fn complete(api_version: &str, kind: &str, mut object: Value) -> Value {
    if let Some(fields) = object.as_object_mut() {
        // Lists leave these out, and lists of metadata name their own kind.
        fields.insert("apiVersion".to_owned(), json!(api_version));
        fields.insert("kind".to_owned(), json!(kind));
        if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("managedFields");
        }
    }
    object
}
