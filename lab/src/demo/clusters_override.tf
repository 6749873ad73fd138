# What clients outside of the tenants' own clusters need: public names, and certificates that they trust.

resource "kaas_tenant" "own_cluster" {
  dns {
    zone_id = var.zone_id
    domain  = var.domain
  }

  tls {
    issuer = "acme"

    acme {
      directory_url  = var.acme_directory
      ca_certificate = var.acme_ca_certificate
    }
  }
}
