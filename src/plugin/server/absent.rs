//! What this provider does not offer yet: lists, actions, taking over other types, writing configuration. Clients only ask after an announcement,
//! so whoever asks all the same is told by name what is missing.

use super::{Context, answer::not_offered};
use crate::{
    framework::diagnostic::Diagnostics,
    plugin::{
        convert,
        proto::tfplugin5::{
            generate_resource_config, invoke_action, list_resource, move_resource_state, plan_action, validate_action_config,
            validate_list_resource_config,
        },
    },
};

pub(super) async fn move_state(_: Context, request: move_resource_state::Request) -> Result<move_resource_state::Response, Diagnostics> {
    let detail = format!("A {} cannot be made from a {}. Import it instead.", request.target_type_name, request.source_type_name);
    Err(Diagnostics::of_error("Move not supported", detail))
}

pub(super) async fn generate_config(
    _: Context,
    request: generate_resource_config::Request,
) -> Result<generate_resource_config::Response, Diagnostics> {
    let detail = format!("The provider does not write configuration for {:?}; the CLI does so itself.", request.type_name);
    Err(Diagnostics::of_error("Configuration not generated", detail))
}

pub(super) async fn validate_list(
    _: Context,
    request: validate_list_resource_config::Request,
) -> Result<validate_list_resource_config::Response, Diagnostics> {
    Err(not_offered("list resource type", &request.type_name))
}

pub(super) async fn validate_action(
    _: Context,
    request: validate_action_config::Request,
) -> Result<validate_action_config::Response, Diagnostics> {
    Err(not_offered("action", &request.type_name))
}

pub(super) async fn plan_action(_: Context, request: plan_action::Request) -> Result<plan_action::Response, Diagnostics> {
    Err(not_offered("action", &request.action_type))
}

pub(super) fn list(request: &list_resource::Request) -> list_resource::Event {
    let found = not_offered("list resource type", &request.type_name);
    list_resource::Event { diagnostic: convert::diagnostics(found), ..list_resource::Event::default() }
}

pub(super) fn invoke(request: &invoke_action::Request) -> invoke_action::Event {
    let diagnostics = convert::diagnostics(not_offered("action", &request.action_type));
    invoke_action::Event { r#type: Some(invoke_action::event::Type::Completed(invoke_action::event::Completed { diagnostics })) }
}
