# A Kafka for the payments team on a Kubernetes cluster you already have.
#
#   terraform apply -var kubeconfig=~/.kube/config -var context=my-cluster

terraform {
  required_providers {
    kaas = {
      source = "kaas/kaas"
    }
  }
}

variable "kubeconfig" {
  description = "File with the credentials of the Kubernetes cluster."
  type        = string
}

variable "context" {
  description = "Context in that file."
  type        = string
}

provider "kaas" {
  kubernetes {
    config_path    = var.kubeconfig
    config_context = var.context
  }
}

# The cluster that carries the tenants, as it is.
resource "kaas_management_cluster" "lab" {
  existing {}
}

# What the application needs; brokers, volumes and limits follow from it.
resource "kaas_tenant" "payments" {
  name               = "payments"
  management_cluster = kaas_management_cluster.lab.id
  isolation          = "namespace"

  throughput {
    ingress_mib_per_second = 1
    egress_mib_per_second  = 2
  }

  retention {
    hours = 24
  }

  # For trying out. Leave it at true for a Kafka that people rely on.
  deletion_protection = false
}

output "bootstrap_servers" {
  description = "Where clients connect to."
  value       = kaas_tenant.payments.bootstrap_servers
}

output "ca_certificate" {
  description = "What the brokers' certificates are signed by."
  value       = kaas_tenant.payments.ca_certificate
}

output "sizing" {
  description = "What the wishes came to, and why."
  value       = kaas_tenant.payments.sizing
}
