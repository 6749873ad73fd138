//! What the provider offers: one file or folder for each resource, data source and function, with its model and its handlers.
//!
//! Handlers run five steps in this order: parse (model to domain spec), dereference (fetch what the spec depends on), build (pure), apply, report
//! (model of what is there). I/O happens in the second and fourth only, through `drivers`. No attribute is named by a string here.

pub mod connection;
pub mod failure;
pub mod management_cluster;
pub mod policies;
pub mod size;
pub mod sizing;
pub mod tenant;
pub mod wishes;
