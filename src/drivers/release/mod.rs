//! The files of projects' releases: from where they are published, from a mirror's URL or from a directory; bounded in size, checked by SHA-256.
//!
//! Knows nothing of what they hold. HTTPS goes through the proxy that the environment names, as requests to API servers do.

mod error;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use http::{Request, Response, StatusCode, Uri, header};
use http_body_util::BodyExt;
use kube::client::Body;
use rustls::pki_types::{CertificateDer, pem::PemObject};

use super::kubernetes::{Environment, proxy::proxy};
use crate::domain::install::ReleaseFile;

pub use error::{Error, Result};

const SIZE_MAX: usize = 32 << 20;
const REDIRECTS_MAX: usize = 5;
const TRIES: u32 = 4;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// For one whole file.
const FILE_TIMEOUT: Duration = Duration::from_secs(120);

/// Where files come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Where the projects publish them.
    Published,
    /// Below this URL, under their paths.
    Url(String),
    /// Below this directory, under their paths.
    Directory(PathBuf),
}

/// Fetches files. Cheap to clone; keeps nothing between two files.
#[derive(Clone)]
pub struct Releases {
    origin: Origin,
    /// DER of the authorities that may sign the server's certificate; None: those the machine trusts.
    authorities: Option<Vec<Vec<u8>>>,
    environment: Environment,
    size_max: usize,
    first_pause: Duration,
}

/// A file as it was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    pub text: String,
    /// In hexadecimal digits.
    pub sha256: String,
}

impl Releases {
    /// Sends nothing.
    ///
    /// # Errors
    /// When the authorities are not in PEM.
    pub fn from(origin: Origin, ca_certificate: Option<&str>, environment: Environment) -> Result<Self> {
        let authorities = ca_certificate.map(authorities).transpose()?;
        let first_pause = if cfg!(test) { Duration::from_millis(1) } else { Duration::from_secs(1) };
        Ok(Self { origin, authorities, environment, size_max: SIZE_MAX, first_pause })
    }

    /// One file, which must have this SHA-256 (hexadecimal digits, in any case) where one is given.
    pub async fn fetch(&self, file: &ReleaseFile, sha256: Option<&str>) -> Result<Fetched> {
        let (place, bytes) = match &self.origin {
            Origin::Published => (file.url.clone(), self.download(&file.url).await?),
            Origin::Url(base) => {
                let url = format!("{}/{}", base.trim_end_matches('/'), file.path);
                let bytes = self.download(&url).await?;
                (url, bytes)
            }
            Origin::Directory(folder) => {
                let path = folder.join(&file.path);
                (path.display().to_string(), self.read(&path).await?)
            }
        };
        let found = hex(digest(&SHA256, &bytes).as_ref());
        if let Some(wanted) = sha256.filter(|wanted| !wanted.eq_ignore_ascii_case(&found)) {
            return Err(Error::Checksum { place, wanted: wanted.to_owned(), found });
        }
        let text = String::from_utf8(bytes).map_err(|_| Error::NotText { place })?;
        Ok(Fetched { text, sha256: found })
    }

    async fn read(&self, path: &Path) -> Result<Vec<u8>> {
        let failed = |source: std::io::Error| Error::File { path: path.to_owned(), source: Arc::new(source) };
        let size = tokio::fs::metadata(path).await.map_err(failed)?.len();
        if usize::try_from(size).is_ok_and(|size| size > self.size_max) {
            return Err(self.too_big(&path.display().to_string()));
        }
        tokio::fs::read(path).await.map_err(failed)
    }

    /// Tries again where that may help.
    async fn download(&self, url: &str) -> Result<Vec<u8>> {
        let (mut tries, mut pause) = (1, self.first_pause);
        loop {
            let seconds = FILE_TIMEOUT.as_secs();
            let timed_out = |_| Err(Error::TimedOut { url: url.to_owned(), seconds });
            let error = match tokio::time::timeout(FILE_TIMEOUT, self.follow(url)).await.unwrap_or_else(timed_out) {
                Ok(bytes) => return Ok(bytes),
                Err(error) => error,
            };
            if tries == TRIES || !error.is_retryable() {
                return Err(error);
            }
            tracing::debug!(error = %error.report(), "trying again");
            tokio::time::sleep(pause).await;
            (tries, pause) = (tries + 1, pause * 2);
        }
    }

