# Beside the quickstart's tenant: tenants with a Kubernetes cluster of their own.

variable "own_clusters" {
  description = "Names of the tenants with a cluster of their own."
  type        = set(string)
}

resource "kaas_tenant" "own_cluster" {
  for_each           = var.own_clusters
  name               = each.value
  management_cluster = kaas_management_cluster.lab.id

  # The lab's ClusterClass, whose clusters are processes of this machine. On AWS: class = "kaas-eks" and a region.
  cluster {
    class           = "process"
    class_namespace = "kaas-system"
  }

  throughput {
    ingress_mib_per_second = 1
    egress_mib_per_second  = 2
  }

  retention {
    hours = 24
  }

  deletion_protection = false
}

output "own_clusters" {
  value = {
    for name, tenant in kaas_tenant.own_cluster : name => {
      bootstrap_servers = tenant.bootstrap_servers
      ca_certificate    = tenant.ca_certificate
    }
  }
}
