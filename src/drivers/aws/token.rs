//! Tokens for the Kubernetes API of EKS clusters: a request to STS, signed for one cluster and not sent.
//!
//! Source: kubernetes-sigs/aws-iam-authenticator, pkg/token/token.go; the same as `aws eks get-token` gives.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, error::CredentialsError};
use aws_sdk_sts::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures::future::BoxFuture;

use super::error::words;
use super::{Aws, Error, Result, Words};
use crate::drivers::kubernetes::{self, Bearer, TokenSource};

const PREFIX: &str = "k8s-aws-v1.";
/// Binds the token to one cluster.
const CLUSTER_HEADER: &str = "x-k8s-aws-id";
/// What the signed request says of itself; EKS accepts it for 15 minutes all the same.
const EXPIRES: Duration = Duration::from_secs(60);
/// EKS's 15 minutes less one for clocks that differ.
const LIFETIME: Duration = Duration::from_secs(14 * 60);

/// A bearer token for the Kubernetes API of one EKS cluster. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    pub text: String,
    pub expires_at: SystemTime,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("text", &"not shown").field("expires_at", &self.expires_at).finish()
    }
}

impl Aws {
    /// A token for the Kubernetes API of that cluster, made without asking AWS unless credentials have to be fetched.
    ///
    /// It names AWS's own STS whatever endpoints are configured: EKS accepts no other. It ends with the credentials, where they end first.
    ///
    /// # Errors
    /// When there are no credentials.
    pub async fn kubernetes_token(&self, region: &str, cluster: &str) -> Result<Token> {
        let act = format!("make a token for EKS cluster {cluster:?} in {region}");
        let provider = self.sdk().await.credentials_provider();
        let places = self.inner.config.places();
        let none = |error| Error::no_credentials(act.clone(), &places, &error);
        let provider = provider.ok_or_else(|| none(CredentialsError::not_loaded_no_source()))?;
        let credentials = provider.provide_credentials().await.map_err(none)?;
        let now = SystemTime::now();
        let failed = |cause| Error::Config { message: format!("{act}: {cause}"), way_out: "Check the names of region and cluster.".into() };
        let host = sts_host(region).await.map_err(failed)?;
        let url = presigned(&credentials, &host, region, cluster, now).map_err(failed)?;
        let end = now + LIFETIME;
        Ok(Token {
            text: format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(url)),
            expires_at: credentials.expiry().map_or(end, |expiry| expiry.min(end)),
        })
    }

    /// Tokens for that cluster as a Kubernetes connection asks for them.
    pub fn token_source(&self, region: &str, cluster: &str) -> Arc<dyn TokenSource> {
        Arc::new(ClusterTokens { aws: self.clone(), region: region.to_owned(), cluster: cluster.to_owned() })
    }
}

struct ClusterTokens {
    aws: Aws,
    region: String,
    cluster: String,
}

impl TokenSource for ClusterTokens {
    fn token(&self) -> BoxFuture<'_, kubernetes::Result<Bearer>> {
        Box::pin(async move {
            let token = self.aws.kubernetes_token(&self.region, &self.cluster).await.map_err(|error| kubernetes::Error::Config {
                message: error.to_string(),
                way_out: error.hint().unwrap_or_default(),
                source: std::error::Error::source(&error).map(|source| Arc::new(Words(source.to_string())) as kubernetes::Cause),
            })?;
            Ok(Bearer { text: token.text, expires_at: token.expires_at })
        })
    }
}

/// `https://` and AWS's own STS of the region, in the partition of the region: `amazonaws.com.cn` in China.
async fn sts_host(region: &str) -> std::result::Result<String, String> {
    let params = Params::builder().region(region).use_fips(false).use_dual_stack(false).use_global_endpoint(false).build();
    let params = params.map_err(|error| words(&error))?;
    let resolver = DefaultResolver::new();
    let endpoint = ResolveEndpoint::resolve_endpoint(&resolver, &params).await.map_err(|error| error.to_string())?;
    Ok(endpoint.url().trim_end_matches('/').to_owned())
}

