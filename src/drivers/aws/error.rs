//! What can go wrong between the provider and AWS: the act that failed with its object, AWS's own words, and a way out.
//!
//! An error's message is the act; the cause is its `source`, always as text, so that no error can hold a request, a response or a credential.

use std::error::Error as StdError;
use std::fmt;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_eks::config::http::HttpResponse;
use aws_sdk_eks::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_eks::operation::RequestId;

pub type Result<T> = std::result::Result<T, Error>;

/// A request to AWS, or the way to it, that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("{message}")]
    Config { message: String, way_out: String },
    /// `places`: where they were looked for.
    #[error("{act}: no AWS credentials")]
    NoCredentials { act: String, places: String, source: Words },
    #[error("{act}: the AWS credentials were not accepted")]
    Unauthorized { act: String, source: Box<Answer> },
    #[error("{act}: not allowed")]
    Denied { act: String, source: Box<Answer> },
    #[error("{act}: not found")]
    NotFound { act: String, source: Box<Answer> },
    /// Something of that name is there that this provider did not make.
    #[error("{act}: it is somebody else's")]
    Foreign { act: String, source: Words },
    /// It exists already, or is being changed or used.
    #[error("{act}: in conflict with what is there")]
    Conflict { act: String, source: Box<Answer> },
    #[error("{act}: AWS is asked too often")]
    Throttled { act: String, source: Box<Answer> },
    #[error("{act}: AWS refused it as wrong")]
    BadRequest { act: String, source: Box<Answer> },
    #[error("{act}: AWS failed")]
    Server { act: String, source: Box<Answer> },
    #[error("{act}: refused")]
    Other { act: String, source: Box<Answer> },
    #[error("{act}: AWS cannot be reached")]
    Unreachable { act: String, source: Words },
    #[error("{act}: no answer in time")]
    TimedOut { act: String, source: Words },
    #[error("{act}: the answer cannot be understood")]
    Decode { act: String, source: Words },
}

/// AWS's own words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Such as `ResourceInUseException`; empty where the answer was not AWS's (a proxy's page, say).
    pub code: String,
    pub message: String,
    /// By which AWS's support finds the request.
    pub request_id: Option<String>,
    /// HTTP status code.
    pub status: u16,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code.as_str() {
            "" => write!(f, "the answer was HTTP {}", self.status)?,
            code => write!(f, "AWS answered {code}")?,
        }
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        match &self.request_id {
            Some(id) => write!(f, " (request {id})"),
            None => Ok(()),
        }
    }
}

impl StdError for Answer {}

/// A cause that is no answer, reduced to its text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words(pub String);

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Words {}

impl Error {
    pub(super) fn decode(act: impl Into<String>, what: impl Into<String>) -> Self {
        Self::Decode { act: act.into(), source: Words(what.into()) }
    }

    pub(super) fn no_credentials(act: String, places: &str, error: &CredentialsError) -> Self {
        // As above: what a provider says of itself is "not enabled", whatever it lacks.
        let source = StdError::source(error).map_or_else(|| "none there".to_owned(), words);
        Self::NoCredentials { act, places: places.to_owned(), source: Words(source) }
    }

    /// AWS's own words, where it answered at all.
    pub fn answer(&self) -> Option<&Answer> {
        match self {
            Self::Unauthorized { source, .. } | Self::Denied { source, .. } | Self::NotFound { source, .. } => Some(source),
            Self::Conflict { source, .. } | Self::Throttled { source, .. } | Self::BadRequest { source, .. } => Some(source),
            Self::Server { source, .. } | Self::Other { source, .. } => Some(source),
            Self::Config { .. } | Self::NoCredentials { .. } => None,
            Self::Unreachable { .. } | Self::TimedOut { .. } | Self::Decode { .. } | Self::Foreign { .. } => None,
        }
    }

    /// The error with its cause in one line, as it stands in a diagnostic's detail.
    pub fn report(&self) -> String {
        words(self)
    }

