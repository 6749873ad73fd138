# For an aws_iam_policy of the role that the EBS CSI driver has in a cluster.
output "ebs_csi_policy" {
  description = "The driver may use this key for the volumes that it makes."
  value       = provider::kaas::ebs_csi_policy(["arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"])
}
