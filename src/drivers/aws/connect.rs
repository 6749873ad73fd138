//! From settings to what all clients share: region, credentials, retries, deadlines.

use std::time::{Duration, SystemTime};

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, error::CredentialsError, future};
use aws_sdk_sts::config::retry::RetryConfig;
use aws_sdk_sts::config::timeout::TimeoutConfig;
use tokio::sync::Mutex;

use super::config::AwsConfig;
use super::error::words;

/// How this program calls itself, to AWS (user agent) and in a role's sessions.
const NAME: &str = "kaas";
/// Enough for the throttling of an account that many share: pauses double from a second to twenty, each of a random part.
const TRIES: u32 = 10;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// For one answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// For a request with all its tries.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(300);
/// Credentials that end sooner than this are asked for anew.
const EXPIRY_MARGIN: Duration = Duration::from_secs(300);
/// The region that is asked where none is known and none matters much: for a role, and for what has no region.
pub(super) const FALLBACK_REGION: &str = "us-east-1";

/// Reads the environment and files; may ask the machine it runs on for the region.
pub(super) async fn load(config: &AwsConfig) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(ANSWER_TIMEOUT)
        .operation_timeout(REQUEST_TIMEOUT)
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts);
    if let Ok(name) = AppName::new(NAME) {
        loader = loader.app_name(name);
    }
    if let Some(region) = &config.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(profile) = &config.profile {
        loader = loader.profile_name(profile);
    }
    let sdk = loader.load().await;
    let retries = sdk.retry_config().cloned().unwrap_or_else(RetryConfig::standard);
    let tries = retries.max_attempts().max(TRIES);
    let sdk = sdk.into_builder().retry_config(retries.with_max_attempts(tries)).build();
    let credentials = credentials(config, &sdk).await;
    let mut builder = sdk.into_builder();
    builder.set_credentials_provider(credentials.map(|from| SharedCredentialsProvider::new(Kept::new(from))));
    builder.build()
}

async fn credentials(config: &AwsConfig, sdk: &SdkConfig) -> Option<SharedCredentialsProvider> {
    let base = match &config.profile {
        // The chain would prefer keys in the environment to the profile that the user names.
        Some(profile) => {
            let machine = ProviderConfig::without_region().with_region(sdk.region().cloned());
            let provider = ProfileFileCredentialsProvider::builder().configure(&machine).profile_name(profile).build();
            SharedCredentialsProvider::new(provider)
        }
        None => sdk.credentials_provider()?,
    };
    let Some(role_arn) = config.role_arn.clone() else { return Some(base) };
    let region = sdk.region().cloned().unwrap_or_else(|| Region::new(FALLBACK_REGION));
    let mut sts = aws_sdk_sts::config::Builder::from(sdk).credentials_provider(base).region(region);
    if let Some(url) = config.endpoints.get("sts") {
        sts = sts.endpoint_url(url);
    }
    let sts = aws_sdk_sts::Client::from_conf(sts.build());
    Some(SharedCredentialsProvider::new(Role { sts, role_arn, external_id: config.external_id.clone() }))
}

/// A role, assumed for an hour with the credentials of `sts`.
#[derive(Debug)]
struct Role {
    sts: aws_sdk_sts::Client,
    role_arn: String,
    external_id: Option<String>,
}

impl Role {
    async fn assume(&self) -> Result<Credentials, CredentialsError> {
        let request = self.sts.assume_role().role_arn(&self.role_arn).role_session_name(NAME).set_external_id(self.external_id.clone());
        let failed = |cause| CredentialsError::provider_error(format!("assume role {}: {cause}", self.role_arn));
        let answer = request.send().await.map_err(|error| failed(words(&error)))?;
        let session = answer.credentials.ok_or_else(|| failed("STS gave no credentials".to_owned()))?;
        let end = SystemTime::try_from(session.expiration).map_err(|error| failed(error.to_string()))?;
        Ok(Credentials::new(session.access_key_id, session.secret_access_key, Some(session.session_token), Some(end), "AssumedRole"))
    }
}

impl ProvideCredentials for Role {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.assume())
    }
}

/// Credentials kept until shortly before they end, for requests and tokens alike: getting them may start a program or ask a server.
#[derive(Debug)]
struct Kept {
    from: SharedCredentialsProvider,
    last: Mutex<Option<Credentials>>,
}

impl Kept {
    fn new(from: SharedCredentialsProvider) -> Self {
        Self { from, last: Mutex::default() }
    }
}

impl ProvideCredentials for Kept {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async move {
            let mut last = self.last.lock().await;
            let fresh = |kept: &Credentials| kept.expiry().is_none_or(|end| end > SystemTime::now() + EXPIRY_MARGIN);
            if let Some(kept) = last.as_ref().filter(|kept| fresh(kept)) {
                return Ok(kept.clone());
            }
            let found = self.from.provide_credentials().await?;
            *last = Some(found.clone());
            Ok(found)
        })
    }
}
