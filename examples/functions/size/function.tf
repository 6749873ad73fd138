locals {
  # 50 MiB/s in, 150 MiB/s out, kept for a week.
  size = provider::kaas::size(50, 150, 168)
}

output "storage_gib" {
  description = "GiB that a cloud would bill."
  value       = local.size.total_storage_gib
}

output "why" {
  description = "The arithmetic behind each figure."
  value       = local.size.reasons
}
