//! Making a token, as `aws eks get-token` does.

use base64::Engine;
use time::OffsetDateTime;

use super::{CLUSTER_HEADER, PREFIX};
use crate::aws::signature::{Scope, Signed, encode};

/// What a token is made of.
pub struct Recipe<'a> {
    pub access_key: &'a str,
    pub secret: &'a str,
    /// Of a lent key.
    pub session_token: Option<&'a str>,
    pub region: &'a str,
    pub host: &'a str,
    pub action: &'a str,
    pub cluster: &'a str,
    pub signed_headers: &'a str,
    pub at: OffsetDateTime,
}

impl<'a> Recipe<'a> {
    /// By the rules.
    pub fn new(access_key: &'a str, secret: &'a str, region: &'a str, host: &'a str, cluster: &'a str, at: OffsetDateTime) -> Self {
        let (action, signed_headers) = ("GetCallerIdentity", "host;x-k8s-aws-id");
        Self { access_key, secret, session_token: None, region, host, action, cluster, signed_headers, at }
    }

    /// The token.
    pub fn token(&self) -> String {
        let (day, date) = dates(self.at);
        let scope = Scope { access_key: self.access_key.to_owned(), day, region: self.region.to_owned(), service: "sts".to_owned() };
        let credential = format!("{}/{}/{}/sts/aws4_request", scope.access_key, scope.day, scope.region);
        let mut query: Vec<(String, String)> = [
            ("Action", self.action),
            ("Version", "2011-06-15"),
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
            ("X-Amz-Credential", &credential),
            ("X-Amz-Date", &date),
            ("X-Amz-Expires", "60"),
            ("X-Amz-SignedHeaders", self.signed_headers),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
        query.extend(self.session_token.map(|token| ("X-Amz-Security-Token".to_owned(), token.to_owned())));
        let value = |name: &str| if name == CLUSTER_HEADER { self.cluster } else { self.host };
        let headers = self.signed_headers.split(';').map(|name| (name.to_owned(), value(name).to_owned())).collect();
        let signed = Signed { method: "GET", path: "/".to_owned(), query: &query, headers, body: b"", date: &date, scope: &scope };
        let signature = signed.signature(self.secret);
        query.push(("X-Amz-Signature".to_owned(), signature));
        let query: Vec<String> = query.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        let url = format!("https://{}/?{}", self.host, query.join("&"));
        format!("{PREFIX}{}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(url))
    }
}

/// `20261123` and `20261123T031500Z`.
pub fn dates(at: OffsetDateTime) -> (String, String) {
    let day = format!("{:04}{:02}{:02}", at.year(), u8::from(at.month()), at.day());
    let date = format!("{day}T{:02}{:02}{:02}Z", at.hour(), at.minute(), at.second());
    (day, date)
}
