//! The stand-in for Flux on a real Kubernetes API.

mod deletion;
mod failure;
mod kafka;
mod life;
mod tenants;
mod world;
