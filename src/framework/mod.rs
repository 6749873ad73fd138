//! What a Terraform provider is: values, schemas, models, plan rules and the traits a provider's parts implement.
//!
//! Knows Terraform's words (config, prior, planned, state) and nothing else: no protobuf, msgpack, Kubernetes, AWS or Kafka. `plugin` speaks the
//! wire and calls this layer through the erased traits in [`erased`]; everything else uses the typed traits.

pub mod attr;
pub mod diagnostic;
pub mod docs;
pub mod erased;
pub mod model;
pub mod number;
pub mod parts;
pub mod path;
pub mod plan;
pub mod schema;
pub mod timeouts;
pub mod value;
