//! Route53: hosted zones, the record sets in them, and batches of changes.
//!
//! What is changed is decided elsewhere; here stand the requests, and how Route53 spells names and values. Route53 is global: it has no region.

mod change;
mod read;
mod spelling;
mod zones;

/// `Z0123456789ABCDEFGHIJ`, also of an id that begins as Route53's answers have it.
fn zone_id(id: &str) -> &str {
    id.strip_prefix("/hostedzone/").unwrap_or(id)
}

/// The same of a change.
fn change_id(id: &str) -> &str {
    id.strip_prefix("/change/").unwrap_or(id)
}
