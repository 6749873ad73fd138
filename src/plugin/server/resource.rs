//! Managed resources: validate, plan, apply, read, import.

use super::{Context, Served};
use crate::{
    framework::{
        diagnostic::Diagnostics,
        erased::{AnyImportTarget, AnyResource, ApplyInput, PlanInput},
        path::Path,
        schema::Block,
        value::Value,
    },
    plugin::{
        convert,
        proto::tfplugin5::{
            ResourceIdentityData, apply_resource_change, import_resource_state, plan_resource_change, read_resource,
            validate_resource_type_config,
        },
    },
};

pub(super) async fn validate(
    context: Context,
    request: validate_resource_type_config::Request,
) -> Result<validate_resource_type_config::Response, Diagnostics> {
    let served = context.resource(&request.type_name)?;
    let config = convert::decode(request.config.as_ref(), &served.ty, "configuration")?;
    let mut found = served.part.validate(&config);
    if !request.client_capabilities.is_some_and(|client| client.write_only_attributes_allowed) {
        refuse_write_only(&served.part.schema().block, &config, &Path::root(), &mut found);
    }
    Ok(validate_resource_type_config::Response { diagnostics: convert::diagnostics(found) })
}

/// A client that does not know write-only attributes would store them.
fn refuse_write_only(block: &Block, config: &Value, at: &Path, found: &mut Diagnostics) {
    for attribute in block.attributes.iter().filter(|attribute| attribute.write_only) {
        if !config.attribute(&attribute.name).is_null() {
            let detail =
                "This version of the CLI would store the value, which must never be stored. Use Terraform 1.11 or OpenTofu 1.11, or later.";
            found.error_at(at.attribute(&attribute.name), "Write-only attribute not supported by this CLI", detail);
        }
    }
    for nested in &block.blocks {
        let at = at.attribute(&nested.name);
        match config.attribute(&nested.name) {
            Value::List(elements) => {
                for (index, element) in elements.iter().enumerate() {
                    refuse_write_only(&nested.block, element, &at.index(index), found);
                }
            }
            Value::Map(labelled) if matches!(nested.nesting, crate::framework::schema::Nesting::Map) => {
                for (label, element) in labelled {
                    refuse_write_only(&nested.block, element, &at.key(label), found);
                }
            }
            single => refuse_write_only(&nested.block, single, &at, found),
        }
    }
}

pub(super) async fn plan(context: Context, request: plan_resource_change::Request) -> Result<plan_resource_change::Response, Diagnostics> {
    let served = context.resource(&request.type_name)?;
    let mut call = context.call(convert::private(&request.prior_private));
    let input = PlanInput {
        prior: convert::decode(request.prior_state.as_ref(), &served.ty, "prior state")?,
        proposed: convert::decode(request.proposed_new_state.as_ref(), &served.ty, "proposed state")?,
        config: convert::decode(request.config.as_ref(), &served.ty, "configuration")?,
    };
    // On a create the identity is not known before the plan says so, also when the object takes another one's place.
    let known_identity = if input.prior.is_null() { None } else { request.prior_identity };
    let planned = served.part.plan(input, &mut call);
    Ok(plan_resource_change::Response {
        planned_state: convert::encode(&planned.planned, &served.ty, "planned state")?,
        requires_replace: planned.requires_replace.iter().map(convert::path).collect(),
        planned_private: convert::private_bytes(&call.private),
        planned_identity: identity(served, planned.identity.as_ref())?.or(known_identity),
        diagnostics: convert::diagnostics(call.found),
        ..plan_resource_change::Response::default()
    })
}

pub(super) async fn apply(
    context: Context,
    request: apply_resource_change::Request,
) -> Result<apply_resource_change::Response, Diagnostics> {
    let served = context.resource(&request.type_name)?;
    let mut call = context.call(convert::private(&request.planned_private));
    let input = ApplyInput {
        prior: convert::decode(request.prior_state.as_ref(), &served.ty, "prior state")?,
        planned: convert::decode(request.planned_state.as_ref(), &served.ty, "planned state")?,
        config: convert::decode(request.config.as_ref(), &served.ty, "configuration")?,
    };
    let (reached, named) = served.part.apply(input, &mut call).await;
    let new_identity = match identity(served, named.as_ref())? {
        None if !reached.is_null() => known(served, request.planned_identity)?,
        named => named,
    };
    Ok(apply_resource_change::Response {
        new_state: convert::encode(&reached, &served.ty, "new state")?,
        private: convert::private_bytes(&call.private),
        new_identity,
        diagnostics: convert::diagnostics(call.found),
        ..apply_resource_change::Response::default()
    })
}

pub(super) async fn read(context: Context, request: read_resource::Request) -> Result<read_resource::Response, Diagnostics> {
    let served = context.resource(&request.type_name)?;
    let mut call = context.call(convert::private(&request.private));
    let state = convert::decode(request.current_state.as_ref(), &served.ty, "state")?;
    let (found, named) = served.part.read(state, &mut call).await;
    Ok(read_resource::Response {
        new_state: convert::encode(&found, &served.ty, "state")?,
        private: convert::private_bytes(&call.private),
        new_identity: identity(served, named.as_ref())?.or(request.current_identity),
        diagnostics: convert::diagnostics(call.found),
        deferred: None,
    })
}

pub(super) async fn import(
    context: Context,
    request: import_resource_state::Request,
) -> Result<import_resource_state::Response, Diagnostics> {
    let served = context.resource(&request.type_name)?;
    let mut call = context.call(convert::private(&[]));
    let target = match request.identity.as_ref().and_then(|identity| identity.identity_data.as_ref()) {
        Some(sent) => AnyImportTarget::Identity(convert::decode(Some(sent), &served.identity, "identity")?),
        None => AnyImportTarget::Id(request.id),
    };
    let (state, named) = served.part.import(target, &mut call).await;
    if state.is_null() {
        if !call.found.has_errors() {
            call.found.error("Nothing to import", format!("The provider found no {} of that name.", request.type_name));
        }
        return Err(call.found);
    }
    let imported = import_resource_state::ImportedResource {
        state: convert::encode(&state, &served.ty, "imported state")?,
        private: convert::private_bytes(&call.private),
        identity: identity(served, named.as_ref())?.or(request.identity),
        type_name: request.type_name,
    };
    let diagnostics = convert::diagnostics(call.found);
    Ok(import_resource_state::Response { imported_resources: vec![imported], diagnostics, deferred: None })
}

/// An identity to answer; types without an identity schema must not answer one.
fn identity(served: &Served<dyn AnyResource>, named: Option<&Value>) -> Result<Option<ResourceIdentityData>, Diagnostics> {
    match named {
        Some(named) if !served.part.identity_schema().is_empty() => convert::encode_identity(named, &served.identity),
        _ => Ok(None),
    }
}

/// The planned identity, if the plan knew it.
fn known(served: &Served<dyn AnyResource>, planned: Option<ResourceIdentityData>) -> Result<Option<ResourceIdentityData>, Diagnostics> {
    let sent = planned.as_ref().and_then(|planned| planned.identity_data.as_ref());
    let value = convert::decode(sent, &served.identity, "identity")?;
    Ok(planned.filter(|_| !value.is_null() && value.is_wholly_known()))
}
