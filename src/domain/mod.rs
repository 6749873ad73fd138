//! What the user's wishes mean: names, sizing, versions and manifests.
//!
//! Pure: no client, clock, environment or async code here, and no word of Terraform. Input is typed wishes and facts that others fetched,
//! output is figures and Kubernetes objects.

pub mod certificate;
pub mod change;
pub mod cluster;
pub mod cluster_class;
pub mod components;
pub mod dns;
pub mod drift;
pub mod eks;
pub mod external;
pub mod iam;
pub mod install;
pub mod kafka;
pub mod manifests;
pub mod names;
pub mod object;
pub mod quantity;
pub mod releases;
pub mod rights;
pub mod sizing;
pub mod skew;
pub mod status;
pub mod tenant;
