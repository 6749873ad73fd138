//! An EKS cluster with its node groups, add-ons and access: what is wished, what is there, and what is done next.
//!
//! Pure. The driver observes and performs ([`Seen`], [`Step`]); `next` and `next_removal` decide, from what is there alone, so that a run that was killed
//! anywhere is continued by the next.

pub mod change;
pub mod check;
pub mod compare;
pub mod group;
pub mod id;
pub mod import;
pub mod next;
pub mod principal;
pub mod seen;
pub mod step;
pub mod tags;
pub mod version;
pub mod wish;

pub use change::{effects, refused, replacement};
pub use check::{AddOnPart, Field, NodeGroupPart, WishError, check};
pub use compare::drift;
pub use group::group_name;
pub use id::{EksId, EksIdError};
pub use import::wish_of;
pub use next::{next, removal::next_removal};
pub use principal::{lets_in, shut_out};
pub use seen::{AccessEntrySeen, AddOnSeen, ClusterSeen, ClusterStatus, Issue, NodeGroupSeen, PartStatus, PodIdentitySeen, Seen, Update};
pub use step::{Fault, Next, Run, Step};
pub use version::EksVersion;
pub use wish::{
    AccessEntry, AccessPolicy, AddOn, Endpoint, NodeGroup, NodeShape, PodIdentity, Scaling, SupportType, Taint, TaintEffect, Wish,
};
