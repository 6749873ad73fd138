//! An ephemeral resource without its types.

use std::time::SystemTime;

use super::{
    AnyEphemeralResource, BoxFuture,
    outcome::{hold_to_config, storable},
    validation::validate,
};
use crate::framework::{
    diagnostic::Diagnostics,
    model::{AttributeValue, Model, decode_model},
    parts::{Call, EphemeralResource},
    plan::complete,
    schema::Schema,
    value::Value,
};

/// Joins an [`EphemeralResource`] to the wire.
pub struct ErasedEphemeralResource<E> {
    ephemeral: E,
    schema: Schema,
}

impl<E: EphemeralResource> ErasedEphemeralResource<E> {
    pub fn new(ephemeral: E) -> Self {
        Self { ephemeral, schema: Schema { version: 0, block: E::Model::block() } }
    }

    async fn open_config(&self, config: Value, call: &mut Call) -> (Value, Option<SystemTime>) {
        let mut asked = config.clone();
        complete(&self.schema.block, &config, &mut asked);
        let Some(model) = decode_model::<E::Model>(&asked, &mut call.found) else { return (Value::Null, None) };
        match self.ephemeral.open(model, call).await {
            Ok(opened) => {
                let mut value = opened.result.encode();
                E::Model::settle(&config, &mut value);
                let value = storable(&self.schema.block, value, &mut call.found);
                hold_to_config(&self.schema.block, &config, &value, &mut call.found);
                (value, opened.renew_at)
            }
            Err(found) => {
                call.found.extend(found);
                (Value::Null, None)
            }
        }
    }
}

impl<E: EphemeralResource> AnyEphemeralResource for ErasedEphemeralResource<E> {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn validate(&self, config: &Value) -> Diagnostics {
        validate(&self.schema.block, config, |model, found| self.ephemeral.validate(model, found))
    }

    fn open<'a>(&'a self, config: Value, call: &'a mut Call) -> BoxFuture<'a, (Value, Option<SystemTime>)> {
        Box::pin(self.open_config(config, call))
    }

    fn renew<'a>(&'a self, call: &'a mut Call) -> BoxFuture<'a, Option<SystemTime>> {
        Box::pin(async move {
            let renewed = self.ephemeral.renew(call).await;
            renewed.unwrap_or_else(|found| {
                call.found.extend(found);
                None
            })
        })
    }

    fn close<'a>(&'a self, call: &'a mut Call) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            if let Err(found) = self.ephemeral.close(call).await {
                call.found.extend(found);
            }
        })
    }
}
