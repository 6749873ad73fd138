//! `nothing_lease`: an ephemeral resource, a value that lives during one plan or apply and is never stored.

use std::time::{Duration, SystemTime};

use kaas::framework::{
    attr::Attr,
    diagnostic::Diagnostics,
    model::Model,
    parts::{Call, EphemeralResource, Opened},
};

use crate::Greeting;

/// How long a lease holds before it wants to be renewed.
const TERM: Duration = Duration::from_secs(600);
/// Where the holder is remembered between the calls of one lease.
const HOLDER: &str = "holder";

/// A token that is made for one run and belongs to nobody.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct Lease {
    /// Who holds the lease.
    #[tf(required)]
    pub holder: Attr<String>,
    /// `<greeting>-<holder>`.
    #[tf(computed, sensitive)]
    pub token: Attr<String>,
}

/// Handler of `nothing_lease`.
#[derive(Debug)]
pub struct LeaseResource {
    greeting: Greeting,
}

impl LeaseResource {
    pub const fn new(greeting: Greeting) -> Self {
        Self { greeting }
    }
}

impl EphemeralResource for LeaseResource {
    const NAME: &'static str = "nothing_lease";
    type Model = Lease;

    fn validate(&self, config: &Lease, found: &mut Diagnostics) {
        if config.holder.known().is_some_and(String::is_empty) {
            found.error_at(Lease::HOLDER, "Nobody holds the lease", "Give the holder a name.");
        }
    }

    async fn open(&self, config: Lease, call: &mut Call) -> Result<Opened<Lease>, Diagnostics> {
        let holder = config.holder.known().cloned().unwrap_or_default();
        // Private data go back and forth with the CLI; unlike a real lease this one keeps no secret in them.
        call.private.insert(HOLDER.to_owned(), holder.clone());
        tracing::debug!(holder, "lease given out");
        let token = Attr::Known(format!("{}-{holder}", self.greeting.text()));
        Ok(Opened { result: Lease { token, ..config }, renew_at: Some(SystemTime::now() + TERM) })
    }

    async fn renew(&self, _call: &mut Call) -> Result<Option<SystemTime>, Diagnostics> {
        Ok(Some(SystemTime::now() + TERM))
    }

    async fn close(&self, call: &mut Call) -> Result<(), Diagnostics> {
        let holder = call.private.get(HOLDER).map_or("", String::as_str);
        tracing::debug!(holder, "lease taken back");
        Ok(())
    }
}
