//! A function without its types.

use super::{AnyFunction, Parameter, Signature};
use crate::framework::{
    model::AttributeValue,
    parts::{Arguments, Function, FunctionError},
    value::Value,
};

/// Joins a [`Function`] to the wire.
pub struct ErasedFunction<F> {
    function: F,
    signature: Signature,
}

impl<F: Function> ErasedFunction<F> {
    pub fn new(function: F) -> Self {
        let parameters = F::PARAMETERS.iter().zip(F::Arguments::types());
        let signature = Signature {
            parameters: parameters.map(|(&(name, description), (ty, nullable))| Parameter { name, ty, nullable, description }).collect(),
            returns: F::Returns::ty(),
            fields: F::Returns::fields(),
            summary: F::SUMMARY,
            description: F::DESCRIPTION,
        };
        Self { function, signature }
    }
}

impl<F: Function> AnyFunction for ErasedFunction<F> {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn call(&self, arguments: &[Value]) -> Result<Value, FunctionError> {
        let arguments = F::Arguments::decode(arguments)?;
        Ok(self.function.call(arguments)?.encode())
    }
}
