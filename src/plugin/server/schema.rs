//! What the provider offers.

use std::collections::HashMap;

use super::Context;
use crate::{
    framework::diagnostic::Diagnostics,
    plugin::{
        convert,
        proto::tfplugin5::{ServerCapabilities, get_functions, get_provider_schema, get_resource_identity_schemas},
    },
};

pub(super) async fn get(context: Context, _: get_provider_schema::Request) -> Result<get_provider_schema::Response, Diagnostics> {
    let provider = &context.service.inner.provider;
    let offers = provider.offers();
    Ok(get_provider_schema::Response {
        provider: Some(convert::schema(provider.schema())),
        resource_schemas: offers.resources.iter().map(|(name, part)| (name.to_string(), convert::schema(part.schema()))).collect(),
        data_source_schemas: offers.data_sources.iter().map(|(name, part)| (name.to_string(), convert::schema(part.schema()))).collect(),
        ephemeral_resource_schemas: offers
            .ephemeral_resources
            .iter()
            .map(|(name, part)| (name.to_string(), convert::schema(part.schema())))
            .collect(),
        functions: functions(&context),
        server_capabilities: Some(ServerCapabilities {
            plan_destroy: true,
            get_provider_schema_optional: true,
            move_resource_state: false,
            generate_resource_config: false,
        }),
        ..get_provider_schema::Response::default()
    })
}

pub(super) async fn identities(
    context: Context,
    _: get_resource_identity_schemas::Request,
) -> Result<get_resource_identity_schemas::Response, Diagnostics> {
    let resources = &context.service.inner.provider.offers().resources;
    let with_identity = resources.iter().filter(|(_, part)| !part.identity_schema().is_empty());
    Ok(get_resource_identity_schemas::Response {
        identity_schemas: with_identity.map(|(name, part)| (name.to_string(), convert::identity_schema(part.identity_schema()))).collect(),
        diagnostics: Vec::new(),
    })
}

pub(super) async fn get_functions(context: Context, _: get_functions::Request) -> Result<get_functions::Response, Diagnostics> {
    Ok(get_functions::Response { functions: functions(&context), diagnostics: Vec::new() })
}

fn functions(context: &Context) -> HashMap<String, crate::plugin::proto::tfplugin5::Function> {
    let functions = &context.service.inner.provider.offers().functions;
    functions.iter().map(|(name, part)| (name.to_string(), convert::function(part.signature()))).collect()
}
