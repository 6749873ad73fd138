//! Clients outside the cluster: load balancers with addresses of their own, public names, certificates that users bring.

mod kafka;
mod producer;
mod services;
mod world;
