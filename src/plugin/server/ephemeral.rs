//! Ephemeral resources: values that live during one plan or apply.

use super::Context;
use crate::{
    framework::diagnostic::Diagnostics,
    plugin::{
        convert,
        proto::tfplugin5::{
            close_ephemeral_resource, open_ephemeral_resource, renew_ephemeral_resource, validate_ephemeral_resource_config,
        },
    },
};

pub(super) async fn validate(
    context: Context,
    request: validate_ephemeral_resource_config::Request,
) -> Result<validate_ephemeral_resource_config::Response, Diagnostics> {
    let served = context.ephemeral(&request.type_name)?;
    let config = convert::decode(request.config.as_ref(), &served.ty, "configuration")?;
    let found = served.part.validate(&config);
    Ok(validate_ephemeral_resource_config::Response { diagnostics: convert::diagnostics(found) })
}

pub(super) async fn open(
    context: Context,
    request: open_ephemeral_resource::Request,
) -> Result<open_ephemeral_resource::Response, Diagnostics> {
    let served = context.ephemeral(&request.type_name)?;
    let mut call = context.call(convert::private(&[]));
    let config = convert::decode(request.config.as_ref(), &served.ty, "configuration")?;
    let (result, renew_at) = served.part.open(config, &mut call).await;
    if call.found.has_errors() {
        return Err(call.found);
    }
    Ok(open_ephemeral_resource::Response {
        result: convert::encode(&result, &served.ty, "result")?,
        renew_at: renew_at.map(Into::into),
        private: Some(convert::private_bytes(&call.private)),
        diagnostics: convert::diagnostics(call.found),
        deferred: None,
    })
}

pub(super) async fn renew(
    context: Context,
    request: renew_ephemeral_resource::Request,
) -> Result<renew_ephemeral_resource::Response, Diagnostics> {
    let served = context.ephemeral(&request.type_name)?;
    let mut call = context.call(convert::private(request.private()));
    let renew_at = served.part.renew(&mut call).await;
    Ok(renew_ephemeral_resource::Response {
        renew_at: renew_at.map(Into::into),
        private: Some(convert::private_bytes(&call.private)),
        diagnostics: convert::diagnostics(call.found),
    })
}

pub(super) async fn close(
    context: Context,
    request: close_ephemeral_resource::Request,
) -> Result<close_ephemeral_resource::Response, Diagnostics> {
    let served = context.ephemeral(&request.type_name)?;
    let mut call = context.call(convert::private(request.private()));
    served.part.close(&mut call).await;
    Ok(close_ephemeral_resource::Response { diagnostics: convert::diagnostics(call.found) })
}
