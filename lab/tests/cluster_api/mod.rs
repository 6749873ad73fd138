//! Cluster API in the lab: real controllers and webhooks make, upgrade and end tenants' clusters, whose API servers are real.

mod aws;
mod ending;
mod life;
mod webhooks;
mod workers;
mod world;
