# One application of its own, and one that shares the management cluster. Their management cluster is still unknown when they are planned first.

variable "cluster_class" {
  description = "What clusters of tenants are made from: the class for EKS that comes with the provider, or a ClusterClass of your own with its namespace and variables."
  type = object({
    name      = string
    namespace = optional(string)
    variables = optional(map(string))
  })
  default = {
    name = "kaas-eks"
  }
}

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
    class           = var.cluster_class.name
    class_namespace = var.cluster_class.namespace
    variables       = var.cluster_class.variables

    # A class of your own says such things by its variables.
    region      = var.cluster_class.namespace == null ? var.region : null
    zones       = var.cluster_class.namespace == null ? local.aws.zones : null
    kms_key_arn = var.cluster_class.namespace == null ? local.aws.key_arn : null
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
