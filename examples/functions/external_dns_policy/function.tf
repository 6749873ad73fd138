# For an aws_iam_policy, or the policy of the role that external-dns has in the tenant's cluster.
output "external_dns_policy" {
  description = "external-dns may write names below payments.kafka.example.com, and no others."
  value       = provider::kaas::external_dns_policy("Z0123456789ABCDEFGHIJ", "payments.kafka.example.com")
}
