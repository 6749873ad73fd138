# <id of the management cluster>/<name>
terraform import kaas_tenant.payments context/platform/payments
