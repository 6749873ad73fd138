//! Names and certificates of a lab: Route 53, DNS, ACME, cert-manager and external-dns at work together.

mod certificates;
mod names;
mod restart;
mod tenant;
pub mod world;
