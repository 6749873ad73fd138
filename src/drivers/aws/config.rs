//! What the user may say about AWS. What is left out, the environment and the files of the AWS tools say, as for every SDK.

use std::collections::BTreeMap;
use std::fmt;

/// The settings of the provider's `aws` block. All empty means: look where the AWS tools look.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct AwsConfig {
    /// Such as `eu-central-1`.
    pub region: Option<String>,
    /// Profile of the AWS configuration files. Its credentials are used even where the environment holds others.
    pub profile: Option<String>,
    /// ARN of a role to assume with those credentials.
    pub role_arn: Option<String>,
    /// What the role's trust policy may ask for.
    pub external_id: Option<String>,
    /// URLs to use instead of AWS's own, by service id in lower case: `eks`, `iam`, `route53`, `sts`. They stand above `AWS_ENDPOINT_URL_EKS` and the like.
    pub endpoints: BTreeMap<String, String>,
}

impl AwsConfig {
    /// Where credentials come from, as one reads it after "looked in".
    pub(super) fn places(&self) -> String {
        let places = match &self.profile {
            Some(profile) => format!("profile {profile:?} of the AWS configuration files"),
            None => "the environment (AWS_ACCESS_KEY_ID), the AWS configuration files (AWS_PROFILE, AWS_CONFIG_FILE; SSO and credential_process \
                     included), the web identity token, the container's credentials and the instance's"
                .to_owned(),
        };
        match &self.role_arn {
            Some(role) => format!("{places}, to assume {role} with them"),
            None => places,
        }
    }
}

impl fmt::Debug for AwsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsConfig")
            .field("region", &self.region)
            .field("profile", &self.profile)
            .field("role_arn", &self.role_arn)
            .field("external_id", &self.external_id.as_ref().map(|_| "set, not shown"))
            .field("endpoints", &self.endpoints.keys())
            .finish()
    }
}
