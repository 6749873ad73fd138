//! The plan rules: a table of single cases, and properties that hold for every schema and value.

mod properties;
mod rules;
