//! DNS names of a tenant: what a hosted zone of Route53 holds, and what of it is whose.
//!
//! Pure: what a zone holds is given, what to change in it is answered.

mod ownership;
mod record;
mod spec;
#[cfg(test)]
mod tests;
mod wanted;
mod zone;

pub use ownership::{Ownership, Owns};
pub use record::{Change, ChangeAction, Record, RecordType, Target, Zone};
pub use spec::{DnsSpec, DomainError, FoundZone, ManagedBy, Names, TTL_S, check_domain, is_within};
pub use wanted::{Address, Found, Wanted, addresses, batch, challenges, left, look, removal};
pub use zone::{ZoneError, choose, delegation};
