//! What can go wrong between the provider and an API server, told by the act that failed, the object it failed on, and a way out.
//!
//! An error's message is the act and its object; the cause (the server's own words, the socket's error) is its `source`. No variant
//! ever holds a credential: what exec plugins print and what kubeconfig files contain is left out on purpose.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::domain::object::{Kind, ObjectRef};

pub type Result<T> = std::result::Result<T, Error>;

/// A cause kept for the reader of the whole chain; shared, because readers of one LIST all get the same answer.
pub type Cause = Arc<dyn std::error::Error + Send + Sync>;

/// What was asked of the server, and of which object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// In words: "read", "list", "apply", "create", "change", "delete", "watch", "ask".
    pub verb: &'static str,
    pub target: Target,
}

/// What an act was about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Object(ObjectRef),
    /// All objects of a kind, in one namespace or in all.
    Objects(Kind, Option<String>),
    /// Something of the server itself, in words: "for its version".
    Server(&'static str),
    /// An object, or all of a kind, that this provider knows by its manifest only, in words: "Deployment cert-manager/cert-manager".
    Any(String),
}

impl Act {
    pub fn on(verb: &'static str, object: &ObjectRef) -> Self {
        Self { verb, target: Target::Object(object.clone()) }
    }

    pub fn on_all(verb: &'static str, kind: Kind, namespace: Option<&str>) -> Self {
        Self { verb, target: Target::Objects(kind, namespace.map(str::to_owned)) }
    }

    pub fn on_server(what: &'static str) -> Self {
        Self { verb: "ask the API server", target: Target::Server(what) }
    }

    pub fn on_any(verb: &'static str, what: impl fmt::Display) -> Self {
        Self { verb, target: Target::Any(what.to_string()) }
    }

    pub(super) fn kind(&self) -> Option<Kind> {
        match &self.target {
            Target::Object(object) => Some(object.kind),
            Target::Objects(kind, _) => Some(*kind),
            Target::Server(_) | Target::Any(_) => None,
        }
    }
}

/// "apply Kafka kaas-a/a", "list Kafka in every namespace".
impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.target {
            Target::Object(object) => write!(f, "{} {object}", self.verb),
            Target::Objects(kind, Some(namespace)) => write!(f, "{} {} in namespace {namespace}", self.verb, kind.api().kind),
            Target::Objects(kind, None) => write!(f, "{} {} in every namespace", self.verb, kind.api().kind),
            Target::Server(what) => write!(f, "{} {what}", self.verb),
            Target::Any(what) => write!(f, "{} {what}", self.verb),
        }
    }
}

