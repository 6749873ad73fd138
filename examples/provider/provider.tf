terraform {
  required_providers {
    kaas = {
      source = "kaas/kaas"
    }
  }
}

# The cluster that carries the tenants. Without this block the environment decides: KUBE_CONFIG_PATH, KUBECONFIG, KUBE_HOST and so on.
provider "kaas" {
  kubernetes {
    config_path    = "~/.kube/config"
    config_context = "platform"
  }

  # Labels on every object the provider makes.
  default_tags = {
    team = "kafka-platform"
  }
}
