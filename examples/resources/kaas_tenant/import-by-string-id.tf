import {
  to = kaas_tenant.payments
  id = "context/platform/payments"
}
