//! DNS names of a tenant: what a hosted zone of Route53 holds, and what of it is whose.
//!
//! Pure: what a zone holds is given, what to change in it is answered.

mod batch;
mod ownership;
mod record;
mod spec;
#[cfg(test)]
mod tests;
mod wanted;
mod zone;

pub use batch::{batch, challenges, in_portions, left, removal};
pub use ownership::{Ownership, Owns, Shared, owner_id};
pub use record::{Change, ChangeAction, Record, RecordType, Target, Zone};
pub use spec::{DnsSpec, DomainError, FoundZone, ManagedBy, Names, TTL_S, check_domain, is_within};
pub use wanted::{Address, Found, Wanted, addresses, look, writer};
pub use zone::{Undelegated, ZoneError, choose, delegation};
