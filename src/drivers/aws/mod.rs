//! AWS: EKS clusters with all that belongs to them, tokens for their Kubernetes APIs, names in Route53, roles of IAM, and who one is.
//!
//! May know how AWS answers; decides nothing. Nothing of the SDK runs before the first call: a provider that makes no EKS cluster pays nothing for it.

mod config;
mod connect;
mod eks;
mod error;
mod iam;
mod route53;
#[cfg(test)]
pub mod tests;
mod token;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_config::{Region, SdkConfig};
use aws_sdk_sts::config::http::HttpResponse;
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use futures::future::BoxFuture;
use tokio::sync::OnceCell;

pub use config::AwsConfig;
pub use error::{Answer, Error, Result, Words};
pub use token::Token;

type Connect = Box<dyn Fn() -> BoxFuture<'static, SdkConfig> + Send + Sync>;

/// An AWS account, by the caller's credentials. Cheap to clone; clones share clients and credentials.
#[derive(Clone)]
pub struct Aws {
    inner: Arc<Inner>,
}

struct Inner {
    config: AwsConfig,
    connect: Connect,
    sdk: OnceCell<SdkConfig>,
    /// Clients by region.
    eks: Mutex<BTreeMap<String, aws_sdk_eks::Client>>,
    begun: eks::Begun,
    route53: OnceCell<aws_sdk_route53::Client>,
    iam: OnceCell<aws_sdk_iam::Client>,
}

impl Aws {
    /// Sends nothing, reads nothing.
    pub fn new(config: AwsConfig) -> Self {
        let settings = config.clone();
        Self::with(
            config,
            Box::new(move || {
                let settings = settings.clone();
                Box::pin(async move { connect::load(&settings).await })
            }),
        )
    }

    fn with(config: AwsConfig, connect: Connect) -> Self {
        let inner = Inner {
            config,
            connect,
            sdk: OnceCell::new(),
            eks: Mutex::default(),
            begun: eks::Begun::default(),
            route53: OnceCell::new(),
            iam: OnceCell::new(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The region of the settings, or else of the environment, the profile or the machine.
    ///
    /// # Errors
    /// When there is none.
    pub async fn region(&self) -> Result<String> {
        if let Some(region) = &self.inner.config.region {
            return Ok(region.clone());
        }
        let region = self.sdk().await.region().map(ToString::to_string);
        region.ok_or_else(|| Error::Config {
            message: "no AWS region is configured".into(),
            way_out: "Set region in the provider's aws block, AWS_REGION, or region in the profile of the AWS configuration files.".into(),
        })
    }

    /// ARN of the user or role whose credentials are used.
    ///
    /// # Errors
    /// When there are no credentials or STS refuses them.
    pub async fn caller_arn(&self, region: &str) -> Result<String> {
        let mut builder = aws_sdk_sts::config::Builder::from(self.sdk().await).region(Region::new(region.to_owned()));
        if let Some(url) = self.inner.config.endpoints.get("sts") {
            builder = builder.endpoint_url(url);
        }
        let act = "ask AWS whose the credentials are";
        let answer = aws_sdk_sts::Client::from_conf(builder.build()).get_caller_identity().send().await;
        let answer = answer.map_err(|error| Error::from_sdk(act.to_owned(), &self.inner.config.places(), &error))?;
        answer.arn.ok_or_else(|| Error::decode(act, "there is no ARN"))
    }

    async fn sdk(&self) -> &SdkConfig {
        self.inner.sdk.get_or_init(|| (self.inner.connect)()).await
    }

    async fn eks(&self, region: &str) -> aws_sdk_eks::Client {
        let sdk = self.sdk().await;
        let mut clients = self.inner.eks.lock().unwrap_or_else(PoisonError::into_inner);
        let client = clients.entry(region.to_owned()).or_insert_with(|| {
            let mut builder = aws_sdk_eks::config::Builder::from(sdk).region(Region::new(region.to_owned()));
            if let Some(url) = self.inner.config.endpoints.get("eks") {
                builder = builder.endpoint_url(url);
            }
            aws_sdk_eks::Client::from_conf(builder.build())
        });
        client.clone()
    }

    async fn route53(&self) -> aws_sdk_route53::Client {
        let make = async || {
            let mut builder = aws_sdk_route53::config::Builder::from(self.sdk().await);
            builder.set_region(Some(self.global_region().await));
            if let Some(url) = self.inner.config.endpoints.get("route53") {
                builder = builder.endpoint_url(url);
            }
            aws_sdk_route53::Client::from_conf(builder.build())
        };
        self.inner.route53.get_or_init(make).await.clone()
    }

    async fn iam(&self) -> aws_sdk_iam::Client {
        let make = async || {
            let mut builder = aws_sdk_iam::config::Builder::from(self.sdk().await);
            builder.set_region(Some(self.global_region().await));
            if let Some(url) = self.inner.config.endpoints.get("iam") {
                builder = builder.endpoint_url(url);
            }
            aws_sdk_iam::Client::from_conf(builder.build())
        };
        self.inner.iam.get_or_init(make).await.clone()
    }

    /// Of services without regions it says the partition alone: AWS's own, China's, that of the government.
    async fn global_region(&self) -> Region {
        self.region().await.map_or_else(|_| Region::new(connect::FALLBACK_REGION), Region::new)
    }

    /// Turns the SDK's error into ours.
    fn failed<E>(&self, act: String) -> impl FnOnce(SdkError<E, HttpResponse>) -> Error
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
    {
        move |error| Error::from_sdk(act, &self.inner.config.places(), &error)
    }
}

impl fmt::Debug for Aws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aws").field("config", &self.inner.config).finish_non_exhaustive()
    }
}
