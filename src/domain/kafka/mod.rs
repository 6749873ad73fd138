//! What Kafka and Strimzi allow: versions and the ways between them, and which broker settings belong to the user.

pub mod config;
pub mod dynamic;
pub mod version;
