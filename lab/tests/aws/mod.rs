//! The lab's AWS as a client of EKS sees it, by AWS's own SDK.

mod access;
mod faults;
mod life;
mod platform;
mod restart;
pub mod world;
