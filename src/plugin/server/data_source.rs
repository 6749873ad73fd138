//! Data sources.

use super::Context;
use crate::{
    framework::diagnostic::Diagnostics,
    plugin::{
        convert,
        proto::tfplugin5::{read_data_source, validate_data_source_config},
    },
};

pub(super) async fn validate(
    context: Context,
    request: validate_data_source_config::Request,
) -> Result<validate_data_source_config::Response, Diagnostics> {
    let served = context.data_source(&request.type_name)?;
    let config = convert::decode(request.config.as_ref(), &served.ty, "configuration")?;
    let found = served.part.validate(&config);
    Ok(validate_data_source_config::Response { diagnostics: convert::diagnostics(found) })
}

pub(super) async fn read(context: Context, request: read_data_source::Request) -> Result<read_data_source::Response, Diagnostics> {
    let served = context.data_source(&request.type_name)?;
    let mut call = context.call(convert::private(&[]));
    let config = convert::decode(request.config.as_ref(), &served.ty, "configuration")?;
    let state = served.part.read(config, &mut call).await;
    if call.found.has_errors() {
        return Err(call.found);
    }
    Ok(read_data_source::Response {
        state: convert::encode(&state, &served.ty, "data")?,
        diagnostics: convert::diagnostics(call.found),
        deferred: None,
    })
}
