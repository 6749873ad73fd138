# The cluster the provider is configured for, as it is: it is looked at and never changed.
resource "kaas_management_cluster" "platform" {
  existing {}
}

output "installed" {
  description = "Versions of Strimzi and its companions on the cluster."
  value       = kaas_management_cluster.platform.components
}
