//! What Cluster API's provider for AWS has in this AWS: a user with the rights that the provider's own function `cluster_api_policy` names, the roles and the
//! instance profile that `clusterawsadm` makes, and the variables by which it comes here.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::Value;

use super::REGION;
use super::client::{Aws, Credentials};
use crate::record;

/// The user as whom it asks.
pub const USER: &str = "lab-cluster-api-aws";
/// The role of control planes, as the provider for AWS expects it where none is named.
pub const CONTROL_PLANE_ROLE: &str = "eks-controlplane.cluster-api-provider-aws.sigs.k8s.io";
/// The instance profile of nodes, and its role.
pub const NODE_ROLE: &str = "nodes.cluster-api-provider-aws.sigs.k8s.io";
const CREDENTIALS: &str = "cluster-api.json";
/// What it asks, by the names of the SDK's variables and of the services' hosts.
const SERVICES: [(&str, &str); 10] = [
    ("EC2", "ec2"),
    ("EKS", "eks"),
    ("ELASTIC_LOAD_BALANCING", "elasticloadbalancing"),
    ("ELASTIC_LOAD_BALANCING_V2", "elasticloadbalancing"),
    ("IAM", "iam"),
    ("KMS", "kms"),
    ("RESOURCE_GROUPS_TAGGING_API", "tagging"),
    ("SECRETS_MANAGER", "secretsmanager"),
    ("SSM", "ssm"),
    ("STS", "sts"),
];

impl Aws {
    /// Makes user, roles and instance profile.
    ///
    /// # Errors
    /// When moto refuses.
    pub(crate) fn found_cluster_api(&self) -> Result<()> {
        let user = self.user(USER)?;
        self.allow_cluster_api(&[])?;
        self.role(CONTROL_PLANE_ROLE, "eks.amazonaws.com")?;
        let cluster_policy = "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy";
        self.query("iam", &[("Action", "AttachRolePolicy"), ("RoleName", CONTROL_PLANE_ROLE), ("PolicyArn", cluster_policy)])?;
        self.instance_profile(NODE_ROLE)?;
        record::write(&self.credentials(), &user)
    }

    /// Lets the provider for AWS do what `cluster_api_policy` says for these KMS keys and the roles of `clusterawsadm`, and nothing else.
    ///
    /// # Errors
    /// When a key has no ARN of one, or moto refuses.
    pub fn allow_cluster_api(&self, key_arns: &[String]) -> Result<()> {
        let policy = kaas::domain::iam::cluster_api(&[], key_arns).context("make the policy of Cluster API's provider for AWS")?;
        let policy: Value = serde_json::from_str(&policy).context("read the policy of Cluster API's provider for AWS")?;
        self.allow("User", USER, &policy)
    }

    /// Makes an instance profile with a role of the same name, which machines of EC2 may assume.
    ///
    /// # Errors
    /// When moto refuses.
    pub fn instance_profile(&self, name: &str) -> Result<()> {
        self.role(name, "ec2.amazonaws.com")?;
        self.query("iam", &[("Action", "CreateInstanceProfile"), ("InstanceProfileName", name)])?;
        self.query("iam", &[("Action", "AddRoleToInstanceProfile"), ("InstanceProfileName", name), ("RoleName", name)])?;
        Ok(())
    }

    /// Its variables. The services bear their real names and this AWS is the proxy to them: a token for Kubernetes names the host of STS, so that an own address
    /// of STS would stand in every token.
    pub(crate) fn cluster_api_environment(&self) -> Result<BTreeMap<String, String>> {
        let file = self.credentials();
        let user: Credentials = record::read(&file)?.with_context(|| format!("find {}", file.display()))?;
        let mut all: BTreeMap<String, String> = SERVICES.map(|(id, name)| (format!("AWS_ENDPOINT_URL_{id}"), address(name))).into();
        let own = [
            ("AWS_ACCESS_KEY_ID", user.access_key_id),
            ("AWS_SECRET_ACCESS_KEY", user.secret_access_key),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("HTTP_PROXY", self.url()),
            ("NO_PROXY", "127.0.0.1".to_owned()),
        ];
        all.extend(own.map(|(name, value)| (name.to_owned(), value)));
        Ok(all)
    }

    fn credentials(&self) -> PathBuf {
        self.folder().join(CREDENTIALS)
    }
}

/// Where a service of [`REGION`] is. Not by HTTPS: whoever comes through a proxy would speak to the service itself.
fn address(service: &str) -> String {
    match service {
        "iam" => "http://iam.amazonaws.com".to_owned(),
        other => format!("http://{other}.{REGION}.amazonaws.com"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_bear_their_real_names() {
        assert_eq!(address("sts"), "http://sts.eu-central-1.amazonaws.com");
        assert_eq!(address("iam"), "http://iam.amazonaws.com");
        assert!(SERVICES.iter().any(|(id, _)| *id == "EKS"));
    }
}
