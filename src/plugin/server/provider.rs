//! The provider's own configuration.

use super::Context;
use crate::{
    framework::diagnostic::Diagnostics,
    plugin::{
        convert,
        proto::tfplugin5::{configure, prepare_provider_config},
    },
};

pub(super) async fn prepare(
    context: Context,
    request: prepare_provider_config::Request,
) -> Result<prepare_provider_config::Response, Diagnostics> {
    let inner = &context.service.inner;
    let config = convert::decode(request.config.as_ref(), &inner.config, "provider configuration")?;
    let found = inner.provider.validate(&config);
    // Clients ignore changes here: the configuration goes back as it came.
    Ok(prepare_provider_config::Response { prepared_config: request.config, diagnostics: convert::diagnostics(found) })
}

pub(super) async fn configure(context: Context, request: configure::Request) -> Result<configure::Response, Diagnostics> {
    let inner = &context.service.inner;
    let config = convert::decode(request.config.as_ref(), &inner.config, "provider configuration")?;
    let found = inner.provider.configure(&config, &request.terraform_version);
    Ok(configure::Response { diagnostics: convert::diagnostics(found) })
}
