//! `install {}` of `kaas_management_cluster` on a real API server, from a mirror, with no route but the mirror.

mod foreign;
mod killed;
mod life;
mod mirror;
mod world;
