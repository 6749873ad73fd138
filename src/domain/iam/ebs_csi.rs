//! What the EBS CSI driver may do: its own volumes and snapshots, and the keys that encrypt them.
//!
//! Source: the driver's `docs/example-iam-policy.json` and AWS's managed policy `AmazonEBSCSIDriverPolicyV2` (2026-04-16): both know the driver's volumes by the
//! tag `ebs.csi.aws.com/cluster`. What is left out here is for volumes of the in-tree driver, which no tenant has. Keys: EKS user guide, EBS CSI with a
//! customer managed key.

use serde_json::json;

use super::{PolicyError, allow, allow_if, check_keys, policy};

const TAG: &str = "ebs.csi.aws.com/cluster";

/// What the driver needs. `key_arns`: the KMS keys that volumes are encrypted with; none where they are encrypted with AWS's own key.
///
/// # Errors
/// What is no ARN of a key.
pub fn ebs_csi(key_arns: &[String]) -> Result<String, PolicyError> {
    check_keys(key_arns)?;
    let (volumes, snapshots) = ("arn:*:ec2:*:*:volume/*".to_owned(), "arn:*:ec2:*:*:snapshot/*".to_owned());
    let instances = "arn:*:ec2:*:*:instance/*".to_owned();
    let volume = std::slice::from_ref(&volumes);
    let snapshot = std::slice::from_ref(&snapshots);
    let tagged = |kind: &str| json!({ "StringEquals": { format!("{kind}/{TAG}"): "true" } });
    let describe =
        ["AvailabilityZones", "Instances", "InstanceTypes", "Snapshots", "Tags", "Volumes", "VolumesModifications", "VolumeStatus"]
            .map(|what| format!("ec2:Describe{what}"));
    let describe: Vec<&str> = describe.iter().map(String::as_str).collect();
    let mut statements = vec![
        allow(&describe, &["*".to_owned()]),
        allow_if(&["ec2:CreateVolume", "ec2:CopyVolumes"], volume, tagged("aws:RequestTag")),
        allow(&["ec2:CreateVolume"], snapshot),
        allow_if(
            &["ec2:AttachVolume", "ec2:DetachVolume", "ec2:ModifyVolume", "ec2:DeleteVolume", "ec2:CreateSnapshot"],
            volume,
            tagged("ec2:ResourceTag"),
        ),
        allow(&["ec2:AttachVolume", "ec2:DetachVolume"], &[instances]),
        allow_if(&["ec2:CreateSnapshot"], snapshot, tagged("aws:RequestTag")),
        allow_if(&["ec2:DeleteSnapshot"], snapshot, tagged("ec2:ResourceTag")),
        allow_if(
            &["ec2:CreateTags"],
            &[volumes.clone(), snapshots.clone()],
            json!({ "StringEquals": { "ec2:CreateAction": ["CreateVolume", "CopyVolumes", "CreateSnapshot"] } }),
        ),
        allow_if(&["ec2:DeleteTags"], &[volumes.clone(), snapshots.clone()], tagged("ec2:ResourceTag")),
    ];
    if !key_arns.is_empty() {
        let for_resource = json!({ "Bool": { "kms:GrantIsForAWSResource": "true" } });
        statements.push(allow_if(&["kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant"], key_arns, for_resource));
        let using = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"];
        statements.push(allow(&using, key_arns));
    }
    policy(statements)
}
