//! Objects of any kind, as release manifests hold them: parsed from YAML, put into the order of installation.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

use super::COMPONENT_LABEL;

/// The address of an object of any kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AnyRef {
    /// "v1" or "group/version".
    pub api_version: String,
    pub kind: String,
    /// None for kinds without a namespace, and where the manifest leaves it to the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    pub name: String,
}

/// One object as a manifest has it.
#[derive(Clone, Debug, PartialEq)]
pub struct AnyObject {
    pub reference: AnyRef,
    pub body: Value,
}

#[derive(Debug, Error)]
pub enum ManifestError {
    #[error("document {number} is not YAML")]
    Yaml { number: usize, source: serde_norway::Error },
    #[error("document {number} is no Kubernetes object: it lacks {lacks}")]
    NoObject { number: usize, lacks: &'static str },
    #[error("it holds no object")]
    Empty,
}

impl AnyRef {
    pub fn new(api_version: &str, kind: &str, namespace: Option<&str>, name: &str) -> Self {
        Self { api_version: api_version.to_owned(), kind: kind.to_owned(), namespace: namespace.map(str::to_owned), name: name.to_owned() }
    }

    /// API group; "" for the core group.
    pub fn group(&self) -> &str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }

    /// Whether both name the same object, whatever version of its kind they speak.
    pub fn is_same(&self, other: &Self) -> bool {
        (self.group(), &self.kind, &self.namespace, &self.name) == (other.group(), &other.kind, &other.namespace, &other.name)
    }

    pub fn is_namespace(&self) -> bool {
        self.kind == "Namespace" && self.group().is_empty()
    }

    pub fn is_definition(&self) -> bool {
        self.kind == "CustomResourceDefinition"
    }
}

/// "Deployment cert-manager/cert-manager", as it stands in messages.
impl fmt::Display for AnyRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

impl AnyObject {
    /// None where `apiVersion`, `kind` or `metadata.name` is missing.
    pub fn of(body: Value) -> Option<Self> {
        let text = |path: &str| body.pointer(path).and_then(Value::as_str).filter(|text| !text.is_empty());
        let reference = AnyRef::new(text("/apiVersion")?, text("/kind")?, text("/metadata/namespace"), text("/metadata/name")?);
        Some(Self { reference, body })
    }

    /// Marks the object as a component's.
    pub fn label(&mut self, component: &str) {
        if !self.body["metadata"]["labels"].is_object() {
            self.body["metadata"]["labels"] = Value::Object(Map::new());
        }
        self.body["metadata"]["labels"][COMPONENT_LABEL] = Value::from(component);
    }

    /// Takes out what no server-side apply may own: what the server or a controller fills in, which would be told as drift for ever.
    fn clean(&mut self) {
        let injected = is_injected(&self.body);
        let aggregated = self.body.get("aggregationRule").is_some_and(Value::is_object);
        if let Some(fields) = self.body.as_object_mut() {
            fields.remove("status");
            if aggregated {
                fields.remove("rules");
            }
        }
        if let Some(metadata) = self.body["metadata"].as_object_mut() {
            for server in ["creationTimestamp", "managedFields", "resourceVersion", "uid", "generation", "selfLink"] {
                metadata.remove(server);
            }
            metadata.retain(|_, value| !value.is_null());
        }
        if injected {
            remove_everywhere(&mut self.body, "caBundle");
        }
    }
}

/// Whether cert-manager writes the authority's certificate into the object.
pub fn is_injected(body: &Value) -> bool {
    let annotations = body["metadata"]["annotations"].as_object();
    annotations.is_some_and(|all| all.keys().any(|key| key.starts_with("cert-manager.io/inject-")))
}

fn remove_everywhere(value: &mut Value, key: &str) {
    match value {
        Value::Object(fields) => {
            fields.remove(key);
            fields.values_mut().for_each(|field| remove_everywhere(field, key));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| remove_everywhere(item, key)),
        _ => {}
    }
}

/// The objects of a file of YAML documents, Lists taken apart, in the order of the file.
///
/// # Errors
/// A document that is no YAML or no object, or a file without any.
pub fn parse(text: &str) -> Result<Vec<AnyObject>, ManifestError> {
    let mut found = Vec::new();
    for (index, document) in serde_norway::Deserializer::from_str(text).enumerate() {
        let number = index + 1;
        let body = Value::deserialize(document).map_err(|source| ManifestError::Yaml { number, source })?;
        match body {
            Value::Null => {}
            Value::Object(mut list) if list.get("kind").is_some_and(|kind| kind == "List") => {
                let items = list.remove("items").and_then(|items| items.as_array().cloned()).unwrap_or_default();
                for item in items {
                    found.push(object(item, number)?);
                }
            }
            body => found.push(object(body, number)?),
        }
    }
    if found.is_empty() { Err(ManifestError::Empty) } else { Ok(found) }
}

fn object(body: Value, number: usize) -> Result<AnyObject, ManifestError> {
    let lacks = ["/apiVersion", "/kind", "/metadata/name"].into_iter().find(|path| !body.pointer(path).is_some_and(Value::is_string));
    let lacks = lacks.map_or("a name", |path| path.rsplit('/').next().unwrap_or_default());
    let mut object = AnyObject::of(body).ok_or(ManifestError::NoObject { number, lacks })?;
    object.clean();
    Ok(object)
}

/// Into the order of installation; among equals the order stays. What an object needs comes before it: its namespace, its definition, the right to do
/// its work, its configuration; webhooks come after the programs that answer them, and objects of custom kinds last.
pub fn sort(objects: &mut [AnyObject]) {
    objects.sort_by_key(|object| rank(&object.reference));
}

/// The place of a kind in the order of installation.
pub fn rank(object: &AnyRef) -> u8 {
    let group = object.group();
    // Groups of Kubernetes itself end with ".k8s.io"; those of Cluster API with "x-k8s.io".
    let custom = group.contains('.') && !group.ends_with(".k8s.io");
    match object.kind.as_str() {
        "Namespace" => 0,
        "CustomResourceDefinition" => 1,
        _ if custom => 9,
        "PriorityClass" | "StorageClass" | "ResourceQuota" | "LimitRange" => 2,
        "ServiceAccount" | "ClusterRole" | "Role" => 3,
        "ClusterRoleBinding" | "RoleBinding" => 4,
        "ConfigMap" | "Secret" => 5,
        "Service" => 6,
        "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration" => 8,
        _ => 7,
    }
}
