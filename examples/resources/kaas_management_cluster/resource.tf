# The cluster the provider is configured for. Where Cluster API is installed, the ClusterClasses of tenants' clusters are kept in kaas-system; nothing else
# is changed.
resource "kaas_management_cluster" "platform" {
  existing {}
}

output "installed" {
  description = "Versions of Strimzi and its companions on the cluster."
  value       = kaas_management_cluster.platform.components
}
