# Two tenants that applications anywhere reach by a public name and trust without a private CA. No test runs it as it is: it takes an account with AWS and a
# domain of one's own.
#
#   terraform apply -var management_cluster=eks/eu-central-1/platform -var zone_id=Z0123456789ABCDEFGHIJ -var domain=kafka.example.com

terraform {
  required_providers {
    kaas = {
      source = "kaas/kaas"
    }
  }
}

variable "management_cluster" {
  description = "Id of a management cluster with Cluster API, Flux, cert-manager, Strimzi and external-dns."
  type        = string
}

variable "zone_id" {
  description = "Hosted zone of Route53 that holds the domain."
  type        = string
}

variable "domain" {
  description = "Domain in which every tenant has a name of its own."
  type        = string
}

variable "region" {
  description = "Region of the tenant's own cluster."
  type        = string
  default     = "eu-central-1"
}

provider "kaas" {
  aws {
    region = var.region
  }
}

# In a cluster of its own, in which cert-manager and an external-dns of its own are installed.
resource "kaas_tenant" "payments" {
  name               = "payments"
  management_cluster = var.management_cluster

  throughput {
    ingress_mib_per_second = 5
    egress_mib_per_second  = 10
  }

  retention {
    hours = 72
  }

  cluster {
    region = var.region
    zones  = [for zone in ["a", "b", "c"] : "${var.region}${zone}"]
  }

  dns {
    zone_id = var.zone_id
    domain  = var.domain
  }

  tls {
    issuer = "letsencrypt"
    email  = "kafka@example.com"
  }
}

# In a namespace of the management cluster, whose external-dns is not used: the provider writes the records itself. Only one network may come in.
resource "kaas_tenant" "reports" {
  name               = "reports"
  management_cluster = var.management_cluster
  isolation          = "namespace"

  throughput {
    ingress_mib_per_second = 1
    egress_mib_per_second  = 4
  }

  retention {
    hours = 24
  }

  dns {
    zone_id    = var.zone_id
    domain     = var.domain
    managed_by = "provider"
  }

  tls {
    issuer = "letsencrypt-staging"
  }

  external {
    source_ranges = ["203.0.113.0/24"]
  }
}

output "bootstrap_servers" {
  description = "Where clients begin: known when the plan is made, and the same whatever becomes of brokers."
  value = {
    payments = kaas_tenant.payments.bootstrap_servers
    reports  = kaas_tenant.reports.bootstrap_servers
  }
}

output "certificates" {
  description = "Until when the certificates hold."
  value = {
    payments = kaas_tenant.payments.certificate
    reports  = kaas_tenant.reports.certificate
  }
}
