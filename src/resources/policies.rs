//! `provider::kaas::…_policy`: policies of IAM as functions, for the `aws_iam_policy` or `aws_iam_role_policy` of a configuration.

use crate::{
    domain::iam::{self, PolicyError},
    framework::{
        attr::Attr,
        parts::{Function, FunctionError},
    },
};

/// Handler of `external_dns_policy`.
pub struct ExternalDnsPolicy;

impl Function for ExternalDnsPolicy {
    const NAME: &'static str = "external_dns_policy";
    const SUMMARY: &'static str = "What external-dns may do for one tenant";
    const DESCRIPTION: &'static str = "The IAM policy, as JSON, with which external-dns keeps the DNS records of one tenant in a hosted zone, and no others: the names \
                                       below the tenant's domain.";
    const PARAMETERS: &'static [(&'static str, &'static str)] = &[
        ("zone_id", "Id or ARN of the hosted zone in Route53."),
        ("domain", "Domain of the tenant, such as `payments.kafka.example.com`."),
    ];
    type Arguments = (String, String);
    type Returns = String;

    fn call(&self, (zone_id, domain): Self::Arguments) -> Result<String, FunctionError> {
        iam::external_dns(&zone_id, &domain).map_err(refused)
    }
}

/// Handler of `cert_manager_policy`.
pub struct CertManagerPolicy;

impl Function for CertManagerPolicy {
    const NAME: &'static str = "cert_manager_policy";
    const SUMMARY: &'static str = "What cert-manager may do for one tenant";
    const DESCRIPTION: &'static str = "The IAM policy, as JSON, with which cert-manager proves to an ACME server that a tenant's domain is yours: it may write the TXT record of the \
                                       challenge (`_acme-challenge.<domain>`) in the hosted zone, and nothing else.";
    const PARAMETERS: &'static [(&'static str, &'static str)] = &[
        ("zone_id", "Id or ARN of the hosted zone in Route53."),
        ("domain", "Domain of the tenant, such as `payments.kafka.example.com`. Its certificate holds `*.<domain>`."),
    ];
    type Arguments = (String, String);
    type Returns = String;

    fn call(&self, (zone_id, domain): Self::Arguments) -> Result<String, FunctionError> {
        iam::cert_manager(&zone_id, &domain).map_err(refused)
    }
}

/// Handler of `cluster_api_policy`.
pub struct ClusterApiPolicy;

impl Function for ClusterApiPolicy {
    const NAME: &'static str = "cluster_api_policy";
    const SUMMARY: &'static str = "What Cluster API's provider for AWS may do";
    const DESCRIPTION: &'static str = "The IAM policy, as JSON, with which Cluster API's provider for AWS makes and deletes the clusters of tenants of the classes `kaas-eks` and \
                                       `kaas-aws`.";
    const PARAMETERS: &'static [(&'static str, &'static str)] = &[
        (
            "role_arns",
            "ARNs of the roles that it may give to control planes and machines, wildcards allowed. Null or empty: those named \
             `*.cluster-api-provider-aws.sigs.k8s.io`, as the provider's own tool makes them.",
        ),
        ("kms_key_arns", "ARNs of the KMS keys that Secrets and volumes are encrypted with. Null or empty: none of your own."),
    ];
    type Arguments = (Attr<Vec<String>>, Attr<Vec<String>>);
    type Returns = String;

    fn call(&self, (role_arns, key_arns): Self::Arguments) -> Result<String, FunctionError> {
        let arns = |argument: Attr<Vec<String>>| argument.into_known().unwrap_or_default();
        iam::cluster_api(&arns(role_arns), &arns(key_arns)).map_err(refused)
    }
}

/// Handler of `ebs_csi_policy`.
pub struct EbsCsiPolicy;

impl Function for EbsCsiPolicy {
    const NAME: &'static str = "ebs_csi_policy";
    const SUMMARY: &'static str = "What the EBS CSI driver may do";
    const DESCRIPTION: &'static str = "The IAM policy, as JSON, with which the EBS CSI driver makes, attaches, grows and deletes its own volumes. Narrower than AWS's managed policy: \
                                       volumes that the driver did not make are out of its reach.";
    const PARAMETERS: &'static [(&'static str, &'static str)] =
        &[("kms_key_arns", "ARNs of the KMS keys that volumes are encrypted with. Null or empty: AWS's own key.")];
    type Arguments = (Attr<Vec<String>>,);
    type Returns = String;

    fn call(&self, (key_arns,): Self::Arguments) -> Result<String, FunctionError> {
        iam::ebs_csi(&key_arns.into_known().unwrap_or_default()).map_err(refused)
    }
}

fn refused(error: PolicyError) -> FunctionError {
    FunctionError { text: error.to_string(), argument: None }
}
