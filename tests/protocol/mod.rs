//! The plugin protocol, spoken to our binary and to a provider made for the purpose.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod binary;
mod calls;
mod clients;
mod malformed;
mod test_provider;