/// The server's own words: a refusal as it came, reduced to what helps its reader.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status code.
    pub code: u16,
    /// Kubernetes' reason, such as "Forbidden"; empty where the answer was not a Kubernetes Status (a proxy's page, say).
    pub reason: String,
    pub message: String,
    /// The fields the server found fault with: path and message.
    pub fields: Vec<(String, String)>,
    /// The object the refusal is about, as `kind/name`; None when it is about no object (an unknown URL).
    pub about: Option<String>,
    /// How long the server asked to wait before the next try.
    pub retry_after: Option<Duration>,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the API server answered {}", self.code)?;
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        if let Some(pause) = self.retry_after.filter(|pause| !pause.is_zero()) {
            write!(f, "; it asks to wait {} s before the next try", pause.as_secs())?;
        }
        // The message of a 422 already lists its fields; other refusals may name them only in their details.
        for (field, fault) in self.fields.iter().filter(|(_, fault)| !self.message.contains(fault.as_str())) {
            write!(f, "; {field}: {fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Answer {}

/// A request, or the way to it, that failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    #[error("{message}")]
    Config { message: String, way_out: String, source: Option<Cause> },
    /// `hint`: what is known of why, in place of what helps with most servers.
    #[error("{act}: {host} cannot be reached")]
    Unreachable { act: Act, host: String, hint: Option<Arc<str>>, source: Cause },
    #[error("{act}: no answer from {host} within {seconds} s")]
    TimedOut { act: Act, host: String, seconds: u64 },
    #[error("{act}: the connection was cut before the answer was complete")]
    Cut { act: Act, source: Cause },
    #[error("{act}: the credentials were not accepted")]
    Unauthorized { act: Act, source: Box<Answer> },
    #[error("{act}: not allowed")]
    Forbidden { act: Act, source: Box<Answer> },
    #[error("{act}: not found")]
    NotFound { act: Act, source: Box<Answer> },
    #[error("{act}: the API server does not serve {}/{}", .kind.api().api_version(), .kind.api().plural)]
    KindMissing { act: Act, kind: Kind, source: Box<Answer> },
    #[error("{act}: somebody else changed it at the same time")]
    Conflict { act: Act, source: Box<Answer> },
    #[error("{act}: it exists already")]
    AlreadyExists { act: Act, source: Box<Answer> },
    #[error("{act}: the API server refused its content")]
    Invalid { act: Act, source: Box<Answer> },
    #[error("{act}: the API server is too busy")]
    Throttled { act: Act, source: Box<Answer> },
    #[error("{act}: the API server failed")]
    Server { act: Act, source: Box<Answer> },
    #[error("{act}: refused")]
    Refused { act: Act, source: Box<Answer> },
    #[error("{act}: the answer cannot be understood")]
    Decode { act: Act, source: Cause },
}

impl Error {
    pub(super) fn config(message: impl Into<String>, way_out: impl Into<String>) -> Self {
        Self::Config { message: message.into(), way_out: way_out.into(), source: None }
    }

    /// Sorts a refusal by what its reader can do about it.
    pub(super) fn from_answer(act: Act, source: Answer) -> Self {
        let source = Box::new(source);
        match source.code {
            401 => Self::Unauthorized { act, source },
            403 => Self::Forbidden { act, source },
            404 => match act.kind() {
                Some(kind) if source.about.is_none() => Self::KindMissing { act, kind, source },
                _ => Self::NotFound { act, source },
            },
            409 if source.reason == "AlreadyExists" => Self::AlreadyExists { act, source },
            409 => Self::Conflict { act, source },
            422 => Self::Invalid { act, source },
            429 => Self::Throttled { act, source },
            500..=599 => Self::Server { act, source },
            _ => Self::Refused { act, source },
        }
    }

    /// What was being done; None when no request was made yet.
    pub fn act(&self) -> Option<&Act> {
        match self {
            Self::Config { .. } => None,
            Self::Unreachable { act, .. } | Self::TimedOut { act, .. } | Self::Cut { act, .. } | Self::Decode { act, .. } => Some(act),
            Self::Unauthorized { act, .. } | Self::Forbidden { act, .. } | Self::NotFound { act, .. } => Some(act),
            Self::KindMissing { act, .. } | Self::Conflict { act, .. } | Self::AlreadyExists { act, .. } => Some(act),
            Self::Invalid { act, .. } | Self::Throttled { act, .. } | Self::Server { act, .. } | Self::Refused { act, .. } => Some(act),
        }
    }

    /// The one object the failed request was about.
    pub fn object(&self) -> Option<&ObjectRef> {
        match &self.act()?.target {
            Target::Object(object) => Some(object),
            Target::Objects(..) | Target::Server(_) | Target::Any(_) => None,
        }
    }

    /// The server's own words, where it answered at all.
    pub fn answer(&self) -> Option<&Answer> {
        match self {
            Self::Unauthorized { source, .. } | Self::Forbidden { source, .. } | Self::NotFound { source, .. } => Some(source),
            Self::KindMissing { source, .. } | Self::Conflict { source, .. } | Self::AlreadyExists { source, .. } => Some(source),
            Self::Invalid { source, .. } | Self::Throttled { source, .. } => Some(source),
            Self::Server { source, .. } | Self::Refused { source, .. } => Some(source),
            Self::Config { .. } | Self::Unreachable { .. } | Self::TimedOut { .. } | Self::Cut { .. } | Self::Decode { .. } => None,
        }
    }

    /// Whether the same request may succeed a little later with nothing changed by the user.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Throttled { .. } | Self::Cut { .. } | Self::TimedOut { .. } | Self::Unreachable { .. } => true,
            // 501 and 505 say that the server cannot do this at all.
            Self::Server { source, .. } => matches!(source.code, 500 | 502 | 503 | 504),
            _ => false,
        }
    }

    /// The error with all its causes in one line, as it stands in a diagnostic's detail.
    pub fn report(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            let words = error.to_string();
            // Several libraries repeat their source in their own message.
            if !text.contains(&words) {
                text.push_str(": ");
                text.push_str(&words);
            }
            cause = error.source();
        }
        text
    }

    /// What the user can do about it, as a full sentence; None where the cause says it all.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Config { way_out, .. } => way_out.clone(),
            Self::Unreachable { hint: Some(hint), .. } => hint.to_string(),
            Self::Unreachable { host, .. } => {
                format!(
                    "Check that {host} is the API server's address, that it runs and that this machine can reach it and trusts its certificate."
                )
            }
            Self::TimedOut { .. } | Self::Cut { .. } => {
                "Check the network between this machine and the API server, then run the command again.".into()
            }
            Self::Unauthorized { .. } => {
                "The token, client certificate or exec plugin of the provider's kubernetes block (or of the kubeconfig's \
                 context) is expired or belongs to another cluster; renew it, for example by logging in again. For an EKS cluster by its name, \
                 whose credentials are AWS's, give the IAM role or user an access entry in the cluster."
                    .into()
            }
            Self::Forbidden { source, .. } if source.message.contains("is being terminated") => {
                "The namespace is being deleted; wait until it is gone, then run the command again.".into()
            }
            Self::Forbidden { source, .. } if source.message.contains("exceeded quota") => "Raise the namespace's ResourceQuota.".into(),
            Self::Forbidden { source, .. } if source.message.contains(" cannot ") => {
                "Give the named user a Role or ClusterRole that allows the named verb on the named resource.".into()
            }
            Self::KindMissing { kind, .. } => format!("{}.", what_serves(*kind)),
            Self::Throttled { source, .. } | Self::Server { source, .. } => match source.retry_after.filter(|pause| !pause.is_zero()) {
                Some(pause) => format!("That is longer than this call may still take: run the command again after {} s.", pause.as_secs()),
                None => "Run the command again.".into(),
            },
            Self::Conflict { .. } => "Run the command again.".into(),
            Self::Decode { .. } => {
                "Check that the address is a Kubernetes API server's and not a proxy's or a load balancer's page.".into()
            }
            _ => return None,
        })
    }
}

/// What has to be there for a kind to be served, as a sentence without its full stop.
fn what_serves(kind: Kind) -> String {
    let api = kind.api();
    match api.group {
        "kafka.strimzi.io" | "core.strimzi.io" => {
            format!("Install the Strimzi operator 1.0 or later with its CRDs (they serve {})", api.api_version())
        }
        "monitoring.coreos.com" => format!("Install the Prometheus operator with its CRDs (they serve {})", api.api_version()),
        "" => "Check that the address is a Kubernetes API server's".to_owned(),
        group if group.ends_with(".k8s.io") || group == "apps" => format!("Use a Kubernetes version that serves {}", api.api_version()),
        _ => format!("Install what defines {} in {}", api.kind, api.api_version()),
    }
}
