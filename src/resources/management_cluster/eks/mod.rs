//! `eks {}`: an EKS cluster with its node groups, add-ons and access, made, changed, looked at and deleted.
//!
//! What is to be done next is the domain's to say; here it is asked, done and waited for.

pub mod apply;
pub mod delete;
mod fault;
mod import;
mod marks;
pub mod model;
pub mod place;
pub mod plan;
mod reach;
pub mod read;
pub mod report;
mod run;
#[cfg(test)]
mod tests;
pub mod wish;
