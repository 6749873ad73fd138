//! Writes. Each one drops the shared lists, before it is sent and whatever comes of it.

use http::Method;
use serde_json::{Value, json};

use super::Cluster;
use super::call::{Call, kind_path, object_path};
use super::error::{Act, Error, Result};
use crate::domain::object::{Manifest, ObjectRef};

/// The name under which the API server notes which fields are ours.
pub(super) const FIELD_MANAGER: &str = "kaas";

/// What becomes of the objects that belong to a deleted one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// The object stays until those it blocks on are gone.
    Foreground,
    /// The object goes at once, its dependents later.
    Background,
    /// Dependents stay.
    Orphan,
}

impl Propagation {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Foreground => "Foreground",
            Self::Background => "Background",
            Self::Orphan => "Orphan",
        }
    }
}

impl Cluster {
    /// Server-side apply of exactly the fields in the manifest, taken from whoever owned them; fields of others stay. Returns the object.
    pub async fn apply(&self, manifest: &Manifest) -> Result<Value> {
        let object = &manifest.object;
        let path = format!("{}?fieldManager={FIELD_MANAGER}&force=true&fieldValidation=Strict", object_path(object)?);
        // Apply patches are YAML by name; JSON is YAML.
        let call = Call {
            method: Method::PATCH,
            content_type: "application/apply-patch+yaml",
            ..write(Act::on("apply", object), path, &manifest.body)
        };
        self.inner.shared.written();
        self.send_for_object(call, object.kind).await
    }

    /// Makes the object if there is none of its name, or fails with [`Error::AlreadyExists`]: who gets an answer has claimed the name.
    ///
    /// A lost answer is not tried again, for the object may be there: the caller looks whether it is its own.
    pub async fn create(&self, manifest: &Manifest) -> Result<Value> {
        let object = &manifest.object;
        object_path(object)?;
        let path = format!("{}?fieldManager={FIELD_MANAGER}&fieldValidation=Strict", kind_path(object.kind, object.namespace.as_deref()));
        let call = Call { method: Method::POST, repeatable: false, ..write(Act::on("create", object), path, &manifest.body) };
        self.inner.shared.written();
        self.send_for_object(call, object.kind).await
    }

    /// JSON merge patch (RFC 7386) of one object: null removes a field. Returns the object.
    pub async fn patch(&self, object: &ObjectRef, merge_patch: &Value) -> Result<Value> {
        let path = format!("{}?fieldManager={FIELD_MANAGER}", object_path(object)?);
        let call = Call {
            method: Method::PATCH,
            content_type: "application/merge-patch+json",
            ..write(Act::on("change", object), path, merge_patch)
        };
        self.inner.shared.written();
        self.send_for_object(call, object.kind).await
    }

    /// Sets annotations, or removes those whose value is None.
    pub async fn annotate(&self, object: &ObjectRef, annotations: &[(&str, Option<&str>)]) -> Result<Value> {
        let annotations: serde_json::Map<String, Value> =
            annotations.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        self.patch(object, &json!({ "metadata": { "annotations": annotations } })).await
    }

    /// Asks for the object's deletion; false: there was none. It may stay for as long as finalizers hold it: see [`Cluster::wait_gone`].
    pub async fn delete(&self, object: &ObjectRef, propagation: Propagation) -> Result<bool> {
        let options = json!({ "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation.as_str() });
        let call = Call { method: Method::DELETE, ..write(Act::on("delete", object), object_path(object)?, &options) };
        self.inner.shared.written();
        match self.send(call).await {
            Ok(_) => Ok(true),
            // A kind that is not served has no objects.
            Err(Error::NotFound { .. } | Error::KindMissing { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn write(act: Act, path: String, body: &Value) -> Call {
    Call { body: body.to_string().into_bytes(), ..Call::get(act, path) }
}