    async fn follow(&self, url: &str) -> Result<Vec<u8>> {
        let mut at = parsed(url)?;
        for _ in 0..=REDIRECTS_MAX {
            let response = self.ask(&at).await?;
            let status = response.status();
            if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
                at = next(url, &at, &response)?;
                continue;
            }
            if !status.is_success() {
                return Err(Error::Refused { url: shown(&at), status: status.as_u16() });
            }
            return self.body(&at, response).await;
        }
        Err(Error::Redirect { url: url.to_owned(), why: format!("it was redirected more than {REDIRECTS_MAX} times") })
    }

    /// One request. The Kubernetes client's connector speaks TLS and proxies as the rest of the provider does.
    async fn ask(&self, at: &Uri) -> Result<Response<Body>> {
        let unusable = |what: String| Error::Config { what, way_out: "Correct HTTPS_PROXY or the mirror's address." };
        let mut config = kube::Config::new(at.clone());
        config.proxy_url = proxy(at, &self.environment).map_err(|error| unusable(error.report()))?;
        config.root_cert.clone_from(&self.authorities);
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        config.default_retry = false;
        config.cluster_url = origin_of(at).ok_or_else(|| unusable(format!("{} is no URL", shown(at))))?;
        let client = kube::Client::try_from(config).map_err(|_| unusable("the proxy or the certificates cannot be used".to_owned()))?;
        let path = at.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let request = Request::get(path).header(header::USER_AGENT, "terraform-provider-kaas").body(Body::empty());
        let request = request.map_err(|_| unusable(format!("{} is no URL", shown(at))))?;
        client.send(request).await.map_err(|error| Error::Unreachable { url: shown(at), source: Arc::new(error) })
    }

    async fn body(&self, at: &Uri, response: Response<Body>) -> Result<Vec<u8>> {
        let told = response.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
        if told.is_some_and(|told| told > self.size_max) {
            return Err(self.too_big(&shown(at)));
        }
        let mut body = response.into_body();
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| Error::Cut { url: shown(at), source: Arc::new(error) })?;
            let Ok(data) = frame.into_data() else { continue };
            if bytes.len() + data.len() > self.size_max {
                return Err(self.too_big(&shown(at)));
            }
            bytes.extend_from_slice(&data);
        }
        Ok(bytes)
    }

    fn too_big(&self, place: &str) -> Error {
        Error::TooBig { url: place.to_owned(), limit_mib: self.size_max >> 20 }
    }
}

fn authorities(pem: &str) -> Result<Vec<Vec<u8>>> {
    let found: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found.into_iter().map(|der| der.to_vec()).collect()),
        _ => Err(Error::Config {
            what: "the mirror's ca_certificate holds no certificate".to_owned(),
            way_out: "Give it in PEM, beginning with -----BEGIN.",
        }),
    }
}

fn parsed(url: &str) -> Result<Uri> {
    let wrong = || Error::Config { what: format!("{url:?} is no URL"), way_out: "Write it as https://name/path." };
    let uri: Uri = url.parse().map_err(|_| wrong())?;
    match uri.scheme_str() {
        Some("https" | "http") if uri.host().is_some() => Ok(uri),
        _ => Err(wrong()),
    }
}

fn origin_of(at: &Uri) -> Option<Uri> {
    Uri::builder().scheme(at.scheme()?.clone()).authority(at.authority()?.clone()).path_and_query("/").build().ok()
}

/// Where a redirect leads; never from HTTPS to HTTP.
fn next(url: &str, at: &Uri, response: &Response<Body>) -> Result<Uri> {
    let refused = |why: String| Error::Redirect { url: url.to_owned(), why };
    let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
    let location = location.ok_or_else(|| refused("it was redirected to nowhere".to_owned()))?;
    let to = if location.starts_with('/') {
        let origin = origin_of(at).map(|origin| origin.to_string()).unwrap_or_default();
        parsed(&format!("{}{location}", origin.trim_end_matches('/')))
    } else {
        parsed(location)
    };
    let to = to.map_err(|_| refused("it was redirected to what is no URL".to_owned()))?;
    if at.scheme_str() == Some("https") && to.scheme_str() != Some("https") {
        return Err(refused(format!("it was redirected from HTTPS to {}, which is not encrypted", shown(&to))));
    }
    Ok(to)
}

/// Without the query, which may hold a signature.
fn shown(at: &Uri) -> String {
    at.to_string().split('?').next().unwrap_or_default().to_owned()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
