# What other modules make, as main.tf takes it: network, key, roles and the zone for names.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }
}

variable "domain" {
  description = "Domain of the hosted zone that the names of tenants will be in."
  type        = string
}

provider "aws" {
  region = var.region
}

data "aws_availability_zones" "all" {
  state = "available"
}

module "vpc" {
  source  = "terraform-aws-modules/vpc/aws"
  version = "~> 6.0"

  name = var.name
  cidr = "10.0.0.0/16"

  azs             = slice(data.aws_availability_zones.all.names, 0, 3)
  private_subnets = ["10.0.0.0/20", "10.0.16.0/20", "10.0.32.0/20"]
  public_subnets  = ["10.0.48.0/24", "10.0.49.0/24", "10.0.50.0/24"]

  enable_nat_gateway   = true
  enable_dns_hostnames = true

  public_subnet_tags  = { "kubernetes.io/role/elb" = "1" }
  private_subnet_tags = { "kubernetes.io/role/internal-elb" = "1" }
}

resource "aws_kms_key" "kafka" {
  description         = "Encrypts Secrets and volumes of ${var.name}"
  enable_key_rotation = true
}

# Cluster API's provider for AWS may use keys of aliases that begin so.
resource "aws_kms_alias" "kafka" {
  name          = "alias/cluster-api-provider-aws-${var.name}"
  target_key_id = aws_kms_key.kafka.key_id
}

resource "aws_route53_zone" "kafka" {
  name = var.domain
}

locals {
  service_roles = {
    # The control plane of the management cluster, and those of tenants, under the name that Cluster API's provider gives.
    cluster        = { name = "${var.name}-cluster", service = "eks.amazonaws.com", policies = ["AmazonEKSClusterPolicy"] }
    tenant_cluster = { name = "eks-controlplane.cluster-api-provider-aws.sigs.k8s.io", service = "eks.amazonaws.com", policies = ["AmazonEKSClusterPolicy"] }
    node           = { name = "${var.name}-node", service = "ec2.amazonaws.com", policies = local.node_policies }
    tenant_node    = { name = "nodes.cluster-api-provider-aws.sigs.k8s.io", service = "ec2.amazonaws.com", policies = local.node_policies }
  }
  node_policies = ["AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly", "AmazonEKS_CNI_Policy"]
  attached = merge([
    for key, role in local.service_roles : { for policy in role.policies : "${key}/${policy}" => { role = key, policy = policy } }
  ]...)
}

resource "aws_iam_role" "service" {
  for_each = local.service_roles

  name = each.value.name
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = ["sts:AssumeRole", "sts:TagSession"]
      Principal = { Service = each.value.service }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "service" {
  for_each = local.attached

  role       = aws_iam_role.service[each.value.role].name
  policy_arn = "arn:aws:iam::aws:policy/${each.value.policy}"
}

resource "aws_iam_instance_profile" "tenant_node" {
  name = aws_iam_role.service["tenant_node"].name
  role = aws_iam_role.service["tenant_node"].name
}

# Volumes of tenants with a cluster of their own are made by the EBS driver with the rights of its node, one that runs no brokers.
resource "aws_iam_role_policy" "tenant_volumes" {
  name   = "ebs-csi"
  role   = aws_iam_role.service["tenant_node"].name
  policy = provider::kaas::ebs_csi_policy([aws_kms_key.kafka.arn])
}

# Roles that pods of the management cluster take by EKS Pod Identity.
locals {
  pod_policies = {
    ebs-csi     = provider::kaas::ebs_csi_policy([aws_kms_key.kafka.arn])
    cluster-api = provider::kaas::cluster_api_policy([for key in ["tenant_cluster", "tenant_node"] : aws_iam_role.service[key].arn], [aws_kms_key.kafka.arn])
  }
}

resource "aws_iam_role" "pod" {
  for_each = toset(["ebs-csi", "cluster-api"])

  name = "${var.name}-${each.key}"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = ["sts:AssumeRole", "sts:TagSession"]
      Principal = { Service = "pods.eks.amazonaws.com" }
    }]
  })
}

resource "aws_iam_policy" "pod" {
  for_each = aws_iam_role.pod

  name   = each.value.name
  policy = local.pod_policies[each.key]
}

resource "aws_iam_role_policy_attachment" "pod" {
  for_each = aws_iam_role.pod

  role       = each.value.name
  policy_arn = aws_iam_policy.pod[each.key].arn
}

# What main.tf is given. Roles are only of use with their policies, so these are made before the cluster and outlive it.
resource "terraform_data" "aws" {
  input = {
    subnet_ids           = module.vpc.private_subnets
    zones                = module.vpc.azs
    key_arn              = aws_kms_key.kafka.arn
    cluster_role_arn     = aws_iam_role.service["cluster"].arn
    node_role_arn        = aws_iam_role.service["node"].arn
    ebs_csi_role_arn     = aws_iam_role.pod["ebs-csi"].arn
    cluster_api_role_arn = aws_iam_role.pod["cluster-api"].arn
  }

  depends_on = [
    module.vpc,
    aws_kms_alias.kafka,
    aws_iam_role_policy_attachment.service,
    aws_iam_role_policy_attachment.pod,
    aws_iam_role_policy.tenant_volumes,
    aws_iam_instance_profile.tenant_node,
  ]
}

locals {
  aws = terraform_data.aws.output
}

output "vpc_id" {
  description = "VPC of the management cluster."
  value       = module.vpc.vpc_id
}

output "name_servers" {
  description = "Delegate the domain to these."
  value       = aws_route53_zone.kafka.name_servers
}
