//! Names and certificates as users have them: tenants with `dns {}` and `tls {}` through the real CLI, with real cert-manager, external-dns and ACME server, and
//! a Route 53 that moto keeps. Clients find brokers by the lab's DNS server alone, and trust nobody but the ACME server's root.

mod broken;
mod external_account;
mod kafka;
mod own_cluster;
mod records;
mod refused;
mod rename;
pub mod world;
