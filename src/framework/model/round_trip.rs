//! A test for every model.
