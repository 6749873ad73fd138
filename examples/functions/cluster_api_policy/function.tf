# For an aws_iam_policy of the role that Cluster API's provider for AWS has in the management cluster.
output "cluster_api_policy" {
  description = "Cluster API may give clusters these roles, and encrypt nothing with keys of one's own."
  value       = provider::kaas::cluster_api_policy(["arn:aws:iam::123456789012:role/kafka-*"], null)
}
