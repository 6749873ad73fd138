//! The tests that need no servers: repository rules and the plugin protocol.

mod protocol;
mod tidy;
