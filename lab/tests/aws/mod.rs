//! The lab's AWS as a client of EKS sees it, by AWS's own SDK, and as the provider's clients of Route53 and IAM do.

mod access;
mod faults;
mod life;
mod names;
mod platform;
mod restart;
pub mod world;
