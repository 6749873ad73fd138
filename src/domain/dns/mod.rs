//! DNS names of a tenant: what a hosted zone of Route53 holds, and what of it is whose.
//!
//! Pure: what a zone holds is given, what to change in it is answered.

mod record;

pub use record::{Change, ChangeAction, Record, RecordType, Target, Zone};
