# For an aws_iam_policy, or the policy of the role that cert-manager has in the tenant's cluster.
output "cert_manager_policy" {
  description = "cert-manager may answer the challenge for *.payments.kafka.example.com, and no other."
  value       = provider::kaas::cert_manager_policy("Z0123456789ABCDEFGHIJ", "payments.kafka.example.com")
}
