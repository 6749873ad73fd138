//! Errors as EKS gives them: a status, a name in a header, a message.

use std::fmt;

/// A request that EKS refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Of HTTP.
    pub status: u16,
    /// `ResourceNotFoundException`.
    pub code: &'static str,
    pub message: String,
}

pub type Answer<T> = Result<T, Refusal>;

impl Refusal {
    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(404, "ResourceNotFoundException", message)
    }

    pub fn in_use(message: impl Into<String>) -> Self {
        Self::new(409, "ResourceInUseException", message)
    }

    pub fn parameter(message: impl Into<String>) -> Self {
        Self::new(400, "InvalidParameterException", message)
    }

    pub fn request(message: impl Into<String>) -> Self {
        Self::new(400, "InvalidRequestException", message)
    }

    pub fn denied(message: impl Into<String>) -> Self {
        Self::new(403, "AccessDeniedException", message)
    }

    /// The key of the request is none of this AWS.
    pub fn unknown_key() -> Self {
        Self::new(403, "UnrecognizedClientException", "The security token included in the request is invalid.")
    }

    pub fn signature() -> Self {
        let message = "The request signature we calculated does not match the signature you provided. \
                       Check your AWS Secret Access Key and signing method.";
        Self::new(403, "InvalidSignatureException", message)
    }

    pub fn throttled() -> Self {
        Self::new(429, "TooManyRequestsException", "Too Many Requests")
    }

    pub fn server(message: impl Into<String>) -> Self {
        Self::new(500, "ServerException", message)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}
