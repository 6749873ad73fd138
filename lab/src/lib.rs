//! lab

pub mod kafka;
