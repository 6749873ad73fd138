//! `kaas_management_cluster` with `eks {}` by the real CLI, against the lab's AWS, whose clusters are real API servers.

mod broken;
mod drift;
mod life;
pub mod world;
