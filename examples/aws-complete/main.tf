# From an AWS account to Kafka in one apply: an EKS cluster with all that tenants stand on, and two tenants.
#
# What AWS has to be there for, such as the network, roles and keys, is made in aws.tf, and comes in here as local.aws. Take that file out and
# define local.aws yourself where your other modules make it.
#
# main.tf and tenants.tf are applied and destroyed by the tests of this repository, against its own AWS (docs/lab.md), which has EKS clusters with real API
# servers but no machines: there, local.aws comes from the test, var.install is false, and var.cluster_class names a class whose clusters are processes.
# aws.tf needs the provider hashicorp/aws and a real account: its formatting is checked, and it is not run.
#
#   terraform apply -var region=eu-central-1 -var domain=kafka.example.com

terraform {
  required_providers {
    kaas = {
      source = "kaas/kaas"
    }
  }
}

variable "name" {
  description = "Name of the management cluster."
  type        = string
  default     = "kafka-platform"
}

variable "region" {
  description = "AWS region of everything."
  type        = string
}

variable "kubernetes_version" {
  description = "Kubernetes version of the management cluster. Raise it by one minor version at a time."
  type        = string
  default     = "1.34"
}

variable "deletion_protection" {
  description = "Whether a destroy is refused. Leave it at true for Kafkas that people rely on."
  type        = bool
  default     = true
}

variable "install" {
  description = "Whether what tenants stand on is installed here. Set it to false where something else does it."
  type        = bool
  default     = true
}

provider "kaas" {
  aws {
    region = var.region
  }
}

# Where tenants live or are managed from.
resource "kaas_management_cluster" "platform" {
  eks {
    name                = var.name
    region              = var.region
    version             = var.kubernetes_version
    role_arn            = local.aws.cluster_role_arn
    subnet_ids          = local.aws.subnet_ids
    secrets_kms_key_arn = local.aws.key_arn
    log_types           = ["api", "audit", "authenticator"]
    support_type        = "STANDARD"
    deletion_protection = var.deletion_protection

    node_group {
      name           = "system"
      role_arn       = local.aws.node_role_arn
      instance_types = ["m7g.large"]
      ami_type       = "AL2023_ARM_64_STANDARD"
      min_size       = 2
      max_size       = 6
    }

    # The EBS driver makes the volumes of tenants in namespaces.
    pod_identity {
      namespace       = "kube-system"
      service_account = "ebs-csi-controller-sa"
      role_arn        = local.aws.ebs_csi_role_arn
    }

    # Cluster API makes the clusters of the other tenants.
    pod_identity {
      namespace       = "capa-system"
      service_account = "capa-controller-manager"
      role_arn        = local.aws.cluster_api_role_arn
    }
  }

  # cert-manager, Cluster API with its provider for AWS, Flux and Strimzi.
  dynamic "install" {
    for_each = var.install ? [1] : []

    content {
      without = ["monitoring"]
    }
  }
}

output "endpoint" {
  description = "Kubernetes API of the management cluster."
  value       = kaas_management_cluster.platform.endpoint
}

output "ca_certificate" {
  description = "What its certificate is signed by."
  value       = kaas_management_cluster.platform.ca_certificate
}

output "oidc_issuer" {
  description = "For roles that service accounts of the cluster take."
  value       = kaas_management_cluster.platform.oidc_issuer
}

output "security_group_id" {
  description = "Security group of the cluster's nodes, for rules of other modules."
  value       = kaas_management_cluster.platform.cluster_security_group_id
}
