//! The lab as its users have it: real servers, real CLIs.

mod environment;
mod strimzi_model;
mod terraform;
