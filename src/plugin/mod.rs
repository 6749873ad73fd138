//! go-plugin and tfplugin5: how Terraform and OpenTofu start the provider and talk to it.
//!
//! The only place that sees protobuf, msgpack and the plugin's TLS. It serves any [`AnyProvider`] and knows nothing of Kafka, Kubernetes or AWS.

mod connections;
mod convert;
mod handshake;
pub mod json;
pub mod listener;
mod log;
pub mod msgpack;
pub mod proto;
mod run;
pub mod server;
mod side;
mod stops;
mod tls;
pub mod type_json;

pub use run::{Ended, serve, serve_plain};
