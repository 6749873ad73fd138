//! Decisions: one by one, and by a simulated EKS until nothing is left to decide.

mod cases;
mod eks;
mod properties;
mod wishes;
