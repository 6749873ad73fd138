//! A provider that offers nothing, until the real one is wired.

use kaas::framework::{
    diagnostic::Diagnostics,
    erased::{AnyProvider, Offers},
    schema::{Block, Schema},
    value::Value,
};

pub struct Nothing {
    schema: Schema,
    offers: Offers,
}

impl Default for Nothing {
    fn default() -> Self {
        Self { schema: Schema { version: 0, block: Block::default() }, offers: Offers::default() }
    }
}

impl AnyProvider for Nothing {
    fn name(&self) -> &'static str {
        "kaas"
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn offers(&self) -> &Offers {
        &self.offers
    }

    fn validate(&self, _: &Value) -> Diagnostics {
        Diagnostics::none()
    }

    fn configure(&self, _: &Value, _: &str) -> Diagnostics {
        Diagnostics::none()
    }
}