/// The URL of GetCallerIdentity at `host`, signed by query for one cluster.
fn presigned(credentials: &Credentials, host: &str, region: &str, cluster: &str, now: SystemTime) -> std::result::Result<String, String> {
    let identity = credentials.clone().into();
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(EXPIRES);
    let params = SigningParams::builder().identity(&identity).region(region).name("sts").time(now).settings(settings).build();
    let params = params.map_err(|error| words(&error))?.into();
    let url = format!("{host}/?Action=GetCallerIdentity&Version=2011-06-15");
    let headers = std::iter::once((CLUSTER_HEADER, cluster));
    let request = SignableRequest::new("GET", url.as_str(), headers, SignableBody::empty()).map_err(|error| words(&error))?;
    let (instructions, _) = sign(request, &params).map_err(|error| words(&error))?.into_parts();
    let mut request = http::Request::get(url.as_str()).body(()).map_err(|error| words(&error))?;
    instructions.apply_to_request_http1x(&mut request);
    Ok(request.uri().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What botocore signs for the same moment, the same keys and the same cluster.
    const KNOWN: [(&str, &str, Option<&str>, &str, &str); 3] = [
        (
            "eu-central-1",
            "prod",
            None,
            "sts.eu-central-1.amazonaws.com",
            "9dc4b81e2fe6bfe31cafe1ce75af4f662fba2c9d8562f3b19501e4378e6ee3c6",
        ),
        (
            "cn-north-1",
            "dev_1",
            Some("FwoGZXIvYXdzEBY/EXAMPLE+TOKEN=="),
            "sts.cn-north-1.amazonaws.com.cn",
            "9b35cfc3c62b2102601a59289e53fe233df2ad903756c72dfbc89016616e9616",
        ),
        (
            "us-gov-west-1",
            "prod",
            None,
            "sts.us-gov-west-1.amazonaws.com",
            "3fa7d856b3ebd92611fa860795778a1418e76f1ab29e5d3e410a2d8ccb798239",
        ),
    ];

    #[tokio::test]
    async fn the_signed_request_is_the_one_that_other_sdks_make() {
        // 2026-11-23T04:05:06Z
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_406_706);
        for (region, cluster, session, host, signature) in KNOWN {
            let key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
            let credentials = Credentials::new("AKIDEXAMPLE", key, session.map(str::to_owned), None, "test");
            let url = presigned(&credentials, &sts_host(region).await.unwrap(), region, cluster, now).unwrap();
            let (address, query) = url.split_once('?').unwrap();
            assert_eq!(address, format!("https://{host}/"));
            let mut given: Vec<&str> = query.split('&').collect();
            let scope = format!("X-Amz-Credential=AKIDEXAMPLE%2F20261123%2F{region}%2Fsts%2Faws4_request");
            let signature = format!("X-Amz-Signature={signature}");
            let mut wanted = vec![
                "Action=GetCallerIdentity",
                "Version=2011-06-15",
                "X-Amz-Algorithm=AWS4-HMAC-SHA256",
                &scope,
                "X-Amz-Date=20261123T040506Z",
                "X-Amz-Expires=60",
                "X-Amz-SignedHeaders=host%3Bx-k8s-aws-id",
                &signature,
            ];
            if session.is_some() {
                wanted.push("X-Amz-Security-Token=FwoGZXIvYXdzEBY%2FEXAMPLE%2BTOKEN%3D%3D");
            }
            given.sort_unstable();
            wanted.sort_unstable();
            assert_eq!(given, wanted);
        }
    }

    #[test]
    fn a_token_is_never_shown() {
        let token = Token { text: "k8s-aws-v1.secret".into(), expires_at: SystemTime::UNIX_EPOCH };
        assert!(!format!("{token:?}").contains("secret"));
    }
}
