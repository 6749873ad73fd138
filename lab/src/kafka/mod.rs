//! A small Kafka client over (mutual) TLS: what the Strimzi stand-in administers its clusters with, and what the demo and the
//! acceptance tests use to see that real messages pass, that strangers are refused and that quotas throttle.
//!
//! It speaks the wire protocol of Kafka 4 in fixed versions that every broker from 4.0 on answers. It has no consumer groups,
//! no transactions and no compression: it is a probe, not a client library.

mod admin;
mod connection;
mod names;
mod quotas;
mod reassign;
mod records;
mod scram;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use kafka_protocol::messages::{MetadataRequest, MetadataResponse, TopicName, metadata_request::MetadataRequestTopic};
use kafka_protocol::protocol::{Request, StrBytes};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

pub use admin::{Acl, AlterOp, PartitionInfo, ResourceKind, TopicInfo};
pub use connection::Connection;
pub use names::Names;
pub use quotas::{QuotaEntity, QuotaEntry};
pub use reassign::Reassignment;
pub use records::{Consumed, Produced};
pub use scram::salted_password;

/// What went wrong between this client and a broker.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("read the certificates of the Kafka client: {0}")]
    Certificates(String),
    #[error("find the address of {name}: {reason}")]
    Name { name: String, reason: String },
    #[error("connect to the Kafka broker {address}")]
    Connect { address: String, source: std::io::Error },
    #[error("talk to the Kafka broker {address}")]
    Io { address: String, source: std::io::Error },
    #[error("{act} at the Kafka broker {address}: no answer within {seconds} s")]
    Timeout { act: &'static str, address: String, seconds: u64 },
    #[error("read or write a Kafka message: {0}")]
    Codec(String),
    /// `code` is Kafka's error code (29 topic authorization failed, 36 topic already exists …).
    #[error("{act}: {name} ({code}) {message}")]
    Kafka { act: String, code: i16, name: String, message: String },
    #[error("authenticate by SCRAM: {0}")]
    Scram(String),
    #[error("none of the Kafka brokers {bootstrap} answers: {last}")]
    NoBroker { bootstrap: String, last: String },
}

