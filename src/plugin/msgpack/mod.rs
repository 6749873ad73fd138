//! Values as msgpack, by type: how Terraform sends configuration, plan and state.
//!
//! Input comes from outside: whatever the bytes are, decoding answers a value or an error, never panics, and never reserves memory for a length
//! it only was told. The encoding is that of cty, Terraform's value library.

mod decode;
mod encode;
mod reader;
mod refinement;
#[cfg(test)]
mod tests;

pub use decode::decode;
pub use encode::encode;

use super::type_json::TypeError;

/// The ext type of an unknown value with a refinement; every other ext is a plain unknown.
const EXT_REFINED: i8 = 12;

/// How deep values may be nested.
const DEPTH_MAX: usize = 100;

/// Why bytes are no value of the type, or a value cannot be sent as that type.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum MsgpackError {
    #[error("the message ends too early")]
    Truncated,
    #[error("{0} bytes are left over after the value")]
    Trailing(usize),
    #[error("expected {expected}, found {found}")]
    Unexpected { expected: &'static str, found: &'static str },
    #[error("the text is not UTF-8")]
    NotUtf8,
    #[error("the number has no decimal form of acceptable length")]
    Number,
    #[error("the object has no attribute {0:?}")]
    Missing(String),
    #[error("the object has an attribute {0:?} that its type does not know")]
    Extra(String),
    #[error("the key {0:?} occurs twice")]
    Twice(String),
    #[error("expected {expected} elements, found {found}")]
    Length { expected: usize, found: usize },
    #[error("the value is nested more than {DEPTH_MAX} levels deep")]
    Depth,
    #[error("the collection is too large to send")]
    TooLarge,
    #[error("the type of the value: {0}")]
    Type(#[from] TypeError),
}
