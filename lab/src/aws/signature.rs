//! AWS's signature, version 4, computed anew to compare with the one a request bears.
//! Source: "Create a signed AWS API request", IAM User Guide.

use std::collections::BTreeMap;

use aws_lc_rs::{digest, hmac};

/// What is signed.
pub struct Signed<'a> {
    pub method: &'a str,
    /// As the signer wrote it: encoded.
    pub path: String,
    /// Decoded, without the signature itself.
    pub query: &'a [(String, String)],
    /// Names in lower case, in the signer's order, with their values.
    pub headers: Vec<(String, String)>,
    pub body: &'a [u8],
    /// `20261123T031500Z`.
    pub date: &'a str,
    pub scope: &'a Scope,
}

/// What a signature is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    pub access_key: String,
    /// `20261123`.
    pub day: String,
    pub region: String,
    pub service: String,
}

impl Scope {
    /// From `AKID/20261123/eu-central-1/eks/aws4_request`.
    pub fn parse(credential: &str) -> Option<Self> {
        let parts: Vec<&str> = credential.split('/').collect();
        let [access_key, day, region, service, "aws4_request"] = parts.as_slice() else { return None };
        let text = |part: &str| part.to_owned();
        Some(Self { access_key: text(access_key), day: text(day), region: text(region), service: text(service) })
    }
}

/// What the header `Authorization` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorization {
    pub scope: Scope,
    pub signed_headers: Vec<String>,
    pub signature: String,
}

impl Authorization {
    pub fn parse(header: &str) -> Option<Self> {
        let fields: BTreeMap<&str, &str> =
            header.strip_prefix("AWS4-HMAC-SHA256")?.split(',').filter_map(|field| field.trim().split_once('=')).collect();
        Some(Self {
            scope: Scope::parse(fields.get("Credential")?)?,
            signed_headers: fields.get("SignedHeaders")?.split(';').map(str::to_owned).collect(),
            signature: (*fields.get("Signature")?).to_owned(),
        })
    }
}

impl Signed<'_> {
    /// The signature by the key `secret`.
    pub fn signature(&self, secret: &str) -> String {
        let Scope { day, region, service, .. } = self.scope;
        let text = format!("AWS4-HMAC-SHA256\n{}\n{day}/{region}/{service}/aws4_request\n{}", self.date, hash(self.canonical().as_bytes()));
        let mut key = format!("AWS4{secret}").into_bytes();
        for part in [day.as_str(), region, service, "aws4_request"] {
            key = mac(&key, part.as_bytes());
        }
        hex(&mac(&key, text.as_bytes()))
    }

    fn canonical(&self) -> String {
        let mut query: Vec<(String, String)> = self.query.iter().map(|(name, value)| (encode(name), encode(value))).collect();
        query.sort();
        let query: Vec<String> = query.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        let headers: String = self.headers.iter().map(|(name, value)| format!("{name}:{}\n", squeezed(value))).collect();
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        [self.method, &self.path, &query.join("&"), &headers, &names.join(";"), &hash(self.body)].join("\n")
    }
}

/// One space for many, none around.
fn squeezed(value: &str) -> String {
    value.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether two signatures are the same, in a time that tells nothing.
pub fn same(one: &str, other: &str) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(one.as_bytes(), other.as_bytes()).is_ok()
}

fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text).as_ref().to_vec()
}

fn hash(text: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, text).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Everything but letters, digits and `-_.~` as `%XX`.
pub fn encode(text: &str) -> String {
    encode_but(text, "-_.~")
}

/// The path of a request as it is signed: what is encoded in it is encoded once more.
pub fn encode_path(path: &str) -> String {
    encode_but(path, "-_.~/")
}

fn encode_but(text: &str, plain: &str) -> String {
    let one = |byte: u8| {
        let c = char::from(byte);
        if c.is_ascii_alphanumeric() || plain.contains(c) { c.to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(one).collect()
}

/// The opposite of [`encode`]. What is no `%XX` stays.
pub fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let number =
            after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok()).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match number {
            Some(byte) if first == b'%' => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The parameters of a query string or a form, decoded. `plus`: a `+` is a space, as in forms.
pub fn parameters(text: &str, plus: bool) -> Vec<(String, String)> {
    let clear = |part: &str| if plus { decode(&part.replace('+', " ")) } else { decode(part) };
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).map(|(name, value)| (clear(name), clear(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the IAM User Guide: ListUsers.
    #[test]
    fn the_signature_is_that_of_the_documented_example() {
        let scope = Scope::parse("AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request").unwrap();
        let query = parameters("Action=ListUsers&Version=2010-05-08", false);
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let signed = Signed {
            method: "GET",
            path: "/".to_owned(),
            query: &query,
            headers: vec![
                header("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
                header("host", "iam.amazonaws.com"),
                header("x-amz-date", "20150830T123600Z"),
            ],
            body: b"",
            date: "20150830T123600Z",
            scope: &scope,
        };
        assert_eq!(
            signed.signature("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
        );
    }

    #[test]
    fn an_authorization_names_key_region_and_service() {
        let header = "AWS4-HMAC-SHA256 Credential=AK/20260101/eu-west-1/eks/aws4_request, SignedHeaders=host;x-amz-date, Signature=0a";
        let parsed = Authorization::parse(header).unwrap();
        assert_eq!(
            (parsed.scope.access_key.as_str(), parsed.scope.region.as_str(), parsed.scope.service.as_str()),
            ("AK", "eu-west-1", "eks")
        );
        assert_eq!(parsed.signed_headers, ["host", "x-amz-date"]);
        assert_eq!(Authorization::parse("Bearer x"), None);
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        assert_eq!(encode("a b/é~"), "a%20b%2F%C3%A9~");
        assert_eq!(decode("a%20b%2F%C3%A9~%"), "a b/é~%");
        assert_eq!(encode_path("/a%3Ab"), "/a%253Ab");
        assert_eq!(parameters("a=b+c&d", true), [("a".to_owned(), "b c".to_owned()), ("d".to_owned(), String::new())]);
    }
}
