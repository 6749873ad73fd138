import {
  to = kaas_management_cluster.platform
  id = "context/platform"
}
