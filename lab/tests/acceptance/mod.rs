//! Acceptance: what users do with the provider, through OpenTofu and (where the machine has it) Terraform, against real servers.
//!
//! Journeys that need no Kafka share one lab whose stand-in reports Ready at once; those that stop the operator share another, one at a
//! time. Every journey has tenants of its own, so they may run side by side.

mod bad_input;
pub mod cluster;
mod create;
mod destroy;
pub mod drift;
mod forbidden;
pub mod import;
mod interrupt;
pub mod kafka;
pub mod killed;
pub mod place;
pub mod rights;
mod servers;
mod shrink;
mod sizing;
mod unknown;
mod update;
pub mod world;
