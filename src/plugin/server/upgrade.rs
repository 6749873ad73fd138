//! Stored state and identity, brought into the current shape.

use super::Context;
use crate::{
    framework::{
        diagnostic::Diagnostics,
        schema::{Block, Nesting},
        value::Value,
    },
    plugin::{
        convert, json,
        proto::tfplugin5::{RawState, upgrade_resource_identity, upgrade_resource_state},
    },
};

pub(super) async fn state(
    context: Context,
    request: upgrade_resource_state::Request,
) -> Result<upgrade_resource_state::Response, Diagnostics> {
    let served = context.resource(&request.type_name)?;
    let schema = served.part.schema();
    let json = stored(request.raw_state)?;
    let read = |ty| json::decode(&json, ty).map_err(|e| convert::unreadable("stored state", &e.to_string()));
    let mut state = if request.version == schema.version {
        read(&served.ty)?
    } else {
        let ty = served.part.stored_type(request.version).ok_or_else(|| unknown_version(&request.type_name, request.version))?;
        served.part.upgrade(request.version, read(&ty)?)?
    };
    complete(&schema.block, &mut state);
    Ok(upgrade_resource_state::Response { upgraded_state: convert::encode(&state, &served.ty, "upgraded state")?, diagnostics: Vec::new() })
}

pub(super) async fn identity(
    context: Context,
    request: upgrade_resource_identity::Request,
) -> Result<upgrade_resource_identity::Response, Diagnostics> {
    let served = context.resource(&request.type_name)?;
    let json = stored(request.raw_identity)?;
    let identity = json::decode(&json, &served.identity).map_err(|e| convert::unreadable("stored identity", &e.to_string()))?;
    Ok(upgrade_resource_identity::Response {
        upgraded_identity: convert::encode_identity(&identity, &served.identity)?,
        diagnostics: Vec::new(),
    })
}

fn stored(raw: Option<RawState>) -> Result<Vec<u8>, Diagnostics> {
    match raw {
        Some(raw) if !raw.json.is_empty() => Ok(raw.json),
        Some(raw) if !raw.flatmap.is_empty() => {
            let detail = "It was written by Terraform before version 0.12, which this provider never supported. Remove the object from the state and import it.";
            Err(Diagnostics::of_error("Stored state in an unknown form", detail))
        }
        _ => Err(Diagnostics::of_error("Stored state is missing", "The CLI asked to read a stored state and sent none.")),
    }
}

fn unknown_version(type_name: &str, version: i64) -> Diagnostics {
    let detail = format!(
        "The state of this {type_name} has version {version}, which this version of the provider does not know. Use the version of the provider that wrote it, or a later one."
    );
    Diagnostics::of_error("Stored state of an unknown version", detail)
}

/// Gives blocks that the stored state does not have the value of blocks that are not written; null would not do for lists of blocks.
fn complete(block: &Block, state: &mut Value) {
    let Value::Map(attributes) = state else { return };
    for nested in &block.blocks {
        let value = attributes.entry(nested.name.clone()).or_insert(Value::Null);
        if value.is_null() {
            *value = nested.nesting.absent();
        }
        match value {
            Value::List(elements) => elements.iter_mut().for_each(|element| complete(&nested.block, element)),
            Value::Map(labelled) if nested.nesting == Nesting::Map => {
                labelled.values_mut().for_each(|element| complete(&nested.block, element))
            }
            single => complete(&nested.block, single),
        }
    }
}
