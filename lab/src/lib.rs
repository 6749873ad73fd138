//! The embedded environment: real servers as plain processes on one machine, for the demo and for the tests. Its verbs are a library;
//! `cargo lab` is its command. Nothing of the provider knows of it.

pub mod bench;
pub mod cache;
pub mod cli;
pub mod cluster_api;
mod command;
mod control_plane;
pub mod custom_resources;
pub mod demo;
pub mod doctor;
pub mod environment;
pub mod etcd;
mod go_module;
pub mod interrupt;
pub mod kafka;
mod kubernetes;
mod lock;
pub mod maven;
pub mod objects;
pub mod output;
pub mod own_binary;
pub mod package;
mod pki;
mod ports;
pub mod process;
pub mod programs;
mod servers;
pub mod state;
pub mod strimzi;
pub mod strimzi_api;
pub mod terraform;
pub mod tests_run;
pub mod toolchain;

pub use environment::{Came, Lab, Options, TemporaryLab};
pub use kubernetes::{apply, apply_crds, block_on, client};
pub use state::Server;
