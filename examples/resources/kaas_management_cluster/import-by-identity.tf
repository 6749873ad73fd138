import {
  to = kaas_management_cluster.platform
  identity = {
    id = "context/platform"
  }
}
