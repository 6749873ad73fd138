# What most applications need to state. Brokers, volumes, limits and quotas follow from it, and a plan shows them with their reasons.
resource "kaas_tenant" "payments" {
  name               = "payments"
  management_cluster = kaas_management_cluster.platform.id
  isolation          = "namespace"

  throughput {
    ingress_mib_per_second = 5
    egress_mib_per_second  = 10
  }

  retention {
    hours = 72
  }
}

# The same with most of what can be chosen.
resource "kaas_tenant" "orders" {
  name               = "orders"
  management_cluster = kaas_management_cluster.platform.id
  isolation          = "namespace"
  partitions         = 300

  throughput {
    ingress_mib_per_second = 0.5
    egress_mib_per_second  = 2
  }

  retention {
    gib = 20
  }

  kafka {
    version        = "4.3.1"
    authentication = "scram-sha-512"
    config = {
      "auto.create.topics.enable" = "false"
    }
  }

  sizing_override {
    brokers    = 6
    volume_gib = 100
  }

  storage {
    class = "fast-ssd"
  }

  access {
    groups            = ["orders-developers"]
    client_namespaces = ["orders", "reporting"]
  }

  timeouts {
    create = "30m"
    update = "2h"
  }

  # A Kafka that is slow to start is a warning and not an error. Who needs a running Kafka in the same apply asks for it.
  lifecycle {
    postcondition {
      condition     = self.status.phase == "Ready"
      error_message = "Kafka is not ready yet: ${self.status.message}"
    }
  }
}

output "payments_bootstrap_servers" {
  description = "Where clients of payments connect to."
  value       = kaas_tenant.payments.bootstrap_servers
}

output "payments_size" {
  description = "Why there are that many brokers."
  value       = kaas_tenant.payments.sizing.reasons["brokers"]
}