impl Error {
    /// Kafka's error code, where a broker answered with one.
    pub fn code(&self) -> Option<i16> {
        match self {
            Self::Kafka { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// Whether no broker could be spoken to, as while one restarts: worth another try.
    pub fn passing(&self) -> bool {
        matches!(self, Self::Connect { .. } | Self::Io { .. } | Self::Timeout { .. } | Self::NoBroker { .. })
    }
}

/// Longest a single request may take; a throttled produce is answered late, so it is generous.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// Longest a connection may take to be made, TLS and SASL included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How a connection is secured and who it is: made once, used for every broker.
#[derive(Clone, Default)]
pub struct Security {
    tls: Option<Arc<rustls::ClientConfig>>,
    /// SCRAM-SHA-512 user and password.
    scram: Option<(String, String)>,
    names: Names,
}

impl Security {
    /// TLS that trusts `ca_pem`, with a client certificate (chain and PKCS#8 key in PEM) where one is given.
    ///
    /// # Errors
    /// A PEM text that holds no certificate or key.
    pub fn tls(ca_pem: &str, identity: Option<(&str, &str)>) -> Result<Self, Error> {
        let broken = |e: &dyn std::fmt::Display| Error::Certificates(e.to_string());
        let mut roots = rustls::RootCertStore::empty();
        for cert in CertificateDer::pem_slice_iter(ca_pem.as_bytes()) {
            roots.add(cert.map_err(|e| broken(&e))?).map_err(|e| broken(&e))?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| broken(&e))?
            .with_root_certificates(roots);
        let config = match identity {
            None => builder.with_no_client_auth(),
            Some((cert, key)) => {
                let chain = CertificateDer::pem_slice_iter(cert.as_bytes()).collect::<Result<Vec<_>, _>>().map_err(|e| broken(&e))?;
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|e| broken(&e))?;
                builder.with_client_auth_cert(chain, key).map_err(|e| broken(&e))?
            }
        };
        Ok(Self { tls: Some(Arc::new(config)), scram: None, names: Names::default() })
    }

    /// The same, and SCRAM-SHA-512 on top.
    #[must_use]
    pub fn with_scram(mut self, user: &str, password: &str) -> Self {
        self.scram = Some((user.to_owned(), password.to_owned()));
        self
    }

    /// The same, with the names of brokers, also those they tell, looked up in another way than the system's. Certificates are checked
    /// for the name.
    #[must_use]
    pub fn with_names(mut self, names: Names) -> Self {
        self.names = names;
        self
    }
}

/// A client of one Kafka cluster. Calls go one after the other; make two clients to be two at once.
pub struct Client {
    bootstrap: String,
    security: Security,
    first: Connection,
    leaders: HashMap<String, Connection>,
}

impl Client {
    /// Connects to the first broker of `bootstrap` (`host:port,host:port`) that answers, over TLS.
    /// `ca_pem` is what the broker's certificate must be signed by; `identity` is the client's certificate and key.
    ///
    /// # Errors
    /// No broker answers, or all refuse (with TLS 1.3 a refused client certificate shows at the first request, made here).
    pub async fn connect(bootstrap: &str, ca_pem: &str, identity: Option<(&str, &str)>) -> Result<Self, Error> {
        Self::connect_with(bootstrap, Security::tls(ca_pem, identity)?).await
    }

    /// As [`Client::connect`], with any [`Security`]; `Security::default()` is plaintext.
    ///
    /// # Errors
    /// As [`Client::connect`].
    pub async fn connect_with(bootstrap: &str, security: Security) -> Result<Self, Error> {
        let mut last = "the list is empty".to_owned();
        for address in bootstrap.split(',').map(str::trim).filter(|a| !a.is_empty()) {
            match Self::open_checked(address, &security).await {
                Ok(first) => return Ok(Self { bootstrap: bootstrap.to_owned(), security, first, leaders: HashMap::new() }),
                Err(e) => last = chain(&e),
            }
        }
        Err(Error::NoBroker { bootstrap: bootstrap.to_owned(), last })
    }

    async fn open_checked(address: &str, security: &Security) -> Result<Connection, Error> {
        let mut connection = Connection::open(address, security).await?;
        connection.call(12, &MetadataRequest::default().with_topics(Some(vec![]))).await?;
        Ok(connection)
    }

    /// The bootstrap servers this client was made with.
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    pub(crate) async fn call<R: Request>(&mut self, version: i16, request: &R) -> Result<R::Response, Error> {
        self.first.call(version, request).await
    }

    /// Metadata of the topics named, or of all with `None`.
    pub(crate) async fn raw_metadata(&mut self, topics: Option<&[&str]>) -> Result<MetadataResponse, Error> {
        let topics = topics
            .map(|names| names.iter().map(|n| MetadataRequestTopic::default().with_name(Some(TopicName(text(n))))).collect::<Vec<_>>());
        self.call(12, &MetadataRequest::default().with_topics(topics).with_allow_auto_topic_creation(false)).await
    }

    /// A connection to the broker at `address`, made once.
    pub(crate) async fn broker(&mut self, address: &str) -> Result<&mut Connection, Error> {
        if !self.leaders.contains_key(address) {
            let connection = Connection::open(address, &self.security).await?;
            self.leaders.insert(address.to_owned(), connection);
        }
        self.leaders.get_mut(address).ok_or_else(|| Error::Codec(format!("no connection to {address}")))
    }
}

pub(crate) fn text(value: &str) -> StrBytes {
    StrBytes::from_string(value.to_owned())
}

/// Turns Kafka's error code into a result; `act` says what was asked for.
pub(crate) fn check(act: impl FnOnce() -> String, code: i16, message: Option<&StrBytes>) -> Result<(), Error> {
    if code == 0 {
        return Ok(());
    }
    let name = kafka_protocol::error::ResponseError::try_from_code(code).map_or_else(|| "unknown error".to_owned(), |e| format!("{e:?}"));
    Err(Error::Kafka { act: act(), code, name, message: message.map(ToString::to_string).unwrap_or_default() })
}

/// An error with its causes on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(e) = cause {
        line.push_str(": ");
        line.push_str(&e.to_string());
        cause = e.source();
    }
    line
}
