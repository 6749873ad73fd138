//! The driver against an AWS whose answers a test writes down.

mod chain;
mod failures;
mod performed;
mod roles;
mod route53;
mod seen;

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_sts::config::retry::RetryConfig;
use serde_json::{Value, json};

use super::{Aws, AwsConfig};
use crate::domain::eks::Issue;
use crate::drivers::scripted::{Reply, Server};

const REGION: &str = "eu-central-1";
const SECRET: &str = "very-secret-key";

/// Leads to that server, with keys that never end and retries without long pauses.
pub fn aws(server: &Server) -> Aws {
    let credentials = Credentials::new("AKIDEXAMPLE", SECRET, None, None, "test");
    let endpoints = ["eks", "iam", "route53", "sts"].map(|service| (service.to_owned(), server.url.clone())).into();
    by(AwsConfig { endpoints, ..AwsConfig::default() }, credentials)
}

fn by(config: AwsConfig, credentials: impl aws_credential_types::provider::ProvideCredentials + 'static) -> Aws {
    let retries = RetryConfig::standard().with_max_attempts(5).with_initial_backoff(Duration::from_millis(1));
    let sdk = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(retries)
        .build();
    Aws::with(
        config,
        Box::new(move || {
            let sdk = sdk.clone();
            Box::pin(async move { sdk })
        }),
    )
}

/// A refusal as EKS words it.
pub fn refusal(status: u16, code: &str, message: &str) -> Reply {
    let Reply(status, mut headers, body) = Reply::json(status, &json!({ "message": message }));
    headers.push(("x-amzn-errortype", format!("{code}:http://internal.amazon.com/coral/")));
    headers.push(("x-amzn-requestid", "4b5c-6d".to_owned()));
    Reply(status, headers, body)
}

pub fn ok(body: &Value) -> Reply {
    Reply::json(200, body)
}

/// An answer of a service that speaks XML.
pub fn xml(status: u16, body: impl Into<String>) -> Reply {
    Reply(status, vec![("content-type", "text/xml".to_owned()), ("x-amzn-requestid", "4b5c-6d".to_owned())], body.into())
}

/// A refusal as those services word it.
pub fn xml_refusal(status: u16, code: &str, message: &str) -> Reply {
    xml(status, format!("<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"))
}

/// As `aws eks describe-cluster` shows it.
pub fn cluster(status: &str) -> Value {
    json!({ "cluster": {
        "name": "prod", "arn": "arn:aws:eks:eu-central-1:123456789012:cluster/prod", "createdAt": 1_700_000_000, "version": "1.34",
        "platformVersion": "eks.9", "endpoint": "https://ABC.gr7.eu-central-1.eks.amazonaws.com", "roleArn": "arn:aws:iam::123456789012:role/control",
        "resourcesVpcConfig": { "subnetIds": ["subnet-b", "subnet-a"], "securityGroupIds": ["sg-1"], "clusterSecurityGroupId": "sg-eks", "vpcId": "vpc-1",
            "endpointPublicAccess": true, "endpointPrivateAccess": false, "publicAccessCidrs": ["0.0.0.0/0"] },
        "kubernetesNetworkConfig": { "serviceIpv4Cidr": "10.100.0.0/16", "ipFamily": "ipv4" },
        "logging": { "clusterLogging": [{ "types": ["api", "audit"], "enabled": true }, { "types": ["scheduler"], "enabled": false }] },
        "identity": { "oidc": { "issuer": "https://oidc.eks.eu-central-1.amazonaws.com/id/ABC" } }, "status": status,
        // -----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n
        "certificateAuthority": { "data": "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCkFBPT0KLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo=" },
        "encryptionConfig": [{ "resources": ["secrets"], "provider": { "keyArn": "arn:aws:kms:eu-central-1:123456789012:key/1" } }],
        "upgradePolicy": { "supportType": "STANDARD" }, "deletionProtection": true, "tags": { "kaas.dev/owner": "us", "kaas.dev/management-cluster": "prod" },
        "health": { "issues": [{ "code": "SubnetNotFound", "message": "gone", "resourceIds": ["subnet-a"] }] }
    }})
}

/// What AWS says is wrong, with the resources it names.
fn issue(code: &str, message: &str, resource_ids: &[&str]) -> Issue {
    Issue { code: code.into(), message: message.into(), resource_ids: resource_ids.iter().map(|id| (*id).to_owned()).collect() }
}
