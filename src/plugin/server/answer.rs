//! Answers that carry errors.

use tokio::task::JoinError;

use crate::{
    framework::diagnostic::Diagnostics,
    plugin::{convert, log::panic_text, proto::tfplugin5::*},
};

/// A response that can say why there is no result.
pub(super) trait Answer: Default + Send + 'static {
    fn refused(found: Diagnostics) -> Self;
}

macro_rules! answers {
    ($($message:ident),* $(,)?) => {
        $(impl Answer for $message::Response {
            fn refused(found: Diagnostics) -> Self {
                let mut answer = Self::default();
                answer.diagnostics.extend(convert::diagnostics(found));
                answer
            }
        })*
    };
}

answers!(
    get_provider_schema,
    prepare_provider_config,
    validate_resource_type_config,
    validate_data_source_config,
    upgrade_resource_state,
    get_resource_identity_schemas,
    upgrade_resource_identity,
    configure,
    read_resource,
    plan_resource_change,
    apply_resource_change,
    import_resource_state,
    move_resource_state,
    read_data_source,
    generate_resource_config,
    validate_ephemeral_resource_config,
    open_ephemeral_resource,
    renew_ephemeral_resource,
    close_ephemeral_resource,
    validate_list_resource_config,
    get_functions,
    plan_action,
    validate_action_config,
);

impl Answer for call_function::Response {
    fn refused(found: Diagnostics) -> Self {
        let text = found.into_iter().map(|one| format!("{}: {}", one.summary, one.detail)).collect::<Vec<_>>().join("\n");
        Self { result: None, error: Some(FunctionError { text: unended(&text), function_argument: None }) }
    }
}

/// The text without its last full stop: both CLIs put one behind it.
pub(super) fn unended(text: &str) -> String {
    text.trim_end().trim_end_matches('.').to_owned()
}

/// The error for something that the provider does not have.
pub(super) fn not_offered(what: &str, name: &str) -> Diagnostics {
    Diagnostics::of_error(format!("Unknown {what}"), format!("This version of the provider has no {what} {name:?}."))
}

/// The error for a call whose task ended without an answer.
pub(super) fn crashed(rpc: &str, ended: JoinError) -> Diagnostics {
    let cause = match ended.try_into_panic() {
        Ok(payload) => panic_text(&*payload),
        Err(_) => "the call was cut off".to_owned(),
    };
    let detail =
        format!("The provider failed in {rpc}: {cause}. This is a fault of the provider: please report it with the log of TF_LOG=debug.");
    Diagnostics::of_error("Fault in the provider", detail)
}
