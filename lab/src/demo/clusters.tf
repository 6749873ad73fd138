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

  dns {
    zone_id = var.zone_id
    domain  = var.domain
  }

  tls {
    issuer = "acme"

    acme {
      directory_url  = var.acme_directory
      ca_certificate = var.acme_ca_certificate
    }
  }

  deletion_protection = false
}

output "own_clusters" {
  value = {
    for name, tenant in kaas_tenant.own_cluster : name => tenant.bootstrap_servers
  }
}
