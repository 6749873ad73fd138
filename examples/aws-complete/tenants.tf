# One application of its own, and one that shares the management cluster. Their management cluster is still unknown when they are planned first.

# Kafka in a Kubernetes cluster of its own.
resource "kaas_tenant" "payments" {
  name               = "payments"
  management_cluster = kaas_management_cluster.platform.id

  throughput {
    ingress_mib_per_second = 20
    egress_mib_per_second  = 60
  }

  retention {
    hours = 72
  }

  cluster {
    class       = "kaas-eks"
    region      = var.region
    kms_key_arn = local.aws.key_arn
  }

  deletion_protection = var.deletion_protection
}

# Kafka in a namespace of the management cluster.
resource "kaas_tenant" "audit" {
  name               = "audit"
  management_cluster = kaas_management_cluster.platform.id
  isolation          = "namespace"

  throughput {
    ingress_mib_per_second = 1
    egress_mib_per_second  = 1
  }

  retention {
    hours = 168
  }

  deletion_protection = var.deletion_protection
}

output "bootstrap_servers" {
  description = "Where the clients of each tenant connect to."
  value = {
    payments = kaas_tenant.payments.bootstrap_servers
    audit    = kaas_tenant.audit.bootstrap_servers
  }
}
