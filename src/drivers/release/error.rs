//! What can go wrong on the way to a release's file, with the way out.

use std::path::PathBuf;
use std::sync::Arc;

pub type Result<T> = std::result::Result<T, Error>;
type Cause = Arc<dyn std::error::Error + Send + Sync>;

/// A file that could not be had. No message holds a proxy's address, which may hold a password.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    #[error("{what}")]
    Config { what: String, way_out: &'static str },
    #[error("fetch {url}: the server cannot be reached")]
    Unreachable { url: String, source: Cause },
    #[error("fetch {url}: no answer within {seconds} s")]
    TimedOut { url: String, seconds: u64 },
    #[error("fetch {url}: the connection was cut before the file was complete")]
    Cut { url: String, source: Cause },
    #[error("fetch {url}: the server answered {status}")]
    Refused { url: String, status: u16 },
    #[error("fetch {url}: {why}")]
    Redirect { url: String, why: String },
    #[error("fetch {url}: it is larger than {limit_mib} MiB")]
    TooBig { url: String, limit_mib: usize },
    #[error("read {}", .path.display())]
    File { path: PathBuf, source: Arc<std::io::Error> },
    #[error("{place} is not text")]
    NotText { place: String },
    #[error("{place} is not the file that is wanted: its SHA-256 is {found}, not {wanted}")]
    Checksum { place: String, wanted: String, found: String },
}

impl Error {
    /// Whether the same request may succeed a little later.
    pub(super) const fn is_retryable(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::TimedOut { .. } | Self::Cut { .. } => true,
            Self::Refused { status, .. } => matches!(*status, 429 | 500 | 502 | 503 | 504),
            _ => false,
        }
    }

    /// What the user can do about it, as full sentences.
    pub fn hint(&self) -> String {
        let text = match self {
            Self::Config { way_out, .. } => way_out,
            Self::Unreachable { .. } | Self::TimedOut { .. } => {
                "Check that this machine reaches the address, through the proxy of HTTPS_PROXY where there is one. A site without internet gives a mirror block \
                 with the url or the directory of its own copy."
            }
            Self::Cut { .. } => "Run the command again.",
            Self::Refused { status: 404 | 410, .. } => {
                "Check that there is such a version, and that the mirror holds the file under this path."
            }
            Self::Refused { status: 401 | 403, .. } => {
                "The server wants credentials, which this provider does not send: let the mirror serve the file without."
            }
            Self::Refused { .. } | Self::Redirect { .. } => {
                "Run the command again, or give a mirror block with the url or the directory of your own copy."
            }
            Self::TooBig { .. } | Self::NotText { .. } => {
                "Check that the address leads to the release's manifest and not to a page or an archive."
            }
            Self::File { .. } => "Copy the file into the mirror's directory under this path.",
            Self::Checksum { .. } => {
                "Compare the file with the one the project publishes: if the version was meant to change, correct its entry in the mirror's checksums."
            }
        };
        text.to_owned()
    }

    /// The error with its causes in one line.
    pub fn report(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            let words = error.to_string();
            if !text.contains(&words) {
                text = format!("{text}: {words}");
            }
            cause = error.source();
        }
        text
    }
}
