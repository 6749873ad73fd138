//! Tenants with a Kubernetes cluster of their own, as users have them: the real CLIs, Cluster API, and the provider between two API servers.
//!
//! Journeys share one lab in which every Kafka is Ready at once; those that stop a server share another, one at a time.

mod create;
mod delete;
mod drift;
mod failure;
mod history;
mod import;
mod kafka;
mod killed;
mod killed_door;
mod monitoring;
mod nodes;
mod nodes_kafka;
mod portable;
mod refused;
mod requests;
mod rights;
mod slow;
mod versions;
pub mod world;
mod zones;
