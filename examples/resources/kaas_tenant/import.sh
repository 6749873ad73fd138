# <id of the management cluster>/<name>; on an EKS cluster that is eks/<region>/<cluster>/<name>
terraform import kaas_tenant.payments context/platform/payments
