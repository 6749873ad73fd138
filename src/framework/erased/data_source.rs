//! A data source without its types.

use super::{
    AnyDataSource, BoxFuture,
    outcome::{hold_to_config, storable},
    validation::validate,
};
use crate::framework::{
    diagnostic::Diagnostics,
    model::{AttributeValue, Model, decode_model},
    parts::{Call, DataSource},
    plan::complete,
    schema::Schema,
    value::Value,
};

/// Joins a [`DataSource`] to the wire.
pub struct ErasedDataSource<D> {
    data_source: D,
    schema: Schema,
}

impl<D: DataSource> ErasedDataSource<D> {
    pub fn new(data_source: D) -> Self {
        Self { data_source, schema: Schema { version: 0, block: D::Model::block() } }
    }

    async fn read_config(&self, config: Value, call: &mut Call) -> Value {
        let mut asked = config.clone();
        complete(&self.schema.block, &config, &mut asked);
        let Some(model) = decode_model::<D::Model>(&asked, &mut call.found) else { return Value::Null };
        match self.data_source.read(model, call).await {
            Ok(model) => {
                let mut value = model.encode();
                D::Model::settle(&config, &mut value);
                let value = storable(&self.schema.block, value, &mut call.found);
                hold_to_config(&self.schema.block, &config, &value, &mut call.found);
                value
            }
            Err(found) => {
                call.found.extend(found);
                Value::Null
            }
        }
    }
}

impl<D: DataSource> AnyDataSource for ErasedDataSource<D> {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn validate(&self, config: &Value) -> Diagnostics {
        validate(&self.schema.block, config, |model, found| self.data_source.validate(model, found))
    }

    fn read<'a>(&'a self, config: Value, call: &'a mut Call) -> BoxFuture<'a, Value> {
        Box::pin(self.read_config(config, call))
    }
}
