//! Tokens for the Kubernetes of an EKS cluster: a presigned question to STS who one is. Whether a token is good is seen from its signature, as STS would see it.
//! Rules: aws-iam-authenticator, pkg/token/token.go.

pub mod mint;
#[cfg(test)]
mod tests;

use anyhow::{Context, Result, bail, ensure};
use base64::Engine;
use time::{OffsetDateTime, PrimitiveDateTime};

use super::keys::Key;
use super::signature::{Scope, Signed, parameters, same};

const PREFIX: &str = "k8s-aws-v1.";
const LONGEST: usize = 4096;
const CLUSTER_HEADER: &str = "x-k8s-aws-id";
/// How far in the future a date may be: clocks differ.
const SKEW_S: f64 = 300.0;
/// The only parameters such a question has.
const ALLOWED: [&str; 9] = [
    "action",
    "version",
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-expires",
    "x-amz-security-token",
    "x-amz-signature",
    "x-amz-signedheaders",
];

/// Who has the `token` for the cluster `name`. `lifetime_s`: how long after its date a token is taken.
///
/// # Errors
/// Why the token is no good.
pub fn check(token: &str, name: &str, now: f64, lifetime_s: f64, key: impl Fn(&str) -> Option<Key>) -> Result<Key> {
    ensure!(token.len() < LONGEST, "it is too long");
    let encoded = token.strip_prefix(PREFIX).with_context(|| format!("it does not begin with {PREFIX}"))?;
    let url = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(encoded).context("it is not base64")?;
    let url = String::from_utf8(url).context("it is no URL")?;
    let (host, query) = apart(&url)?;
    let mut query = parameters(query, false);
    for (at, (parameter, _)) in query.iter().enumerate() {
        let lower = parameter.to_lowercase();
        ensure!(ALLOWED.contains(&lower.as_str()), "the parameter {parameter} does not belong there");
        ensure!(!query[..at].iter().any(|(other, _)| other.to_lowercase() == lower), "the parameter {parameter} is there twice");
    }
    let value = |wanted: &str| query.iter().find(|(name, _)| name.to_lowercase() == wanted).map(|(_, value)| value.clone());
    let needed = |wanted: &str| value(wanted).with_context(|| format!("the parameter {wanted} is missing"));
    ensure!(needed("action")? == "GetCallerIdentity", "its action is not GetCallerIdentity");
    let expires: u32 = needed("x-amz-expires")?.parse().context("X-Amz-Expires is no number")?;
    ensure!((1..=900).contains(&expires), "X-Amz-Expires is not between 1 and 900");
    let date = needed("x-amz-date")?;
    let age = now - seconds(&date)?;
    ensure!(age <= lifetime_s, "it is {age:.0} s old, at most {lifetime_s} s are taken");
    ensure!(age >= -SKEW_S, "its date lies in the future");
    let scope = Scope::parse(&needed("x-amz-credential")?).context("its credential is malformed")?;
    ensure!(scope.service == "sts" && date.starts_with(&scope.day), "it is signed for another service or day");
    let key = key(&scope.access_key).with_context(|| format!("nobody has the key {}", scope.access_key))?;
    ensure!(value("x-amz-security-token") == key.session_token, "its session token is not that of the key");
    let signature = needed("x-amz-signature")?;
    let headers = headers(&needed("x-amz-signedheaders")?, host, name)?;
    query.retain(|(name, _)| name.to_lowercase() != "x-amz-signature");
    let signed = Signed { method: "GET", path: "/".to_owned(), query: &query, headers, body: b"", date: &date, scope: &scope };
    ensure!(same(&signed.signature(&key.secret), &signature), "its signature does not fit: another secret or another cluster");
    Ok(key)
}

/// Host and query of a question to STS. By HTTP too, unlike in AWS: who comes here through a proxy cannot but write so.
fn apart(url: &str) -> Result<(&str, &str)> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).context("it is not https")?;
    let (address, query) = rest.split_once('?').context("it asks nothing")?;
    let host = address.strip_suffix('/').unwrap_or(address);
    let region = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    let of_sts =
        host == "sts.amazonaws.com" || host.strip_prefix("sts.").and_then(|rest| rest.strip_suffix(".amazonaws.com")).is_some_and(region);
    ensure!(of_sts, "{host} is not the host of STS");
    Ok((host, query))
}

/// The signed headers as the one who checks knows them.
fn headers(names: &str, host: &str, cluster: &str) -> Result<Vec<(String, String)>> {
    let mut headers = Vec::new();
    for name in names.split(';') {
        let value = match name {
            "host" => host,
            CLUSTER_HEADER => cluster,
            other => bail!("the header {other} is signed"),
        };
        headers.push((name.to_owned(), value.to_owned()));
    }
    for needed in ["host", CLUSTER_HEADER] {
        ensure!(headers.iter().any(|(name, _)| name == needed), "the header {needed} is not signed");
    }
    Ok(headers)
}

/// Seconds since 1970 of `20261123T031500Z`.
fn seconds(date: &str) -> Result<f64> {
    let format =
        time::format_description::parse_borrowed::<2>("[year][month][day]T[hour][minute][second]Z").context("make a date format")?;
    let date = PrimitiveDateTime::parse(date, &format).context("its date is malformed")?.assume_utc();
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^52")]
    Ok((date - OffsetDateTime::UNIX_EPOCH).whole_seconds() as f64)
}
