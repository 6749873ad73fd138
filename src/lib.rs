//! The kaas provider: Kafka as a service, from `terraform apply`.

extern crate self as kaas;

pub mod domain;
pub mod drivers;
pub mod framework;
pub mod plugin;
pub mod provider;
pub mod resources;
