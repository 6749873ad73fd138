//! A provider without its types.

use super::{AnyProvider, Offers, validation::validate};
use crate::framework::{
    diagnostic::Diagnostics,
    model::{Model, decode_model},
    parts::Provider,
    schema::Schema,
    value::Value,
};

/// Joins a [`Provider`] to the wire.
pub struct ErasedProvider<P> {
    provider: P,
    schema: Schema,
    offers: Offers,
}

impl<P: Provider> ErasedProvider<P> {
    pub fn new(provider: P) -> Self {
        Self { schema: Schema { version: 0, block: P::Config::block() }, offers: provider.offers(), provider }
    }
}

impl<P: Provider> AnyProvider for ErasedProvider<P> {
    fn name(&self) -> &'static str {
        P::NAME
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn offers(&self) -> &Offers {
        &self.offers
    }

    fn validate(&self, config: &Value) -> Diagnostics {
        validate(&self.schema.block, config, |model, found| self.provider.validate(model, found))
    }

    fn configure(&self, config: &Value, terraform_version: &str) -> Diagnostics {
        let mut found = Diagnostics::none();
        if let Some(config) = decode_model(config, &mut found) {
            self.provider.configure(config, terraform_version, &mut found);
        }
        found
    }
}
