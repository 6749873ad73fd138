import {
  to = kaas_tenant.payments
  identity = {
    management_cluster = "context/platform"
    name               = "payments"
  }
}
