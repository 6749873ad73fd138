//! The provider's only input and output. Each child speaks to one outside system and hands back plain values.
//!
//! May import the domain's types; knows nothing of Terraform, of plans or of what an object means.

pub mod aws;
pub mod kubernetes;
pub mod release;
#[cfg(test)]
pub mod scripted;
