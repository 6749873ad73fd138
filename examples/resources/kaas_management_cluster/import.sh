# context/<context of the kubeconfig>, or host/<host:port> where the provider is given a host; eks/<region>/<name> is imported as eks { … }
terraform import kaas_management_cluster.platform context/platform
