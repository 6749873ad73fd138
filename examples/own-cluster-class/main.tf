# A Kafka with a Kubernetes cluster of its own on infrastructure of your choice: your ClusterClass says how machines are made.
#
# The defaults below fit the class `quick-start` that comes with Cluster API's provider for Docker. For vSphere, apply the class that
# `clusterctl generate cluster --infrastructure vsphere --flavor topology` begins with, and set the variables below to its name, its namespace, its
# worker class and its variables (`sshKey`, `infraServer`, `vipNetworkInterface` …).
#
#   terraform apply -var kubeconfig=~/.kube/config -var context=management

terraform {
  required_providers {
    kaas = {
      source = "kaas/kaas"
    }
  }
}

variable "kubeconfig" {
  description = "File with the credentials of the management cluster."
  type        = string
}

variable "context" {
  description = "Context in that file."
  type        = string
}

variable "class" {
  description = "ClusterClass of the tenant's cluster, and its namespace."
  type = object({
    name      = string
    namespace = string
  })
  default = {
    name      = "quick-start"
    namespace = "default"
  }
}

variable "worker_class" {
  description = "Worker class of that ClusterClass; null where the class brings its nodes with it."
  type        = string
  default     = "default-worker"
}

variable "control_plane_replicas" {
  description = "Machines of the control plane; null where the class has none."
  type        = number
  default     = 3
}

variable "class_variables" {
  description = "Variables of that ClusterClass. Values that are not texts are given by jsonencode."
  type        = map(string)
  default = {
    imageRepository     = ""
    podSecurityStandard = "{\"enabled\":true,\"enforce\":\"baseline\",\"audit\":\"restricted\",\"warn\":\"restricted\"}"
  }
}

provider "kaas" {
  kubernetes {
    config_path    = var.kubeconfig
    config_context = var.context
  }
}

# Cluster API, the provider for your infrastructure and Flux run here. None of the classes for AWS is needed.
resource "kaas_management_cluster" "platform" {
  existing {}
  cluster_classes = []
}

resource "kaas_tenant" "orders" {
  name               = "orders"
  management_cluster = kaas_management_cluster.platform.id

  throughput {
    ingress_mib_per_second = 1
    egress_mib_per_second  = 2
  }

  retention {
    hours = 24
  }

  cluster {
    class                  = var.class.name
    class_namespace        = var.class.namespace
    broker_worker_class    = var.worker_class
    system_worker_class    = var.worker_class
    control_plane_replicas = var.control_plane_replicas
    variables              = var.class_variables
  }

  # For trying out. Leave it at true for a Kafka that people rely on.
  deletion_protection = false
}

output "bootstrap_servers" {
  description = "Where clients connect to."
  value       = kaas_tenant.orders.bootstrap_servers
}
