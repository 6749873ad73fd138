//! EKS: one cluster and all that belongs to it, observed and changed one step at a time.
//!
//! What is asked for is decided elsewhere; here stand the requests, what their answers are in the domain's words, and which refusals mean "is so already".

mod begun;
mod change;
mod create;
mod identity;
mod once;
mod parts;
mod perform;
mod read;
mod request;
mod see;

use std::fmt;

use aws_sdk_eks::config::http::HttpResponse;
use aws_sdk_eks::error::{ProvideErrorMetadata, SdkError};

pub(super) use begun::Begun;

use super::{Aws, Error};

/// One cluster and the way to ask for it.
struct Eks<'a> {
    aws: &'a Aws,
    client: aws_sdk_eks::Client,
    region: &'a str,
    cluster: &'a str,
}

impl<'a> Eks<'a> {
    async fn of(aws: &'a Aws, region: &'a str, cluster: &'a str) -> Self {
        Self { aws, client: aws.eks(region).await, region, cluster }
    }

    /// `create node group "system-1f2e3d" of EKS cluster "prod" in eu-central-1`.
    fn act(&self, what: impl fmt::Display) -> String {
        format!("{what} of EKS cluster {:?} in {}", self.cluster, self.region)
    }

    /// The same of the cluster itself: `create EKS cluster "prod" in eu-central-1`.
    fn own_act(&self, verb: &str) -> String {
        format!("{verb} EKS cluster {:?} in {}", self.cluster, self.region)
    }

    /// Turns the SDK's error into ours.
    fn failed<E>(&self, act: String) -> impl FnOnce(SdkError<E, HttpResponse>) -> Error
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
    {
        self.aws.failed(act)
    }

    fn incomplete(&self, act: String) -> impl FnOnce() -> Error {
        move || Error::decode(act, "what was asked for is missing in it")
    }
}