    /// What the user can do about it, as full sentences; None where the cause says it all.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Config { way_out, .. } => way_out.clone(),
            Self::NoCredentials { places, .. } => format!(
                "They were looked for in {places}. Log in (aws sso login, for example), or set AWS_PROFILE or AWS_ACCESS_KEY_ID and \
                 AWS_SECRET_ACCESS_KEY, or profile in the provider's aws block."
            ),
            Self::Unauthorized { .. } => {
                "The credentials are expired, deleted or of another partition, or this machine's clock is wrong. Renew them, for example by \
                 logging in again; aws sts get-caller-identity shows whose they are."
                    .into()
            }
            Self::Denied { .. } => "Give the caller an IAM policy that allows the named action on the named resource.".into(),
            Self::Foreign { .. } => "Delete or rename it, or name one of your own to be used instead.".into(),
            Self::Throttled { .. } => {
                "Others use the same account's limits: run the command again later, or with a lower -parallelism.".into()
            }
            Self::Server { .. } => "Run the command again; the AWS Health Dashboard shows troubles of a region.".into(),
            Self::Unreachable { .. } | Self::TimedOut { .. } => {
                "Check the region's name, the endpoints of the provider's aws block, HTTPS_PROXY and NO_PROXY, and the network between this \
                 machine and AWS."
                    .into()
            }
            Self::Decode { .. } => "Check that the endpoint is AWS's and not a proxy's or a portal's page.".into(),
            Self::Other { source, .. } if source.code.is_empty() => {
                "Check that the endpoint is AWS's and not a proxy's or a portal's page.".into()
            }
            Self::NotFound { .. } | Self::Conflict { .. } | Self::BadRequest { .. } | Self::Other { .. } => return None,
        })
    }

    /// Sorts what the SDK tells of a failed request.
    pub(super) fn from_sdk<E>(act: String, places: &str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: StdError + ProvideErrorMetadata + 'static,
    {
        if let Some(cause) = chain(error).find_map(|cause| cause.downcast_ref::<CredentialsError>()) {
            return Self::no_credentials(act, places, cause);
        }
        // The first words are the SDK's name for what the class says.
        let source = Words(StdError::source(error).map(words).unwrap_or_default());
        match error {
            SdkError::ServiceError(context) if context.raw().status().is_success() => Self::Decode { act, source },
            SdkError::ServiceError(context) => Self::from_answer(
                act,
                Answer {
                    code: error.code().unwrap_or_default().to_owned(),
                    message: error.message().unwrap_or_default().to_owned(),
                    request_id: error.request_id().map(str::to_owned),
                    status: context.raw().status().as_u16(),
                },
            ),
            SdkError::TimeoutError(_) => Self::TimedOut { act, source },
            SdkError::DispatchFailure(failure) if failure.is_timeout() => Self::TimedOut { act, source },
            SdkError::DispatchFailure(_) => Self::Unreachable { act, source },
            _ => Self::Decode { act, source },
        }
    }

    /// Sorts a refusal by what its reader can do about it. Source of the codes: the models of EKS, STS, Route53 and IAM, and AWS's
    /// common errors.
    fn from_answer(act: String, source: Answer) -> Self {
        let source = Box::new(source);
        match source.code.as_str() {
            "ResourceNotFoundException" | "NotFoundException" | "NoSuchHostedZone" | "NoSuchChange" | "NoSuchEntity" => {
                Self::NotFound { act, source }
            }
            "ResourceInUseException" | "ResourcePropagationDelayException" => Self::Conflict { act, source },
            "EntityAlreadyExists" | "DeleteConflict" | "ConcurrentModification" | "EntityTemporarilyUnmodifiable" => {
                Self::Conflict { act, source }
            }
            "ThrottlingException" | "Throttling" | "TooManyRequestsException" | "RequestLimitExceeded" | "PriorRequestNotComplete" => {
                Self::Throttled { act, source }
            }
            "AccessDeniedException" | "AccessDenied" | "UnauthorizedOperation" => Self::Denied { act, source },
            "UnrecognizedClientException" | "InvalidClientTokenId" | "SignatureDoesNotMatch" | "InvalidSignatureException" => {
                Self::Unauthorized { act, source }
            }
            "ExpiredTokenException" | "ExpiredToken" | "MissingAuthenticationToken" | "MissingAuthenticationTokenException" => {
                Self::Unauthorized { act, source }
            }
            "InvalidParameterException"
            | "InvalidRequestException"
            | "BadRequestException"
            | "ClientException"
            | "ValidationException"
            | "ValidationError"
            | "InvalidInput"
            | "InvalidChangeBatch"
            | "MalformedPolicyDocument"
            | "LimitExceeded"
            | "UnsupportedAvailabilityZoneException"
            | "ResourceLimitExceededException" => Self::BadRequest { act, source },
            _ if source.status == 429 => Self::Throttled { act, source },
            _ if source.status >= 500 => Self::Server { act, source },
            _ => Self::Other { act, source },
        }
    }
}

fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| (**error).source())
}

/// An error and its causes in one line, without those that an earlier one repeats.
pub(super) fn words(error: &(dyn StdError + 'static)) -> String {
    let mut text = String::new();
    for cause in chain(error) {
        // What the chain of providers tried stands in lines.
        let cause =
            cause.to_string().lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ").replace(":;", ":");
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}
