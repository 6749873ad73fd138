//! `nothing_echo`: a data source that answers from what it is given and from how the provider is configured.

use kaas::framework::{
    attr::Attr,
    diagnostic::Diagnostics,
    model::Model,
    parts::{Call, DataSource},
};

use crate::Greeting;

/// Repeats a text after the provider's greeting.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct Echo {
    /// What to repeat.
    #[tf(required)]
    pub text: Attr<String>,
    /// Whether to shout.
    #[tf(optional, default = false)]
    pub loud: Attr<bool>,
    /// `<greeting>, <text>`.
    #[tf(computed)]
    pub said: Attr<String>,
}

/// Handler of `nothing_echo`.
#[derive(Debug)]
pub struct EchoDataSource {
    greeting: Greeting,
}

impl EchoDataSource {
    pub const fn new(greeting: Greeting) -> Self {
        Self { greeting }
    }
}

impl DataSource for EchoDataSource {
    const NAME: &'static str = "nothing_echo";
    type Model = Echo;

    fn validate(&self, config: &Echo, found: &mut Diagnostics) {
        if config.text.known().is_some_and(String::is_empty) {
            found.error_at(Echo::TEXT, "Empty text", "There is no echo of nothing: give the text at least one letter.");
        }
    }

    async fn read(&self, config: Echo, _call: &mut Call) -> Result<Echo, Diagnostics> {
        let said = format!("{}, {}", self.greeting.text(), config.text.known().map_or("", String::as_str));
        let loud = config.loud.known().is_some_and(|loud| *loud);
        Ok(Echo { said: Attr::Known(if loud { said.to_uppercase() } else { said }), ..config })
    }
}
