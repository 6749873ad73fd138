//! The framework's schemas, messages, paths and values as protobuf, and back.

use super::{
    json, msgpack,
    proto::tfplugin5::{
        self as wire, DynamicValue, ResourceIdentityData, StringKind,
        attribute_path::{Step as WireStep, step::Selector},
        diagnostic::Severity as WireSeverity,
        function,
        resource_identity_schema::IdentityAttribute as WireIdentityAttribute,
        schema::{Attribute as WireAttribute, Block as WireBlock, NestedBlock as WireNestedBlock, nested_block::NestingMode},
    },
    type_json,
};
use crate::framework::{
    diagnostic::{Diagnostics, Severity},
    erased::Signature,
    parts::Private,
    path::{Path, Step},
    schema::{Attribute, Block, IdentityAttribute, Mode, NestedBlock, Nesting, Schema},
    value::{Type, Value},
};

pub(super) fn diagnostics(found: Diagnostics) -> Vec<wire::Diagnostic> {
    let one = |found: crate::framework::diagnostic::Diagnostic| wire::Diagnostic {
        severity: match found.severity {
            Severity::Error => WireSeverity::Error.into(),
            Severity::Warning => WireSeverity::Warning.into(),
        },
        summary: found.summary,
        detail: found.detail,
        attribute: found.path.as_ref().filter(|path| !path.steps().is_empty()).map(path),
    };
    found.into_iter().map(one).collect()
}

pub(super) fn path(path: &Path) -> wire::AttributePath {
    let step = |step: &Step| WireStep {
        selector: Some(match step {
            Step::Attribute(name) => Selector::AttributeName(name.clone()),
            Step::Key(key) => Selector::ElementKeyString(key.clone()),
            Step::Index(index) => Selector::ElementKeyInt(*index),
        }),
    };
    wire::AttributePath { steps: path.steps().iter().map(step).collect() }
}

pub(super) fn schema(schema: &Schema) -> wire::Schema {
    wire::Schema { version: schema.version, block: Some(block(&schema.block)) }
}

fn block(block: &Block) -> WireBlock {
    WireBlock {
        version: 0,
        attributes: block.attributes.iter().map(attribute).collect(),
        block_types: block.blocks.iter().map(nested).collect(),
        description: block.description.clone(),
        description_kind: StringKind::Markdown.into(),
        deprecated: block.deprecated.is_some(),
        deprecation_message: block.deprecated.clone().unwrap_or_default(),
    }
}

fn attribute(attribute: &Attribute) -> WireAttribute {
    WireAttribute {
        name: attribute.name.clone(),
        r#type: type_json::encode(&attribute.ty),
        description: attribute.description.clone(),
        required: attribute.mode == Mode::Required,
        optional: matches!(attribute.mode, Mode::Optional | Mode::OptionalComputed),
        computed: attribute.mode.is_computed(),
        sensitive: attribute.sensitive,
        description_kind: StringKind::Markdown.into(),
        deprecated: attribute.deprecated.is_some(),
        write_only: attribute.write_only,
        deprecation_message: attribute.deprecated.clone().unwrap_or_default(),
    }
}

fn nested(nested: &NestedBlock) -> WireNestedBlock {
    let single = i64::from(nested.required);
    let (mode, min_items, max_items) = match nested.nesting {
        // The client wants both limits equal.
        Nesting::Single => (NestingMode::Single, single, single),
        Nesting::List { min, max } => (NestingMode::List, min, max),
        Nesting::Set { min, max } => (NestingMode::Set, min, max),
        Nesting::Map => (NestingMode::Map, 0, 0),
    };
    WireNestedBlock { type_name: nested.name.clone(), block: Some(block(&nested.block)), nesting: mode.into(), min_items, max_items }
}

pub(super) fn identity_schema(attributes: &[IdentityAttribute]) -> wire::ResourceIdentitySchema {
    let one = |attribute: &IdentityAttribute| WireIdentityAttribute {
        name: attribute.name.clone(),
        r#type: type_json::encode(&attribute.ty),
        // Exactly one of the two must be true.
        required_for_import: attribute.required_for_import,
        optional_for_import: !attribute.required_for_import,
        description: attribute.description.clone(),
    };
    wire::ResourceIdentitySchema { version: 0, identity_attributes: attributes.iter().map(one).collect() }
}

pub(super) fn function(signature: &Signature) -> wire::Function {
    let parameter = |parameter: &crate::framework::erased::Parameter| function::Parameter {
        name: parameter.name.to_owned(),
        r#type: type_json::encode(&parameter.ty),
        allow_null_value: parameter.nullable,
        allow_unknown_values: false,
        description: parameter.description.to_owned(),
        description_kind: StringKind::Markdown.into(),
    };
    wire::Function {
        parameters: signature.parameters.iter().map(parameter).collect(),
        variadic_parameter: None,
        r#return: Some(function::Return { r#type: type_json::encode(&signature.returns) }),
        summary: signature.summary.to_owned(),
        description: signature.description.to_owned(),
        description_kind: StringKind::Markdown.into(),
        deprecation_message: String::new(),
    }
}

/// Reads a value that the client sent as `what`. A missing one is null.
pub(super) fn decode(sent: Option<&DynamicValue>, ty: &Type, what: &str) -> Result<Value, Diagnostics> {
    let read = match sent {
        None => Ok(Value::Null),
        Some(sent) if !sent.msgpack.is_empty() => msgpack::decode(&sent.msgpack, ty).map_err(|e| e.to_string()),
        Some(sent) if !sent.json.is_empty() => json::decode(&sent.json, ty).map_err(|e| e.to_string()),
        Some(_) => Ok(Value::Null),
    };
    read.map_err(|cause| unreadable(what, &cause))
}

/// The error for something that the client sent and that cannot be read.
pub(super) fn unreadable(what: &str, cause: &str) -> Diagnostics {
    let detail = format!(
        "The {what} that was sent to the provider does not fit its schema: {cause}. This is a fault of the program that sent it, or of the provider."
    );
    Diagnostics::of_error("Unreadable value", detail)
}

/// Writes a value to answer as `what`.
pub(super) fn encode(value: &Value, ty: &Type, what: &str) -> Result<Option<DynamicValue>, Diagnostics> {
    match msgpack::encode(value, ty) {
        Ok(msgpack) => Ok(Some(DynamicValue { msgpack, json: Vec::new() })),
        Err(cause) => {
            let detail =
                format!("The {what} does not fit the provider's own schema: {cause}. This is a fault of the provider: please report it.");
            Err(Diagnostics::of_error("Fault in the provider", detail))
        }
    }
}

pub(super) fn encode_identity(identity: &Value, ty: &Type) -> Result<Option<ResourceIdentityData>, Diagnostics> {
    Ok(Some(ResourceIdentityData { identity_data: encode(identity, ty, "identity")? }))
}

/// Private data as the client keeps them.
pub(super) fn private_bytes(private: &Private) -> Vec<u8> {
    if private.is_empty() { Vec::new() } else { serde_json::to_vec(private).unwrap_or_default() }
}

/// Private data as they were written before. What another provider left there means nothing here.
pub(super) fn private(bytes: &[u8]) -> Private {
    if bytes.is_empty() {
        return Private::new();
    }
    serde_json::from_slice(bytes).unwrap_or_else(|e| {
        tracing::warn!(error = %e, "private data of a resource cannot be read and are dropped");
        Private::new()
    })
}
