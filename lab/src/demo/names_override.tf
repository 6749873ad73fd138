# What clients outside of the cluster need, on top of the quickstart's tenant: public names, and a certificate that they trust.

resource "kaas_tenant" "payments" {
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
