//! A provider that does nothing, and the example of how one is written with the framework: a configuration, a managed resource, a data
//! source, an ephemeral resource, a function. It keeps no object anywhere but in the user's state, so `cargo lab bench` also measures it to
//! tell what a plan costs before any provider has done anything.
//!
//! A provider is four steps: derive [`Model`](kaas::framework::model::Model) on a struct for each configuration block (its doc comments become the documentation users read),
//! implement the trait of the part ([`Resource`](kaas::framework::parts::Resource), …) on a handler, list the handlers in
//! [`Provider::offers`], and serve the provider from `main`.

mod echo;
mod lease;
mod repeat;
mod seal;
mod tenant;
#[cfg(test)]
mod tests;
mod thing;

use std::sync::{Arc, PoisonError, RwLock};

use kaas::framework::{attr::Attr, diagnostic::Diagnostics, erased::Offers, model::Model, parts::Provider};

pub use self::{
    echo::{Echo, EchoDataSource},
    lease::{Lease, LeaseResource},
    repeat::Repeat,
    seal::{Seal, SealIdentity, SealResource},
    tenant::TenantCarrier,
    thing::{Load, Thing, ThingIdentity, ThingResource},
};

/// Does nothing, for examples and measurements.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct Config {
    /// What `nothing_echo` and `nothing_lease` begin with. Defaults to `hello`.
    #[tf(optional)]
    pub greeting: Attr<String>,
}

/// What the handlers share: set once the provider is configured. A real provider keeps the settings of its client here and connects on first use.
#[derive(Clone, Debug, Default)]
pub struct Greeting(Arc<RwLock<Option<String>>>);

impl Greeting {
    /// The configured greeting, or the default.
    pub fn text(&self) -> String {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_else(|| "hello".to_owned())
    }

    fn set(&self, text: Option<String>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = text;
    }
}

/// The do-nothing provider.
#[derive(Debug, Default)]
pub struct Nothing {
    greeting: Greeting,
}

impl Provider for Nothing {
    const NAME: &'static str = "nothing";
    type Config = Config;

    fn validate(&self, config: &Config, found: &mut Diagnostics) {
        // A value that is unknown yet is not judged: `known` is then None.
        if config.greeting.known().is_some_and(|greeting| greeting.trim().is_empty()) {
            found.error_at(Config::GREETING, "Empty greeting", "Give the greeting at least one letter, or leave it out.");
        }
    }

    fn configure(&self, config: Config, _terraform_version: &str, _found: &mut Diagnostics) {
        self.greeting.set(config.greeting.into_known());
    }

    fn offers(&self) -> Offers {
        Offers::default()
            .resource(ThingResource)
            .resource(SealResource)
            .resource(TenantCarrier)
            .data_source(EchoDataSource::new(self.greeting.clone()))
            .ephemeral_resource(LeaseResource::new(self.greeting.clone()))
            .function(Repeat)
    }
}
