//! The plugin protocol, spoken to our binary and to a provider made for the purpose.

mod binary;
mod calls;
mod clients;
mod malformed;
mod test_provider;
