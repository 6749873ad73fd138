//! The record of an installed component, kept in the cluster: what was applied, in which version, and how far that came. Written before anything else is,
//! so that a run that was killed is gone on with, drift is seen without fetching anything, and removal needs no source.

use std::collections::BTreeMap;
use std::io::Read;

use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::read::GzDecoder;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use thiserror::Error;

use super::object::{AnyObject, AnyRef};
use super::providers::gzip;
use super::{COMPONENT_LABEL, Component, Part};
use crate::domain::names::{MANAGED_BY, MANAGED_BY_LABEL, SYSTEM_NAMESPACE};
use crate::domain::object::{Kind, Manifest, ObjectRef};

/// On the records.
pub const RECORD_LABEL: &str = "kaas.dev/inventory";
const HEAD: &str = "inventory.json";
const OBJECTS: &str = "objects.json.gz";
/// No record holds more, whatever it was compressed from.
const SIZE_MAX: u64 = 64 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Begun; `objects` may not all be there yet.
    Installing,
    Installed,
    Removing,
    /// Somebody else has installed the component: it is left alone.
    Left,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Inventory {
    pub component: Component,
    pub phase: Phase,
    pub versions: BTreeMap<Part, String>,
    /// See [`super::Wish::settings_of`].
    pub settings: String,
    /// SHA-256 of the fetched files by their paths, in hexadecimal digits.
    pub checksums: BTreeMap<String, String>,
    /// In the order of installation; Secrets without what they hold.
    pub objects: Vec<AnyObject>,
    /// Of the version before, as long as its last objects are not removed.
    pub former: Vec<AnyRef>,
}

#[derive(Serialize, Deserialize)]
struct Head {
    component: Component,
    phase: Phase,
    versions: BTreeMap<Part, String>,
    settings: String,
    checksums: BTreeMap<String, String>,
    former: Vec<AnyRef>,
}

#[derive(Debug, Error)]
pub enum InventoryError {
    #[error("{record} holds no record of an installation: {what}")]
    Unreadable { record: String, what: &'static str },
    #[error("{record} holds no record of an installation")]
    NotJson { record: String, source: serde_json::Error },
    #[error("compress the record of {0}")]
    Compress(Component, #[source] std::io::Error),
}

/// Where a component's record is.
pub fn record(component: Component) -> ObjectRef {
    ObjectRef::namespaced(Kind::ConfigMap, SYSTEM_NAMESPACE, format!("kaas-install-{component}"))
}

impl Inventory {
    /// The record as a ConfigMap.
    ///
    /// # Errors
    /// When it cannot be compressed.
    pub fn manifest(&self) -> Result<Manifest, InventoryError> {
        let object = record(self.component);
        let head = Head {
            component: self.component,
            phase: self.phase,
            versions: self.versions.clone(),
            settings: self.settings.clone(),
            checksums: self.checksums.clone(),
            former: self.former.clone(),
        };
        let bodies: Vec<Value> = self.objects.iter().map(without_secrets).collect();
        let packed = gzip(Value::from(bodies).to_string().as_bytes()).map_err(|error| InventoryError::Compress(self.component, error))?;
        let labels = json!({ MANAGED_BY_LABEL: MANAGED_BY, RECORD_LABEL: "true", COMPONENT_LABEL: self.component.name() });
        let body = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": { "name": object.name, "namespace": object.namespace, "labels": labels },
            "data": { HEAD: json!(head).to_string() },
            "binaryData": { OBJECTS: STANDARD.encode(packed) },
        });
        Ok(Manifest { object, body })
    }

    /// Reads a record back.
    ///
    /// # Errors
    /// When somebody has changed it.
    pub fn read(config_map: &Value) -> Result<Self, InventoryError> {
        let name = config_map["metadata"]["name"].as_str().unwrap_or_default();
        let record = format!("ConfigMap {SYSTEM_NAMESPACE}/{name}");
        let unreadable = |what| InventoryError::Unreadable { record: record.clone(), what };
        let not_json = |source| InventoryError::NotJson { record: record.clone(), source };
        let head = config_map["data"][HEAD].as_str().ok_or_else(|| unreadable("its head is missing"))?;
        let head: Head = serde_json::from_str(head).map_err(not_json)?;
        let packed = config_map["binaryData"][OBJECTS].as_str().and_then(|text| STANDARD.decode(text).ok());
        let packed = packed.ok_or_else(|| unreadable("its objects are missing"))?;
        let mut bytes = Vec::new();
        let unpacked = GzDecoder::new(packed.as_slice()).take(SIZE_MAX).read_to_end(&mut bytes);
        unpacked.map_err(|_| unreadable("its objects cannot be unpacked"))?;
        let bodies: Vec<Value> = serde_json::from_slice(&bytes).map_err(not_json)?;
        Ok(Self {
            component: head.component,
            phase: head.phase,
            versions: head.versions,
            settings: head.settings,
            checksums: head.checksums,
            objects: bodies.into_iter().filter_map(AnyObject::of).collect(),
            former: head.former,
        })
    }

    pub fn holds(&self, object: &AnyRef) -> bool {
        self.objects.iter().any(|own| own.reference.is_same(object)) || self.former.iter().any(|own| own.is_same(object))
    }
}

fn without_secrets(object: &AnyObject) -> Value {
    let mut body = object.body.clone();
    if object.reference.kind == "Secret"
        && let Some(fields) = body.as_object_mut()
    {
        fields.retain(|key, _| key != "data" && key != "stringData");
    }
    body
}
