# What would it take? Nothing is made, and no cluster is asked.
data "kaas_sizing" "candidate" {
  throughput {
    ingress_mib_per_second = 50
    egress_mib_per_second  = 150
  }

  retention {
    hours = 168
  }
}

output "candidate" {
  description = "Brokers, machines and volumes that a tenant with these wishes gets."
  value       = data.kaas_sizing.candidate.sizing
}
