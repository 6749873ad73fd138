//! Functions of the provider.

use super::{
    Context,
    answer::{not_offered, unended},
};
use crate::{
    framework::{diagnostic::Diagnostics, parts::FunctionError},
    plugin::{
        convert,
        proto::tfplugin5::{self as wire, call_function},
    },
};

pub(super) async fn call(context: Context, request: call_function::Request) -> Result<call_function::Response, Diagnostics> {
    let functions = &context.service.inner.provider.offers().functions;
    let function = functions.get(request.name.as_str()).ok_or_else(|| not_offered("function", &request.name))?;
    let signature = function.signature();
    let (expected, given) = (signature.parameters.len(), request.arguments.len());
    if expected != given {
        return Err(Diagnostics::of_error("Wrong number of arguments", format!("{} takes {expected}, {given} were given.", request.name)));
    }
    let arguments = request.arguments.iter().zip(&signature.parameters);
    let arguments =
        arguments.map(|(sent, parameter)| convert::decode(Some(sent), &parameter.ty, parameter.name)).collect::<Result<Vec<_>, _>>()?;
    Ok(match function.call(&arguments) {
        Ok(result) => call_function::Response { result: convert::encode(&result, &signature.returns, "result")?, error: None },
        Err(failed) => call_function::Response { result: None, error: Some(error(failed)) },
    })
}

fn error(failed: FunctionError) -> wire::FunctionError {
    wire::FunctionError {
        text: unended(&failed.text),
        function_argument: failed.argument.and_then(|position| i64::try_from(position).ok()),
    }
}
