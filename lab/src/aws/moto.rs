//! moto: the other services of AWS. Installed once from the package registry into the lab's cache, by the versions and digests of `lab/programs/moto`, and asked
//! as AWS is.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::signature::{Scope, Signed, encode, encode_path, parameters};
use super::token::mint::dates;
use crate::{cache, command, toolchain};

const REQUIREMENTS: &str = include_str!("../../programs/moto/requirements.txt");
const EXPECTED: &str = "about 1 min";

/// The pinned version.
pub fn version() -> &'static str {
    REQUIREMENTS.lines().find_map(|line| line.strip_prefix("moto==")).map_or("", |rest| rest.trim_end_matches([' ', '\\']))
}

fn slot() -> String {
    let mut hasher = DefaultHasher::new();
    REQUIREMENTS.hash(&mut hasher);
    format!("moto-{}-{:016x}", version(), hasher.finish())
}

/// Whether it is installed.
///
/// # Errors
/// When the cache has no place.
pub fn held() -> Result<bool> {
    Ok(cache::held(&slot())?.is_some())
}

/// The Python that has moto, installed first if there is none.
///
/// # Errors
/// When Python is missing or the packages cannot be had.
pub fn python() -> Result<PathBuf> {
    Ok(cache::ensure(&slot(), install)?.join("bin/python"))
}

fn install(folder: &Path) -> Result<()> {
    let (python, _) = toolchain::python()?;
    let what = format!("installing moto {}", version());
    command::run(Command::new(&python).args(["-m", "venv"]).arg(folder), &what, || {})?;
    let requirements = folder.join("requirements.txt");
    std::fs::write(&requirements, REQUIREMENTS).with_context(|| format!("write {}", requirements.display()))?;
    // The folder is renamed afterwards: what names it (the scripts in bin) is not used.
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes", "--requirement"]);
    command::run_shown(pip.arg(&requirements), &what, EXPECTED)
}

/// The arguments of the Python that has moto.
pub fn args(port: u16) -> Vec<String> {
    ["-m", "moto.server", "-H", "127.0.0.1", "-p"].map(str::to_owned).into_iter().chain([port.to_string()]).collect()
}

/// Variables of moto.
pub fn environment() -> BTreeMap<String, String> {
    // The policies of AWS itself can be attached.
    [("MOTO_IAM_LOAD_MANAGED_POLICIES", "true"), ("PYTHONUNBUFFERED", "1")].map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// A running moto, or the door before it.
#[derive(Clone, Copy, Debug)]
pub struct Moto {
    pub port: u16,
}

impl Moto {
    /// Sends a request on and gives the answer back.
    ///
    /// # Errors
    /// When moto does not answer.
    pub async fn send(self, request: Request<Full<Bytes>>) -> Result<Response<Bytes>> {
        let stream =
            TcpStream::connect(("127.0.0.1", self.port)).await.with_context(|| format!("reach port {} of the lab's AWS", self.port))?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let (head, body) = sender.send_request(request).await.context("ask the lab's AWS")?.into_parts();
        let body = body.collect().await.context("read the answer of the lab's AWS")?.to_bytes();
        connection.abort();
        Ok(Response::from_parts(head, body))
    }

    /// What a service with the query protocol (`iam`, `sts`, `ec2`) answers, as XML.
    ///
    /// # Errors
    /// When moto does not answer or refuses.
    pub async fn query(self, service: &str, region: &str, parameters: &[(&str, &str)]) -> Result<String> {
        let answer = self.send(query(service, region, None, parameters)?).await?;
        let text = String::from_utf8_lossy(answer.body()).into_owned();
        if !answer.status().is_success() {
            let part = |tag| super::keys::element(&text, tag).unwrap_or_default();
            bail!("{}: {}", part("Code"), part("Message"));
        }
        Ok(text)
    }
}

/// Who asks: the id of the key and its secret.
#[derive(Clone, Copy)]
pub struct Signer<'a> {
    pub access_key: &'a str,
    pub secret: &'a str,
}

/// The lab itself. moto takes any signature, and the door this key.
pub const LAB: Signer<'static> = Signer { access_key: "lab", secret: "lab" };

/// A request of the query protocol.
pub fn query(service: &str, region: &str, signer: Option<Signer<'_>>, parameters: &[(&str, &str)]) -> Result<Request<Full<Bytes>>> {
    let signer = signer.unwrap_or(LAB);
    let version = match service {
        "iam" => "2010-05-08",
        "sts" => "2011-06-15",
        _ => "2016-11-15",
    };
    let all = parameters.iter().copied().chain([("Version", version)]);
    let body: Vec<String> = all.map(|(name, value)| format!("{name}={}", encode(value))).collect();
    let body = body.join("&");
    let (day, date) = dates(time::OffsetDateTime::now_utc());
    let scope = Scope { access_key: signer.access_key.to_owned(), day, region: region.to_owned(), service: service.to_owned() };
    let host = format!("{service}.{region}.amazonaws.com");
    let headers = vec![("host".to_owned(), host.clone()), ("x-amz-date".to_owned(), date.clone())];
    let signed = Signed { method: "POST", path: "/".to_owned(), query: &[], headers, body: body.as_bytes(), date: &date, scope: &scope };
    let signature = signed.signature(signer.secret);
    let credential = format!("{}/{}/{region}/{service}/aws4_request", scope.access_key, scope.day);
    let authorization = format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host;x-amz-date, Signature={signature}");
    let request = Request::post("/").header(header::HOST, host).header(header::AUTHORIZATION, authorization).header("x-amz-date", date);
    let form = "application/x-www-form-urlencoded; charset=utf-8";
    Ok(request.header(header::CONTENT_TYPE, form).body(Full::new(Bytes::from(body)))?)
}

/// A request of a service with the REST protocol (`route53`), which is global, by the lab itself.
pub fn rest(method: &str, service: &str, path: &str, query: &str, body: &str) -> Result<Request<Full<Bytes>>> {
    let (day, date) = dates(time::OffsetDateTime::now_utc());
    let text = |text: &str| text.to_owned();
    let scope = Scope { access_key: text(LAB.access_key), day, region: text("us-east-1"), service: text(service) };
    let host = format!("{service}.amazonaws.com");
    let headers = vec![(text("host"), host.clone()), (text("x-amz-date"), date.clone())];
    let parameters = parameters(query, false);
    let path_signed = encode_path(path);
    let signed = Signed { method, path: path_signed, query: &parameters, headers, body: body.as_bytes(), date: &date, scope: &scope };
    let signature = signed.signature(LAB.secret);
    let credential = format!("{}/{}/us-east-1/{service}/aws4_request", scope.access_key, scope.day);
    let authorization = format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host;x-amz-date, Signature={signature}");
    let target = if query.is_empty() { text(path) } else { format!("{path}?{query}") };
    let request = Request::builder().method(method).uri(target).header(header::HOST, host).header(header::AUTHORIZATION, authorization);
    Ok(request.header("x-amz-date", date).body(Full::new(Bytes::from(text(body))))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moto_and_all_it_needs_are_pinned_with_digests() {
        assert_eq!(version().split('.').count(), 3);
        let packages: Vec<&str> = REQUIREMENTS.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_alphanumeric())).collect();
        assert!(packages.len() > 10 && packages.iter().all(|line| line.contains("==") && line.ends_with('\\')), "{packages:?}");
        assert!(REQUIREMENTS.contains("--hash=sha256:"));
        assert!(!REQUIREMENTS.contains("://"));
    }
}
