//! The tests that need no servers: repository rules and the plugin protocol.

mod docs;
mod protocol;
mod tidy;
