//! Policies and roles of IAM for what runs in the clusters: who may do what in AWS, no wider than needed.
//!
//! Pure. A policy is the JSON text that IAM takes. ARNs leave the partition open (`arn:*:`), so that they hold in China and GovCloud as well.

mod cluster_api;
pub mod drift;
mod ebs_csi;
pub mod role;
mod route53;
#[cfg(test)]
mod tests;

use serde_json::{Value, json};
use thiserror::Error;

pub use cluster_api::cluster_api;
pub use ebs_csi::ebs_csi;
pub use route53::{cert_manager, external_dns};

/// The most characters, white space not counted, that a managed policy may have. Source: IAM user guide, IAM and STS quotas.
pub const LENGTH_MAX: usize = 6144;

#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PolicyError {
    #[error("{found:?} is no hosted zone of Route53; give its id, such as Z0123456789ABCDEFGHIJ, or its ARN")]
    Zone { found: String },
    #[error("{found:?} is no DNS name; write lower case letters, digits, `-` and `.`, such as payments.kafka.example.com")]
    Domain { found: String },
    #[error("{found:?} is no ARN of {of}, such as {example}")]
    Arn { found: String, of: &'static str, example: &'static str },
    #[error("the policy would be longer than the {LENGTH_MAX} characters that IAM takes; give fewer ARNs, with wildcards")]
    TooLong,
}

/// The text of a policy of these statements.
///
/// # Errors
/// A policy that is longer than IAM takes.
fn policy(statements: Vec<Value>) -> Result<String, PolicyError> {
    let text = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
    if text.chars().filter(|character| !character.is_whitespace()).count() > LENGTH_MAX {
        return Err(PolicyError::TooLong);
    }
    Ok(text)
}

/// A statement that allows these actions on these resources.
fn allow(actions: &[&str], resources: &[String]) -> Value {
    json!({ "Effect": "Allow", "Action": actions, "Resource": resources })
}

/// The same under a condition.
fn allow_if(actions: &[&str], resources: &[String], condition: Value) -> Value {
    let mut statement = allow(actions, resources);
    statement["Condition"] = condition;
    statement
}

/// Checks that each is an ARN of this service, with the partition and wildcards as they may be: `arn:aws:kms:…`.
fn check_arns(arns: &[String], service: &str, of: &'static str, example: &'static str) -> Result<(), PolicyError> {
    let is_arn = |arn: &String| {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let is_clean = arn.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"');
        is_clean && matches!(parts.as_slice(), ["arn", _, found, _, _, resource] if *found == service && !resource.is_empty())
    };
    match arns.iter().find(|arn| !is_arn(arn)) {
        Some(found) => Err(PolicyError::Arn { found: found.clone(), of, example }),
        None => Ok(()),
    }
}

fn check_keys(arns: &[String]) -> Result<(), PolicyError> {
    check_arns(arns, "kms", "a KMS key", "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab")
}
